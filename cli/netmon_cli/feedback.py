"""What `netmon anomalies fine`, `said` and `undo` ask and print."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from pydantic import BaseModel

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Column, Paper, escape
from netmon_cli.query import name_of
from netmon_cli.user import user_name

_FINE: Final = "/api/v1/anomalies/fine"


class Fine(BaseModel):
    id: str
    labels: dict[str, str]
    component: str = ""
    time: datetime
    given_by: str


class Fines(BaseModel):
    results: list[Fine]


def say_fine(client: Client, selector: str, given_by: str | None, as_json: bool, on: Paper) -> Exit:
    answer = client.send("POST", _FINE, {"selector": selector, "given_by": given_by or user_name()})
    return _show(client, answer, as_json, on)


def show_fine(client: Client, as_json: bool, on: Paper) -> Exit:
    return _show(client, client.pages(_FINE), as_json, on)


def take_back(client: Client, fine_id: str, as_json: bool) -> Exit:
    answer = client.send("DELETE", f"{_FINE}/{quote(fine_id, safe='')}")
    if as_json:
        output.write_json(answer)
    else:
        output.write_lines([f"{name_of(client.understand(answer, Fine).labels)} may alarm again"])
    return Exit.FINE


def _show(client: Client, answer: object, as_json: bool, on: Paper) -> Exit:
    if as_json:
        output.write_json(answer)
        return Exit.FINE
    now = datetime.fromtimestamp(client.now_s(), UTC)
    rows = [
        [
            output.age((now - one.time).total_seconds()),
            escape(one.id),
            escape(one.given_by),
            escape(one.component),
            name_of(one.labels),
        ]
        for one in client.understand(answer, Fines).results
    ]
    columns = [Column("WHEN"), Column("ID"), Column("BY"), Column("WHAT"), Column("SERIES")]
    output.write_lines(output.table(columns, rows, on) if rows else ["nothing was said to be fine"])
    return Exit.FINE
