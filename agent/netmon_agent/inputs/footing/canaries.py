"""Whether the host still has its network: what it must always reach, its gateway first."""

import asyncio
import ipaddress
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, PrivateAttr

from netmon_agent.icmp.pinger import Pinger, Plan
from netmon_agent.icmp.wire import Targets
from netmon_agent.inputs.base import Input, Reading
from netmon_agent.inputs.checks.base import Host, SocketAddress, resolve
from netmon_configs.options import Duration

GATEWAY: Final = "gateway"
ROUTES: Final = Path("/proc/net/route")
ROUTES_6: Final = Path("/proc/net/ipv6_route")
_IS_UP_GATEWAY: Final = 0x0003
"""RTF_UP and RTF_GATEWAY of linux/route.h."""


class CanariesInput(Input):
    """Pings what this host must always reach; where all of it is silent, the host has lost its own network.

    `gateway` is that of the default route, of IPv4 where there is one, else of IPv6; without such a route it is silent
    too.
    """

    job: ClassVar[str] = "probe"

    type: Literal["canaries"]
    targets: Annotated[tuple[Host, ...], Field(min_length=1, max_length=16)] = (GATEWAY,)
    timeout_s: Duration = Field(default=2.0, alias="timeout", gt=0, le=60)

    _pinger: Pinger | None = PrivateAttr(default=None)

    async def gather(self, now_ms: int) -> Iterable[Reading]:
        addresses = await asyncio.gather(*(self._address(target) for target in self.targets))
        known = sorted({address for address in addresses if address is not None})
        answered: set[SocketAddress] = set()
        if known:
            if self._pinger is None:
                self._pinger = Pinger()
            done = await self._pinger.ping(Plan(Targets(known), count=2, timeout_s=self.timeout_s))
            answered = {one for place, one in enumerate(known) if max(done.rtt_ns[place :: len(known)]) >= 0}
        return [
            Reading("netmon_canary_success", {"target": target}, float(address in answered))
            for target, address in zip(self.targets, addresses, strict=True)
        ]

    async def close(self) -> None:
        if self._pinger is not None:
            self._pinger.close()

    async def _address(self, target: str) -> SocketAddress | None:
        address = await asyncio.to_thread(_gateway) if target == GATEWAY else target
        if address is None:
            return None
        try:
            async with asyncio.timeout(self.timeout_s):
                return await resolve(address)
        except OSError:  # no such name, nobody to ask, timed out: a canary that is silent
            return None


def _gateway() -> str | None:
    gateway = gateway_of(ROUTES.read_text())
    if gateway is None and ROUTES_6.exists():
        gateway = gateway_6_of(ROUTES_6.read_text())
    return gateway


def gateway_of(routes: str) -> str | None:
    """The gateway of the default route with the lowest metric, by the kernel's table of IPv4 routes."""
    found = []
    for line in routes.splitlines()[1:]:
        _, destination, gateway, flags, _, _, metric, mask = line.split()[:8]
        if destination == mask == "00000000" and int(flags, 16) & _IS_UP_GATEWAY == _IS_UP_GATEWAY:
            packed = struct.pack("=L", int(gateway, 16))
            found.append((int(metric), str(ipaddress.IPv4Address(packed))))
    return min(found)[1] if found else None


def gateway_6_of(routes: str) -> str | None:
    """The same by the kernel's table of IPv6 routes, with the link that a link-local address is on."""
    found = []
    for line in routes.splitlines():
        destination, length, _, _, gateway, metric, _, _, flags, link = line.split()
        if int(destination, 16) == int(length, 16) == 0 and int(flags, 16) & _IS_UP_GATEWAY == _IS_UP_GATEWAY:
            address = ipaddress.IPv6Address(int(gateway, 16))
            found.append((int(metric, 16), f"{address}%{link}" if address.is_link_local else str(address)))
    return min(found)[1] if found else None
