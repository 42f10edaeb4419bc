"""States of systemd's units (org.freedesktop.systemd1(5))."""

import re
from collections import Counter

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.detached import Attempt, Stuck
from netmon_agent.inputs.host.family import Family, Keys, gauge
from netmon_agent.inputs.host.filters import Filter
from netmon_agent.inputs.host.systemd_bus import Manager, Unit

_STATES = ("activating", "active", "deactivating", "failed", "inactive")
_VERSION = re.compile(r"[0-9]{3,}(\.[0-9]+)?")
_UNITS = {state: gauge("node_systemd_units", state=state) for state in _STATES}
_RUNNING = gauge("node_systemd_system_running")


class Systemd(Family):
    """State of each unit, how many units are in each state, and whether the system as a whole is running.

    The type of a service costs a call and rarely changes: new services are asked for theirs, and in each gather one of
    the others in turn. A systemd that does not answer holds up one gather, for `timeout_s`; then the next asks anew.
    """

    def __init__(self, address: str, units: Filter, timeout_s: float) -> None:
        """`address` is a D-Bus address, or SYSTEM for the bus of the system."""
        self._manager = Manager(address, timeout_s)
        self._timeout_s = timeout_s
        self._filter = units
        self._types: dict[str, str] = {}
        self._unit_keys: dict[tuple[str, str], dict[str, Key]] = {}
        self._visit: Attempt[dict[Key, float]] | None = None
        self._keys = Keys()

    def gather(self) -> Columns:
        if self._visit is not None and self._visit.running:
            raise Stuck("systemd still owes an answer")
        self._visit = Attempt(self._ask, "systemd")
        try:
            return self._keys.columns(self._visit.answer(self._timeout_s))
        except Stuck:
            self._manager.break_off()
            raise

    def close(self) -> None:
        self._manager.break_off()
        if self._visit is None or not self._visit.running:
            self._manager.close()

    def _ask(self) -> dict[Key, float]:
        try:
            return self._series()
        except Exception:
            self._manager.close()  # the next visit begins with a new connection
            raise

    def _series(self) -> dict[Key, float]:
        version = self._manager.get("Version")
        number = _VERSION.search(version)
        units = self._manager.units()
        states = Counter(unit.active_state for unit in units)
        series: dict[Key, float] = {key: states[state] for state, key in _UNITS.items()}
        series[_RUNNING] = float(self._manager.get("SystemState") == "running")
        series[gauge("node_systemd_version", version=version)] = float(number[0]) if number else 0.0
        shown = [unit for unit in units if unit.load_state == "loaded" and self._filter.accepts(unit.name)]
        self._learn_types(shown)
        if len(self._unit_keys) > 2 * len(shown):  # many units have come and gone
            self._unit_keys.clear()
        for unit in shown:
            for state, key in self._keys_of(unit).items():
                series[key] = float(state == unit.active_state)
        return series

    def _learn_types(self, shown: list[Unit]) -> None:
        typed = {unit.name: unit for unit in shown if unit.has_type}
        # Known types keep the order in which they were asked for: the first is the one that was asked longest ago.
        known = {name: kind for name, kind in self._types.items() if name in typed}
        due = [name for name in typed if name not in known] + list(known)[:1]
        for name in due:
            known.pop(name, None)
            known[name] = self._manager.type_of(typed[name])
        self._types = known

    def _keys_of(self, unit: Unit) -> dict[str, Key]:
        kind = self._types.get(unit.name, "")
        keys = self._unit_keys.get((unit.name, kind))
        if keys is None:
            keys = {
                state: gauge("node_systemd_unit_state", name=unit.name, state=state, type=kind) for state in _STATES
            }
            self._unit_keys[unit.name, kind] = keys
        return keys
