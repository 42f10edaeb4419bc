"""The agents that are connected, and what each has still to be told: the newest state of a topic, once."""

import asyncio
import math
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from netmon_proto.model import CollectorMessage, PollNow, Sweep

APART_S: Final = 1.0
"""Between two messages of one topic to an agent, each of which says all: who adds one device may add a thousand."""

Source = Callable[[str], CollectorMessage | None]
"""All of a topic that an agent has to know; None where that cannot be said, so that it goes on as it does. It is asked
in a thread, since it may read from a database."""


@dataclass(slots=True)
class Line:
    """What a connected agent has still to be told: topics, polls in one message, and orders to look around."""

    topics: dict[str, float] = field(default_factory=dict)
    """By topic, when it may be told, on the clock of the event loop."""
    told_s: dict[str, float] = field(default_factory=dict)
    """By topic, when it was told last."""
    wanted: set[str] = field(default_factory=set)
    afresh: set[str] = field(default_factory=set)
    ports: dict[str, set[int]] = field(default_factory=dict)
    orders: dict[int, Sweep] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Lines:
    """One line for each agent that is connected."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._sources: dict[str, Source] = {}

    def offer(self, topic: str, source: Source) -> None:
        """Has agents told of a topic when they connect, and whenever it is renewed."""
        self._sources[topic] = source

    def renew(self, topic: str, agent_ids: Iterable[str]) -> None:
        """Has agents told of a topic anew, as far as they are connected."""
        for agent_id in agent_ids:
            if line := self._lines.get(agent_id):
                line.topics[topic] = line.told_s.get(topic, -math.inf) + APART_S
                line.news.set()

    def poll(self, agent_id: str, device: str, is_afresh: bool, ports: Collection[int] = ()) -> bool:
        """Has an agent poll a device at once, or some of its ports alone; False where it is not connected."""
        line = self._lines.get(agent_id)
        if line is None:
            return False
        if ports:
            line.ports.setdefault(device, set()).update(ports)
        else:
            line.wanted.add(device)
        if is_afresh:
            line.afresh.add(device)
        line.news.set()
        return True

    def order(self, agent_id: str, sweep: Sweep) -> bool:
        """Has an agent told of a sweep; False where it is not connected."""
        line = self._lines.get(agent_id)
        if line is None:
            return False
        line.orders[sweep.id] = sweep
        line.news.set()
        return True

    def open(self, agent_id: str) -> Line:
        """Called when an agent has connected; whoever listened for it before hears nothing any more."""
        line = self._lines[agent_id] = Line(dict.fromkeys(self._sources, -math.inf))
        line.news.set()
        return line

    def close(self, agent_id: str, line: Line) -> None:
        if self._lines.get(agent_id) is line:
            del self._lines[agent_id]

    async def next_message(self, agent_id: str, line: Line) -> CollectorMessage:
        """What an agent is to be told next; waits for something."""
        while True:
            if line.topics:
                topic = min(line.topics, key=line.topics.__getitem__)
                if (message := await self._told(agent_id, line, topic)) is not None:
                    return message
            elif line.wanted or line.ports:
                ports = {one: tuple(sorted(some)) for one, some in line.ports.items() if one not in line.wanted}
                message = PollNow(tuple(sorted(line.wanted)), tuple(sorted(line.afresh)), ports)
                line.wanted, line.afresh, line.ports = set(), set(), {}
                return message
            elif line.orders:
                return line.orders.pop(next(iter(line.orders)))
            else:
                line.news.clear()
                await line.news.wait()

    async def _told(self, agent_id: str, line: Line, topic: str) -> CollectorMessage | None:
        """A topic's message, once its time has come; None where there is none, or something else is new meanwhile."""
        loop = asyncio.get_running_loop()
        if line.topics[topic] > loop.time():
            line.news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(line.topics[topic]):
                    await line.news.wait()
                return None
        del line.topics[topic]
        line.told_s[topic] = loop.time()
        return await asyncio.to_thread(self._sources[topic], agent_id)
