import json

import pytest

from tests.cli.conftest import Netmon
from tests.cli.fake_collector import NOW_S, FakeCollector, problem, series

WEB = 'node_load1{instance=~"web.*"}'


def test_the_latest_value_of_each_series(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [
        series("node_load1", [(14.0, 0.5), (4.0, 1.25)]),
        series("node_load1", [(3.0, "NaN")], instance="web2"),
        series("node_memory_MemFree_bytes", [(3.0, 3 << 30)]),
    ]
    ended = netmon("query", WEB)
    assert ended.code == 0
    assert ended.out == (
        "VALUE  AGE  SERIES\n"
        ' 1.25   4s  node_load1{instance="web1",job="node"}\n'
        '  NaN   3s  node_load1{instance="web2",job="node"}\n'
    )
    assert "3.0 GiB" in netmon("query", "node_memory_MemFree_bytes").out
    path, asked, _ = collector.requests[1]
    assert (path, asked) == ("/api/v1/samples", {"selector": [WEB], "start": [f"{NOW_S - 300:.3f}"]})


def test_series_that_ended_are_shown_on_request(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [
        series("node_load1", [(14.0, 0.5), (4.0, None)]),
        series("node_load1", [(301.0, 7)], instance="web2"),
        series("node_load1", [], instance="web3"),
    ]
    assert netmon("query", "node_load1").out == "no series; 1 ended, see them with --all\n"
    assert netmon("query", "node_load1", "--since", "1h").out == "no series; 2 ended, see them with --all\n"
    lines = netmon("query", "node_load1", "--since", "1h", "--all").out.splitlines()
    assert lines[1] == 'ended     4s  node_load1{instance="web1",job="node"}'
    assert lines[2] == '    7  5m 1s  node_load1{instance="web2",job="node"}'
    assert len(lines) == 3


def test_nothing_found_is_said(netmon: Netmon, collector: FakeCollector) -> None:
    ended = netmon("query", "nothing")
    assert (ended.code, ended.out) == (0, "no series\n")


def test_how_far_and_how_much_is_asked(netmon: Netmon, collector: FakeCollector) -> None:
    netmon("query", "up", "--since", "1h30m", "--limit", "7")
    assert collector.requests[1][1] == {"selector": ["up"], "start": [f"{NOW_S - 5400:.3f}"], "limit": ["7"]}


def test_json_is_what_the_collector_answers(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [series("up", [(14.0, "+Inf"), (4.0, None)])]
    answer = json.loads(netmon("query", "up", "--json").out)
    assert answer["results"] == collector.samples


def test_a_selector_that_the_collector_refuses(netmon: Netmon, collector: FakeCollector) -> None:
    ended = netmon("query", "up{")
    assert ended.code == 5
    assert ended.err == "netmon: the request has mistakes\n  selector: unclosed brace\n"


def test_what_a_refusal_says_twice_is_told_once(netmon: Netmon, collector: FakeCollector) -> None:
    said = problem("bad_request", "selector: unclosed brace", {"selector": "unclosed brace"})
    collector.replaced["/api/v1/samples"] = (400, {}, json.dumps(said).encode())
    assert netmon("query", "up{").err == "netmon: selector: unclosed brace\n"


@pytest.mark.parametrize("arguments", [["up", "--since", "soon"], ["up", "--limit", "0"], [], ["up", "down"]])
def test_mistakes_in_the_command_line_are_exit_code_2(netmon: Netmon, arguments: list[str]) -> None:
    ended = netmon("query", *arguments)
    assert ended.code == 2
    assert "Usage: netmon query" in ended.err


def test_hostile_labels_reach_neither_terminal_nor_layout(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [series("x", [(1.0, 1)], evil='\x1b[2J"}\n[red]\x9b\u2028', **{"a\x07": "b"})]
    out = netmon("query", "x").out
    assert out.splitlines()[1].endswith(
        r'x{a\x07="b",evil="\\x1b[2J\"}\\n[red]\\x9b\\u2028",instance="web1",job="node"}'
    )
    assert all(character == "\n" or " " <= character < "\x7f" for character in out + netmon("query", "x", "--json").out)
