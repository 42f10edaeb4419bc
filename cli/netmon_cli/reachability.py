"""`netmon reachability`: which devices can be reached, and what each witness says."""

from datetime import datetime
from urllib.parse import quote

from netmon_cli import output
from netmon_cli.client import Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Colour, Column, Paper, duration, escape, table

_COLOURS: dict[str, Colour] = {"up": "green", "degraded": "yellow", "down": "red", "unreachable": "magenta"}


def show(client: Client, device: str | None, as_json: bool, on: Paper) -> Exit:
    """All devices, or all about one. The exit code tells whether one is down."""
    path = "/api/v1/reachability"
    if device is not None:
        found = [client.get(f"{path}/{quote(device, safe='')}")]
        answer = found[0]
    else:
        answer = client.pages(path)
        found = answer["results"]
    is_down = any(one["state"] == "down" for one in found)
    if as_json:
        output.write_json(answer)
        return Exit.WRONG if is_down else Exit.FINE
    now_s = client.now_s()
    rows: list[list[Cell | str]] = [
        [
            escape(one["device"]),
            Cell(one["state"], _COLOURS.get(one["state"])),
            duration(max(0.0, now_s - datetime.fromisoformat(one["since"]).timestamp())),
            escape("; ".join(one["evidence"])),
        ]
        for one in found
    ]
    output.write_lines(table([Column("DEVICE"), Column("STATE"), Column("FOR"), Column("EVIDENCE")], rows, on))
    return Exit.WRONG if is_down else Exit.FINE
