"""What the machine runs: the kernel (uname(2)) and the distribution (os-release(5))."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path

from netmon_agent.inputs.base import Columns, Key
from netmon_agent.inputs.host.family import Family, Keys, NoData, gauge, text
from netmon_agent.inputs.host.files import Files


class Uname(Family):
    """Kernel, architecture and name of the machine, as labels of node_uname_info."""

    def __init__(self, files: Files, procfs: str) -> None:
        self._files = files
        self._domain_path = f"{procfs}/sys/kernel/domainname"
        self._said: object = None
        self._columns = Columns((), ())

    def gather(self) -> Columns:
        said = os.uname(), self._domain()
        if said != self._said:
            self._said = said
            uname, domain = said
            key = gauge(
                "node_uname_info",
                domainname=domain,
                machine=uname.machine,
                nodename=uname.nodename,
                release=uname.release,
                sysname=uname.sysname,
                version=uname.version,
            )
            self._columns = Columns((key,), (1.0,))
        return self._columns

    def _domain(self) -> str:
        try:
            return text(self._files.small(self._domain_path).strip())
        except OSError:
            return "(none)"


_LABELS = (
    "build_id id id_like image_id image_version name pretty_name variant variant_id version version_codename version_id"
).split()
_MAJOR_MINOR = re.compile(r"[0-9]+\.?[0-9]*")


class OsRelease(Family):
    """Name and version of the distribution, as labels of node_os_info and as a number."""

    def __init__(self, rootfs: str) -> None:
        self._paths = [Path(rootfs) / name for name in ("etc/os-release", "usr/lib/os-release")]
        self._read: tuple[Path, int] | None = None
        self._columns = Columns((), ())

    def gather(self) -> Columns:
        for path in self._paths:
            try:
                version = path, path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
            if version != self._read:
                said = parse_os_release(path.read_text("utf-8", "replace"))
                self._columns = Keys().columns(dict(_described(said)))
                self._read = version
            return self._columns
        raise NoData("there is no os-release")


_ASSIGNMENT = re.compile(r"""([A-Za-z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"'\\]*))""")


def parse_os_release(content: str) -> dict[str, str]:
    """Assignments as a shell reads them; lines that are none are left out."""
    said = {}
    for line in content.splitlines():
        match = _ASSIGNMENT.fullmatch(line.strip())
        if match:
            name, double_quoted, single_quoted, bare = match.groups()
            said[name] = re.sub(r"\\(.)", r"\1", double_quoted) if double_quoted else single_quoted or bare or ""
    return said


def _described(said: dict[str, str]) -> Iterator[tuple[Key, float]]:
    yield gauge("node_os_info", **{label: said.get(label.upper(), "") for label in _LABELS}), 1.0
    number = _MAJOR_MINOR.match(said.get("VERSION_ID", ""))
    if number and float(number[0]) > 0:
        labels = {label: said.get(label.upper(), "") for label in ("id", "id_like", "name")}
        yield gauge("node_os_version", **labels), float(number[0])
    try:
        end = date.fromisoformat(said.get("SUPPORT_END", ""))
    except ValueError:  # not given
        return
    yield gauge("node_os_support_end_timestamp_seconds"), datetime.combine(end, time(), UTC).timestamp()
