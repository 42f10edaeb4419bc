"""The families of macOS and Windows, read on Linux and compared with those of Linux."""

import pytest

from netmon_agent.inputs.host import HostInput
from netmon_agent.inputs.host.families import families_for
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.gatherer import Gatherer
from tests.agent.host.trees import Series, series_of


@pytest.fixture
def portable() -> Series:
    series: Series = {}
    for keys, values in Gatherer(families_for("darwin", HostInput(), Files())).gather():
        assert list(keys) == sorted(keys)
        series |= {(key.name, key.labels): float(one) for key, one in zip(keys, values, strict=True)}
    return series


def test_every_family_can_be_read(portable: Series) -> None:
    successes = {labels: one for (name, labels), one in portable.items() if name == "node_scrape_collector_success"}
    assert set(successes.values()) == {1.0}
    assert len(successes) == 10


def test_names_and_labels_are_those_of_linux(portable: Series, this_host: HostInput) -> None:
    # node_exporter leaves out disks that psutil counts, and psutil mounts that node_exporter shows.
    linux = series_of(this_host)
    ours_alone = {name for name, _ in portable} - {name for name, _ in linux}
    assert ours_alone == set()
    labels = {name: {label for label, _ in pairs} for name, pairs in linux}
    assert {name for name, pairs in portable if {label for label, _ in pairs} != labels[name]} == set()


def test_values_are_those_of_linux(portable: Series, this_host: HostInput) -> None:
    linux = series_of(this_host)
    for name in ("node_memory_MemTotal_bytes", "node_memory_SwapTotal_bytes", "node_boot_time_seconds"):
        assert portable[name, ()] == pytest.approx(linux[name, ()], abs=1.5)
    for key, one in portable.items():
        if key[0] == "node_cpu_seconds_total" and key in linux:
            assert one == pytest.approx(linux[key], abs=1.0, rel=0.01)
        if key[0] in {"node_network_mtu_bytes", "node_filesystem_size_bytes"} and key in linux:
            assert one == linux[key]


def test_switches_and_filters_hold_there_too() -> None:
    host = HostInput.model_validate({"families": {"cpu": False}, "netdev": {"device_include": "^none$"}})
    gathered = Gatherer(families_for("win32", host, Files())).gather()
    names = {key.name for keys, _ in gathered for key in keys}
    assert "node_cpu_seconds_total" not in names
    assert "node_network_receive_bytes_total" not in names
