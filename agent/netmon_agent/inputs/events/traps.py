"""Receives traps and informs of SNMP versions 1, 2c and 3."""

import asyncio
import time
from functools import cache
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import Field, PrivateAttr, model_validator

from netmon_agent.inputs.events.base import Receiver
from netmon_agent.receivers.datagrams import Datagrams
from netmon_agent.receivers.desk import Desk
from netmon_agent.receivers.gate import Gate
from netmon_agent.receivers.names import Names
from netmon_agent.receivers.traps import TrapReader
from netmon_agent.receivers.users import SnmpUser
from netmon_configs.options import Address, FilePath, Variable
from netmon_configs.secrets import Source, differ

if TYPE_CHECKING:
    from netmon_agent.receivers.secured import Secured

_BOOTS_FROM_S = 1_700_000_000
"""Seconds since then are how often the receiver's engine has started: they grow from start to start, and last until
2091 (RFC 3414, section 2.2.2, ends at 2^31 - 1)."""


class TrapsInput(Receiver):
    """Makes an event of every notification; informs are acknowledged when their event is on disk."""

    type: Literal["traps"]
    listen_on: Address = Field(default="0.0.0.0:162", alias="listen")
    communities_file: FilePath | None = None
    communities_env: Variable | None = None
    users: tuple[SnmpUser, ...] = Field(default=(), max_length=100)
    _datagrams: Datagrams | None = PrivateAttr(default=None)
    _secured: "Secured | None" = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _users_differ(self) -> "TrapsInput":
        differ(self, "communities")
        names = [one.user for one in self.users]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"users must differ: {twice[0]} is there more than once")
        return self

    @property
    def title(self) -> str:
        return f"traps {self.listen_on}"

    async def listen(self, gate: Gate, desk: Desk) -> None:
        if self._datagrams is not None:
            return
        communities = await asyncio.to_thread(_communities_in, Source.of(self, "communities"))
        names = await asyncio.to_thread(_names)
        secured = await asyncio.to_thread(_secured, self.users, engine_id_of(self._agent_id))
        opened = Datagrams(self.listen_on, self.buffer_bytes)
        await opened.open(TrapReader(gate, desk, names, opened.reply, communities, secured).take)
        self._datagrams, self._secured = opened, secured

    def kernel_drops(self) -> int:
        if self._secured is not None:
            self._secured.pass_time(time.time())
        return self._datagrams.dropped() if self._datagrams is not None else 0

    async def close(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
            self._datagrams = None

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        assert self._datagrams is not None
        return self._datagrams.port


@cache
def _names() -> Names:
    """Those of the profiles, which take half a second to read; the same for all receivers of a process."""
    from netmon_configs.library import open_library

    return Names(layers[0] for layers in open_library().layers.values())


def _secured(users: tuple[SnmpUser, ...], engine_id: bytes) -> "Secured | None":
    if not users:
        return None
    try:
        from netmon_agent.receivers.secured import Secured
    except ImportError as error:
        raise OSError(f"version 3 needs {error.name}: pip install 'netmon[poller]'") from None
    return Secured(users, engine_id, int(time.time()) - _BOOTS_FROM_S)


def _communities_in(source: Source) -> frozenset[bytes] | None:
    """A community a line; None where none is named, and any is taken. Raises NoSecret, ValueError."""
    text = source.read()
    if text is None:
        return None
    found = frozenset(line.strip().encode() for line in text.splitlines() if line.strip())
    if not found:
        raise ValueError(f"{source} has no communities: nobody could send")
    return found


def engine_id_of(agent_id: str) -> bytes:
    """The SNMP engine id of an agent: octets of the administrator's own (RFC 3411, section 5), made of its id.

    The enterprise in front is 0, which IANA has reserved and nobody else uses.
    """
    return b"\x80\x00\x00\x00\x05" + UUID(agent_id).bytes
