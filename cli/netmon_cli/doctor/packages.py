"""Whether the Python packages are there that the agent, and a collector, are made of."""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from netmon_cli.doctor.base import Finding, ok, problem, warning

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<rest>.*)")
_EXTRA = re.compile(r"""extra == ['"](?P<extra>[\w-]+)['"]""")


def own_requirements() -> Sequence[str]:
    """What netmon's own metadata names."""
    return requires("netmon") or []


def is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class PackagesCheck:
    requirements: Callable[[], Sequence[str]] = own_requirements
    installed: Callable[[str], bool] = is_installed
    platform: str = sys.platform
    matter: str = "packages"

    def examine(self) -> Iterable[Finding]:
        yield from self._part(None, "the agent", problem, "pip install --force-reinstall netmon")
        yield from self._part("collector", "a collector", warning, "pip install 'netmon[collector]'")

    def missing(self, extra: str | None) -> list[str]:
        """What is not installed of what an extra needs; None: of what everything needs."""
        return sorted(name for name in self._needed(extra) if not self.installed(name))

    def _part(
        self, extra: str | None, part: str, rate: Callable[[str, str], Finding], command: str
    ) -> Iterable[Finding]:
        if missing := self.missing(extra):
            yield rate(f"{part} can't run here: {', '.join(missing)} not installed", command)
        else:
            yield ok(f"all there for {part}")

    def _needed(self, extra: str | None) -> Iterable[str]:
        for requirement in self.requirements():
            found = _REQUIREMENT.match(requirement)
            marked = _EXTRA.search(requirement)
            elsewhere = "sys_platform == 'linux'" in requirement.replace('"', "'") and self.platform != "linux"
            if found and not elsewhere and (marked["extra"] if marked else None) == extra:
                yield found["name"]
