"""docs/install.md, typed on a machine with a systemd; the services run as confined as their units ask for."""

import json
import os
import re
from collections.abc import Iterator

import pytest

from tests.packaging.machine import needs_machine, run_machine, step
from tests.packaging.pages import ROOT, file_of, sections, typed

pytestmark = [pytest.mark.root, needs_machine, pytest.mark.timeout(110)]

PAGE = sections(ROOT / "docs/install.md")
FAMILIES = {"cpu", "diskstats", "filesystem", "meminfo", "netdev", "processes", "systemd", "timex", "uname"}
"""Some that read other processes, other people's folders, the clock, or D-Bus."""

_UP = r"""netmon devices --json | grep '"state": *"up"' | grep '"connected": *true'"""
_AGENT_WRITES = (
    "nsenter --mount --target $(systemctl show --property=MainPID --value netmon-agent) "
    "sh -c 'touch /var/lib/{0} && echo done' || true"
)
_PIDS = "$(systemctl show --property=MainPID --value netmon-agent netmon-collector)"


def as_typed(section: str) -> Iterator[str]:
    """A section's commands and files, for bash."""
    for language, block in PAGE[section]:
        if language == "console":
            yield from map(_stand_in, typed(block))
        elif language == "yaml":
            file, content = file_of(block)
            yield f"cat >{file} <<'END'\n{content}END"


def _stand_in(command: str) -> str:
    """A command as it is run here: nothing is fetched, nobody is asked, and what takes its time is waited for."""
    if command.startswith("sudo apt-get "):
        return "true"
    if "/bin/pip install " in command:
        return "install-packages"
    if command == "netmon login":
        return r"sed -n 's/^API token.*: \(\S*\)$/\1/p' /run/journal | netmon login"
    return f"until {command}; do sleep 0.1; done" if "| grep " in command else command


def asked(selector: str) -> str:
    """Asks until there are samples."""
    command = f"netmon query '{selector}' --json"
    return f"until {command} | grep metric >/dev/null; do sleep 0.2; done; {command}"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the machine printed."""
    elsewhere = "until grep -q 'collector.connected address=unix:' /run/journal; do sleep 0.1; done"
    return run_machine(
        tmp_path_factory.mktemp("machine") / "layers",
        [
            step("install", *as_typed("The first machine: collector and agent")),
            step("families", asked("node_scrape_collector_success")),
            step("mounts", asked('{__name__=~"node_filesystem_(readonly|device_error)"}')),
            step("units", asked("node_systemd_unit_state")),
            step("confinement", f"for pid in {_PIDS}; do cat /proc/$pid/status; done"),
            step("agent writes", _AGENT_WRITES.format("netmon/agent/x"), _AGENT_WRITES.format("x")),
            step("second host", *as_typed("On the collector's machine"), elsewhere),
            step("devices", f"until {_UP} >/dev/null; do sleep 0.1; done; netmon devices --json"),
            step("backup", *as_typed("Backup"), "tar --list --file /var/backups/netmon-collector.tar.gz"),
            step("upgrade", *as_typed("Upgrade")),
            step("journal", "cat /run/journal"),
            step("uninstall", *as_typed("Uninstall")),
            step(
                "left", "ls -d /opt/netmon /usr/local/bin/netmon /etc/netmon /etc/systemd/system/netmon* 2>&1 || true"
            ),
        ],
    )


def series(printed: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value."""
    return [(one["metric"], float(one["value"][1])) for one in json.loads(printed)["data"]["result"]]


def test_the_services_run_and_the_token_from_the_journal_opens_the_api(told: dict[str, str]) -> None:
    assert "API token (shown this once): nmt_" in told["install"]
    assert "accepts the token" in told["install"]
    assert "at http://127.0.0.1:7440, running for" in told["install"]


def test_a_confined_agent_reads_what_it_should(told: dict[str, str]) -> None:
    succeeded = {labels["collector"] for labels, value in series(told["families"]) if value == 1}
    assert FAMILIES - succeeded == set()


def test_a_confined_agent_sees_the_machines_mounts_and_not_its_own(told: dict[str, str]) -> None:
    mounts = series(told["mounts"])
    readonly = {labels["mountpoint"]: value for labels, value in mounts if "readonly" in labels["__name__"]}
    broken = {labels["mountpoint"] for labels, value in mounts if "error" in labels["__name__"] and value}
    assert readonly["/"] == bool(os.statvfs("/").f_flag & os.ST_RDONLY)
    assert {"/home"} <= readonly.keys() - broken
    assert not [place for place in readonly if place.startswith("/var/lib/netmon")]


def test_a_confined_agent_asks_systemd_for_its_units(told: dict[str, str]) -> None:
    active = {labels["name"] for labels, value in series(told["units"]) if labels["state"] == "active" and value}
    assert {"netmon-agent.service", "netmon-collector.service"} <= active


def test_services_have_no_rights(told: dict[str, str]) -> None:
    status: dict[str, list[str]] = {}
    for line in told["confinement"].splitlines():
        name, _, value = line.partition(":")
        status.setdefault(name, []).append(value.strip())
    assert status["CapBnd"] == status["CapEff"] == ["0" * 16] * 2
    assert status["NoNewPrivs"] == ["1"] * 2
    assert status["Seccomp"] == ["2"] * 2
    assert all(set(uids.split()) == {status["Uid"][0].split()[0]} and uids.split()[0] != "0" for uids in status["Uid"])


def test_an_agent_writes_nowhere_but_in_its_own_folder(told: dict[str, str]) -> None:
    own, others = told["agent writes"].splitlines()
    assert own == "done"
    assert "Read-only file system" in others


def test_the_first_start_on_another_address_shows_a_join_token(told: dict[str, str]) -> None:
    first, another = re.findall(r"nmj_[\w-]{43}", told["second host"])
    assert f"join token for agents (shown this once): {first}" in told["second host"]
    assert another != first
    assert "agents connect to 0.0.0.0:7441" in told["journal"]


def test_the_collectors_own_machine_goes_on_over_the_socket(told: dict[str, str]) -> None:
    (device,) = json.loads(told["devices"])["results"]
    assert (device["state"], device["agent"]["connected"]) == ("up", True)


def test_a_backup_holds_samples_and_tokens(told: dict[str, str]) -> None:
    files = told["backup"].split()
    assert "collector/state.sqlite" in files
    assert any(name.startswith("collector/store/wal-") for name in files)


def test_the_configuration_is_fine_after_an_upgrade(told: dict[str, str]) -> None:
    assert told["upgrade"].count(": fine") == 2


def test_nothing_but_the_data_is_left_after_uninstalling(told: dict[str, str]) -> None:
    assert told["left"].strip().splitlines()
    assert all("No such file" in line for line in told["left"].strip().splitlines())
