"""How a device is asked: the profiles and the SNMP library, which are loaded when there is a device to poll."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary

from netmon_agent.inputs.base import Reading
from netmon_agent.polling.memories import Memories
from netmon_proto.model import Job, SnmpCredential

if TYPE_CHECKING:
    from netmon_agent.snmp.credentials import Credential
    from netmon_agent.snmp.device import Target
    from netmon_agent.snmp.findings import Findings
    from netmon_agent.snmp.memory import Memory
    from netmon_configs.library import Library

LONGEST_BUDGET_S = 30.0
LOOK_EVERY_S = 10.0
WRITE_EVERY_S = 300.0


class DeviceDown(Exception):
    """A device did not answer, or may not be asked; says why."""


class Asking(Protocol):
    """How one device is asked, and what is remembered of it; one poll at a time."""

    async def ask(self, now_s: float, is_whole: bool) -> "Findings":
        """Polls once, at a time of a monotonic clock; a whole poll tells facts too. Raises DeviceDown."""

    async def ask_ports(self, now_s: float, ports: Iterable[int]) -> dict[int, list[Reading]]:
        """What is no counter of some ports, by ifIndex. Raises DeviceDown, also where nothing is known of it yet."""

    def try_again(self) -> None:
        """Lets credentials be tried at the next poll that failed a short time ago."""

    def look_afresh(self) -> None:
        """Forgets what the device was found to have: it has started anew, and may be another one."""


Approach = Callable[[Job], Asking]
"""How a new device is to be asked."""


class Snmp:
    """Asks by SNMP. The library of profiles is read once, for all devices; what polls learn is kept on disk."""

    def __init__(self, memories: Memories) -> None:
        self._memories = memories
        self._kept: dict[str, Any] | None = None
        self._asking: WeakValueDictionary[str, _SnmpAsking] = WeakValueDictionary()
        self._library: asyncio.Task[Library] | None = None

    def approach(self, job: Job) -> Asking:
        if self._kept is None:
            self._kept = self._memories.read()
        before = self._asking.get(job.device)
        kept = self._kept.pop(job.device, None) if before is None else before.remembered()
        self._asking[job.device] = asking = _SnmpAsking(job, self._profiles, kept)
        return asking

    async def run(self) -> None:
        """Writes down what was learned, now and then and at the end; until cancelled."""
        waited_s = 0.0
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                waited_s += LOOK_EVERY_S
                if waited_s >= WRITE_EVERY_S or any(one.has_news for one in list(self._asking.values())):
                    await asyncio.to_thread(self._write)
                    waited_s = 0.0
        finally:
            self._write()

    def _write(self) -> None:
        if self._kept is not None:  # else nothing was asked for yet, and what was kept stays
            found = {device: asking.remembered() for device, asking in sorted(self._asking.items())}
            self._memories.write({device: one for device, one in found.items() if one is not None})

    async def _profiles(self) -> "Library":
        from netmon_configs.library import open_library

        if self._library is None:
            self._library = asyncio.create_task(asyncio.to_thread(open_library))
        return await asyncio.shield(self._library)


class _SnmpAsking:
    """One device; `kept` is what was remembered of it, for this job or an earlier one."""

    def __init__(self, job: Job, profiles: Callable[[], Awaitable["Library"]], kept: Any) -> None:
        self._job = job
        self._profiles = profiles
        self._kept = kept
        self._memory: Memory | None = None

    @property
    def has_news(self) -> bool:
        """Whether a counter's offset changed, which must not be forgotten."""
        return self._memory is not None and self._memory.known.counters.has_news

    async def ask(self, now_s: float, is_whole: bool) -> "Findings":
        from netmon_agent.snmp.session import SnmpError

        target, memory = self._target(), self._known()
        from netmon_agent.snmp.device import poll_device

        try:
            return await poll_device(target, await self._profiles(), memory, now_s, is_whole)
        except SnmpError as error:
            raise DeviceDown(str(error)) from None

    async def ask_ports(self, now_s: float, ports: Iterable[int]) -> dict[int, list[Reading]]:
        from netmon_agent.snmp.session import SnmpError

        target, memory = self._target(), self._known()
        from netmon_agent.snmp.device import poll_ports

        try:
            return await poll_ports(target, await self._profiles(), memory, now_s, ports)
        except SnmpError as error:
            raise DeviceDown(str(error)) from None

    def _known(self) -> "Memory":
        memory = self._memory = self._memory or self._recalled()
        return memory

    def _target(self) -> "Target":
        """Whom to ask, and how. Raises DeviceDown where this poller cannot."""
        try:
            from netmon_agent.snmp.device import Target
            from netmon_agent.snmp.poll import Wanted
        except ImportError as error:
            raise DeviceDown(f"the poller lacks {error.name}: pip install 'netmon[poller]' there") from None
        try:
            credentials = [credential_of(one) for one in self._job.credentials]
        except ValueError:  # its text would repeat what is secret
            raise DeviceDown("its credential is none that this poller's version of netmon knows") from None
        budget_s = min(LONGEST_BUDGET_S, 0.8 * self._job.interval_ms / 1000)
        wanted = Wanted(self._job.profile, dict(self._job.speeds_bps))
        return Target(self._job.host, credentials, self._job.port, budget_s, wanted)

    def try_again(self) -> None:
        if self._memory is not None:
            self._memory.tries.not_before_s = 0.0

    def look_afresh(self) -> None:
        if self._memory is not None:
            self._memory.known.identity = None

    def remembered(self) -> dict[str, Any] | None:
        """What was learned so far, as plain values; None where nothing was."""
        if self._memory is None:
            return dict(self._kept) if isinstance(self._kept, dict) else None
        from netmon_agent.snmp.memory import packed

        self._memory.known.counters.has_news = False
        return {"job": self._marks(), **packed(self._memory)}

    def _recalled(self) -> "Memory":
        """What was learned before, as far as it is still about this device, this profile and these credentials."""
        from netmon_agent.snmp.credentials import Tries
        from netmon_agent.snmp.memory import Memory, unpacked

        try:
            host, port, profile, *names = self._kept["job"]
            memory = unpacked(self._kept)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Memory()
        own_host, own_port, own_profile, *own_names = self._marks()
        if (host, port) != (own_host, own_port):
            return Memory()
        if profile != own_profile:
            memory.known.identity = None
        if names != own_names:
            memory.tries = Tries()
        return memory

    def _marks(self) -> list[Any]:
        job = self._job
        return [job.host, job.port, job.profile, *(f"{one.name} {one.version}" for one in job.credentials)]


def credential_of(given: SnmpCredential) -> "Credential":
    """A credential as the SNMP library's side checks it. Raises ValueError for one that this version does not know."""
    from netmon_agent.snmp.credentials import Credential

    return Credential.model_validate({name: value for name, value in asdict(given).items() if value})


def distinct(readings: list[Reading]) -> list[Reading]:
    """Without what is there twice: some devices number two rows of a table alike."""
    first: dict[tuple[str, tuple[tuple[str, str], ...]], Reading] = {}
    for one in readings:
        first.setdefault((one.name, tuple(sorted(one.labels.items()))), one)
    return list(first.values())
