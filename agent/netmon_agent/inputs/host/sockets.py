"""The network stack's own numbers: sockets, queues, neighbours, connection tracking (files of /proc/net)."""

from collections import Counter
from mmap import PAGESIZE

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, Merge, NoData, counter, gauge, text
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.table import Cell, Plan, Row, Table


class Sockstat(Family):
    """Sockets in use per protocol, and their memory."""

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._tables = [(f"{procfs}/net/{name}", Table(_plan_sockstat)) for name in ("sockstat", "sockstat6")]
        self._merge = Merge()

    def gather(self) -> Columns:
        parts = []
        for path, table in self._tables:
            try:
                parts.append(table.columns(self._files.whole(path)))
            except FileNotFoundError:  # the kernel runs without this version of IP
                continue
        return self._merge.columns(*parts)


def _plan_sockstat(rows: list[Row]) -> Plan:
    """`TCP: inuse 3 orphan 0 mem 5`; "mem" counts pages and is told in bytes too."""
    cells = []
    names = []
    for start, words in rows:
        protocol = text(words[0]).rstrip(":")
        names += [start, *range(start + 1, start + len(words), 2)]
        for position in range(1, len(words) - 1, 2):
            name = f"node_sockstat_{protocol}_{text(words[position])}"
            cells.append(Cell(gauge(name), start + position + 1))
            if words[position] == b"mem":
                cells.append(Cell(gauge(f"{name}_bytes"), start + position + 1, 1 / PAGESIZE))
    return Plan(cells, names)


class Softnet(Family):
    """Packets that each processor took from the network cards; words are hexadecimal (net/core/net-procfs.c)."""

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._path = f"{procfs}/net/softnet_stat"
        self._keys = Keys()
        self._known: dict[str, tuple[Key, Key, Key]] = {}

    def gather(self) -> Columns:
        series: dict[Key, float] = {}
        for row, line in enumerate(self._files.whole(self._path).splitlines()):
            words = line.split()
            cpu = str(int(words[12], 16) if len(words) > 12 else row)  # off-line processors have no line
            for key, word in zip(self._keys_of(cpu), words[:3], strict=True):
                series[key] = float(int(word, 16))
        return self._keys.columns(series)

    def _keys_of(self, cpu: str) -> tuple[Key, Key, Key]:
        keys = self._known.get(cpu)
        if keys is None:
            keys = self._known[cpu] = (
                counter("node_softnet_processed_total", cpu=cpu),
                counter("node_softnet_dropped_total", cpu=cpu),
                counter("node_softnet_times_squeezed_total", cpu=cpu),
            )
        return keys


class Arp(Family):
    """Entries of the ARP table per device."""

    _HEADER_WORDS = 9
    _ROW_WORDS = 6

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._path = f"{procfs}/net/arp"
        self._entries: dict[bytes, Key] = {}
        self._keys = Keys()

    def gather(self) -> Columns:
        words = self._files.whole(self._path).split()
        if len(words) < self._HEADER_WORDS or (len(words) - self._HEADER_WORDS) % self._ROW_WORDS:
            raise ValueError("arp is not a table of six columns")
        devices = Counter(words[self._HEADER_WORDS + self._ROW_WORDS - 1 :: self._ROW_WORDS])
        if not devices.keys() <= self._entries.keys():
            self._entries = {name: gauge("node_arp_entries", device=text(name)) for name in devices}
        return self._keys.columns({self._entries[name]: count for name, count in devices.items()})


class UdpQueues(Family):
    """Bytes that wait in the queues of all UDP sockets."""

    _NOTHING = b"00000000:00000000"
    _ROW_WORDS = 13

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._sources = [
            (
                f"{procfs}/net/{file}",
                gauge("node_udp_queues", ip=ip, queue="tx"),
                gauge("node_udp_queues", ip=ip, queue="rx"),
            )
            for ip, file in (("v4", "udp"), ("v6", "udp6"))
        ]
        self._keys = Keys()

    def gather(self) -> Columns:
        series: dict[Key, float] = {}
        for path, tx, rx in self._sources:
            try:
                data = self._files.whole(path)
            except FileNotFoundError:  # the kernel runs without this version of IP
                continue
            series[tx], series[rx] = self._waiting(data)
        if not series:
            raise NoData("the kernel knows no UDP")
        return self._keys.columns(series)

    def _waiting(self, data: bytes) -> tuple[float, float]:
        words = data.partition(b"\n")[2].split()
        if len(words) % self._ROW_WORDS:
            raise ValueError("udp is not a table of thirteen columns")
        queues = [queue.split(b":") for queue in words[4 :: self._ROW_WORDS] if queue != self._NOTHING]
        return float(sum(int(tx, 16) for tx, _ in queues)), float(sum(int(rx, 16) for _, rx in queues))


class Conntrack(Family):
    """Tracked connections, their limit, and what tracking did; all processors together."""

    _STATS = b"drop early_drop found ignore insert insert_failed invalid search_restart".split()
    KEYS = (
        gauge("node_nf_conntrack_entries"),
        gauge("node_nf_conntrack_entries_limit"),
        *(gauge(f"node_nf_conntrack_stat_{text(name)}") for name in _STATS),
    )

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._sysctl = f"{procfs}/sys/net/netfilter/nf_conntrack"
        self._stat = f"{procfs}/net/stat/nf_conntrack"

    def gather(self) -> Columns:
        try:
            entries = float(self._files.small(f"{self._sysctl}_count"))
            limit = float(self._files.small(f"{self._sysctl}_max"))
        except FileNotFoundError as error:
            raise NoData("connections are not tracked") from error
        names, *lines = (line.split() for line in self._files.whole(self._stat).splitlines())
        positions = [names.index(name) for name in self._STATS]
        stats = [float(sum(int(line[at], 16) for line in lines)) for at in positions]
        return Columns(self.KEYS, [entries, limit, *stats])
