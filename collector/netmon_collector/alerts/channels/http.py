"""Requests to URLs that somebody configured: guarded, bounded, without redirects."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from netmon_collector.alerts.channel import NotDelivered

Network = IPv4Network | IPv6Network

TIMEOUT_S: Final = 20.0
LARGEST_ANSWER: Final = 64 << 10
TOLD_CHARACTERS: Final = 300
_PASSES: Final = frozenset({408, 425, 429})
"""Statuses below 500 that say "later"."""


class Forbidden(OSError):
    """An address that nobody may be sent to by a configured URL."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses may be asked: all but those of this machine, of its links (where clouds keep their metadata),
    and those that are no host's; `allowed` are exceptions, and `option` names what says so."""

    allowed: tuple[Network, ...] = ()
    option: str = "alerting.allow_addresses"

    def check(self, text: str) -> None:
        """Raises Forbidden."""
        address = _plain(ip_address(text.partition("%")[0]))
        if any(address in network for network in self.allowed if network.version == address.version):
            return
        if (
            address.is_loopback
            or address.is_link_local
            or address.is_unspecified
            or address.is_multicast
            or address.is_reserved
        ):
            raise Forbidden(f"{address} may not be asked; {self.option} can allow it")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: no more of it than the client reads."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Http:
    """A client for all channels. Made within a running loop at its first request; `close` ends its connections."""

    guard: Guard = field(default_factory=Guard)
    timeout_s: float = TIMEOUT_S
    largest_answer: int = LARGEST_ANSWER
    _session: aiohttp.ClientSession | None = None

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", json: Any = None
    ) -> Answer:
        """One request; whatever the server answers. Raises NotDelivered where nothing could be asked, without the URL
        in its words: it may hold a secret. `json` is sent as UTF-8, in which a character takes four bytes at most: the
        limits of services are in bytes."""
        target = checked_url(url)
        if json is not None:
            body, headers = orjson.dumps(json), {"Content-Type": "application/json", **(headers or {})}
        try:
            self._check_literal(target)
            session = self._session = self._session or self._open()
            async with session.request(
                method, target, headers=headers, data=body or None, allow_redirects=False
            ) as answer:
                return Answer(answer.status, answer.headers.copy(), await self._beginning(answer))
        except Forbidden as error:
            raise NotDelivered(str(error), permanent=True) from None
        except TimeoutError:
            raise NotDelivered(f"{target.host} does not answer within {self.timeout_s:.0f} s") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, Forbidden):
                raise NotDelivered(str(error.os_error), permanent=True) from None
            raise NotDelivered(f"{target.host}: {error.os_error.strerror or error.os_error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotDelivered(f"{target.host}: {type(error).__name__}") from None

    async def deliver(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", json: Any = None
    ) -> Answer:
        """One request that the server takes. Raises NotDelivered: what is the fault of the request is permanent."""
        answer = await self.request(method, url, headers=headers, body=body, json=json)
        if answer.status < 300:
            return answer
        told = answer.body.decode(errors="replace").strip()[:TOLD_CHARACTERS]
        raise NotDelivered(
            f"{URL(url).host} answered {answer.status}{': ' + told if told else ''}",
            permanent=answer.status < 500 and answer.status not in _PASSES,
            retry_after_s=wait_s(answer),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _beginning(self, answer: aiohttp.ClientResponse) -> bytes:
        """As much of an answer's body as is read."""
        content = bytearray()
        async for piece in answer.content.iter_any():
            content += piece
            if len(content) >= self.largest_answer:
                break
        return bytes(content[: self.largest_answer])

    def _check_literal(self, url: URL) -> None:
        try:
            ip_address((url.host or "").partition("%")[0])
        except ValueError:
            return  # a name: the resolver checks what it resolves to
        self.guard.check(url.host or "")

    def _open(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_Resolver(self.guard), limit_per_host=8, ttl_dns_cache=30),
            timeout=aiohttp.ClientTimeout(total=self.timeout_s),
            headers={"User-Agent": "netmon"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )


class _Resolver(AbstractResolver):
    """Resolves names to addresses that may be asked; the connection goes to these, whatever a name says later."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._resolver = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        return _permitted(found, self._guard)

    async def close(self) -> None:
        await self._resolver.close()


def _permitted(found: Sequence[ResolveResult], guard: Guard) -> list[ResolveResult]:
    permitted, refused = [], None
    for one in found:
        try:
            guard.check(one["host"])
        except Forbidden as error:
            refused = error
        else:
            permitted.append(one)
    if not permitted and refused is not None:
        raise refused
    return permitted


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def checked_url(url: str) -> URL:
    """A URL that can be asked. Raises NotDelivered."""
    try:
        parsed = URL(url)
    except ValueError:
        raise NotDelivered("the URL is none", permanent=True) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise NotDelivered("the URL must begin with http:// or https://", permanent=True)
    return parsed


def wait_s(answer: Answer) -> float | None:
    """How long a server wants to be left alone, if it says so: in seconds, or by its own clock (RFC 9110, 10.2.3)."""
    text = answer.headers.get("Retry-After", "")
    if text.isdecimal() and len(text) < 8:
        return float(text)
    try:
        span = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(span.total_seconds(), 0.0)
