"""Counters of IP, ICMP, TCP and UDP: /proc/net/snmp, snmp6 and netstat (RFC 4293, 4022, 4113, and Linux' own)."""

import re
from contextlib import suppress

from netmon_agent.inputs.base import Columns
from netmon_agent.inputs.host.family import Family, Merge, text, untyped
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.table import Cell, Plan, Row, Table


class Netstat(Family):
    """The counters whose names, such as Tcp_InSegs, match."""

    def __init__(self, files: Files, procfs: str, fields: re.Pattern[str]) -> None:
        self._files = files
        self._fields = fields
        self._netstat = f"{procfs}/net/netstat", Table(self._plan_pairs)
        self._snmp = f"{procfs}/net/snmp", Table(self._plan_pairs)
        self._snmp6 = f"{procfs}/net/snmp6", Table(self._plan_lines)
        self._merge = Merge()

    def gather(self) -> Columns:
        parts = [table.columns(self._files.whole(path)) for path, table in (self._netstat, self._snmp)]
        path, table = self._snmp6
        with suppress(FileNotFoundError):  # the kernel runs without IPv6
            parts.append(table.columns(self._files.whole(path)))
        return self._merge.columns(*parts)

    def _plan_pairs(self, rows: list[Row]) -> Plan:
        """`Tcp: InSegs OutSegs` over `Tcp: 5 7`."""
        cells = []
        names = []
        for titles, values in zip(rows[::2], rows[1::2], strict=True):
            if len(titles.words) != len(values.words):
                raise ValueError(f"{text(titles.words[0])} has not as many values as names")
            protocol = text(titles.words[0]).rstrip(":")
            for offset, word in enumerate(titles.words[1:], 1):
                name = f"{protocol}_{text(word)}"
                if self._fields.search(name):
                    cells.append(Cell(untyped(f"node_netstat_{name}"), values.start + offset))
                    names.append(titles.start + offset)
        return Plan(cells, names)

    def _plan_lines(self, rows: list[Row]) -> Plan:
        """`Ip6InOctets 128`."""
        cells = []
        names = []
        for start, words in rows:
            protocol, six, field = text(words[0]).partition("6")
            name = f"{protocol}{six}_{field}"
            if six and len(words) == 2 and self._fields.search(name):
                cells.append(Cell(untyped(f"node_netstat_{name}"), start + 1))
                names.append(start)
        return Plan(cells, names)
