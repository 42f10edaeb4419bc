import json

from tests.cli.conftest import Netmon
from tests.cli.fake_collector import FakeCollector, device, moment

HOSTILE = "web\x1b[31m[bold]\u202e\n1"


def test_devices_are_a_table(netmon: Netmon, collector: FakeCollector) -> None:
    late = {"clock_skew_s": -4.5, "spool": {"batches": 7, "bytes": 100, "oldest_age_s": 90.0}}
    collector.devices = [
        device("db1", agent=late),
        device("web1", "down", last_sample=None, agent={"clock_skew_s": None, "spool": None}),
    ]
    ended = netmon("devices")
    assert ended.code == 0
    assert ended.out == (
        "DEVICE  STATE  FOR  LAST SAMPLE    CLOCK  WAITING  AGENT\n"
        "db1     up      3h       4s ago  -4.500s        7  0.1.0\n"
        "web1    down    3h         none        -        -  0.1.0\n"
    )


def test_all_pages_are_read(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = [device(f"web{number:03}") for number in range(250)]
    assert len(netmon("devices").out.splitlines()) == 251
    answer = json.loads(netmon("devices", "--json").out)
    assert [one["instance"] for one in answer["results"]] == [f"web{number:03}" for number in range(250)]
    assert (answer["count"], answer["next"], answer["previous"]) == (250, None, None)


def test_a_collector_that_always_has_a_next_page_is_not_followed_for_ever(
    netmon: Netmon, collector: FakeCollector
) -> None:
    endless = {"count": 3, "next": "/more", "previous": None, "results": [device("a"), device("b")]}
    collector.replaced["/api/v1/devices"] = (200, {}, json.dumps(endless).encode())
    assert len(netmon("devices").out.splitlines()) == 5


def test_no_devices_yet_says_what_to_do(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = []
    assert netmon("devices").out == "no devices yet; `netmon agent` on a host adds it\n"


def test_one_device_in_detail(netmon: Netmon, collector: FakeCollector) -> None:
    waiting = {"spool": {"batches": 7, "bytes": 2048, "oldest_age_s": 90.0}, "quarantined": 2}
    collector.devices = [device("web1", agent=waiting)]
    ended = netmon("devices", "web1")
    assert ended.code == 0
    assert (
        ended.out
        == """\
device       web1 (web1)
state        up for 3h
job          node
last sample  4s ago
interval     10s
first seen   2026-01-24 12:00:00
last seen    2026-01-31 11:59:58
agent        netmon 0.1.0 on web1, Linux x86_64
connection   connected from 127.0.0.1:5123
clock        +0.003s against the collector's
spool        7 batches (2.0 KiB) waiting, the oldest for 1m 30s
quarantine   2 batches
"""
    )
    assert json.loads(netmon("devices", "web1", "--json").out)["since"] == moment(3 * 3600)


def test_an_agent_that_never_reported_has_dashes(netmon: Netmon, collector: FakeCollector) -> None:
    silent = {"clock_skew_s": None, "spool": None, "quarantined": None}
    collector.devices = [device("web1", "down", last_sample=None, agent=silent)]
    lines = netmon("devices", "web1").out.splitlines()
    assert "last sample  none" in lines
    assert "connection   not connected" in lines
    assert {"clock        -", "spool        -", "quarantine   -"} <= set(lines)


def test_an_unknown_device_is_refused(netmon: Netmon, collector: FakeCollector) -> None:
    ended = netmon("devices", "web9")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err == "netmon: no such device\n  `netmon devices` shows what there is.\n"


def test_a_name_can_not_leave_its_path(netmon: Netmon, collector: FakeCollector) -> None:
    assert netmon("devices", "../status?x=1").code == 5
    assert collector.requests[0][:2] == ("/api/v1/devices/..%2Fstatus%3Fx%3D1", {})


def test_hostile_names_reach_neither_terminal_nor_layout(netmon: Netmon, collector: FakeCollector) -> None:
    collector.devices = [device(HOSTILE, agent={"version": "\x07", "platform": "\x1b]0;x\x07"})]
    table = netmon("devices").out
    assert table.splitlines()[1].startswith("web\\x1b[31m[bold]\\u202e\\n1  up")
    answer = netmon("devices", "--json").out
    assert json.loads(answer)["results"][0]["instance"] == HOSTILE
    assert all(character == "\n" or " " <= character < "\x7f" for character in table + answer)
