"""What root does for the user who runs the collector, and what any user may open."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Netmon
from tests.cli.test_store import fill, values
from tests.collector.store.test_fsck import fill as fill_for_fsck

NOBODY = 65534
LIMITS = """
import resource, sys
from netmon_cli.main import main
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, most), most))
try:
    main()
finally:
    sys.exit(0 if resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most) else 7)
"""

as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")


@as_root
def test_what_root_writes_belongs_to_whom_the_folder_belongs_to(netmon: Netmon, tmp_path: Path) -> None:
    fill(tmp_path / "old", [1.0, 2.0])
    assert netmon("store", "export", f"embedded:{tmp_path / 'old'}", str(tmp_path / "x.om")).code == 0
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, NOBODY, NOBODY)
    new = state / "store"
    assert netmon("store", "import", str(tmp_path / "x.om"), f"embedded:{new}").code == 0
    copy = ("store", "copy", f"embedded:{tmp_path / 'old'}", f"embedded:{state / 'copy'}", "--state", str(tmp_path))
    assert netmon(*copy).code == 0
    assert netmon("store", "stats", str(new)).code == 0
    assert {path.stat().st_uid for path in state.rglob("*")} == {NOBODY}
    assert values(new) == values(state / "copy") == [1.0, 2.0]


@as_root
def test_what_root_repairs_stays_whose_it_was(netmon: Netmon, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    asyncio.run(fill_for_fsck(folder))
    path = next(folder.glob("raw-recent-*"))
    data = bytearray(path.read_bytes())
    data[60] ^= 4
    path.write_bytes(data)
    os.chown(folder, NOBODY, NOBODY)
    assert netmon("store", "fsck", str(folder), "--repair").code == 0
    assert {path.stat().st_uid for path in folder.rglob("*")} == {NOBODY}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_as_many_files_may_be_open_as_the_system_permits() -> None:
    command = [sys.executable, "-c", LIMITS, "version"]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, check=False, timeout=60)
    assert ended.returncode == 0
