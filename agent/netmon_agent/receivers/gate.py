"""Who is let in, and what was left out: what every message passes first, so it costs next to nothing."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

from netmon_agent.receivers.storms import STORM, STRANGER, Losses, Storms


class Gate:
    """Counts the messages of one receiver, and keeps out those of strangers and of who sends too fast."""

    def __init__(
        self,
        storms: Storms,
        sources: Sequence[IPv4Network | IPv6Network],
        losses: Losses,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `sources` anybody may send."""
        self._storms = storms
        self._sources = sources
        self._losses = losses
        self._monotonic_s = monotonic_s
        self._is_source = lru_cache(maxsize=8192)(self._find)
        self.messages = 0
        self.left_out: dict[str, int] = {}

    def admits(self, source: str) -> bool:
        """Counts a message, and says whether it is taken; what is not is noted."""
        self.messages += 1
        if not self._storms.admits(source, self._monotonic_s()):
            self.leave_out(STORM, source)
            return False
        if self._sources and not self._is_source(source):
            self.leave_out(STRANGER, source)
            return False
        return True

    def leave_out(self, reason: str, source: str, why: str = "") -> None:
        """Notes a message that becomes no event."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1
        self._losses.note(reason, source, why)

    def _find(self, source: str) -> bool:
        address = ip_address(source)
        return any(address in network for network in self._sources)
