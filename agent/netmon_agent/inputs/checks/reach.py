"""Which addresses a check may ask, after names were looked up and redirects followed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Network = IPv4Network | IPv6Network


class Forbidden(Exception):
    """An address that a check may not ask; for people."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Networks of which a check may ask, all where `allow` is empty, and those of which it may not all the same."""

    allow: Sequence[Network] = ()
    deny: Sequence[Network] = ()

    def check(self, address: str) -> None:
        """Raises Forbidden."""
        asked = ip_address(address.partition("%")[0])
        if isinstance(asked, IPv6Address) and asked.ipv4_mapped is not None:
            asked = asked.ipv4_mapped
        forbidding = next((one for one in self.deny if asked in one), None)
        if forbidding is not None:
            raise Forbidden(f"{asked} may not be asked: its agent has {forbidding} in assigned_checks.deny_addresses")
        if self.allow and not any(asked in one for one in self.allow):
            raise Forbidden(f"{asked} may not be asked: it is not in assigned_checks.allow_addresses of its agent")


_REACH: Final[ContextVar[Reach | None]] = ContextVar("reach", default=None)
"""Of the check that is being made. Each is made in a task of its own."""


@contextmanager
def within(reach: Reach) -> Iterator[None]:
    """What is asked in this block is asked within a reach."""
    before = _REACH.set(reach)
    try:
        yield
    finally:
        _REACH.reset(before)


def permit(address: str) -> None:
    """To be called before anything is sent to an address. Raises Forbidden."""
    reach = _REACH.get()
    if reach is not None:
        reach.check(address)
