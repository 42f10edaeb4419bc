"""The same machine at the same time, read by us and by Debian's real node_exporter."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from netmon_agent.inputs.host import HostInput
from tests.agent.host.exporter import PROGRAM, Exporter, kinds_of, parse, same_flags
from tests.agent.host.trees import Labels, Machine, Series, keys_of, series_of

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="prometheus-node-exporter is not installed")

THEIRS_ALONE = {
    "node_exporter_build_info": "about the exporter itself",
    "promhttp_metric_handler_errors_total": "about the exporter itself",
}
"""Metrics of the collectors which we claim that we do not have, with reasons; docs/host-metrics.md tells the same."""

OURS = {"top_processes": False}
"""Families that node_exporter does not have."""

ZERO_IS_ABSENT = {"node_processes_state", "node_processes_threads_state"}
"""We show the usual states as 0 where nothing is in them; node_exporter leaves them out."""

GAUGES_BY_MEANING = {"node_netstat_Ip_Forwarding", "node_netstat_Tcp_CurrEstab"}
"""node_exporter's untyped metrics that do not only grow."""

# How far a gauge may be from what we read just before and after: others use the machine while the test runs.
ABSOLUTE = {
    r"node_(load|procs|netstat|processes|sockstat|arp|filefd|network_speed|udp_queues|nf_conntrack)": 50,
    r"node_(memory|filesystem)": 256 << 20,
    r"node_disk_io_now": 1000,
    r"node_timex": 0.1,
}


def tolerance(name: str, value: float) -> float:
    allowed = [slack for pattern, slack in ABSOLUTE.items() if re.match(pattern, name)]
    return max([*allowed, 0.02 * abs(value), 1e-6])


def comparable(series: Series) -> Series:
    return {
        key: value
        for key, value in series.items()
        if key[0] not in THEIRS_ALONE and not (key[0] in ZERO_IS_ABSENT and value == 0)
    }


@pytest.fixture
async def host() -> AsyncIterator[HostInput]:
    # systemd is compared where it runs; where it does not, we are silent and node_exporter reports a failure.
    host = HostInput.model_validate(
        {"processes": {"thread_states": True}, "families": {"systemd": Path("/run/systemd/system").is_dir(), **OURS}}
    )
    yield host
    await host.close()


@pytest.fixture
def exporter(host: HostInput) -> Iterator[Exporter]:
    with Exporter(same_flags(host)) as running:
        yield running


def side_by_side(host: HostInput, exporter: Exporter) -> tuple[Series, Series, Series]:
    """Ours before, theirs, ours after; once more if devices or processes came or went in between."""
    for _ in range(10):
        before = comparable(series_of(host))
        theirs = comparable(parse(exporter.scrape())[0])
        after = comparable(series_of(host))
        if steady(before) == steady(after) == steady(theirs):
            break
    return before, theirs, after


def steady(series: Series) -> set[tuple[str, Labels]]:
    """The series that are there from one moment to the next: a process is in one state now and in another then."""
    return {key for key in series if key[0] not in ZERO_IS_ABSENT}


def test_every_series_of_every_claimed_family_has_the_same_name_and_labels(host: HostInput, exporter: Exporter) -> None:
    ours, theirs, _ = side_by_side(host, exporter)
    assert sorted(steady(theirs) - steady(ours)) == []
    assert sorted(steady(ours) - steady(theirs)) == []
    assert len(ours) > 300


def test_every_state_of_processes_that_node_exporter_tells_is_told(host: HostInput, exporter: Exporter) -> None:
    theirs = parse(exporter.scrape())[0]
    assert {key for key in theirs if key[0] in ZERO_IS_ABSENT} <= series_of(host).keys()


def test_every_metric_has_the_same_type(host: HostInput, exporter: Exporter) -> None:
    _, kinds = parse(exporter.scrape())
    ours = kinds_of(keys_of(host))
    assert {name: kind for name, kind in ours.items() if kind != kinds.get(name, kind)} == {}


def test_values_agree_with_what_was_read_just_before_and_after(host: HostInput, exporter: Exporter) -> None:
    before, theirs, after = side_by_side(host, exporter)
    _, kinds = parse(exporter.scrape())
    wrong = []
    for key in before.keys() & theirs.keys() & after.keys():
        name, value = key[0], theirs[key]
        if name == "node_scrape_collector_duration_seconds":
            continue
        low, high = min(before[key], after[key]), max(before[key], after[key])
        grows = kinds[name].name != "GAUGE" and name not in GAUGES_BY_MEANING
        slack = 1e-9 * abs(value) + 0.001 if grows else tolerance(name, value)
        if not low - slack <= value <= high + slack:
            wrong.append((key, before[key], value, after[key]))
    assert wrong == []


def test_a_recorded_machine_with_rare_hardware_reads_the_same(recorded_machine: Machine) -> None:
    machine = recorded_machine
    host = machine.input(families={"systemd": False, **OURS}, processes={"thread_states": True})
    paths = {"procfs": machine.proc, "sysfs": machine.sys, "rootfs": machine.root, "udev.data": machine.udev}
    flags = [f"--path.{name}={path}" for name, path in paths.items()] + ["--no-collector.netdev.netlink"]
    with Exporter([*same_flags(host), *flags]) as exporter:
        theirs, kinds = parse(exporter.scrape())
    ours, theirs = comparable(series_of(host)), comparable(theirs)
    assert sorted(theirs.keys() - ours.keys()) == []
    assert sorted(ours.keys() - theirs.keys()) == []
    of_this_machine = re.compile("node_(time_|timex|scrape|filesystem)")
    wrong = [
        (key, ours[key], theirs[key])
        for key in ours
        if ours[key] != pytest.approx(theirs[key], rel=1e-12) and not of_this_machine.match(key[0])
    ]
    assert wrong == []
    assert {name: kind for name, kind in kinds_of(keys_of(host)).items() if kind != kinds.get(name, kind)} == {}
