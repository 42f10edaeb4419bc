"""The pages show what the commands really print."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from netmon_cli.main import run
from tests.cli.conftest import Netmon
from tests.cli.fake_collector import FakeCollector, Json, series, vector

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def transcripts(page: str) -> Iterator[tuple[str | None, str, str]]:
    """The file that was shown last, a command, and what it prints as the page says; empty where the page leaves it."""
    file = None
    for language, text in BLOCK.findall((DOCS / page).read_text()):
        if language == "yaml":
            file = text
        elif language == "console":
            for entry in text.split("$ ")[1:]:
                command, _, printed = entry.partition("\n")
                yield file, command, printed


def steady(name: str, latest: float, per_s: float, **labels: str) -> Json:
    return series(name, [(age_s, latest - per_s * (age_s - 4)) for age_s in (24.0, 14.0, 4.0)], **labels)


@pytest.fixture
def documented(collector: FakeCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCollector:
    """The collector that the pages talk of."""
    monkeypatch.chdir(tmp_path)
    collector.samples = [
        steady("node_load1", 1.25, 0.0),
        steady("node_load1", 0.5, 0.0, instance="web2"),
        steady("node_cpu_seconds_total", 1000, 0.4, cpu="0", mode="idle"),
        steady("node_memory_MemTotal_bytes", 4 << 30, 0.0),
        steady("node_memory_MemAvailable_bytes", 2 << 30, 0.0),
        steady("node_disk_io_time_seconds_total", 1000, 0.3, device="sda"),
        steady("node_network_receive_bytes_total", 1e6, 2048, device="eth0"),
        steady("node_network_transmit_bytes_total", 1e6, 512, device="eth0"),
    ]
    received = "sum by (instance) (rate(node_network_receive_bytes_total[1m]))"
    collector.evaluated[received] = vector({(("instance", "web1"),): 2048.0})
    return collector


@pytest.mark.parametrize("page", ["cli.md", "configuration.md", "grafana.md"])
def test_what_a_page_shows_is_what_is_printed(netmon: Netmon, documented: FakeCollector, page: str) -> None:
    shown = list(transcripts(page))
    assert shown
    for file, command, printed in shown:
        Path("agent.yaml").write_text(file or "interval: 15s\n")
        program, *arguments = shlex.split(command)
        assert program == "netmon"
        ended = netmon(*arguments)
        assert ended.err == ""
        assert ended.out
        if printed:
            assert ended.out.replace(documented.url, "http://127.0.0.1:7440") == printed


def test_the_example_of_a_file_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = next(
        text for language, text in BLOCK.findall((DOCS / "configuration.md").read_text()) if language == "yaml"
    )
    path = tmp_path / "agent.yaml"
    path.write_text(first)
    assert run(["config", "check", str(path)]) == 0, capsys.readouterr().out


def test_every_command_and_exit_code_is_on_the_page(netmon: Netmon) -> None:
    page = (DOCS / "cli.md").read_text()
    shown = netmon("--help").out
    for command in re.findall(r"^  (\w+)  ", shown, re.MULTILINE):
        assert f"`netmon {command}" in page
    for code in re.findall(r"(\d+) \w+", shown.partition("Exit codes:")[2]):
        assert re.search(rf"^\| {code} \|", page, re.MULTILINE)
