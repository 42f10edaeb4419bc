"""When hosts on the same links last answered, as the kernel knows it from ARP and neighbour discovery."""

import asyncio
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import ClassVar, Final, Literal, NamedTuple

from pydantic import Field

from netmon_agent.inputs.base import Input, Reading
from netmon_configs.options import Duration

_REQUEST: Final = struct.pack("=LHHLL", 28, 30, 0x301, 1, 0) + struct.pack("=BBHiHBB", 0, 0, 0, 0, 0, 0, 0)
"""RTM_GETNEIGH with NLM_F_REQUEST | NLM_F_DUMP, and an empty ndmsg (rtnetlink(7))."""
_DONE, _ERROR, _NEW_NEIGHBOUR = 3, 2, 28
_ADDRESS, _CACHE = 1, 3
_ONCE_SEEN: Final = 0x02 | 0x04 | 0x08 | 0x10
"""NUD_REACHABLE, STALE, DELAY, PROBE: all that had an answer once."""
_BUFFER_BYTES: Final = 1 << 16


class Neighbour(NamedTuple):
    """An address on a link of this host, and how long ago it answered last."""

    address: str
    age_s: float


class NeighboursInput(Input):
    """Tells how long ago each neighbour was confirmed, of those that were so of late.

    Nobody is asked: the kernel asks itself when something is sent to an address, such as a ping.
    """

    job: ClassVar[str] = "probe"

    type: Literal["neighbours"]
    within_s: Duration = Field(default=300.0, alias="within", gt=0, le=3600)
    most: int = Field(default=2_000, ge=1, le=20_000)

    async def gather(self, now_ms: int) -> Iterable[Reading]:
        found = await asyncio.to_thread(lambda: list(neighbours()))
        ages_s: dict[str, float] = {}
        for one in found:
            ages_s[one.address] = min(one.age_s, ages_s.get(one.address, one.age_s))
        fresh = sorted((age_s, address) for address, age_s in ages_s.items() if age_s <= self.within_s)
        return [
            Reading("netmon_neighbour_confirmed_age_seconds", {"address": address}, age_s)
            for age_s, address in fresh[: self.most]
        ]


def neighbours() -> Iterator[Neighbour]:
    """All that the kernel has in its tables now. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as asked:
        asked.settimeout(5.0)
        asked.send(_REQUEST)
        while True:
            for kind, content in _messages(asked.recv(_BUFFER_BYTES)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    number = -struct.unpack_from("=i", content)[0]
                    raise OSError(number, os.strerror(number))
                if kind == _NEW_NEIGHBOUR and (found := parse(content)) is not None:
                    yield found


def parse(content: bytes) -> Neighbour | None:
    """One neighbour of the kernel's; None for one that never answered, or that is none that could."""
    (state,) = struct.unpack_from("=H", content, 8)
    if not state & _ONCE_SEEN:
        return None
    attributes = dict(_attributes(content[12:]))
    if _ADDRESS not in attributes or _CACHE not in attributes:
        return None
    (confirmed,) = struct.unpack_from("=L", attributes[_CACHE])
    return Neighbour(str(ip_address(attributes[_ADDRESS])), confirmed / os.sysconf("SC_CLK_TCK"))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 16:
        length, kind = struct.unpack_from("=LH", data)
        if length < 16:
            return
        yield kind, data[16:length]
        data = data[length + 3 & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            return
        yield kind, data[4:length]
        data = data[length + 3 & ~3 :]
