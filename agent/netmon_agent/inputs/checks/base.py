"""What all checks share: their job, what they ask, and how a name becomes an address."""

import asyncio
import socket
from abc import abstractmethod
from ipaddress import ip_address
from typing import Annotated, ClassVar, Literal, cast

from pydantic import AfterValidator, Field

from netmon_agent.inputs.base import Input

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""Of IPv4, or of IPv6 with flow and scope."""


def _is_host(host: str) -> str:
    if any(ord(one) < 0x21 or ord(one) == 0x7F for one in host):
        raise ValueError("must have no blank or control character in it")
    return host


Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_is_host)]
"""A name or an address."""


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


async def resolve(host: str, port: int = 0, ip_version: Literal[4, 6] | None = None) -> SocketAddress:
    """The first address of a name, as the system sorts them. Raises OSError."""
    family = {4: socket.AF_INET, 6: socket.AF_INET6, None: socket.AF_UNSPEC}[ip_version]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"{host!r} is no name that could have an address") from None
    return cast(SocketAddress, found[0][4])


def literal(host: str, port: int = 0) -> SocketAddress | None:
    """The address that is written out; None where it is a name, or of a zone."""
    try:
        parsed = ip_address(host)
    except ValueError:
        return None
    if parsed.version == 4:
        return str(parsed), port
    return None if parsed.scope_id else (str(parsed), port, 0, 0)
