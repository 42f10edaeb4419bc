"""What is done at once when something happened: the port is polled, a device that started anew looked at afresh."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from netmon_collector.polling import Polling
from netmon_collector.state.events import NewEvent

POLLED: Final = frozenset(("linkDown", "linkUp"))
LOOKED_AT_AFRESH: Final = frozenset(("coldStart", "warmStart"))
LEAST_PAUSE_S: Final = 10.0
"""Between two polls of a device that events ask for: a link that flaps costs no more than that."""
SETTLE_S: Final = 5.0
"""A device that has just started needs a moment before it answers."""


class _Due(NamedTuple):
    """A poll that will be; of all of the device where no ports are named."""

    handle: asyncio.TimerHandle
    is_afresh: bool
    ports: frozenset[int]


class Reactions:
    """Has devices polled because of events; never more often than every LEAST_PAUSE_S, and never forgets the last."""

    def __init__(self, polling: Polling) -> None:
        self._polling = polling
        self._not_before_s: dict[str, float] = {}
        self._due: dict[str, _Due] = {}

    def happened(self, events: Sequence[NewEvent]) -> None:
        """Takes note of events that are kept now."""
        for event in events:
            if event.source != "trap" or not event.device:
                continue
            if event.kind in LOOKED_AT_AFRESH:
                self._want(event.device, True, frozenset())
            elif event.kind in POLLED:
                self._want(event.device, False, _port_of(event))

    def close(self) -> None:
        for due in self._due.values():
            due.handle.cancel()
        self._due.clear()

    def _want(self, device: str, is_afresh: bool, ports: frozenset[int]) -> None:
        if self._polling.one(device) is None:
            return
        loop = asyncio.get_running_loop()
        before = self._due.get(device)
        if before is not None:
            is_more = is_afresh and not before.is_afresh
            all_ports = before.ports | ports if before.ports and ports else frozenset[int]()
            self._due[device] = before._replace(ports=all_ports)
            if not is_more:
                return
            before.handle.cancel()
        wait_s = max(0.0, self._not_before_s.get(device, 0.0) - loop.time(), SETTLE_S if is_afresh else 0.0)
        handle = loop.call_later(wait_s, self._poll, device)
        self._due[device] = _Due(handle, is_afresh, frozenset() if is_afresh else ports)

    def _poll(self, device: str) -> None:
        due = self._due.pop(device)
        now_s = asyncio.get_running_loop().time()
        if len(self._not_before_s) > 10_000:
            self._not_before_s = {one: at_s for one, at_s in self._not_before_s.items() if at_s > now_s}
        self._not_before_s[device] = now_s + LEAST_PAUSE_S
        if self._polling.one(device) is not None:
            self._polling.poll_now(device, due.is_afresh, due.ports)


def _port_of(event: NewEvent) -> frozenset[int]:
    """The ifIndex of the port that an event is about; of none where it does not say."""
    text = event.fields.get("ifIndex", "")
    is_index = text.isascii() and text.isdigit() and 0 < int(text[:12]) < 1 << 32
    return frozenset({int(text[:12])}) if is_index else frozenset()
