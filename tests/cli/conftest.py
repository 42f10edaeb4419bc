import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from netmon_cli.main import run
from tests.cli.fake_collector import TOKEN, FakeCollector, serving


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Netmon = Callable[..., Ended]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees or changes the settings of who runs it; times are shown in UTC."""
    for name in [name for name in os.environ if name.startswith("NETMON_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def netmon(capsys: pytest.CaptureFixture[str]) -> Netmon:
    """Runs a command as the program does, its output caught."""

    def call(*arguments: str) -> Ended:
        code = run(arguments)
        caught = capsys.readouterr()
        return Ended(code, caught.out, caught.err)

    return call


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCollector]:
    """A collector that the environment names, with the right token."""
    with serving(FakeCollector()) as fake:
        monkeypatch.setenv("NETMON_URL", fake.url)
        monkeypatch.setenv("NETMON_TOKEN", TOKEN)
        yield fake
