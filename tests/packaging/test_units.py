"""systemd's own judgement of the units."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netmon_cli.doctor.services import UNITS
from tests.packaging.pages import ROOT

FOLDER = ROOT / "packaging/systemd"
NETMON = Path(sys.executable).with_name("netmon")
MOST_EXPOSED = {"netmon-agent.service": 2.1, "netmon-collector.service": 1.2}
"""From 0 to 10; what systemd calls "OK" ends at 5."""

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture(params=UNITS)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit whose program is where it is here."""
    text = (FOLDER / request.param).read_text()
    assert "ExecStart=/opt/netmon/bin/netmon " in text
    here = tmp_path / str(request.param)
    here.write_text(text.replace("/opt/netmon/bin/netmon", str(NETMON)))
    return here


def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path) -> None:
    answer = analyze("verify", "--man=no", str(unit))
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_systemd_would_say_what_is_wrong_with_a_unit(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectHome=", "ProtectHouse="))
    assert "ProtectHouse" in analyze("verify", "--man=no", str(unit)).stderr


def test_a_service_is_exposed_no_more_than_it_must_be(unit: Path) -> None:
    answer = analyze("security", "--offline=yes", "--no-pager", str(unit))
    if "unrecognized option" in answer.stderr:
        pytest.skip("this systemd-analyze judges running services only")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", answer.stdout)
    assert found, answer.stdout + answer.stderr
    assert float(found[1]) <= MOST_EXPOSED[unit.name]


def test_the_commands_of_the_services_exist(unit: Path) -> None:
    found = re.search(r"^ExecStart=\S+ (\w+) (--config) /etc/netmon/(\w+)\.yaml$", unit.read_text(), re.MULTILINE)
    assert found
    assert found[1] == found[3]
    told = subprocess.run([NETMON, found[1], "--help"], capture_output=True, text=True, timeout=30, check=True)
    assert found[2] in told.stdout
