"""Which handles are one device, what people were asked, and what was decided; and the ports of each device."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from netmon_collector.identity.ports import KnownPort, PortFacts
from netmon_collector.identity.questions import Questions
from netmon_collector.identity.records import Entry, Kind, Proposal, Source, State
from netmon_collector.identity.registry import MOST_LOGGED, Registry
from netmon_collector.identity.witness import Witnesses
from netmon_collector.state.database import reading
from netmon_collector.state.schema import (
    identity_apart,
    identity_log,
    identity_ports,
    identity_proposals,
    identity_sources,
)


class KeptIdentity:
    """The registry of a state database. Calls are short and synchronous."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self) -> Registry:
        """All that was kept."""
        with reading(self._engine) as connection:
            sources = [_source(*row) for row in connection.execute(select(identity_sources))]
            proposals = [_proposal(*row) for row in connection.execute(select(identity_proposals).order_by("number"))]
            newest = select(identity_log).order_by(identity_log.c.number.desc()).limit(MOST_LOGGED)
            log = [_entry(*row) for row in connection.execute(newest)][::-1]
            apart = {frozenset(row) for row in connection.execute(select(identity_apart))}
        return Registry(
            {one.handle: one for one in sources}, Questions({one.number: one for one in proposals}), log, apart
        )

    def save(
        self,
        sources: Sequence[Source],
        gone: Sequence[str],
        proposals: Sequence[Proposal],
        entries: Sequence[Entry],
        apart: Iterable[frozenset[str]],
    ) -> None:
        """Keeps what has changed, all of it or nothing; of `apart` the whole is given."""
        with self._engine.begin() as connection:
            for table, column, keys in (
                (identity_sources, identity_sources.c.handle, [*gone, *(one.handle for one in sources)]),
                (identity_proposals, identity_proposals.c.number, [one.number for one in proposals]),
                (identity_log, identity_log.c.number, [one.number for one in entries]),
            ):
                for key in keys:
                    connection.execute(delete(table).where(column == key))
            if gone:
                connection.execute(delete(identity_ports).where(identity_ports.c.handle.in_(gone)))
            connection.execute(delete(identity_apart))
            for table, values in (
                (identity_sources, [_source_row(one) for one in sources]),
                (identity_proposals, [_proposal_row(one) for one in proposals]),
                (identity_log, [_entry_row(one) for one in entries]),
                (identity_apart, [{"one": min(pair), "another": max(pair)} for pair in apart]),
            ):
                if values:
                    connection.execute(insert(table), values)

    def ports(self) -> dict[str, dict[str, KnownPort]]:
        """The ports of all devices, by handle and key."""
        found: dict[str, dict[str, KnownPort]] = {}
        with reading(self._engine) as connection:
            for handle, key, facts, first_ms, last_ms in connection.execute(select(identity_ports)):
                known = KnownPort(key, PortFacts(**json.loads(facts)), first_ms, last_ms)
                found.setdefault(handle, {})[key] = known
        return found

    def save_ports(self, handle: str, ports: Sequence[KnownPort], gone: Sequence[str] = ()) -> None:
        """Keeps ports of a device in the place of those of the same keys, and drops those of other keys."""
        values = [
            {
                "handle": handle,
                "key": one.key,
                "facts": json.dumps(asdict(one.facts)),
                "first_seen_ms": one.first_seen_ms,
                "last_seen_ms": one.last_seen_ms,
            }
            for one in ports
        ]
        table = identity_ports
        with self._engine.begin() as connection:
            for key in [*gone, *(one.key for one in ports)]:
                connection.execute(delete(table).where(table.c.handle == handle, table.c.key == key))
            if values:
                connection.execute(insert(table), values)


def _source(handle: str, record: str, site: str, told: str, first_ms: int, last_ms: int) -> Source:
    return Source(handle, record, site, Witnesses.from_json(json.loads(told)), first_ms, last_ms)


def _source_row(one: Source) -> dict[str, Any]:
    return {
        "handle": one.handle,
        "record": one.record,
        "site": one.site,
        "witnesses": json.dumps(one.witnesses.as_json()),
        "first_seen_ms": one.first_seen_ms,
        "last_seen_ms": one.last_seen_ms,
    }


def _proposal(
    number: int,
    kind: str,
    subject: str,
    other: str,
    sureness: float,
    reasons: str,
    opened_ms: int,
    state: str,
    decided_ms: int | None,
    by: str,
) -> Proposal:
    words = tuple(json.loads(reasons))
    return Proposal(number, Kind(kind), subject, other, sureness, words, opened_ms, State(state), decided_ms, by)


def _proposal_row(one: Proposal) -> dict[str, Any]:
    return {
        **asdict(one),
        "kind": one.kind.value,
        "state": one.state.value,
        "reasons": json.dumps(one.reasons),
    }


def _entry(
    number: int,
    time_ms: int,
    action: str,
    handle: str,
    record: str,
    reasons: str,
    by: str,
    came_with: str,
    undone_ms: int | None,
) -> Entry:
    words, others = tuple(json.loads(reasons)), tuple(json.loads(came_with))
    return Entry(number, time_ms, action, handle, record, words, by, others, undone_ms)


def _entry_row(one: Entry) -> dict[str, Any]:
    return {**asdict(one), "reasons": json.dumps(one.reasons), "came_with": json.dumps(one.came_with)}
