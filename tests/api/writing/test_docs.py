"""What docs/ways-in.md shows is what happens."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest
import yaml

from netmon_api.app import ROUTES
from netmon_api.writing import desk
from netmon_api.writing.table import WRITE_ROUTES
from netmon_collector.foreign import base, book, scan
from tests.api.lab import Lab

DOCUMENT = (Path(__file__).parents[3] / "docs/ways-in.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL) for line in block.splitlines()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_stores_something(lab: Lab, command: str) -> None:
    environment = {"NETMON": lab.url, "TOKEN": lab.tokens.issue("write"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment
    )
    out, complaints = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out, complaints) == (0, b"", b"")
    assert lab.store.stats().samples_appended >= 1


def test_every_way_in_is_listed() -> None:
    for route in WRITE_ROUTES:
        assert f"`{route.path.removeprefix('/prometheus') if 'otlp' in route.path else route.path}`" in DOCUMENT
    assert all(route in ROUTES for route in WRITE_ROUTES)


def test_the_snippets_are_of_their_language() -> None:
    snippets = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)]
    assert snippets[0]["remote_write"][0]["url"].endswith("/prometheus/api/v1/write")
    assert snippets[1]["exporters"]["otlphttp"]["metrics_endpoint"].endswith("/api/v1/otlp/v1/metrics")


def test_bounds_are_the_real_ones() -> None:
    text = " ".join(DOCUMENT.split())
    assert f"A body may have {desk.LARGEST_BODY_BYTES >> 20} MiB" in text
    assert f"unpacked {desk.LARGEST_UNPACKED_BYTES >> 20} MiB with snappy" in text
    assert (
        f"{base.MOST_SERIES:,} series and {base.MOST_SAMPLES:,} samples; a series {scan._MOST_OF_ONE:,} samples" in text
    )
    assert f"may make {book.MOST_SERIES:,} series" in text
    assert f"more than {desk._SEATS} requests" in text
