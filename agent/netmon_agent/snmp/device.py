"""Polls a device over the network once, with what earlier polls learned about it."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from netmon_agent.inputs.base import Reading
from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.findings import Findings
from netmon_agent.snmp.gufo import GufoSession, connect
from netmon_agent.snmp.memory import Memory
from netmon_agent.snmp.pace import Pace
from netmon_agent.snmp.poll import Wanted, poll
from netmon_agent.snmp.ports import port_readings
from netmon_agent.snmp.session import NoAnswer, NotAllowed, Session, SnmpError
from netmon_configs.library import Library

_UPTIME = "1.3.6.1.2.1.1.3.0"


@dataclass(frozen=True, slots=True)
class Target:
    """A device to poll: where it is, who we may be to it, and how long one poll may take."""

    host: str
    credentials: Sequence[Credential]
    port: int = 161
    budget_s: float = 30.0
    wanted: Wanted = field(default_factory=Wanted)


async def poll_device(
    target: Target, library: Library, memory: Memory, now_s: float, is_whole: bool = True
) -> Findings:
    """Finds a credential that works, and polls. `now_s` is a monotonic clock's; poll.py says what a whole poll is.

    Raises NoAnswer where no credential gets an answer, and SnmpError where none may be tried yet.
    """
    session = await reach(target, memory, now_s)
    try:
        return await poll(session, library, memory.known, is_whole, target.wanted, now_s, _InVlans(session, memory))
    finally:
        session.close()


class _InVlans:
    """A device VLAN by VLAN; that it does not answer so is remembered."""

    def __init__(self, session: GufoSession, memory: Memory) -> None:
        self._session = session
        self._memory = memory

    @property
    def can_be_asked(self) -> bool:
        return self._memory.in_vlans

    @can_be_asked.setter
    def can_be_asked(self, can: bool) -> None:
        self._memory.in_vlans = can

    def within(self, vlan: str) -> AbstractAsyncContextManager[Session]:
        return self._session.within(vlan)


async def poll_ports(
    target: Target, library: Library, memory: Memory, now_s: float, ports: Iterable[int]
) -> dict[int, list[Reading]]:
    """Asks for the state of some ports alone, by ifIndex, of a device that was polled before.

    Raises SnmpError as poll_device does, and where the device is not known yet.
    """
    known = memory.known.identity
    if known is None or known.profile not in library.layers:
        raise SnmpError("it was not polled yet")
    session = await reach(target, memory, now_s)
    try:
        return await port_readings(session, library.layers[known.profile], ports, target.wanted.speeds_bps)
    finally:
        session.close()


async def reach(target: Target, memory: Memory, now_s: float) -> GufoSession:
    """A conversation by the first credential that the device answers to; close it after use."""
    order = memory.tries.order(target.credentials, now_s)
    if not order:
        wait_s = memory.tries.not_before_s - now_s
        raise SnmpError(f"{memory.tries.why} (tried again in {max(wait_s, 0):.0f} s)")
    failures, refused = [], False
    for place in order:
        credential = target.credentials[place]
        try:
            session = await _answered(target, credential, memory.pace)
        except SnmpError as error:
            failures.append(f"{credential.title}: {error}")
            refused |= isinstance(error, NotAllowed)
        else:
            memory.tries.worked(place)
            return session
    why = "; ".join(failures)
    memory.tries.failed(now_s, refused, why)
    raise NoAnswer(why)


async def _answered(target: Target, credential: Credential, pace: Pace) -> GufoSession:
    session = await connect(target.host, target.port, credential, pace, target.budget_s)
    try:
        await session.get([_UPTIME])
    except BaseException:
        session.close()
        raise
    return session
