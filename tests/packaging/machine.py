"""A machine to install on, made of this one: see machine.sh."""

import shutil
import site
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.packaging.pages import ROOT

_NEEDED = ("unshare", "ip", "dbus-daemon", "openssl", "setpriv", "systemctl", "systemd-sysusers", "timeout")
_NAMESPACES = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_MARK = "@@@ "
_MOST_S = "180"


def _what_is_missing() -> str:
    if missing := [program for program in _NEEDED if shutil.which(program) is None]:
        return ", ".join(missing)
    if not Path("/lib/systemd/systemd").exists():
        return "systemd"
    tried = subprocess.run(["unshare", *_NAMESPACES, "true"], capture_output=True, timeout=10, check=False)
    return "" if tried.returncode == 0 else "the right to make namespaces (root)"


_MISSING = _what_is_missing()

needs_machine = pytest.mark.skipif(bool(_MISSING), reason=f"to make a machine of its own it needs {_MISSING}")


def step(name: str, *commands: str) -> str:
    """Commands whose output will be found under a name."""
    return "\n".join([f"echo '{_MARK}{name}'", *commands, ""])


def run_machine(layers: Path, script: Iterable[str]) -> dict[str, str]:
    """Runs steps on a fresh machine until one fails; the output of each."""
    machine = Path(__file__).with_name("machine.sh")
    layers.mkdir()
    command = ["timeout", "--signal=KILL", _MOST_S, "unshare", *_NAMESPACES, "sh", str(machine)]
    ended = subprocess.run(
        [*command, sys.executable, site.getsitepackages()[0], str(layers)],
        input="".join(script),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    parts = ended.stdout.split(_MARK)[1:]
    return {name: printed for name, _, printed in (part.partition("\n") for part in parts)}
