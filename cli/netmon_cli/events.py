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
from netmon_cli.listening import NotListening
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

    def chosen(self) -> dict[str, Any]:
        """As a subscription has them: from now on, whatever the time is."""
        given = {"device": list(self.devices), "kind": list(self.kinds), "least": self.severity, "text": self.text}
        return {name: value for name, value in given.items() if value}

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
    """Events as they come, until Ctrl-C; as JSON one object a line. None is shown twice, and none is left out."""
    reader = _Reader(client, filters, as_json, on)
    try:
        while True:
            reader.catch_up()
            try:
                reader.listen()
            except NotListening:  # by way of a proxy, say, or while the collector starts anew: then by asking
                time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        return Exit.FINE


class _Reader:
    """Follows the log from where it is now."""

    def __init__(self, client: Client, filters: Filters, as_json: bool, on: Paper) -> None:
        self._client = client
        self._filters = filters
        self._as_json = as_json
        self._on = on
        self._last_id = client.understand(client.get(PATH, [("page_size", "1")]), Events).last_id

    def catch_up(self) -> None:
        """What came since the last event, by asking. Raises Failure."""
        parameters = [*self._filters.parameters(self._client.now_s), ("page_size", str(PAGE))]
        while True:
            answer: Any = self._client.get(PATH, [*parameters, ("after", str(self._last_id))])
            page = self._client.understand(answer, Events)
            self._show(answer["results"])
            if page.next is None:
                return

    def listen(self) -> None:
        """What comes, by being told; returns where something was missed. Raises NotListening."""
        with self._client.listen() as feed:
            feed.say({"op": "follow", "id": "events", "after": self._last_id, **self._filters.chosen()})
            for message in feed.messages():
                match message:
                    case {"type": "events", "results": list(results)}:
                        self._show(results)
                    case {"type": "missed"}:
                        return
                    case {"type": "error"}:
                        raise NotListening("the collector does not know how to tell")

    def _show(self, results: Sequence[Any]) -> None:
        for raw in results:
            event = self._client.understand(raw, Event)
            if self._as_json:
                output.write_json(raw)
            else:
                output.write_lines([_line(event, self._on)])
            self._last_id = event.id
        output.flush()


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
