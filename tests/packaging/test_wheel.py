"""What a wheel holds, and what an agent needs: built and installed as a person does it."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.daemons import daemon
from tests.packaging.pages import ROOT

PACKAGES = sorted(path.parent for path in ROOT.glob("*/netmon_*/__init__.py"))
COLLECTORS_OWN = "aiohttp alembic grpc numpy orjson prometheus_client promql_parser re2 sqlalchemy".split()


def pip(*arguments: str) -> None:
    """Runs pip; without a package index there is nothing to test."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries=1", "--timeout=10", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if "Retrying (" in ended.stderr:
        pytest.skip("pip reaches no package index")
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("netmon-*.whl")
    return built


def test_a_wheel_holds_all_that_is_in_the_packages(wheel: Path) -> None:
    assert len(PACKAGES) == 7
    files = {
        str(path.relative_to(package.parent))
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as content:
        held = {name for name in content.namelist() if ".dist-info/" not in name}
    assert held == files
    assert {f"{package.name}/py.typed" for package in PACKAGES} <= held
    assert {"netmon_configs/samples/agent.yaml", "netmon_configs/samples/collector.yaml"} <= held
    assert [name for name in held if re.fullmatch(r"netmon_collector/state/migrations/versions/\w+\.py", name)]


@pytest.mark.timeout(110)
def test_an_agent_runs_with_the_base_packages_alone(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True, timeout=30)
    python, netmon = tmp_path / "venv/bin/python", tmp_path / "venv/bin/netmon"
    pip("--python", str(python), "install", "--quiet", str(wheel))
    found = "import importlib.util as u, sys; print([name for name in sys.argv[1:] if u.find_spec(name)])"
    command = [str(python), "-c", found, *COLLECTORS_OWN]
    assert subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip() == "[]"
    with daemon(tmp_path / "collector.log", "collector", "--state", str(tmp_path / "c"), *on_free_ports()) as collector:
        address = collector.says("agents connect to ")
        options = ("agent", "--state", str(tmp_path / "a"), "--collector", address)
        with daemon(tmp_path / "agent.log", *options, program=netmon) as agent:
            agent.says("collector.connected")


def on_free_ports() -> tuple[str, ...]:
    return ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
