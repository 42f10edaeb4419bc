"""Sends echo requests at a bounded pace, and reads what comes back by a timer: the kernel has noted when it came.

So a busy event loop neither lengthens a round trip nor loses a reply, and replies cost no wake-up each.
"""

import asyncio
import contextlib
import errno
import socket
import time
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from netmon_agent.icmp.opening import NoFamily, open_echo
from netmon_agent.icmp.wire import NUMBERS, EchoSocket, Reply, Targets

PACKETS_PER_S: Final = 25_000
_FULL: Final = (errno.EAGAIN, errno.ENOBUFS)
_MOST_AT_ONCE: Final = 500
_TICK_S: Final = 0.004
_SLOWEST_TICK_S: Final = 0.064


@dataclass(frozen=True, slots=True)
class Plan:
    """`count` requests of `size` bytes to each target, `gap_s` apart; a reply counts within `timeout_s`."""

    targets: Targets
    count: int = 1
    gap_s: float = 0.2
    timeout_s: float = 2.0
    size: int = 56
    traffic_class: int = 0


@dataclass(slots=True, eq=False)
class Round:
    """What became of a plan. Request `pass * len(targets) + target` is the target's one of that pass."""

    plan: Plan
    first: int
    started_s: float
    done: asyncio.Future[None]
    sent_ns: "array[int]" = field(init=False)
    """The wall clock; 0 where a request could not be sent."""
    rtt_ns: "array[int]" = field(init=False)
    """Negative where there was no reply."""
    hop_limits: "array[int]" = field(init=False)
    """Of a target's last reply; 0 where none is known."""
    next: int = 0
    unanswered: int = 0
    last_sent_s: float = field(init=False)
    timeout_ns: float = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.plan.targets) * self.plan.count
        self.sent_ns = array("q", bytes(8 * count))
        self.rtt_ns = array("q", [-1]) * count
        self.hop_limits = array("B", bytes(len(self.plan.targets)))
        self.last_sent_s = self.started_s
        self.timeout_ns = self.plan.timeout_s * 1e9

    @property
    def is_sent(self) -> bool:
        return self.next == len(self.sent_ns)

    def is_due(self, now_s: float) -> bool:
        """Whether its next request may be sent."""
        return now_s >= self.started_s + self.next // len(self.plan.targets) * self.plan.gap_s

    def is_over(self, now_s: float) -> bool:
        return self.is_sent and (not self.unanswered or now_s > self.last_sent_s + self.plan.timeout_s)


class Pinger:
    """All pings of a process, whoever asks for them; for one event loop."""

    def __init__(self, packets_per_s: float = PACKETS_PER_S) -> None:
        self._packets_per_s = packets_per_s
        self._sockets: dict[bool, EchoSocket | NoFamily] = {}
        """By whether they are of IPv6."""
        self._rounds: deque[Round] = deque()
        self._awaited: dict[int, Round] = {}
        self._next_number = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tick_s = _TICK_S
        self._last_sending_s = 0.0

    async def ping(self, plan: Plan) -> Round:
        """Carries a plan out. Raises OSError where pings are not allowed."""
        for v6 in plan.targets.families:
            if v6 not in self._sockets:
                self._sockets[v6] = open_echo(socket.AF_INET6 if v6 else socket.AF_INET)
        total = len(plan.targets) * plan.count
        if self._next_number + total > NUMBERS:
            self._next_number = 0
        loop = asyncio.get_running_loop()
        round_ = Round(plan, self._next_number, time.monotonic(), loop.create_future())
        self._next_number += total
        self._rounds.append(round_)
        self._wake(0.0)
        try:
            if total:
                await round_.done
        finally:
            self._forget(round_)
        return round_

    def close(self) -> None:
        """Lets the sockets go; they are opened again when they are needed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for one in self._sockets.values():
            one.close()
        self._sockets.clear()

    def _wake(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        heard = self._hear()
        now_s = time.monotonic()
        sent = self._send_due(now_s)
        if sent:  # on this machine the answers are there already
            heard += self._hear()
        for one in list(self._rounds):
            if one.is_over(now_s):
                self._rounds.remove(one)
                if not one.done.done():
                    one.done.set_result(None)
        if self._rounds:
            self._tick_s = _TICK_S if heard or sent else min(self._tick_s * 2, _SLOWEST_TICK_S)
            self._wake(self._tick_s)

    def _send_due(self, now_s: float) -> int:
        allowed = min(int((now_s - self._last_sending_s) * self._packets_per_s), _MOST_AT_ONCE)
        left = allowed
        self._rounds.rotate(-1)
        for one in self._rounds:
            if left <= 0:
                break
            left -= self._send_of(one, left, now_s)
        if left < allowed:
            self._last_sending_s = now_s
        return allowed - left

    def _send_of(self, one: Round, most: int, now_s: float) -> int:
        """Sends what is due of a round; how many."""
        sent = 0
        while sent < most and not one.is_sent and one.is_due(now_s):
            width = len(one.plan.targets)
            end = min(one.next + most - sent, (one.next // width + 1) * width)
            before = one.next
            self._send_until(one, end)
            if not before:  # gaps count from here
                one.started_s = time.monotonic()
            sent += one.next - before
            if one.next < end:
                break
            one.last_sent_s = now_s
        return sent

    def _send_until(self, one: Round, end: int) -> None:
        """Sends requests of one pass; stops before `end` where the system takes no more for now."""
        plan, width = one.plan, len(one.plan.targets)
        while one.next < end:
            start = one.next % width
            last, number = one.plan.targets.alike(start, start + end - one.next), one.first + one.next
            socket_ = self._sockets[plan.targets.is_v6(start)]
            try:
                times_ns = socket_.send(number, one.plan.targets, start, last, plan.size, plan.traffic_class)
            except OSError as error:
                if error.errno in _FULL and time.monotonic() < one.last_sent_s + plan.timeout_s:
                    return
                one.next += 1
            else:
                sent = len(times_ns)
                one.sent_ns[one.next : one.next + sent] = times_ns
                self._awaited.update(dict.fromkeys(range(number, number + sent), one))
                one.unanswered += sent
                one.next += sent

    def _hear(self) -> int:
        """Reads all replies that are there; how many."""
        heard = 0
        for one in self._sockets.values():
            with contextlib.suppress(OSError):  # none is left; or a router told of an error, which shows as no reply
                while True:
                    replies = one.read()
                    heard += len(replies)
                    self._note(replies)
        return heard

    def _note(self, replies: Sequence[Reply]) -> None:
        awaited = self._awaited
        for number, octets, at_ns, hop_limit in replies:
            one = awaited.get(number)
            if one is None:
                continue
            index = number - one.first
            target = index % len(one.hop_limits)
            rtt_ns = at_ns - one.sent_ns[index]
            if one.plan.targets.octets[target] != octets or rtt_ns > one.timeout_ns:
                continue
            del awaited[number]
            one.rtt_ns[index] = rtt_ns if rtt_ns > 0 else 0  # the clock was set back in between
            one.hop_limits[target] = hop_limit
            one.unanswered -= 1

    def _forget(self, one: Round) -> None:
        if one.unanswered:
            for number in range(one.first, one.first + one.next):
                self._awaited.pop(number, None)
        if one in self._rounds:
            self._rounds.remove(one)
