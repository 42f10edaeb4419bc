"""Receives traps and informs of SNMP versions 1, 2c and 3."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from netmon_agent.inputs.events.base import Receiver
from netmon_agent.receivers.datagrams import Datagrams
from netmon_agent.receivers.names import Names
from netmon_agent.receivers.notification import Malformed, Notification, decode, version_of
from netmon_agent.receivers.storms import MALFORMED, STRANGER
from netmon_agent.receivers.telling import event_of
from netmon_agent.receivers.users import SnmpUser
from netmon_configs.options import Address

if TYPE_CHECKING:
    from netmon_agent.receivers.secured import Secured

_BOOTS_FROM_S = 1_700_000_000
"""Seconds since then are how often the receiver's engine has started: they grow from start to start, and last until
2091 (RFC 3414, section 2.2.2, ends at 2^31 - 1)."""


class TrapsInput(Receiver):
    """Makes an event of every notification; informs are acknowledged when their event is on disk."""

    type: Literal["traps"]
    listen_on: Address = Field(default="0.0.0.0:162", alias="listen")
    communities_file: Path | None = None
    users: tuple[SnmpUser, ...] = Field(default=(), max_length=100)
    _datagrams: Datagrams | None = PrivateAttr(default=None)
    _names: Names | None = PrivateAttr(default=None)
    _secured: "Secured | None" = PrivateAttr(default=None)
    _communities: frozenset[bytes] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _users_differ(self) -> "TrapsInput":
        names = [one.user for one in self.users]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"users must differ: {twice[0]} is there more than once")
        return self

    @property
    def title(self) -> str:
        return f"traps {self.listen_on}"

    async def listen(self) -> None:
        if self._datagrams is not None:
            return
        self._communities = await asyncio.to_thread(_communities_in, self.communities_file)
        self._names = await asyncio.to_thread(_names)
        self._secured = await asyncio.to_thread(_secured, self.users, self._engine_id)
        opened = Datagrams(self.listen_on, self.buffer_bytes, self._take)
        await opened.open()
        self._datagrams = opened

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

    def _take(self, message: bytes, source: str, address: Any) -> None:
        if not self.admits(source):
            return
        replies: list[bytes] = []
        try:
            if version_of(message) == "3":
                told, replies = self._unlock(message, address)
            else:
                told = decode(message)
        except Malformed as error:
            self.leave_out(MALFORMED, source, str(error))
            return
        if told is None:
            self._send(replies, address)
        elif self._communities is not None and told.version != "3" and told.community not in self._communities:
            self.leave_out(STRANGER, source, "another community")
        else:
            self._pass_on(told, source, [told.reply] if told.reply else replies, address)

    def _unlock(self, message: bytes, address: Any) -> tuple[Notification | None, list[bytes]]:
        if self._secured is None:
            raise Malformed("version 3, and the receiver has no users")
        return self._secured.take(message, address)

    def _pass_on(self, told: Notification, source: str, replies: list[bytes], address: Any) -> None:
        assert self._desk is not None and self._names is not None  # noqa: PT018 - both are there once it listens
        event = event_of(told, source, self._names, self._desk.now_ms())
        if replies:
            self._desk.accept(event, lambda: self._send(replies, address), told.request_id)
        else:
            self._desk.accept(event)

    def _send(self, replies: list[bytes], address: Any) -> None:
        for reply in replies:
            if self._datagrams is not None:
                self._datagrams.reply(reply, address)


def _names() -> Names:
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


def _communities_in(file: Path | None) -> frozenset[bytes] | None:
    """The lines of a file; None where there is no file, and any community is taken."""
    if file is None:
        return None
    try:
        found = frozenset(line.strip() for line in file.read_bytes().splitlines() if line.strip())
    except OSError as error:
        raise OSError(f"the communities file {file} cannot be read: {error.strerror}") from None
    if not found:
        raise ValueError(f"the communities file {file} is empty: nobody could send")
    return found
