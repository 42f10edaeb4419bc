"""The input as a whole: switches, broken families, and files that say anything at all."""

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from netmon_agent.inputs.base import Columns
from netmon_agent.inputs.host import HostInput
from netmon_agent.inputs.host.families import families_for
from netmon_agent.inputs.host.files import Files
from netmon_proto import wire
from netmon_proto.model import Batch, Gather
from tests.agent.host import recorded
from tests.agent.host.trees import Machine, series_of, value

SUCCESS = "node_scrape_collector_success"


async def test_a_gather_hands_out_the_very_same_keys_while_series_stay_the_same(this_host: HostInput) -> None:
    first = [part.keys for part in await this_host.gather(0) if isinstance(part, Columns)]
    second = [part.keys for part in await this_host.gather(0) if isinstance(part, Columns)]
    # Others' processes, mounts and devices may come and go on this machine: most families must be the same, object for
    # object.
    assert sum(one is other for one, other in zip(first, second, strict=False)) >= len(first) - 3


async def test_closing_lets_go_of_all_files(recorded_machine: Machine) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    host = recorded_machine.input()
    before = open_files()
    await host.gather(0)
    assert open_files() > before
    await host.close()
    assert open_files() == before


@pytest.mark.parametrize("family", ["cpu", "meminfo", "netclass", "systemd"])
def test_a_family_can_be_switched_off(recorded_machine: Machine, family: str) -> None:
    host = recorded_machine.input(families={family: False}, systemd={"address": "unix:path=/nonexistent"})
    collectors = {dict(labels)["collector"] for name, labels in series_of(host) if name == SUCCESS}
    assert family not in collectors
    assert len(collectors) == 28


def test_an_unknown_family_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match=r"families\.systemdd"):
        HostInput.model_validate({"families": {"systemdd": False}})


def test_a_pattern_that_is_none_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match="valid regular expression"):
        HostInput.model_validate({"netdev": {"device_exclude": "eth("}})


def test_systemd_is_silently_absent_where_it_does_not_run(machine: Machine) -> None:
    assert value(machine.input(), SUCCESS, collector="systemd") is None
    (machine.root / "run/systemd/system").mkdir(parents=True)
    assert value(machine.input(), SUCCESS, collector="systemd") is not None


def test_other_platforms_have_the_families_that_psutil_has() -> None:
    host = HostInput()
    assert "hwmon" in families_for("linux", host, Files())
    for platform in ("darwin", "win32"):
        assert {"cpu", "meminfo", "netdev"} <= families_for(platform, host, Files()).keys()
        assert "hwmon" not in families_for(platform, host, Files())


def test_libraries_of_other_platforms_and_of_the_bus_are_not_loaded_for_nothing(recorded_machine: Machine) -> None:
    options = recorded_machine.input().model_dump(mode="json", include={"procfs", "sysfs", "rootfs"})
    code = f"import sys; from netmon_agent.inputs.host import HostInput; HostInput(**{options!r}).read(); "
    code += "print({'psutil', 'jeepney'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


def test_the_input_works_where_the_system_calls_of_linux_are_missing() -> None:
    code = "import os; del os.statvfs, os.pread, os.uname, os.O_CLOEXEC; "
    code += "from netmon_agent.inputs.host import HostInput; from netmon_agent.inputs.host.files import Files; "
    code += "from netmon_agent.inputs.host.families import families_for; "
    code += "print(len(families_for('win32', HostInput(), Files())['loadavg'].gather().keys))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "3"


def test_a_machine_without_any_file_has_no_series_but_those_about_the_families(machine: Machine) -> None:
    series = series_of(machine.input())
    missing = {"cpu", "meminfo", "stat", "netstat", "conntrack", "pressure", "hwmon", "diskstats", "os", "loadavg"}
    for family in missing:
        assert series[SUCCESS, (("collector", family),)] == 0
    families = {name.split("_")[1] for name, _ in series}
    assert families <= {"scrape", "selinux", "time", "timex", "uname"}


def test_a_family_that_breaks_is_logged_once_and_once_when_it_recovers(
    recorded_machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    machine = recorded_machine
    host = machine.input()
    host.read()
    machine.write({machine.proc / "loadavg": "none"})
    for _ in range(3):
        assert value(host, SUCCESS, collector="loadavg") == 0
        assert value(host, "node_load1") is None
        assert value(host, "node_filefd_allocated") == 1024
    machine.write({machine.proc / "loadavg": "1 2 3 4/5 6"})
    assert value(host, "node_load5") == 2
    host.read()
    assert [record.getMessage() for record in caplog.records] == ["family.broken", "family.recovered"]
    assert {record.fields["family"] for record in caplog.records} == {"loadavg"}  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, HostInput]]:
    machine = recorded.laid_out(tmp_path_factory.mktemp("fuzzed"))
    level = logging.getLogger("netmon.agent.host").level
    logging.getLogger("netmon.agent.host").setLevel(logging.CRITICAL)
    yield machine, machine.input()
    asyncio.run(machine.close())
    logging.getLogger("netmon.agent.host").setLevel(level)


PROC = sorted(recorded.procfs())
SYS = sorted(recorded.sysfs())
garbage = st.one_of(
    st.binary(max_size=200),
    st.text("0123456789abcdef -.:\n\t()%x", max_size=200).map(str.encode),
    st.just(b"9" * 5000),
)


@st.composite
def damaged(draw: st.DrawFn, files: dict[str, str]) -> tuple[str, bytes]:
    """A file and what it says: garbage, its content cut short, or its content with garbage inside."""
    name = draw(st.sampled_from(sorted(files)))
    content = files[name].encode()
    at = draw(st.integers(0, len(content)))
    return name, draw(st.sampled_from([b"", content[:at]])) + draw(garbage) + draw(st.sampled_from([b"", content[at:]]))


@settings(max_examples=200, deadline=None)
@given(
    proc=st.lists(damaged(recorded.procfs()), max_size=4),
    sysfs=st.lists(damaged(recorded.sysfs()), max_size=4),
    udev=garbage,
    release=garbage,
)
def test_whatever_files_say_a_gather_never_raises_and_stays_sendable(
    fuzzed: tuple[Machine, HostInput],
    proc: list[tuple[str, bytes]],
    sysfs: list[tuple[str, bytes]],
    udev: bytes,
    release: bytes,
) -> None:
    machine, kept = fuzzed
    files = {machine.proc / name: content for name, content in proc}
    files |= {machine.sys / name: content for name, content in sysfs}
    files |= {machine.udev / "b8:0": udev, machine.root / "etc/os-release": release}
    machine.write(files)
    try:
        fresh = machine.input()
        for host in (kept, fresh):  # one that has files open and plans made, one that starts now
            values: list[float] = []
            for name, labels in series_of(host):
                assert re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]{0,255}", name)
                for label, text in labels:
                    assert re.fullmatch("[a-z_]+", label)
                    assert len(text.encode()) <= 4096
            for columns in host.read():
                values.extend(columns.values)
            wire.encode_batch(Batch(1, 1, 0, 0, [Gather(1, 0, values)]))
        asyncio.run(fresh.close())
    finally:
        machine.write({machine.proc / name: recorded.procfs()[name] for name, _ in proc})
        machine.write({machine.sys / name: recorded.sysfs()[name] for name, _ in sysfs})
