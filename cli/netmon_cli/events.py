"""`netmon events`: what happened, and what is happening."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from netmon_cli import output
from netmon_cli.client import PAGE, Client
from netmon_cli.failure import Exit
from netmon_cli.output import Cell, Colour, Column, Paper, escape

PATH = "/api/v1/events"
LOOK_EVERY_S = 1.0
COLUMNS = (
    Column("TIME"),
    Column("SEVERITY"),
    Column("DEVICE", widest=32),
    Column("KIND", widest=32),
    Column("COUNT", right=True),
    Column("TEXT"),
)
_COLOURS: dict[str, Colour] = {
    "emergency": "red", "alert": "red", "critical": "red", "error": "red", "warning": "yellow", "debug": "dim",
}  # fmt: skip


class Event(BaseModel):
    id: int
    time: datetime
    device: str
    source: str
    kind: str
    severity: str
    count: int
    text: str
    address: str


class Events(BaseModel):
    results: list[Event]
    next: str | None
    last_id: int


@dataclass(frozen=True)
class Filters:
    """Which events are to be shown; a severity stands for all that are as grave."""

    devices: Sequence[str] = ()
    kinds: Sequence[str] = ()
    severity: str | None = None
    text: str | None = None
    since_s: float | None = None

    def parameters(self, now_s: Callable[[], float]) -> list[tuple[str, str]]:
        given = [*(("device", one) for one in self.devices), *(("kind", one) for one in self.kinds)]
        if self.severity is not None:
            given.append(("least", self.severity))
        if self.text is not None:
            given.append(("text", self.text))
        if self.since_s is not None:
            given.append(("since", f"{now_s() - self.since_s:.3f}"))
        return given


def show(client: Client, filters: Filters, most: int, as_json: bool, on: Paper) -> Exit:
    """The newest events, the newest last, as a log is read."""
    parameters = filters.parameters(client.now_s)
    answer = client.get(PATH, [*parameters, ("page_size", str(min(most, PAGE)))])
    results = list(answer["results"]) if isinstance(answer, dict) and isinstance(answer.get("results"), list) else []
    page = client.understand(answer, Events)
    while page.next is not None and len(results) < most:
        cursor = dict(part.partition("=")[::2] for part in urlsplit(page.next).query.split("&"))["cursor"]
        more = client.get(PATH, [*parameters, ("cursor", cursor), ("page_size", str(min(most - len(results), PAGE)))])
        page = client.understand(more, Events)
        results += more["results"]
    if as_json:
        output.write_json({"results": results[:most], "last_id": page.last_id})
        return Exit.FINE
    events = [client.understand(one, Event) for one in reversed(results[:most])]
    output.write_lines(output.table(COLUMNS, [_row(one) for one in events], on) if events else ["no such events"])
    return Exit.FINE


def follow(client: Client, filters: Filters, as_json: bool, on: Paper) -> Exit:
    """Events as they come, until Ctrl-C; as JSON one object a line."""
    parameters = filters.parameters(client.now_s)
    last_id = client.understand(client.get(PATH, [("page_size", "1")]), Events).last_id
    try:
        while True:
            answer: Any = client.get(PATH, [*parameters, ("after", str(last_id)), ("page_size", str(PAGE))])
            page = client.understand(answer, Events)
            for raw, event in zip(answer["results"], page.results, strict=True):
                if as_json:
                    output.write_json(raw)
                else:
                    output.write_lines([_line(event, on)])
                last_id = event.id
            output.flush()
            if page.next is None:
                time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        return Exit.FINE


def _row(event: Event) -> list[Cell | str]:
    return [
        f"{event.time.astimezone():%Y-%m-%d %H:%M:%S}",
        Cell(escape(event.severity), _COLOURS.get(event.severity)),
        escape(event.device or event.address or "-"),
        escape(event.kind),
        str(event.count),
        escape(event.text),
    ]


def _line(event: Event, on: Paper) -> str:
    severity = on.paint(escape(f"{event.severity:<9}"), _COLOURS.get(event.severity))
    times = f" ({event.count} times)" if event.count > 1 else ""
    who = escape(event.device or event.address or "-")
    return f"{event.time.astimezone():%Y-%m-%d %H:%M:%S}  {severity}  {who}  {escape(event.text)}{times}"
