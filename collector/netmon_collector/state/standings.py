"""How devices stood, in SQL: what a restart of the collector must not make new."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import orjson
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from netmon_collector.reachability.standing import Page, Standing, State
from netmon_collector.state.database import reading
from netmon_collector.state.schema import standings
from netmon_configs.logs import EventLog

log = EventLog("netmon.collector.state.standings")

PORTION: Final = 500
"""Devices in one statement; SQLite takes 32,766 values."""


class KeptStandings:
    """The standings of a state database: of devices that are in trouble, or were lately."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._fails = False

    def all(self) -> dict[str, Standing]:
        """By device. Blocks on the database."""
        with reading(self._engine) as connection:
            return {row.device: _unpacked(row.content) for row in connection.execute(select(standings))}

    async def keep(self, changed: Mapping[str, Standing | None]) -> None:
        """Keeps how devices stand now; None: nothing needs to be known of one. What cannot be kept is said once."""
        if not changed:
            return
        try:
            await asyncio.to_thread(self._write, changed)
        except SQLAlchemyError as error:
            if not self._fails:
                log.warning("standings.not_kept", error=str(getattr(error, "orig", None) or error))
            self._fails = True
        else:
            self._fails = False

    def _write(self, changed: Mapping[str, Standing | None]) -> None:
        rows = [{"device": device, "content": _packed(one)} for device, one in changed.items() if one is not None]
        with self._engine.begin() as connection:
            devices = list(changed)
            for start in range(0, len(devices), PORTION):
                gone = standings.c.device.in_(devices[start : start + PORTION])
                connection.execute(delete(standings).where(gone))
            if rows:
                connection.execute(insert(standings), rows)


def _packed(standing: Standing) -> bytes:
    plain = asdict(standing)
    del plain["evidence"]  # it is heard anew
    return orjson.dumps(plain)


def _unpacked(content: bytes) -> Standing:
    plain = orjson.loads(content)
    page = plain.pop("page")
    lists = {name: tuple(plain.pop(name)) for name in ("shadowed_by", "downs")}
    return Standing(**{**plain, **lists, "state": State(plain["state"]), "page": Page(**page) if page else None})
