"""Whether the systemd services are there and run."""

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from netmon_cli.doctor.base import Finding, ok, problem, warning

UNITS = ("netmon-agent.service", "netmon-collector.service")


@dataclass(frozen=True, slots=True)
class UnitState:
    """In systemd's words: loaded or not-found; active, inactive, failed, …; enabled, disabled, …"""

    load: str
    active: str
    enabled: str


def ask_systemd(unit: str) -> UnitState:
    """What systemctl says about a unit. Raises OSError or subprocess.SubprocessError."""
    answer = subprocess.run(
        ["systemctl", "show", "--property=LoadState,ActiveState,UnitFileState", unit],
        capture_output=True,
        text=True,
        timeout=5,
        check=True,
    ).stdout
    found = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    return UnitState(found.get("LoadState", ""), found.get("ActiveState", ""), found.get("UnitFileState", ""))


@dataclass(frozen=True, slots=True)
class ServiceCheck:
    unit: str
    ask: Callable[[str], UnitState] = ask_systemd
    running: Path = Path("/run/systemd/system")
    matter: str = "services"

    def examine(self) -> Iterable[Finding]:
        if not self.running.is_dir():
            return
        try:
            state = self.ask(self.unit)
        except (OSError, subprocess.SubprocessError) as error:
            yield warning(f"{self.unit} can't be asked for: {error}", f"systemctl status {self.unit}")
            return
        if state.load == "not-found":
            yield ok(f"{self.unit} is not installed")
        elif state.load != "loaded":
            yield problem(f"{self.unit} is {state.load}", f"systemd-analyze verify {self.unit}")
        elif state.active == "failed":
            yield problem(f"{self.unit} has failed", f"journalctl -u {self.unit} -n 30")
        elif state.active not in ("active", "activating", "reloading"):
            yield problem(f"{self.unit} does not run", f"sudo systemctl enable --now {self.unit}")
        elif state.enabled == "disabled":
            yield warning(f"{self.unit} runs, but not after the next boot", f"sudo systemctl enable {self.unit}")
        else:
            yield ok(f"{self.unit} runs")
