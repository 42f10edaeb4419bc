"""The map over time in SQL: the periods in which each link was there, and where each host has been."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, insert, or_, select, true, update
from sqlalchemy.engine import Row

from netmon_collector.state.database import reading
from netmon_collector.state.schema import map_links, map_stays
from netmon_collector.topology.graph import End, Evidence, Layer, Link
from netmon_collector.topology.history import Changes, Stay
from netmon_collector.topology.vlans import Vlans, ranges, read_ranges

MOST_KEPT = 1_000_000
"""Rows of the past, of links and of stays each: devices that tell something else every time fill no disk."""
MOST_ROWS = 10_000
"""What one question is answered with at most."""


class KeptMap:
    """The links and stays of a state database. Calls are synchronous; those about hosts may be long."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def links(self) -> list[Link]:
        """The links that are there."""
        with reading(self._engine) as connection:
            return [_link(row) for row in connection.execute(select(map_links).where(map_links.c.gone_ms.is_(None)))]

    def links_at(self, time_ms: int) -> list[Link]:
        """The links that were there at a time."""
        was = (map_links.c.first_seen_ms <= time_ms) & or_(map_links.c.gone_ms.is_(None), map_links.c.gone_ms > time_ms)
        with reading(self._engine) as connection:
            return [_link(row) for row in connection.execute(select(map_links).where(was))]

    def changes(self, since_ms: int, until_ms: int) -> list[tuple[Link, int | None]]:
        """Links that came or went in a time, with the time when they went; by the time of what happened last."""
        happened = map_links.c.first_seen_ms.between(since_ms, until_ms) | map_links.c.gone_ms.between(
            since_ms, until_ms
        )
        statement = select(map_links).where(happened).order_by(map_links.c.number.desc()).limit(MOST_ROWS)
        with reading(self._engine) as connection:
            return [(_link(row), row.gone_ms) for row in connection.execute(statement)]

    def save_links(self, changes: Changes, now_ms: int) -> None:
        """Keeps what a drawing changed."""
        with self._engine.begin() as connection:
            for link in changes.went:
                connection.execute(update(map_links).where(_is_open(link)).values(gone_ms=now_ms))
            for link in changes.changed:
                connection.execute(update(map_links).where(_is_open(link)).values(_values(link)))
            if changes.came:
                connection.execute(insert(map_links), [_values(link) for link in changes.came])

    def stays(self) -> list[Stay]:
        """The newest stay of each host."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(*_STAY).order_by(map_stays.c.number))
            return list({row.mac: Stay(*row) for row in rows}.values())

    def stays_of(self, macs: Sequence[int]) -> list[Stay]:
        """Where hosts have been, newest first."""
        statement = select(*_STAY).where(map_stays.c.mac.in_(macs[:500]))
        with reading(self._engine) as connection:
            return [
                Stay(*row) for row in connection.execute(statement.order_by(map_stays.c.number.desc()).limit(MOST_ROWS))
            ]

    def save_stays(self, began: Sequence[Stay], going_on: Sequence[Stay]) -> None:
        """Keeps new stays, and how long others have gone on."""
        with self._engine.begin() as connection:
            if began:
                connection.execute(insert(map_stays), [_stay_row(one) for one in began])
            for one in going_on:
                is_it = (map_stays.c.mac == one.mac) & (map_stays.c.first_seen_ms == one.first_seen_ms)
                values = {"last_seen_ms": one.last_seen_ms, "is_sure": one.is_sure}
                connection.execute(update(map_stays).where(is_it).values(values))

    def forget_before(self, time_ms: int) -> None:
        """Drops links that were gone, and stays that were over, before a time; and the oldest where there are many."""
        with self._engine.begin() as connection:
            for table, is_past in ((map_links, map_links.c.gone_ms.is_not(None)), (map_stays, true())):
                newest = connection.scalar(select(func.max(table.c.number))) or 0
                connection.execute(delete(table).where(is_past, table.c.number <= newest - MOST_KEPT))
            connection.execute(delete(map_links).where(map_links.c.gone_ms < time_ms))
            connection.execute(delete(map_stays).where(map_stays.c.last_seen_ms < time_ms))


_STAY = [map_stays.c[name] for name in ("mac", "device", "port", "is_sure", "first_seen_ms", "last_seen_ms")]


def _is_open(link: Link) -> ColumnElement[bool]:
    columns = map_links.c
    same = (columns.a_node == link.a.node) & (columns.a_port == link.a.port)
    same &= (columns.b_node == link.b.node) & (columns.b_port == link.b.port)
    return same & (columns.layer == int(link.layer)) & columns.gone_ms.is_(None)


def _values(link: Link) -> dict[str, object]:
    return {
        "a_node": link.a.node,
        "a_port": link.a.port,
        "b_node": link.b.node,
        "b_port": link.b.port,
        "layer": int(link.layer),
        "evidence": json.dumps([[one.source, one.told_by, one.confidence, one.detail] for one in link.evidence]),
        "is_blocked": link.is_blocked,
        "bundle": link.bundle,
        "first_seen_ms": link.first_seen_ms,
        "last_seen_ms": link.last_seen_ms,
        "gone_ms": None,
        "vlans": f"{ranges(link.vlans.tagged)};{ranges(link.vlans.untagged)}",
        "a_state": link.states[0],
        "b_state": link.states[1],
    }


def _link(row: Row[Any]) -> Link:
    return Link(
        End(row.a_node, row.a_port),
        End(row.b_node, row.b_port),
        Layer(row.layer),
        tuple(Evidence(*one) for one in json.loads(row.evidence)),
        row.first_seen_ms,
        row.last_seen_ms,
        row.is_blocked,
        row.bundle,
        Vlans(*map(read_ranges, row.vlans.split(";"))) if row.vlans else Vlans(),
        (row.a_state, row.b_state),
    )


def _stay_row(one: Stay) -> dict[str, object]:
    return {name: getattr(one, name) for name in ("mac", "device", "port", "is_sure", "first_seen_ms", "last_seen_ms")}
