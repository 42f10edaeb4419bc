"""What the pages about the map and about identities show is what the commands print."""

import asyncio
import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon_cli.main import run
from netmon_collector.identity.witness import witnesses
from tests.api.assembly import running
from tests.api.switches import have_three_switches

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert await asyncio.to_thread(run, arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.parametrize("page", ["topology.md", "identity.md", "sites.md"])
async def test_what_a_page_shows_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], page: str
) -> None:
    entries = [one for block in BLOCK.findall((DOCS / page).read_text()) for one in block.split("$ ")[1:]]
    assert len(entries) > 3
    async with running(tmp_path) as lab:
        await have_three_switches(lab)
        told = witnesses(engine="80000003", name="hall")
        await lab.atlas.register.see("hall", "", told)
        await lab.atlas.register.see("hall-mgmt", "", told)
        monkeypatch.setenv("NETMON_URL", lab.url)
        monkeypatch.setenv("NETMON_TOKEN", lab.token)
        for command, _, shown in (entry.partition("\n") for entry in entries):
            assert await printed(capsys, *shlex.split(command)[1:]) == shown, command


async def test_the_other_forms_are_printed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path) as lab:
        monkeypatch.setenv("NETMON_URL", lab.url)
        monkeypatch.setenv("NETMON_TOKEN", lab.token)
        assert "no links yet" in await printed(capsys, "map")
        assert "no links yet" in await printed(capsys, "links")
        assert "nothing is asked" in await printed(capsys, "proposals")
        await have_three_switches(lab)
        assert 'taillabel="ge1", headlabel="ge8"' in await printed(capsys, "map", "--dot")
        assert "new  core ge1  east ge8" in await printed(capsys, "links", "--changes", "1d")
        assert "device hall" in await printed(capsys, "where", "hall")
        assert await printed(capsys, "where", "02:00:00:00:99:99") == "no polled device has seen it\n"
        assert '"cuts": ["east"]' in await printed(capsys, "map", "--json")
        assert "seen" in await printed(capsys, "identity", "log")
        assert await asyncio.to_thread(run, ["path", "core", "attic"]) == 5
        assert capsys.readouterr().err == "netmon: the map has no 'attic'\n  `netmon map` shows what there is.\n"
