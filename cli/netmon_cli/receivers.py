"""`netmon receivers`: who can be told of alerts, what they would be told, and whether it arrives."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Column, Paper, table

_RECEIVERS = "/api/v1/receivers"
TEST_S = 60.0
"""A first attempt may take half a minute."""


def list_all(client: Client, as_json: bool, on: Paper) -> Exit:
    found: list[dict[str, Any]] = client.get(_RECEIVERS, [("page_size", "100")])["results"]
    if as_json:
        output.write_json(found)
        return Exit.FINE
    rows = [[one["name"], ", ".join(one["endpoints"]) or "nobody is told"] for one in found]
    output.write_lines(table([Column("RECEIVER"), Column("CHANNELS", widest=100)], rows, on))
    return Exit.FINE


def preview(client: Client, receiver: str, labels: Mapping[str, str], resolved: bool, as_json: bool) -> Exit:
    """The texts, each below its channel and option."""
    body = {"labels": dict(labels), "resolved": resolved}
    told = client.send("POST", f"{_RECEIVERS}/{quote(receiver, safe='')}/preview", body)
    if as_json:
        output.write_json(told)
        return Exit.FINE
    for endpoint, texts in told["endpoints"].items():
        for option, text in texts.items():
            if text.strip():
                output.write_lines([f"--- {endpoint} {option}", *map(output.escape, text.strip().splitlines())])
    return Exit.FINE


def test(client: Client, receiver: str, as_json: bool, on: Paper) -> Exit:
    """What came of it on each channel."""
    told = client.send("POST", f"{_RECEIVERS}/{quote(receiver, safe='')}/test", {}, TEST_S)
    receipts = told["notifications"]
    code = Exit.FINE if all(one["state"] == "delivered" for one in receipts) else Exit.WRONG
    if as_json:
        output.write_json(told)
        return code
    rows = [[one["endpoint"], one["state"], one["error"]] for one in receipts]
    columns = [Column("CHANNEL"), Column("STATE"), Column("WHY", widest=100)]
    output.write_lines(table(columns, rows, on) if rows else ["this receiver has no channel"])
    return code
