"""Disk input and output: /proc/diskstats (the kernel's admin-guide/iostats.rst), and what udev knows of the disks."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, Merge, counter, gauge, text
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.filters import Filter
from netmon_agent.inputs.host.table import Cell, Plan, Row, Table

_PER_SECTOR = 1 / 512  # of a byte, whatever the device's own sectors are
_MS_PER_S = 1000.0
_FIELDS = (
    ("reads_completed_total", 1.0),
    ("reads_merged_total", 1.0),
    ("read_bytes_total", _PER_SECTOR),
    ("read_time_seconds_total", _MS_PER_S),
    ("writes_completed_total", 1.0),
    ("writes_merged_total", 1.0),
    ("written_bytes_total", _PER_SECTOR),
    ("write_time_seconds_total", _MS_PER_S),
    ("io_now", 1.0),
    ("io_time_seconds_total", _MS_PER_S),
    ("io_time_weighted_seconds_total", _MS_PER_S),
    ("discards_completed_total", 1.0),
    ("discards_merged_total", 1.0),
    ("discarded_sectors_total", 1.0),
    ("discard_time_seconds_total", _MS_PER_S),
    ("flush_requests_total", 1.0),
    ("flush_requests_time_seconds_total", _MS_PER_S),
)
_ATA_NUMBERS = ("ATA_WRITE_CACHE", "ATA_WRITE_CACHE_ENABLED", "ATA_ROTATION_RATE_RPM")


class Diskstats(Family):
    """Operations, bytes and seconds per disk; model, serial number and the like as labels of node_disk_info."""

    def __init__(self, files: Files, procfs: str, udev_data: str, devices: Filter) -> None:
        self._files = files
        self._path = f"{procfs}/diskstats"
        self._devices = devices
        self._table = Table(self._plan)
        self._numbers: tuple[Key, ...] = ()
        self._disks: list[_Disk] = []
        self._udev = _Udev(Path(udev_data))
        self._udev_version = 0
        self._described = Columns((), ())
        self._merge = Merge()

    def gather(self) -> Columns:
        numbers = self._table.columns(self._files.whole(self._path))
        udev_version = self._udev.version()
        if numbers.keys is not self._numbers or udev_version != self._udev_version:
            self._numbers, self._udev_version = numbers.keys, udev_version
            series = {key: value for disk in self._disks for key, value in self._udev.describe(disk)}
            self._described = Keys().columns(series)
        return self._merge.columns(numbers, self._described)

    def _plan(self, rows: list[Row]) -> Plan:
        cells = []
        names = []
        self._disks = []
        for start, words in rows:
            if len(words) < 4:
                raise ValueError("diskstats has a line without numbers")
            names += [start, start + 1, start + 2]
            disk = _Disk(*map(text, words[:3]))
            if self._devices.accepts(disk.device):
                self._disks.append(disk)
                for position, (name, per_unit) in enumerate(_FIELDS[: len(words) - 3], start + 3):
                    key = (gauge if name == "io_now" else counter)(f"node_disk_{name}", device=disk.device)
                    cells.append(Cell(key, position, per_unit))
        return Plan(cells, names)


class _Disk(NamedTuple):
    major: str
    minor: str
    device: str


class _Udev:
    """What udev has found out about block devices."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def version(self) -> int:
        """Changes whenever a record does: udev replaces the file, which changes the time of the folder."""
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return 0

    def describe(self, disk: _Disk) -> Iterator[tuple[Key, float]]:
        known = self._properties(disk)
        device = disk.device
        serial = known.get("SCSI_IDENT_SERIAL") or known.get("ID_SERIAL_SHORT") or known.get("ID_SERIAL", "")
        labels = disk._asdict() | {"serial": serial} | _labels(known, "ID_", "path wwn model revision")
        yield gauge("node_disk_info", **labels), 1.0
        if known.get("ID_FS_TYPE"):
            labels = _labels(known, "ID_FS_", "type usage uuid version")
            yield gauge("node_disk_filesystem_info", device=device, **labels), 1.0
        if known.get("DM_NAME"):
            labels = _labels(known, "DM_", "name uuid vg_name lv_name lv_layer")
            yield gauge("node_disk_device_mapper_info", device=device, **labels), 1.0
        if known.get("ID_ATA"):
            for name in _ATA_NUMBERS:
                if (value := known.get(f"ID_{name}", "")).isdecimal():
                    yield gauge(f"node_disk_{name.lower()}", device=device), float(value)

    def _properties(self, disk: _Disk) -> dict[str, str]:
        """The lines `E:NAME=value` of a device's record."""
        try:
            lines = (self._folder / f"b{disk.major}:{disk.minor}").read_text("utf-8", "replace").splitlines()
        except (OSError, ValueError):  # no record, or a number of a device that is no file name
            return {}
        pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
        return {name: value for name, _, value in pairs}


def _labels(known: Mapping[str, str], prefix: str, names: str) -> dict[str, str]:
    return {name: known.get(prefix + name.upper(), "") for name in names.split()}
