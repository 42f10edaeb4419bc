"""What is done at once when something happened: the device is polled, and one that started anew is looked at afresh."""

import asyncio
from collections.abc import Sequence
from typing import Final

from netmon_collector.polling import Polling
from netmon_collector.state.events import NewEvent

POLLED: Final = frozenset(("linkDown", "linkUp"))
LOOKED_AT_AFRESH: Final = frozenset(("coldStart", "warmStart"))
LEAST_PAUSE_S: Final = 10.0
"""Between two polls of a device that events ask for: a link that flaps costs no more than that."""
SETTLE_S: Final = 5.0
"""A device that has just started needs a moment before it answers."""


class Reactions:
    """Has devices polled because of events; never more often than every LEAST_PAUSE_S, and never forgets the last."""

    def __init__(self, polling: Polling) -> None:
        self._polling = polling
        self._not_before_s: dict[str, float] = {}
        self._due: dict[str, tuple[asyncio.TimerHandle, bool]] = {}

    def happened(self, events: Sequence[NewEvent]) -> None:
        """Takes note of events that are kept now."""
        for event in events:
            if event.source == "trap" and event.device and event.kind in POLLED | LOOKED_AT_AFRESH:
                self._want(event.device, event.kind in LOOKED_AT_AFRESH)

    def close(self) -> None:
        for handle, _ in self._due.values():
            handle.cancel()
        self._due.clear()

    def _want(self, device: str, is_afresh: bool) -> None:
        if self._polling.one(device) is None:
            return
        loop = asyncio.get_running_loop()
        if device in self._due:
            handle, before = self._due[device]
            if before or not is_afresh:
                return
            handle.cancel()
        wait_s = max(0.0, self._not_before_s.get(device, 0.0) - loop.time(), SETTLE_S if is_afresh else 0.0)
        self._due[device] = loop.call_later(wait_s, self._poll, device, is_afresh), is_afresh

    def _poll(self, device: str, is_afresh: bool) -> None:
        del self._due[device]
        now_s = asyncio.get_running_loop().time()
        if len(self._not_before_s) > 10_000:
            self._not_before_s = {one: at_s for one, at_s in self._not_before_s.items() if at_s > now_s}
        self._not_before_s[device] = now_s + LEAST_PAUSE_S
        if self._polling.one(device) is not None:
            self._polling.poll_now(device, is_afresh)
