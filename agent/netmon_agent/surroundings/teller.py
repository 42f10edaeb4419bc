"""Has the collector know what this host knows: once it is connected, and whenever that has changed."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from netmon_agent.polling.outbox import parts_of
from netmon_agent.surroundings.ears import Ears, ask_lldpd
from netmon_agent.surroundings.lldp import Heard
from netmon_agent.surroundings.machine import machine_id
from netmon_agent.surroundings.report import tables
from netmon_configs.logs import EventLog
from netmon_proto.model import DeviceFacts, FactTable

log = EventLog("netmon.agent.surroundings")

LOOK_EVERY_S: Final = 5.0
FORGET_TRAFFIC_S: Final = 60.0
"""How often neighbours that came and went are told of by themselves: the cache of a busy host is never still."""
ASK_LLDPD_EVERY_S: Final = 60.0
Reading = Callable[[str, str, Sequence[tuple[str, Heard]]], tuple[FactTable, ...]]
"""Reads what this host knows, given its name, its machine's id, and whom it has heard."""
_RESTLESS: Final = "arp"


class Teller:
    """Holds what was read last. The facts are of no device by name: they are the agent's own host's."""

    def __init__(
        self, hostname: str, now_ms: Callable[[], int], ears: Ears | None = None, read: Reading = tables
    ) -> None:
        self._read = read
        self._hostname = hostname
        self._now_ms = now_ms
        self._ears = ears or Ears()
        self._known: tuple[FactTable, ...] = ()
        self._told_ms = 0
        self._by_lldpd: list[tuple[str, Heard]] = []
        self._parts: Iterator[DeviceFacts] = iter(())
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Listens and reads until cancelled."""
        machine = await asyncio.to_thread(machine_id)
        try:
            self._ears.open()
        except OSError as error:
            log.info("lldp.not_heard", why=error.strerror or str(error), instead="lldpd is asked, where it runs")
        try:
            async with asyncio.TaskGroup() as tasks:
                if not self._ears.is_open:
                    tasks.create_task(self._ask_lldpd())
                tasks.create_task(self._look_again_and_again(machine))
        finally:
            self._ears.close()

    async def look(self, machine: str) -> None:
        """Reads all anew; news, where it is other than before."""
        self._ears.follow_interfaces()
        heard = self._ears.neighbours() or self._by_lldpd
        found = await asyncio.to_thread(self._read, self._hostname, machine, heard)
        now_ms = self._now_ms()
        is_due = now_ms - self._told_ms >= FORGET_TRAFFIC_S * 1000
        if (found if is_due else _still(found)) != (self._known if is_due else _still(self._known)):
            self._known, self._told_ms = found, now_ms
            self._tell()

    def tell_all_again(self) -> None:
        """Who heard of it before is gone."""
        if self._known:
            self._tell()

    async def next(self) -> DeviceFacts:
        """The next part of the news; waits for some."""
        while True:
            part = next(self._parts, None)
            if part is not None:
                return part
            self._news.clear()
            await self._news.wait()

    def _tell(self) -> None:
        self._parts = parts_of(DeviceFacts("", self._told_ms, self._known))
        self._news.set()

    async def _look_again_and_again(self, machine: str) -> None:
        is_broken = False
        while True:
            try:
                await self.look(machine)
                is_broken = False
            except Exception as error:  # noqa: BLE001 - a host that can't be read must not stop the agent
                if not is_broken:
                    log.warning("surroundings.not_read", error=repr(error)[:200])
                is_broken = True
            await asyncio.sleep(LOOK_EVERY_S)

    async def _ask_lldpd(self) -> None:
        while True:
            try:
                self._by_lldpd = await ask_lldpd()
            except OSError as error:
                log.info("lldpd.not_asked", why=str(error))
            await asyncio.sleep(ASK_LLDPD_EVERY_S)


def _still(found: tuple[FactTable, ...]) -> tuple[FactTable, ...]:
    return tuple(one for one in found if one.kind != _RESTLESS)
