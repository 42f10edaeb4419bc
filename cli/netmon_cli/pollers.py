"""`netmon poller`: how busy the agents are that poll, now and within the hour."""

from pydantic import BaseModel

from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Column, Paper, escape, table, write_json, write_lines

PATH = "/api/v1/pollers"
FULL = 0.8
"""A poller that comes to more gives devices away, if somebody else may have them."""


class Poller(BaseModel):
    """One of GET /api/v1/pollers"""

    poller: str
    devices: int
    load: float
    load_ahead: float
    asking: float
    processor: float | None
    late: int


class Pollers(BaseModel):
    results: list[Poller]


def show(client: Client, as_json: bool, on: Paper) -> Exit:
    """A line per poller; exit code 1 where one is late. Raises Failure."""
    answer = client.pages(PATH)
    found = client.understand(answer, Pollers).results
    code = Exit.WRONG if any(one.late for one in found) else Exit.FINE
    if as_json:
        write_json(answer)
        return code
    rows: list[list[Cell | str]] = [
        [
            escape(one.poller),
            str(one.devices),
            f"{one.load:.0%}",
            Cell(f"{one.load_ahead:.0%}", "red" if one.load_ahead > FULL else "green"),
            f"{one.asking:.0%}",
            "-" if one.processor is None else f"{one.processor:.0%}",
            Cell(str(one.late), "red" if one.late else "green"),
        ]
        for one in found
    ]
    names = ("DEVICES", "LOAD", "WITHIN AN HOUR", "ASKING", "PROCESSOR", "LATE")
    columns = [Column("POLLER"), *(Column(name, right=True) for name in names)]
    write_lines(table(columns, rows, on) if rows else ["nobody polls, or it was not looked at yet"])
    return code
