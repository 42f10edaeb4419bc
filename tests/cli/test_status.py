import json

from tests.cli.conftest import Netmon
from tests.cli.fake_collector import FakeCollector, device, moment


def test_status_tells_what_is_up_waits_and_is_stored(netmon: Netmon, collector: FakeCollector) -> None:
    ended = netmon("status")
    assert ended.code == 0
    assert ended.err == ""
    assert (
        ended.out
        == f"""\
netmon 0.1.0 at {collector.url}, running for 3h 12m

devices  2 up
agents   2 of 2 connected
ingest   123.4 samples/s, the last one 4s ago
         since the start 1,234,567 samples in 1,234 batches, 3 sent twice, 0 refused
store    1,234 series, 12.3 MiB, since 2026-01-28 12:00
spool    12 batches (34.0 KiB) waiting at the agents, 1 in quarantine
"""
    )


def test_a_device_that_is_down_is_named_and_gives_exit_code_1(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices += [device("web3", "down"), device("web4", "down")]
    ended = netmon("status")
    assert ended.code == 1
    assert "devices  2 up, 2 down: web3, web4\n" in ended.out


def test_only_the_first_of_many_that_are_down_are_named(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = [device(f"web{number:02}", "down") for number in range(30)]
    assert "30 down: web00, web01, web02, web03, web04, web05, web06, web07 and 22 more" in netmon("status").out


def test_an_empty_collector_says_how_to_add_a_host(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = []
    ended = netmon("status")
    assert ended.code == 0
    assert "devices  none yet; `netmon agent` on a host adds it\n" in ended.out


def test_json_is_what_the_collector_answers(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices.append(device("web3", "down"))
    ended = netmon("status", "--json")
    assert ended.code == 1
    answer = json.loads(ended.out)
    assert answer["now"] == moment(0)
    assert answer["devices"] == {"total": 3, "up": 2, "down": 1}
