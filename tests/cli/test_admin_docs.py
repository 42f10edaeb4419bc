"""The commands of the pages on administration, as they are typed."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.api.assembly import running
from tests.cli.test_backup import fill
from tests.cli.test_docs import BLOCK, DOCS
from tests.collector.store.test_fsck import fill as fill_whole


def typed(page: str) -> list[list[str]]:
    """The commands of each block for a shell."""
    blocks = [text for language, text in BLOCK.findall((DOCS / page).read_text()) if language == "sh"]
    return [[line for line in block.splitlines() if line] for block in blocks]


async def run(commands: Sequence[str], folder: Path, url: str = "") -> list[str]:
    """Run what a page says to type, below a folder. Returns what failed or complained, and how."""
    failed = []
    surroundings = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    for command in commands:
        told = command.replace("/var/", f"{folder}/var/")
        process = await asyncio.create_subprocess_shell(
            told,
            cwd=folder,
            env=surroundings | ({"NETMON_URL": url} if url else {}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        if process.returncode or err:
            failed.append(f"{told}: exit {process.returncode}\n{out.decode()}{err.decode()}")
    return failed


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Folders as they are on a machine with a collector, below one of the test."""
    for name in ("var/lib/netmon/collector", "var/backups"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


async def test_the_commands_for_a_store_do_what_the_page_says(machine: Path) -> None:
    await fill_whole(machine / "var/lib/netmon/collector/store")
    for block in typed("store.md"):
        assert await run(block, machine) == []


async def test_the_commands_for_backups_do_what_the_page_says(machine: Path) -> None:
    live, stopped, restored = typed("backup.md")
    async with running(machine / "var/lib/netmon/collector") as lab:
        await fill(lab.store)
        assert await run(live, machine, lab.url) == []
    assert await run(stopped, machine) == []
    assert await run(restored, machine) == []
    assert (machine / "var/backups/netmon/manifest.json").exists()
    for name in ("restored", "collector", "collector.before-restore"):
        assert (machine / "var/lib/netmon" / name / "state.sqlite").exists()
