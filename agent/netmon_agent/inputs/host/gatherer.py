"""Reads all families one after the other, and keeps a broken one from stopping the others."""

import time
from collections.abc import Callable, Mapping

from netmon_agent.inputs.base import Columns
from netmon_agent.inputs.host.family import Family, NoData, gauge
from netmon_configs.logs import EventLog

log = EventLog("netmon.agent.host")


class Gatherer:
    """Families by name. A family that fails has no series but node_scrape_collector_success 0."""

    def __init__(self, families: Mapping[str, Family], stopwatch: Callable[[], float] = time.perf_counter) -> None:
        self._families = families
        self._stopwatch = stopwatch
        self._broken: set[str] = set()
        self._absent: set[str] = set()
        names = sorted(families)
        self._scrape_keys = (
            *(gauge("node_scrape_collector_duration_seconds", collector=name) for name in names),
            *(gauge("node_scrape_collector_success", collector=name) for name in names),
        )

    def gather(self) -> list[Columns]:
        """The columns of all families that could be read, and those about the reading itself."""
        gathered: list[Columns] = []
        durations: list[float] = []
        successes: list[float] = []
        for name, family in self._families.items():
            started = self._stopwatch()
            try:
                gathered.append(family.gather())
            except NoData as reason:
                self._found_absent(name, reason)
                successes.append(0.0)
            except Exception as error:  # noqa: BLE001 - one broken family must not stop the others
                self._found_broken(name, error)
                successes.append(0.0)
            else:
                self._found_well(name)
                successes.append(1.0)
            durations.append(self._stopwatch() - started)
        gathered.append(Columns(self._scrape_keys, durations + successes))
        return gathered

    def close(self) -> None:
        for family in self._families.values():
            family.close()

    def _found_absent(self, name: str, reason: NoData) -> None:
        if name not in self._absent:
            self._absent.add(name)
            log.debug("family.absent", family=name, reason=str(reason))

    def _found_broken(self, name: str, error: Exception) -> None:
        if name not in self._broken:
            self._broken.add(name)
            log.warning("family.broken", family=name, error=f"{type(error).__name__}: {error}")

    def _found_well(self, name: str) -> None:
        if name in self._broken:
            self._broken.remove(name)
            log.info("family.recovered", family=name)
