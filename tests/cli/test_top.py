import json

import pytest

from netmon_cli.hostload import rate
from tests.cli.conftest import Netmon
from tests.cli.fake_collector import FakeCollector, Json, device, series


def busy_host(instance: str, idle_per_s: float) -> list[Json]:
    """A host with two processors of which each idles, and with counters that grow steadily."""

    def counter(name: str, per_s: float, **labels: str) -> Json:
        points = [(age_s, 1000 + per_s * (30 - age_s)) for age_s in (24.0, 14.0, 4.0)]
        return series(name, points, instance=instance, **labels)

    return [
        series("node_load1", [(14.0, 9.0), (4.0, 1.5)], instance=instance),
        *(counter("node_cpu_seconds_total", idle_per_s, cpu=cpu, mode="idle") for cpu in "01"),
        *(counter("node_cpu_seconds_total", 0.1, cpu=cpu, mode="iowait") for cpu in "01"),
        series("node_memory_MemTotal_bytes", [(4.0, 4000)], instance=instance),
        series("node_memory_MemAvailable_bytes", [(4.0, 1000)], instance=instance),
        counter("node_disk_io_time_seconds_total", 0.2, device="sda"),
        counter("node_disk_io_time_seconds_total", 0.6, device="sdb"),
        counter("node_network_receive_bytes_total", 1024, device="eth0"),
        counter("node_network_receive_bytes_total", 1024, device="eth1"),
        counter("node_network_transmit_bytes_total", 512, device="eth0"),
    ]


@pytest.fixture
def busy(collector: FakeCollector) -> FakeCollector:
    collector.devices = [device("web1"), device("web2"), device("web3", "down", last_sample=None)]
    collector.samples = [*busy_host("web1", 0.8), *busy_host("web2", 0.3)]
    return collector


def test_one_frame_fits_80_columns_busiest_first(netmon: Netmon, busy: FakeCollector) -> None:
    ended = netmon("top", "--once")
    assert ended.code == 0
    assert ended.out == (
        "DEVICE  STATE  LOAD  CPU %  MEM %  DISK %  RX/s  TX/s  AGE\n"
        "web2    up     1.50     60     75      60  2.0K  512B   4s\n"
        "web1    up     1.50     10     75      60  2.0K  512B   4s\n"
        "web3    down      -      -      -       -     -     -    -\n"
    )


def test_devices_with_the_longest_readings_fit_80_columns(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = [device("a" * 100, "down", last_sample="2020-01-31T01:02:03.000Z")]
    collector.samples = [
        series("node_load1", [(4.0, 1234.5)], instance="a" * 100),
        *busy_host("a" * 100, 0.0)[1:],
        series("node_network_receive_bytes_total", [(14.0, 0), (4.0, 1.1e10)], instance="a" * 100),
        series("node_network_transmit_bytes_total", [(14.0, 0), (4.0, 1.07e7)], instance="a" * 100),
    ]
    lines = netmon("top", "--once").out.splitlines()
    assert lines[1].split() == ["a" * 22 + "…", "down", "1234", "90", "75", "60", "1.0G", "1.0M", "2192d"]
    assert max(map(len, lines)) <= 80


def test_the_order_is_chosen(netmon: Netmon, busy: FakeCollector) -> None:
    first = [line.split()[0] for line in netmon("top", "--once", "--sort", "name").out.splitlines()]
    assert first == ["DEVICE", "web1", "web2", "web3"]
    assert netmon("top", "--once", "--sort", "colour").code == 2


def test_json_has_plain_numbers(netmon: Netmon, busy: FakeCollector) -> None:
    web2, web1, web3 = json.loads(netmon("top", "--json").out)
    assert web2 == {
        "instance": "web2",
        "up": True,
        "age_s": 4.0,
        "load1": 1.5,
        "cpu_percent": pytest.approx(60.0),
        "memory_percent": 75.0,
        "disk_percent": pytest.approx(60.0),
        "received_bytes": pytest.approx(2048.0),
        "sent_bytes": pytest.approx(512.0),
    }
    assert web1["cpu_percent"] == pytest.approx(10.0)
    assert web3["up"] is False
    assert web3["cpu_percent"] is None


def test_what_is_no_number_in_json_is_null(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [series("node_load1", [(4.0, "NaN")]), series("node_load1", [(4.0, "+Inf")], instance="web2")]
    assert [one["load1"] for one in json.loads(netmon("top", "--json").out)] == [None, None]
    assert "nan" in netmon("top", "--once").out


def test_without_a_terminal_top_asks_for_once(netmon: Netmon, busy: FakeCollector) -> None:
    ended = netmon("top")
    assert ended.code == 2
    assert ended.err == "netmon: top draws on a terminal, and this is none\n  Use --once.\n"


def test_no_devices_yet(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = []
    assert netmon("top", "--once").out.splitlines()[1] == "no devices yet; `netmon agent` on a host adds it"


@pytest.mark.parametrize(
    ("points", "per_s"),
    [
        ([], None),
        ([(0.0, 5.0)], None),
        ([(0.0, 5.0), (0.0, 6.0)], None),
        ([(0.0, 5.0), (10.0, 25.0)], 2.0),
        ([(0.0, 100.0), (10.0, 110.0), (20.0, 4.0), (30.0, 14.0)], 0.8),
        ([(0.0, 5.0), (5.0, None), (10.0, 25.0), (11.0, float("nan"))], 2.0),
    ],
)
def test_a_counter_that_falls_has_begun_again(points: list[tuple[float, float | None]], per_s: float | None) -> None:
    assert rate(points) == (pytest.approx(per_s) if per_s is not None else None)
