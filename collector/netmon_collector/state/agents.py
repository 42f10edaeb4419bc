"""The agents that this collector knows, and the handle under which each one's samples are kept."""

import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from itertools import chain, count

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from netmon_collector.state.database import reading
from netmon_collector.state.schema import agents
from netmon_proto.model import Hello

_LONGEST_HANDLE = 253


class KeyMismatch(Exception):
    """Somebody else says hello under a known agent's id."""


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent. `instance` never changes; `name` is for people and follows the hostname until somebody renames it."""

    agent_id: str
    instance: str
    hostname: str
    name: str
    version: str
    platform: str
    interval_ms: int
    first_seen_ms: int
    last_seen_ms: int


_RECORD = [agents.c[field.name] for field in fields(AgentRecord)]


class Agents:
    """The agents of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def admit(self, hello: Hello, now_ms: int) -> AgentRecord:
        """The record of the agent that says hello, made or brought up to date; raises KeyMismatch."""
        key_hash = sha256(hello.agent_key).digest()
        with self._engine.begin() as connection:
            row = connection.execute(
                select(agents.c.key_hash, *_RECORD).where(agents.c.agent_id == hello.agent_id)
            ).one_or_none()
            if row is None:
                record = _first_record(hello, _free_handle(connection, hello.hostname), now_ms)
                connection.execute(insert(agents).values(key_hash=key_hash, **asdict(record)))
                return record
            known_hash, *values = row
            if not hmac.compare_digest(key_hash, known_hash):
                raise KeyMismatch(f"agent {hello.agent_id} is known with another key")
            record = _newer_record(AgentRecord(*values), hello, now_ms)
            connection.execute(update(agents).where(agents.c.agent_id == hello.agent_id).values(asdict(record)))
            return record

    def all(self) -> list[AgentRecord]:
        """All agents ever admitted, sorted by instance."""
        with reading(self._engine) as connection:
            found = [AgentRecord(*row) for row in connection.execute(select(*_RECORD))]
        return sorted(found, key=lambda one: one.instance)  # not by the database, whose order depends on its locale

    def seen(self, heard_ms: Mapping[str, int]) -> None:
        """Notes when agents were last heard of, by their ids; an unknown id is nobody's."""
        if not heard_ms:
            return
        rows = [{"id": agent_id, "at": at_ms} for agent_id, at_ms in heard_ms.items()]
        statement = update(agents).where(agents.c.agent_id == bindparam("id")).values(last_seen_ms=bindparam("at"))
        with self._engine.begin() as connection:
            connection.execute(statement, rows)


def handle_of(hostname: str) -> str:
    """A hostname as a handle: lower case, of letters, digits, `.`, `_` and `-`, at most 253 characters."""
    cleaned = re.sub(r"[^a-z0-9._-]+", "-", hostname.lower())[:_LONGEST_HANDLE].strip(".-")
    return cleaned or "host"


def first_free(handle: str, taken: Collection[str]) -> str:
    """The handle, or the first of handle-2, handle-3, … that nobody has."""
    suffixes = chain([""], (f"-{number}" for number in count(2)))
    candidates = (handle[: _LONGEST_HANDLE - len(suffix)] + suffix for suffix in suffixes)
    return next(candidate for candidate in candidates if candidate not in taken)


def _free_handle(connection: Connection, hostname: str) -> str:
    handle = handle_of(hostname)
    stem = handle[: _LONGEST_HANDLE - 20]  # shorter than what any suffix leaves of it
    similar = agents.c.instance.startswith(stem, autoescape=True)
    return first_free(handle, set(connection.scalars(select(agents.c.instance).where(similar))))


def _first_record(hello: Hello, instance: str, now_ms: int) -> AgentRecord:
    return AgentRecord(
        agent_id=hello.agent_id,
        instance=instance,
        hostname=hello.hostname,
        name=hello.hostname,
        version=hello.version,
        platform=hello.platform,
        interval_ms=hello.interval_ms,
        first_seen_ms=now_ms,
        last_seen_ms=now_ms,
    )


def _newer_record(known: AgentRecord, hello: Hello, now_ms: int) -> AgentRecord:
    return replace(
        known,
        hostname=hello.hostname,
        name=hello.hostname if known.name == known.hostname else known.name,
        version=hello.version,
        platform=hello.platform,
        interval_ms=hello.interval_ms,
        last_seen_ms=now_ms,
    )
