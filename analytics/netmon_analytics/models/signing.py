"""Who asks, proved with a key that both know: HMAC-SHA-256 (RFC 2104) over all of a request that matters.

What is signed is five lines: method, path with query, seconds since 1970, a nonce, and the body's SHA-256 in
hexadecimal digits. A request counts for a few minutes and once.
"""

import hashlib
import hmac
from collections.abc import Iterable
from threading import Lock
from typing import Final, Protocol

TIME, NONCE, SIGNATURE = "X-Netmon-Time", "X-Netmon-Nonce", "X-Netmon-Signature"
WINDOW_S: Final = 300.0
"""How far two clocks may be apart, and how long a nonce is remembered."""
MOST_NONCES: Final = 100_000
LONGEST_NONCE: Final = 64
SHORTEST_KEY: Final = 16


class Headers(Protocol):
    """Headers of a request, as any server for HTTP has them."""

    def items(self) -> Iterable[tuple[str, str]]: ...


class NotGenuine(Exception):
    """A request that is not signed with the key, is too old, or was there before; says which."""


def sign(key: str, method: str, path: str, body: bytes, now_s: float, nonce: str) -> dict[str, str]:
    """The headers of a signed request. nonce: text that no other request has, such as 32 random hexadecimal digits."""
    time = str(int(now_s))
    return {TIME: time, NONCE: nonce, SIGNATURE: f"sha256={_digest(key, method, path, time, nonce, body)}"}


class Verifier:
    """Knows genuine requests; one for all threads of a server, since it remembers which requests there were."""

    def __init__(self, key: str, window_s: float = WINDOW_S) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"a key has at least {SHORTEST_KEY} characters")
        self._key = key
        self._window_s = window_s
        self._seen: dict[str, float] = {}
        self._turn = Lock()

    def verify(self, method: str, path: str, headers: Headers, body: bytes, now_s: float) -> None:
        """Raises NotGenuine. path: as it was asked for, with its query. now_s: the clock."""
        named = {name.lower(): value for name, value in headers.items()}
        time, nonce, given = (named.get(name.lower(), "") for name in (TIME, NONCE, SIGNATURE))
        if not (time and nonce and given):
            raise NotGenuine(f"the request is not signed: {TIME}, {NONCE} and {SIGNATURE} are needed")
        expected = f"sha256={_digest(self._key, method, path, time, nonce, body)}"
        if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
            raise NotGenuine("the signature is not that of this request and this key")
        if not time.isdecimal() or len(time) > 15 or len(nonce) > LONGEST_NONCE:
            raise NotGenuine("the time or the nonce cannot be")
        if abs(now_s - int(time)) > self._window_s:
            raise NotGenuine(
                f"the request is {now_s - int(time):.0f} s old by this clock; {self._window_s:.0f} s count"
            )
        self._once(nonce, int(time), now_s)

    def _once(self, nonce: str, time_s: float, now_s: float) -> None:
        with self._turn:
            if nonce in self._seen:
                raise NotGenuine("the request was there before")
            if len(self._seen) >= MOST_NONCES:
                self._seen = {one: until_s for one, until_s in self._seen.items() if until_s >= now_s}
            if len(self._seen) >= MOST_NONCES:
                raise NotGenuine("there were too many requests within a few minutes")
            self._seen[nonce] = time_s + self._window_s


def _digest(key: str, method: str, path: str, time: str, nonce: str, body: bytes) -> str:
    lines = "\n".join((method.upper(), path, time, nonce, hashlib.sha256(body).hexdigest()))
    return hmac.new(key.encode(), lines.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()
