"""How a device is asked: the profiles and the SNMP library, which are loaded when there is a device to poll."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from netmon_agent.inputs.base import Reading
from netmon_proto.model import Job, SnmpCredential

if TYPE_CHECKING:
    from netmon_agent.snmp.credentials import Credential
    from netmon_agent.snmp.device import Memory
    from netmon_agent.snmp.findings import Findings
    from netmon_configs.library import Library

LONGEST_BUDGET_S = 30.0


class DeviceDown(Exception):
    """A device did not answer, or may not be asked; says why."""


class Asking(Protocol):
    """How one device is asked, and what is remembered of it; one poll at a time."""

    async def ask(self, now_s: float, is_whole: bool) -> "Findings":
        """Polls once, at a time of a monotonic clock; a whole poll tells facts too. Raises DeviceDown."""

    def try_again(self) -> None:
        """Lets credentials be tried at the next poll that failed a short time ago."""

    def look_afresh(self) -> None:
        """Forgets what the device was found to have: it has started anew, and may be another one."""


Approach = Callable[[Job], Asking]
"""How a new device is to be asked."""


class Snmp:
    """Asks by SNMP. The library of profiles is read once, for all devices."""

    def __init__(self) -> None:
        self._library: asyncio.Task[Library] | None = None

    def approach(self, job: Job) -> Asking:
        return _SnmpAsking(job, self._profiles)

    async def _profiles(self) -> "Library":
        from netmon_configs.library import open_library

        if self._library is None:
            self._library = asyncio.create_task(asyncio.to_thread(open_library))
        return await asyncio.shield(self._library)


class _SnmpAsking:
    def __init__(self, job: Job, profiles: Callable[[], Awaitable["Library"]]) -> None:
        self._job = job
        self._profiles = profiles
        self._memory: Memory | None = None

    async def ask(self, now_s: float, is_whole: bool) -> "Findings":
        from netmon_agent.snmp.session import SnmpError

        try:
            from netmon_agent.snmp.device import Memory, Target, poll_device
        except ImportError as error:
            raise DeviceDown(f"the poller lacks {error.name}: pip install 'netmon[poller]' there") from None
        self._memory = self._memory or Memory()
        try:
            credentials = [_credential(one) for one in self._job.credentials]
        except ValueError:  # its text would repeat what is secret
            raise DeviceDown("its credential is none that this poller's version of netmon knows") from None
        budget_s = min(LONGEST_BUDGET_S, 0.8 * self._job.interval_ms / 1000)
        target = Target(self._job.host, credentials, self._job.port, budget_s)
        try:
            return await poll_device(target, await self._profiles(), self._memory, now_s, is_whole)
        except SnmpError as error:
            raise DeviceDown(str(error)) from None

    def try_again(self) -> None:
        if self._memory is not None:
            self._memory.tries.not_before_s = 0.0

    def look_afresh(self) -> None:
        if self._memory is not None:
            from netmon_agent.snmp.device import Memory

            self._memory = Memory(self._memory.pace, self._memory.tries)


def _credential(given: SnmpCredential) -> "Credential":
    from netmon_agent.snmp.credentials import Credential

    return Credential.model_validate({name: value for name, value in asdict(given).items() if value})


def distinct(readings: list[Reading]) -> list[Reading]:
    """Without what is there twice: some devices number two rows of a table alike."""
    first: dict[tuple[str, tuple[tuple[str, str], ...]], Reading] = {}
    for one in readings:
        first.setdefault((one.name, tuple(sorted(one.labels.items()))), one)
    return list(first.values())
