"""The few calls to systemd's D-Bus interface that we make (org.freedesktop.systemd1(5))."""

import socket
from contextlib import suppress
from typing import Any, NamedTuple

from jeepney import DBusAddress, HeaderFields, Message, MessageType, Properties, new_method_call
from jeepney.bus import get_bus
from jeepney.io.blocking import DBusConnection, prep_socket

_BUS_NAME = "org.freedesktop.systemd1"
_MANAGER = DBusAddress("/org/freedesktop/systemd1", _BUS_NAME, f"{_BUS_NAME}.Manager")
_TYPED = {"service": f"{_BUS_NAME}.Service", "mount": f"{_BUS_NAME}.Mount"}


class Refused(Exception):
    """systemd, or the bus, answered with an error."""


class Unit(NamedTuple):
    """A unit as ListUnits tells it."""

    name: str
    load_state: str
    active_state: str
    path: str

    @property
    def has_type(self) -> bool:
        return self.name.rpartition(".")[2] in _TYPED


class Manager:
    """systemd, over a connection that is opened when it is needed.

    All calls but `break_off` come from one thread at a time, and wait `timeout_s` at most, except the greeting of a new
    connection, for which the library has no limit. After an exception call `close`.
    """

    def __init__(self, address: str, timeout_s: float) -> None:
        """`address` is a D-Bus address, or SYSTEM for the bus of the system."""
        self._address = address
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._connection: DBusConnection | None = None

    def units(self) -> list[Unit]:
        """All units in memory."""
        (rows,) = self._call(new_method_call(_MANAGER, "ListUnits"))
        return [Unit(row[0], row[2], row[3], row[6]) for row in rows]

    def get(self, name: str) -> str:
        """A property of the manager."""
        return self._property(_MANAGER, name)

    def type_of(self, unit: Unit) -> str:
        """The type of a service (`notify`) or of a mount (`ext4`); empty for a unit that has just gone."""
        interface = _TYPED[unit.name.rpartition(".")[2]]
        try:
            return self._property(DBusAddress(unit.path, _BUS_NAME, interface), "Type")
        except Refused:
            return ""

    def break_off(self) -> None:
        """Makes a call that still waits, in another thread, fail."""
        waiting = self._socket
        if waiting is not None:
            with suppress(OSError):  # closed in the meantime
                waiting.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        elif self._socket is not None:
            self._socket.close()
        self._connection = self._socket = None

    def _property(self, address: DBusAddress, name: str) -> str:
        ((_, value),) = self._call(Properties(address).get(name))
        return str(value)

    def _call(self, message: Message) -> Any:
        if self._connection is None:
            self._socket = prep_socket(get_bus(self._address), timeout=self._timeout_s)
            self._connection = DBusConnection(self._socket)
        reply = self._connection.send_and_get_reply(message, timeout=self._timeout_s)
        if reply.header.message_type is MessageType.error:
            raise Refused(f"{reply.header.fields.get(HeaderFields.error_name)}: {reply.body}")
        return reply.body
