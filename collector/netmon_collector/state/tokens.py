"""Tokens: for the API, for all of it, for agents that join, for programs that write samples, or for one heartbeat.

Shown once when issued; only their hashes are kept.
"""

import hmac
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Literal

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.state.database import reading
from netmon_collector.state.schema import tokens

Purpose = Literal["api", "admin", "join", "write", "beat"]

_PREFIXES: dict[Purpose, str] = {"api": "nmt_", "admin": "nma_", "join": "nmj_", "write": "nmw_", "beat": "nmb_"}
_FRESH_MS = 2000
"""How long a token that another process revoked may go unnoticed."""
_UNKNOWN_MS = 100
"""How often a token that is not known asks the database at most: another process may just have issued it."""


class Tokens:
    """The tokens of a state database. Calls are short; `verify` asks the database every two seconds at most, and ten
    times a second while tokens are presented that are not known."""

    def __init__(self, engine: Engine, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._now_ms = now_ms
        self._hashes: dict[str, list[bytes]] = {}
        self._read_ms: int | None = None
        self._used_ms: dict[bytes, int] = {}
        self._good: dict[tuple[Purpose, str, str], bytes] = {}
        """Tokens that were found good since the database was asked, by what for; with their hashes."""

    def ensure(self, purpose: Purpose) -> str | None:
        """Issues the first token of a purpose; None where there is one already."""
        self._read()
        return None if self._hashes.get(purpose) else self.issue(purpose)

    def issue(self, purpose: Purpose, name: str = "") -> str:
        """A new token: a prefix that tells its purpose, and 256 random bits. It can't be shown again."""
        token = _PREFIXES[purpose] + secrets.token_urlsafe(32)
        row = {"purpose": purpose, "name": name, "hash": _hash(token), "created_ms": self._now_ms()}
        with self._engine.begin() as connection:
            connection.execute(insert(tokens).values(row))
        self._read_ms = None
        return token

    def verify(self, purpose: Purpose, token: str, name: str = "") -> bool:
        """Whether a token is good for a purpose, or for the heartbeat of a name; the time that it takes tells nothing
        about the tokens there are."""
        if not token.startswith(_PREFIXES[purpose]):
            return False
        now_ms = self._now_ms()
        self._read_after(_FRESH_MS, now_ms)
        presented = self._good.get((purpose, token, name))
        if presented is None:
            presented = _hash(token)
            if not self._is_known(purpose, name, presented):
                self._read_after(_UNKNOWN_MS, now_ms)
                if not self._is_known(purpose, name, presented):
                    return False
            self._good[purpose, token, name] = presented
        self._used_ms[presented] = now_ms
        return True

    def revoke(self, token: str) -> bool:
        """Makes a token worthless, here at once and in other processes within seconds; False if it was already."""
        with self._engine.begin() as connection:
            gone = connection.execute(delete(tokens).where(tokens.c.hash == _hash(token))).rowcount
        self._read_ms = None
        return gone > 0

    def revoke_named(self, purpose: Purpose, name: str) -> None:
        """Makes all tokens of a purpose and a name worthless."""
        with self._engine.begin() as connection:
            connection.execute(delete(tokens).where(tokens.c.purpose == purpose, tokens.c.name == name))
        self._read_ms = None

    def save_uses(self) -> None:
        """Writes down when tokens were last used; called now and then, since requests themselves write nothing."""
        used_ms, self._used_ms = self._used_ms, {}
        if not used_ms:
            return
        try:
            with self._engine.begin() as connection:
                for token_hash, at_ms in used_ms.items():
                    connection.execute(update(tokens).where(tokens.c.hash == token_hash).values(last_used_ms=at_ms))
        except SQLAlchemyError:
            self._used_ms = used_ms | self._used_ms
            raise

    def _is_known(self, purpose: Purpose, name: str, presented: bytes) -> bool:
        matches = [hmac.compare_digest(presented, known) for known in self._hashes.get(_key(purpose, name), ())]
        return any(matches)

    def _read_after(self, age_ms: int, now_ms: int) -> None:
        """Asks the database unless it was asked within `age_ms`. While it is away, the tokens that were known last are
        good. Raises SQLAlchemyError before that."""
        if self._read_ms is not None and 0 <= now_ms - self._read_ms < age_ms:
            return
        try:
            self._read()
        except SQLAlchemyError:
            if self._read_ms is None:
                raise
            self._read_ms = now_ms

    def _read(self) -> None:
        hashes: dict[str, list[bytes]] = {}
        with reading(self._engine) as connection:
            for purpose, name, token_hash in connection.execute(select(tokens.c.purpose, tokens.c.name, tokens.c.hash)):
                hashes.setdefault(_key(purpose, name), []).append(token_hash)
        self._hashes, self._good, self._read_ms = hashes, {}, self._now_ms()


def _key(purpose: str, name: str) -> str:
    """What a token is good for: names matter for heartbeats alone."""
    return f"{purpose}/{name}" if purpose == "beat" else purpose


def _hash(token: str) -> bytes:
    # No salt and no slow hash: 256 random bits can't be guessed or looked up. A header may hold lone surrogates.
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
