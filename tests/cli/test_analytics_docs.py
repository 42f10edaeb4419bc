"""The commands and the programs of docs/analytics.md work."""

import asyncio
import re
import shlex
from pathlib import Path

import pytest

from netmon_cli.main import run
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab, labels

PAGE = (Path(__file__).parents[2] / "docs" / "analytics.md").read_text()
COMMANDS = re.findall(r"^\$ (netmon .*)$", PAGE, re.MULTILINE)
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
AGES_MIN = [*range(3 * 24 * 60, 360, -60), *range(360, -1, -5)]


async def keep_a_past(lab: Lab) -> None:
    """Three days of what the commands ask for: the same shape, so that one is similar to the other."""
    series = labels("node_load1", instance="web1"), labels("probe_duration_seconds", target="shop", instance="web1")
    for age_min in AGES_MIN:
        await lab.keep(dict.fromkeys(series, float(age_min % 97)), NOW_MS - age_min * 60_000)


async def test_the_commands_of_the_page_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(COMMANDS) > 4
    async with running(tmp_path) as lab:
        monkeypatch.setenv("NETMON_URL", lab.url)
        monkeypatch.setenv("NETMON_TOKEN", lab.token)
        await keep_a_past(lab)
        for command in COMMANDS:
            assert await asyncio.to_thread(run, shlex.split(command)[1:]) == 0, capsys.readouterr().err
            assert capsys.readouterr().out, command


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_of_the_page_print_something(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program, "docs/analytics.md", "exec"), {})
    assert capsys.readouterr().out
