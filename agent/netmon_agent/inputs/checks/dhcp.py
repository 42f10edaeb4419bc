"""Which DHCP servers offer an address on an interface (RFC 2131). It asks what there is, and takes nothing."""

import asyncio
import random
import socket
import struct
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, Field

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.base import CannotCheck, Probe, Wrong
from netmon_configs.options import Duration

_SERVER_PORT: Final = 67
_CLIENT_PORT: Final = 68
_BOOTP: Final = struct.Struct("!BBBB4sHH4s4s4s4s16s64s128s4s")
_MAGIC: Final = b"\x63\x82\x53\x63"
_BROADCAST: Final = 0x8000
_LEAST_BYTES: Final = 300
"""Some relays drop shorter ones (RFC 1542)."""
_DISCOVER, _OFFER = 1, 2
_MESSAGE_TYPE, _WANTED, _LEASE_TIME, _SERVER = 53, 55, 51, 54
_WHAT_CLIENTS_WANT: Final = bytes([1, 3, 6, 15, _LEASE_TIME, _SERVER])
_SIOCGIFHWADDR: Final = 0x8927
_MOST_MESSAGES: Final = 500
_MOST_SERVERS: Final = 20


class Offer(NamedTuple):
    """What a server would give."""

    server: str
    address: str
    lease_s: int | None


def _is_address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise ValueError("must be an address of IPv4, such as 192.0.2.1") from None


class DhcpInput(Probe):
    """Up when a server offers an address; where `servers` are told, one of them, and nobody else."""

    awaited = "offer"

    type: Literal["dhcp"]
    interface: str = Field(pattern=r"^[^\s/]{1,15}$")
    servers: tuple[Annotated[str, AfterValidator(_is_address)], ...] = Field(default=(), max_length=_MOST_SERVERS)
    listen_s: Duration = Field(default=2.0, alias="listen", ge=0.1, le=30)
    timeout_s: Duration = Field(default=5.0, alias="timeout", gt=0, le=60)

    @property
    def target(self) -> str:
        return f"dhcp://{self.interface}"

    @property
    def limit_s(self) -> float:
        return self.timeout_s + (self.listen_s if self.servers else 0.0)

    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        opened = _open(self.interface)
        try:
            offers = await self._listen(opened)
        finally:
            opened.close()
        told.append(Reading("probe_dhcp_servers", target, float(len(offers))))
        for offer, took_s in offers.values():
            labels = target | {"server": offer.server}
            told.append(Reading("probe_dhcp_offer_duration_seconds", labels, took_s))
            if offer.lease_s is not None:
                told.append(Reading("probe_dhcp_lease_seconds", labels, float(offer.lease_s)))
        if self.servers and (others := sorted(set(offers) - set(self.servers))):
            raise Wrong(f"{', '.join(others)} offers addresses too, and is not one of 'servers'")

    async def _listen(self, opened: socket.socket) -> dict[str, tuple[Offer, float]]:
        """The first offer, or with `servers` all that come within a time of it, and how long each took."""
        loop = asyncio.get_running_loop()
        transaction, hardware = random.SystemRandom().randbytes(4), _hardware_address(opened, self.interface)
        started, found = time.perf_counter(), dict[str, tuple[Offer, float]]()
        await loop.sock_sendto(opened, discover(transaction, hardware), ("255.255.255.255", _SERVER_PORT))
        for _ in range(_MOST_MESSAGES):
            left_s = started + self.listen_s - time.perf_counter() if found else None
            if left_s is not None and (left_s <= 0 or not self.servers):
                break
            try:
                async with asyncio.timeout(left_s):
                    data, source = await loop.sock_recvfrom(opened, 4096)
            except TimeoutError:
                break
            offer = read_offer(data, transaction, hardware, source[0])
            if offer is not None and len(found) < _MOST_SERVERS:
                found.setdefault(offer.server, (offer, time.perf_counter() - started))
        if not found:
            raise Wrong(f"{_MOST_MESSAGES} messages came and none was an offer")
        return found


def discover(transaction: bytes, hardware: bytes) -> bytes:
    """Asks all servers for an offer, to be answered by broadcast."""
    head = _BOOTP.pack(
        1, 1, len(hardware), 0, transaction, 0, _BROADCAST, b"", b"", b"", b"", hardware, b"", b"", _MAGIC
    )
    options = bytes([_MESSAGE_TYPE, 1, _DISCOVER, _WANTED, len(_WHAT_CLIENTS_WANT)]) + _WHAT_CLIENTS_WANT + b"\xff"
    return (head + options).ljust(_LEAST_BYTES, b"\0")


def read_offer(data: bytes, transaction: bytes, hardware: bytes, source: str) -> Offer | None:
    """None where it is no offer to this question."""
    if len(data) < _BOOTP.size:
        return None
    operation, _, _, _, number, _, _, _, address, _, _, client, _, _, magic = _BOOTP.unpack_from(data)
    if (operation, number, client[: len(hardware)], magic) != (2, transaction, hardware, _MAGIC):
        return None
    options = dict(_options(data, _BOOTP.size))
    if options.get(_MESSAGE_TYPE) != bytes([_OFFER]):
        return None
    server, lease = options.get(_SERVER, b""), options.get(_LEASE_TIME, b"")
    return Offer(
        str(IPv4Address(server)) if len(server) == 4 else source,
        str(IPv4Address(address)),
        int.from_bytes(lease, "big") if len(lease) == 4 else None,
    )


def _options(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """As far as they are whole."""
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        if at + 1 >= len(data):
            return
        end = at + 2 + data[at + 1]
        if end > len(data):
            return
        yield data[at], data[at + 2 : end]
        at = end


def _open(interface: str) -> socket.socket:
    """A socket that sends and hears on this interface alone. Raises CannotCheck."""
    if sys.platform != "linux":
        raise CannotCheck("DHCP can be checked on Linux alone")
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # beside this machine's own client
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        opened.bind(("", _CLIENT_PORT))
    except PermissionError:
        opened.close()
        raise CannotCheck(
            "this user may not listen at port 68, where answers come: it needs CAP_NET_BIND_SERVICE"
        ) from None
    except OSError as error:
        opened.close()
        raise CannotCheck(f"the interface {interface} cannot be used: {error.strerror}") from None
    return opened


def _hardware_address(opened: socket.socket, interface: str) -> bytes:
    """Raises OSError."""
    import fcntl  # not on every system

    answer = fcntl.ioctl(opened, _SIOCGIFHWADDR, struct.pack("16s24x", interface.encode()))
    return answer[18:24]
