"""Memory: /proc/meminfo and /proc/vmstat (proc(5))."""

import re

from netmon_agent.inputs.base import Columns
from netmon_agent.inputs.host.family import Family, gauge, text, untyped
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.table import Cell, Plan, Row, Table


class Meminfo(Family):
    """All of /proc/meminfo: `Active(anon): 12 kB` becomes node_memory_Active_anon_bytes."""

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._path = f"{procfs}/meminfo"
        self._table = Table(_plan_meminfo)

    def gather(self) -> Columns:
        columns = self._table.columns(self._files.whole(self._path))
        if not columns.keys:
            raise ValueError("nothing in meminfo")
        return columns


def _plan_meminfo(rows: list[Row]) -> Plan:
    cells = []
    for start, words in rows:
        name = "node_memory_" + text(words[0]).rstrip(":").replace("(", "_").replace(")", "")
        if words[2:] == [b"kB"]:
            cells.append(Cell(gauge(f"{name}_bytes"), start + 1, 1 / 1024))
        elif len(words) == 2:
            cells.append(Cell(gauge(name), start + 1))
    return Plan(cells, [start for start, _ in rows])


class Vmstat(Family):
    """The counters of /proc/vmstat whose names match."""

    def __init__(self, files: Files, procfs: str, fields: re.Pattern[str]) -> None:
        self._files = files
        self._path = f"{procfs}/vmstat"
        self._fields = fields
        self._table = Table(self._plan)

    def gather(self) -> Columns:
        return self._table.columns(self._files.whole(self._path))

    def _plan(self, rows: list[Row]) -> Plan:
        wanted = [row for row in rows if len(row.words) == 2 and self._fields.search(text(row.words[0]))]
        cells = [Cell(untyped(f"node_vmstat_{text(words[0])}"), start + 1) for start, words in wanted]
        return Plan(cells, [row.start for row in wanted])
