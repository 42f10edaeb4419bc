"""Machines that exist as files only: trees of procfs, sysfs and the rest, written by the tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netmon_agent.inputs.base import Key
from netmon_agent.inputs.host import HostInput
from netmon_agent.inputs.host.options import Families


class Machine:
    """Folders in which a test lays out what the kernel of some machine would show."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder / "proc"
        self.sys = folder / "sys"
        self.root = folder / "root"
        self.udev = folder / "udev"
        for path in (self.proc, self.sys, self.root, self.udev):
            path.mkdir(parents=True)
        self._inputs: list[HostInput] = []

    def write(self, files: Mapping[Path, str | bytes]) -> None:
        """Writes in place, as the kernel changes a file: who holds it open sees the new content."""
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def input(self, *families: str, **options: Any) -> HostInput:
        """A host input that reads this machine, and of it only the named families where any are named."""
        switches = {name: name in families for name in Families.model_fields}
        host = HostInput.model_validate(
            {"procfs": str(self.proc), "sysfs": str(self.sys), "rootfs": str(self.root), "udev_data": str(self.udev)}
            | {"families": switches if families else {}}
            | options
        )
        self._inputs.append(host)
        return host

    async def close(self) -> None:
        """Closes all inputs that read this machine."""
        for host in self._inputs:
            await host.close()


Labels = tuple[tuple[str, str], ...]
Series = dict[tuple[str, Labels], float]


def series_of(host: HostInput) -> Series:
    """What an input gathers, by name and labels. No series may come twice, no key may be out of order."""
    series: Series = {}
    for keys, values in host.read():
        assert len(keys) == len(values)
        assert list(keys) == sorted(keys)
        for key, value in zip(keys, values, strict=True):
            assert (key.name, key.labels) not in series, key
            series[key.name, key.labels] = float(value)
    return series


def keys_of(host: HostInput) -> list[Key]:
    return [key for columns in host.read() for key in columns.keys]


def value(host: HostInput, name: str, /, **labels: str) -> float | None:
    """One value of a gather; None where it has no such series."""
    return series_of(host).get((name, tuple(sorted(labels.items()))))
