"""What all checks share: their job, what they ask, and how a name becomes an address."""

import asyncio
import re
import socket
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, cast

from pydantic import AfterValidator, Field, PrivateAttr

from netmon_agent.inputs.base import Columns, Input, Reading
from netmon_agent.inputs.checks.reach import permit
from netmon_configs.options import Duration

_FNV_OFFSET: Final = 0x811C9DC5
_FNV_PRIME: Final = 0x01000193

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""Of IPv4, or of IPv6 with flow and scope."""


def _is_host(host: str) -> str:
    if any(ord(one) < 0x21 or ord(one) == 0x7F for one in host):
        raise ValueError("must have no blank or control character in it")
    return host


Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_is_host)]
"""A name or an address."""


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"must be a regular expression: {error}") from None
    return text


Pattern = Annotated[str, Field(max_length=1000), AfterValidator(_is_pattern)]
"""A regular expression that is searched for in what answers."""
IpVersion = Literal[4, 6] | None
"""None means what the name has, as the system prefers."""
Port = Annotated[int, Field(ge=1, le=65535)]


class Wrong(Exception):
    """What answers is not what was expected; for people."""


class CannotCheck(Exception):
    """The check could not be made, and nothing is known of its target; for people."""


class Check(Input):
    """Asks targets whether they are well; names and meaning of the series are those of blackbox_exporter.

    A target that is down is `probe_success 0`. Each series has the label `target`; within an agent no two checks may
    have the same.
    """

    job: ClassVar[str] = "probe"

    @property
    @abstractmethod
    def probed(self) -> tuple[str, ...]:
        """The values of the label `target`."""

    @property
    def asked(self) -> Mapping[str, str]:
        """Hosts, as names or addresses, by the target that they are; without targets that are no host."""
        return {}


class Probe(Check):
    """A check of one target, within a time: whoever implements it says what it asks, and how."""

    awaited: ClassVar[str] = "answer"
    """What there was none of when the time is over; for people."""

    timeout_s: Duration = Field(default=5.0, alias="timeout", gt=0, le=60)

    _trouble: str | None = PrivateAttr(default=None)

    @property
    @abstractmethod
    def target(self) -> str:
        """The label `target`."""

    @abstractmethod
    async def probe(self, target: dict[str, str], told: list[Reading]) -> None:
        """Asks once, and puts into `told` what is known, however it ends; `target` is the label as one has it.

        Raises Wrong and OSError where the target is not well, CannotCheck where it could not be asked. It is ended
        after `limit_s`.
        """

    @property
    def limit_s(self) -> float:
        """When the whole check is ended; it is down then."""
        return self.timeout_s

    @property
    def title(self) -> str:
        return self.target[:128]

    @property
    def probed(self) -> tuple[str, ...]:
        return (self.target,)

    @property
    def trouble(self) -> str | None:
        return self._trouble

    async def gather(self, now_ms: int) -> Iterable[Columns | Reading]:
        target = {"target": self.target}
        told: list[Reading] = []
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.limit_s):
                await self.probe(target, told)
            self._trouble = None
        except TimeoutError:
            self._trouble = f"no {self.awaited} within {self.limit_s:g} s"
        except (Wrong, OSError) as error:
            self._trouble = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return [
            Reading("probe_success", target, float(self._trouble is None)),
            Reading("probe_duration_seconds", target, time.perf_counter() - started),
            *told,
        ]


class HostProbe(Probe):
    """A probe of a host by its name or address."""

    host: Host

    @property
    def asked(self) -> Mapping[str, str]:
        return {self.target: self.host}


class Way(NamedTuple):
    """The address that a name has, and how long the search took."""

    address: SocketAddress
    lookup_s: float

    @classmethod
    async def to(cls, host: str, port: int, ip_version: IpVersion = None) -> "Way":
        """Raises OSError."""
        started = time.perf_counter()
        address = await resolve(host, port, ip_version)
        return cls(address, time.perf_counter() - started)

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET if len(self.address) == 2 else socket.AF_INET6

    @property
    def host(self) -> str:
        """The address as text, with its zone where it has one."""
        zone = self.address[3] if len(self.address) == 4 else 0
        return f"{self.address[0]}%{zone}" if zone and "%" not in self.address[0] else self.address[0]

    def about(self, target: dict[str, str]) -> list[Reading]:
        return [
            Reading("probe_dns_lookup_time_seconds", target, self.lookup_s),
            Reading("probe_ip_protocol", target, 4.0 if len(self.address) == 2 else 6.0),
            Reading("probe_ip_addr_hash", target, address_hash(self.address)),
        ]


def address_hash(address: SocketAddress) -> float:
    """Changes when the address does: FNV-1a of 32 bits over the packed address, as blackbox_exporter has it."""
    total = _FNV_OFFSET
    for one in ip_address(address[0].partition("%")[0]).packed:
        total = (total ^ one) * _FNV_PRIME & 0xFFFFFFFF
    return float(total)


def url_of(scheme: str, host: str, port: int) -> str:
    """A target as it is written: scheme://host:port, IPv6 in brackets."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def resolve(host: str, port: int = 0, ip_version: IpVersion = None) -> SocketAddress:
    """The first address of a name, as the system sorts them. Raises OSError, Forbidden."""
    family = {4: socket.AF_INET, 6: socket.AF_INET6, None: socket.AF_UNSPEC}[ip_version]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"{host!r} is no name that could have an address") from None
    address = cast(SocketAddress, found[0][4])
    permit(address[0])
    return address


def literal(host: str, port: int = 0) -> SocketAddress | None:
    """The address that is written out; None where it is a name, or of a zone. Raises Forbidden."""
    try:
        parsed = ip_address(host)
    except ValueError:
        return None
    permit(host)
    if parsed.version == 4:
        return str(parsed), port
    return None if parsed.scope_id else (str(parsed), port, 0, 0)
