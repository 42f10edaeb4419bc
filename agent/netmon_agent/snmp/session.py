"""What a conversation with one device is, whoever carries it: gufo-snmp over the network, or a capture on disk."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Value = int | float | str | bytes
"""Numbers of all kinds; octet strings as bytes; OIDs and IP addresses as text."""

MOST_VALUES = 200_000
"""In one walk; a device that has more is walking in circles, or is nothing that we poll."""


class SnmpError(Exception):
    """A request failed; `permanent` where asking again can't help. As text, what happened, without the device."""

    def __init__(self, text: str, permanent: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent


class NoAnswer(SnmpError):
    """Nothing came back in time: the device is away, slow, or doesn't know who asks."""


class NotAllowed(SnmpError):
    """The device said that user, key or engine are wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(text, permanent=True)


class Broken(SnmpError):
    """The device answers in a way that can't be gone on with: OIDs that do not increase, bytes that are no SNMP."""

    def __init__(self, text: str, partial: Mapping[str, Value] | None = None) -> None:
        super().__init__(text, permanent=True)
        self.partial = partial or {}


class Vlans(Protocol):
    """A device whose tables differ from VLAN to VLAN."""

    can_be_asked: bool
    """False once it has been silent when it was asked so."""

    def within(self, vlan: str) -> "AbstractAsyncContextManager[Session]":
        """A conversation about what the device has in one VLAN."""
        ...


class Session(Protocol):
    """Asks one device, one request at a time. OIDs are digits with points, without one in front.

    Both methods raise SnmpError, and nothing else, when the device can't be asked.
    """

    async def get(self, oids: Sequence[str]) -> Mapping[str, Value]:
        """Values of single objects; those that the device doesn't have are left out."""

    async def walk(self, oid: str, rows: int = 0, most: int = MOST_VALUES) -> Mapping[str, Value]:
        """All values below `oid`, keyed by what follows it ("1", "10.0.0.1"), in the device's order.

        `rows` says how many to expect, such as another column of the table has; 0 where nothing is known. Where there
        are more than `most`, Broken holds the first ones.
        """
