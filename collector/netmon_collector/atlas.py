"""Keeps the map and the devices' identities up to date with what pollers tell, and answers from memory.

Facts come in by `learn`, which makes nobody wait; the newest of each device are taken in before the map is drawn. What
is heavy runs in threads, one after the other. The map is drawn anew as a whole when something has changed, but takes a
tenth of the time at most.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from netmon_collector.identity.ports import KnownPort, know_again
from netmon_collector.identity.reading import read_ports, read_witnesses
from netmon_collector.identity.records import Step
from netmon_collector.identity.register import Register
from netmon_collector.identity.witness import Witnesses
from netmon_collector.polling import Polling
from netmon_collector.sites import Sites
from netmon_collector.state.identity import KeptIdentity
from netmon_collector.state.topology import KeptMap
from netmon_collector.topology.draw import Drawing, draw
from netmon_collector.topology.graph import End, Graph
from netmon_collector.topology.history import MOST_HOSTS, AddressBook, Changes, HostBook, LinkBook, Stay
from netmon_collector.topology.reading import read_told
from netmon_collector.topology.told import Told
from netmon_configs.logs import EventLog
from netmon_proto.model import DeviceFacts

log = EventLog("netmon.collector.atlas")

SETTLE_S: Final = 1.0
"""How long the map waits after news for more of them."""
RETRY_S: Final = 10.0
"""How long it waits at least after a drawing that failed."""
SHARE: Final = 0.1
"""How much of the time may go into drawing."""
GOING_ON_MS: Final = 3_600_000
"""How often it is written down that hosts are still where they were."""
MOST_UNSAVED: Final = 1_000
"""Drawings whose changes wait for a database that is away; of more, the oldest are not in the history."""
KEPT_MS: Final = 90 * 86_400_000
"""How long it is known where a link was, or a host."""


class Facts(Protocol):
    """Where the newest facts of each device are kept."""

    async def of(self, device: str) -> DeviceFacts | None: ...


@dataclass(frozen=True)
class Sheet:
    """The map as it was drawn last; `drawn_ms` is None before the first time."""

    graph: Graph
    notes: tuple[str, ...] = ()
    drawn_ms: int | None = None
    took_s: float = 0.0
    devices: int = 0


class Atlas:
    """A learner of facts: the map of now and before, where hosts are, and which handles are one device."""

    def __init__(
        self,
        identity: KeptIdentity,
        kept: KeptMap,
        polling: Polling,
        now_ms: Callable[[], int],
        sites: Sites | None = None,
        agent_of: Callable[[str], str] = lambda _instance: "",
        believed_ms: Callable[[], int] | None = None,
    ) -> None:
        """`agent_of` gives the id of the agent on a host, by the host's handle; empty where none is. `believed_ms` is
        the time by which what is old is forgotten."""
        self.register = Register(identity, now_ms)
        self.kept = kept
        self.sheet = Sheet(Graph())
        self.hosts = HostBook({one.mac: one for one in kept.stays()})
        self.addresses = AddressBook()
        self._identity = identity
        self._links = LinkBook({one.key: one for one in kept.links()})
        self._ports = identity.ports()
        self._polling = polling
        self._now_ms = now_ms
        self._believed_ms = believed_ms or now_ms
        self._sites = sites
        self._agent_of = agent_of
        self._told: dict[str, Told] = {}
        self._agents: set[str] = set()
        self._news = asyncio.Event()
        self._coming: dict[str, DeviceFacts] = {}
        self._unsaved: deque[tuple[Changes, int]] = deque(maxlen=MOST_UNSAVED)
        self._began: list[Stay] = []
        self._kept_ms = now_ms()

    async def learn(self, facts: DeviceFacts) -> None:
        """Takes the newest facts of a device; those before, if nobody looked at them yet, are left out."""
        self._coming[facts.device] = facts
        self._news.set()

    def look_again(self) -> None:
        """Draws the map anew, because something beside facts has changed."""
        self._news.set()

    async def see_agent(self, handle: str, told: Told, witnesses: Witnesses) -> None:
        """Takes what an agent's own host is known by, unless it told of itself by facts."""
        if handle in self._agents and self._told[handle].time_ms:
            return
        self._agents.add(handle)
        if self._told.get(handle) != told:
            self._told[handle] = told
            self._news.set()
        await self.register.see(handle, told.site, witnesses)

    async def run(self, facts: Facts) -> None:
        """Reads what was kept, then draws whenever there is news; until cancelled."""
        for polled in self._polling.all():
            try:
                kept = await facts.of(polled.record.instance)
                if kept is not None and kept.device not in self._told:
                    await self._take_in(kept, is_new=False)
            except Exception as error:  # noqa: BLE001 - one device's kept facts must not keep the map from being drawn
                log.warning("facts.not_read", device=polled.record.instance, error=repr(error)[:200])
        is_broken = False
        while True:
            await self._news.wait()
            await asyncio.sleep(SETTLE_S)
            self._news.clear()
            started_s = time.monotonic()
            try:
                await self.redraw()
                is_broken = False
            except Exception as error:  # noqa: BLE001 - a map that can't be drawn or kept must not end the collector
                if not is_broken:
                    log.warning("map.not_drawn", error=str(getattr(error, "orig", None) or repr(error))[:200])
                is_broken = True
                self._news.set()
            pause_s = (time.monotonic() - started_s) * (1 / SHARE - 1)
            await asyncio.sleep(max(pause_s, RETRY_S) if is_broken else pause_s)

    async def redraw(self) -> None:
        """Draws the map of all that is known now, and keeps what has changed. Raises SQLAlchemyError."""
        while self._coming:
            facts = self._coming.pop(next(iter(self._coming)))
            try:
                await self._take_in(facts, is_new=True)
            except Exception as error:  # noqa: BLE001 - what one device tells must not keep others from the map
                log.warning("facts.not_understood", device=facts.device, error=repr(error)[:200])
        await self._forget_removed()
        self._follow_sites()
        told = list(self._told.values())
        now_ms, started_s = self._now_ms(), time.monotonic()
        drawing = await asyncio.to_thread(draw, told, now_ms)
        down = frozenset(End(one.device, port.label) for one in told for port in one.ports if port.is_up is False)
        changes = self._links.enter(drawing, down, now_ms)
        graph = self._links.graph(drawing.graph.nodes.values())
        if drawing.notes and not self.sheet.notes:
            log.info("map.notes", notes=len(drawing.notes), first=drawing.notes[0][:200])
        self.sheet = Sheet(graph, drawing.notes, now_ms, time.monotonic() - started_s, len(told))
        self._unsaved.append((changes, now_ms))
        while self._unsaved:
            await asyncio.to_thread(self.kept.save_links, *self._unsaved[0])
            self._unsaved.popleft()
        await self._keep_hosts(drawing, now_ms)

    def told(self, device: str) -> Told | None:
        """What a device told last."""
        return self._told.get(device)

    def ports(self, device: str) -> Sequence[KnownPort]:
        """The ports that a device ever had, by key."""
        return sorted(self._ports.get(device, {}).values(), key=lambda one: one.key)

    async def _take_in(self, facts: DeviceFacts, is_new: bool) -> None:
        polled = self._polling.one(facts.device)
        agent_id = "" if polled else self._agent_of(facts.device)
        if agent_id:
            self._agents.add(facts.device)
        known = dict(polled.record.facts) if polled else {}
        names = [known.get("sys_name", ""), polled.record.name if polled else facts.device]
        told, witnesses, ports = await asyncio.to_thread(self._read, facts, names, known, agent_id)
        self._told[facts.device] = told
        self.addresses.enter(told)
        if ports is not None:
            before, self._ports[facts.device] = self._ports.get(facts.device, {}), ports
            changed = [one for key, one in ports.items() if _differs(before.get(key), one)]
            gone = [key for key in before if key not in ports]
            if changed or gone:
                await asyncio.to_thread(self._identity.save_ports, facts.device, changed, gone)
        if is_new:
            outcome = await self.register.see(facts.device, told.site, witnesses)
            if outcome.step in (Step.MERGED, Step.PROPOSED):
                log.info("identity." + outcome.step.value, device=facts.device, record=outcome.record)
        self._news.set()

    def _read(
        self, facts: DeviceFacts, names: Sequence[str], known: dict[str, str], agent_id: str
    ) -> tuple[Told, Witnesses, dict[str, KnownPort] | None]:
        told = read_told(facts, names, self.site_of(facts.device), self._told.get(facts.device))
        table = facts.table("port")
        if table is None or not table.is_complete:
            return told, read_witnesses(facts, known, agent_id), None
        ports, keys = know_again(self._ports.get(facts.device, {}), read_ports(facts), facts.time_ms)
        renamed = tuple(replace(port, key=keys.get(port.index, "")) for port in told.ports)
        return replace(told, ports=renamed), read_witnesses(facts, known, agent_id), ports

    def _follow_sites(self) -> None:
        """Devices change their sites when people say so, not when they tell something."""
        moved = {
            device: replace(one, site=site)
            for device, one in self._told.items()
            if (site := self.site_of(device)) != one.site
        }
        if moved:
            self._told.update(moved)
            self.addresses = AddressBook()
            for one in self._told.values():
                self.addresses.enter(one)

    def site_of(self, device: str) -> str:
        if self._sites is None:
            return ""
        polled = self._polling.one(device)
        if polled is not None:
            return self._sites.of_device(polled.record)
        told = self._told.get(device)
        return self._sites.of_agent(device, [one.address for one in told.addresses] if told else ())

    async def _forget_removed(self) -> None:
        """Drops devices that are polled no more; agents' hosts stay."""
        for device in [one for one in self._told if one not in self._agents and self._polling.one(one) is None]:
            del self._told[device]
            await self.register.forget(device)

    async def _keep_hosts(self, drawing: Drawing, now_ms: int) -> None:
        self._began = [*self._began, *self.hosts.enter(drawing.places, now_ms)][-MOST_HOSTS:]
        going_on: list[Stay] = []
        if now_ms - self._kept_ms > GOING_ON_MS:
            going_on = [one for one in self.hosts.stays.values() if one.last_seen_ms > self._kept_ms]
            self._kept_ms = now_ms
            await asyncio.to_thread(self.kept.forget_before, self._believed_ms() - KEPT_MS)
        if self._began or going_on:
            await asyncio.to_thread(self.kept.save_stays, self._began, going_on)
            self._began = []


def _differs(before: KnownPort | None, now: KnownPort) -> bool:
    return before is None or before.facts != now.facts
