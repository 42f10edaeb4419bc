"""What the collector is still to be told of devices and checks: of each the newest report, and the newest facts."""

import asyncio
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netmon_configs.logs import EventLog
from netmon_proto import wire
from netmon_proto.model import CheckReport, DeviceFacts, DeviceReport, FactTable

log = EventLog("netmon.agent.polling")

MOST_BYTES: Final = 64 << 20
"""Of facts that wait, packed. Beyond it those that have waited longest are dropped: their device's next ones come."""
PART_CHARACTERS: Final = 200_000
"""Of one part of a reading; with four bytes to a character still below what a message may have."""


Report = DeviceReport | CheckReport


class Outbox:
    """Waits for a stream, and loses nothing that is not told anew later."""

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}
        self._unsent: dict[str, Report] = {}
        self._facts: dict[str, list[bytes]] = {}
        self._fact_bytes = 0
        self._going: deque[bytes] = deque()
        self._news = asyncio.Event()

    def report(self, report: Report) -> None:
        """Takes a report, instead of the device's or the check's earlier one."""
        about = report.device if isinstance(report, DeviceReport) else _check_key(report.check)
        self._reports[about] = self._unsent[about] = report
        self._news.set()

    def facts(self, facts: DeviceFacts) -> None:
        """Takes a reading, instead of the device's earlier one."""
        self._drop_facts(facts.device)
        packed = self._facts[facts.device] = [zlib.compress(wire.encode_facts(part), 1) for part in parts_of(facts)]
        self._fact_bytes += sum(map(len, packed))
        while self._fact_bytes > MOST_BYTES:
            oldest = next(iter(self._facts))
            self._drop_facts(oldest)
            log.warning("facts.dropped", device=oldest, why="the collector is away, and there is no more room")
        self._news.set()

    def forget(self, device: str) -> None:
        """Tells nothing more of a device."""
        self._forget_report(device)
        self._drop_facts(device)

    def forget_check(self, name: str) -> None:
        """Tells nothing more of a check."""
        self._forget_report(_check_key(name))

    def tell_all_again(self) -> None:
        """Reports on all of them anew: who heard of them before is gone. Facts come again in their time."""
        self._unsent = dict(self._reports)
        self._going.clear()
        self._news.set()

    async def next(self) -> Report | DeviceFacts:
        """The next thing to tell; waits for one. The parts of one reading follow each other."""
        while True:
            if self._unsent:
                return self._unsent.pop(next(iter(self._unsent)))
            if not self._going and self._facts:
                self._going.extend(self._drop_facts(next(iter(self._facts))))
            if self._going:
                return wire.decode_facts(zlib.decompress(self._going.popleft()))
            self._news.clear()
            await self._news.wait()

    def _forget_report(self, about: str) -> None:
        self._reports.pop(about, None)
        self._unsent.pop(about, None)

    def _drop_facts(self, device: str) -> list[bytes]:
        packed = self._facts.pop(device, [])
        self._fact_bytes -= sum(map(len, packed))
        return packed


def _check_key(name: str) -> str:
    return f"\0{name}"  # no device has such a handle


def parts_of(facts: DeviceFacts) -> Iterator[DeviceFacts]:
    """A reading as parts that fit a message each; a long table goes on in the next part."""
    tables: list[FactTable] = []
    part = characters = 0
    for piece, size in _pieces(facts):
        if tables and characters + size > PART_CHARACTERS:
            yield replace(facts, tables=tuple(tables), part=part, is_last=False)
            tables, part, characters = [], part + 1, 0
        tables.append(piece)
        characters += size
    yield replace(facts, tables=tuple(tables), part=part)


def _pieces(facts: DeviceFacts) -> Iterator[tuple[FactTable, int]]:
    """All tables, long ones cut, and the size of each piece."""
    for table in facts.tables:
        sizes = [sum(len(value) + 2 for value in row) for row in zip(*table.columns.values(), strict=True)]
        start = size = 0
        for place, row_size in enumerate(sizes):
            if size and size + row_size > PART_CHARACTERS:
                yield _rows(table, start, place), size
                start, size = place, 0
            size += row_size
        yield _rows(table, start, len(sizes)), size


def _rows(table: FactTable, start: int, end: int) -> FactTable:
    return replace(table, columns={name: values[start:end] for name, values in table.columns.items()})
