"""Traffic of network devices: /proc/net/dev (proc(5))."""

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, Merge, counter, text
from netmon_agent.inputs.host.files import Files, Members
from netmon_agent.inputs.host.filters import Filter
from netmon_agent.inputs.host.table import Cell, Plan, Row, Table

_HEADER_LINES = 2
_FIELDS = (
    *(f"receive_{name}" for name in "bytes packets errs drop fifo frame compressed multicast".split()),
    *(f"transmit_{name}" for name in "bytes packets errs drop fifo colls carrier compressed".split()),
)


class Netdev(Family):
    """Bytes, packets and errors per network device.

    /proc/net/dev leaves out packets that nobody wanted; those come from sysfs, where there is one.
    """

    def __init__(self, files: Files, procfs: str, sysfs: str, devices: Filter) -> None:
        self._files = files
        self._path = f"{procfs}/net/dev"
        self._members = Members(files, f"{sysfs}/class/net")
        self._devices = devices
        self._table = Table(self._plan)
        self._nohandler: dict[str, Key] = {}
        self._nohandler_keys = Keys()
        self._merge = Merge()

    def gather(self) -> Columns:
        return self._merge.columns(self._table.columns(self._files.whole(self._path)), self._unhandled())

    def _plan(self, rows: list[Row]) -> Plan:
        cells = []
        self._nohandler = {}
        for start, words in rows[_HEADER_LINES:]:
            if len(words) != len(_FIELDS) + 1:
                raise ValueError("net/dev is not a table of seventeen columns")
            device = text(words[0]).rstrip(":")
            if self._devices.accepts(device):
                self._nohandler[device] = counter("node_network_receive_nohandler_total", device=device)
                for position, field in enumerate(_FIELDS, start + 1):
                    cells.append(Cell(counter(f"node_network_{field}_total", device=device), position))
        return Plan(cells, [row.start for row in rows])

    def _unhandled(self) -> Columns:
        try:
            self._members.scan()
        except OSError:
            return Columns((), ())
        counts = ((key, self._members.read(name, "statistics/rx_nohandler")) for name, key in self._nohandler.items())
        return self._nohandler_keys.columns({key: float(count) for key, count in counts if count is not None})
