import json

import pytest

from tests.cli.conftest import Netmon
from tests.cli.fake_collector import NOW_S, FakeCollector, matrix, series, vector

WEB = 'node_load1{instance=~"web.*"}'
PATH = "/prometheus/api/v1/query"


def asked(collector: FakeCollector, path: str) -> list[dict[str, list[str]]]:
    return [parameters for where, parameters, _ in collector.requests if where == path]


def refuse(collector: FakeCollector, kind: str, error: str, status: int = 400) -> None:
    body = json.dumps({"status": "error", "errorType": kind, "error": error}).encode()
    collector.replaced[PATH] = (status, {"Content-Type": "application/json"}, body)


def test_a_selector_gives_the_latest_value_of_each_series_and_its_age(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [
        series("node_load1", [(14.0, 0.5), (4.0, 1.25)]),
        series("node_load1", [(3.0, "NaN")], instance="web2"),
        series("node_load1", [(301.0, 7)], instance="web3"),
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
    assert [one["query"] for one in asked(collector, PATH)][:2] == [[WEB], [f"timestamp({WEB})"]]


def test_an_expression_has_values_without_age(netmon: Netmon, collector: FakeCollector) -> None:
    collector.evaluated = {
        "sum by (instance) (up)": vector({(("instance", "web1"),): 2.0, (): 3.0}),
        "1 + 1": {"data": {"resultType": "scalar", "result": [NOW_S, "2"]}},
        '"hi"': {"data": {"resultType": "string", "result": [NOW_S, "hi\x1b[2J"]}},
    }
    assert netmon("query", "sum by (instance) (up)").out == 'VALUE  SERIES\n    2  {instance="web1"}\n    3  {}\n'
    assert netmon("query", "1 + 1").out == "2\n"
    assert netmon("query", '"hi"').out == "hi\\x1b[2J\n"
    assert len(asked(collector, PATH)) == 3


def test_a_selector_of_several_metrics_has_values_without_age(netmon: Netmon, collector: FakeCollector) -> None:
    names = [(("__name__", "netmon_agent_info"),), (("__name__", "up"),)]
    collector.evaluated = {'{job="agent"}': vector(dict.fromkeys(names, 1.0))}
    ended = netmon("query", '{job="agent"}')
    assert (ended.code, ended.out) == (0, "VALUE  SERIES\n    1  netmon_agent_info\n    1  up\n"), ended.err
    assert len(asked(collector, PATH)) == 1, "timestamp() of several metrics is an error where labels are the same"


def test_nothing_found_is_said(netmon: Netmon, collector: FakeCollector) -> None:
    ended = netmon("query", "nothing")
    assert (ended.code, ended.out) == (0, "nothing now; --since looks further back\n")
    assert netmon("query", "nothing", "--since", "1h").out == "nothing\n"


def test_a_pipe_gets_a_line_for_each_series_of_a_range(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [
        series("node_load1", [(3000.0, 2), (2000.0, 8), (4.0, "NaN")]),
        series("node_load1", [(14.0, 0.5), (4.0, 1.25)], instance="web2"),
        series("node_load1", [(4.0, "+Inf")], instance="web3"),
    ]
    assert netmon("query", WEB, "--since", "1h").out == (
        "LAST  LOWEST  HIGHEST  SERIES\n"
        ' NaN       2        8  node_load1{instance="web1",job="node"}\n'
        '1.25     0.5     1.25  node_load1{instance="web2",job="node"}\n'
        '+Inf       -        -  node_load1{instance="web3",job="node"}\n'
    )


@pytest.mark.parametrize(
    ("options", "start_s", "end_s", "step"),
    [
        (["--since", "1h30m"], NOW_S - 5400, NOW_S, "60"),
        (["--since", "5m", "--step", "7s"], NOW_S - 300, NOW_S, "7"),
        (["--step", "1m"], NOW_S - 3600, NOW_S, "60"),
        (["--start", "2026-01-31T11:00:00Z", "--end", "1769859000"], NOW_S - 3600, NOW_S - 1800, "15"),
        (["--since", "10m", "--end", "2026-01-31T11:00:00Z"], NOW_S - 4200, NOW_S - 3600, "5"),
        (["--since", "52w"], NOW_S - 52 * 7 * 86400, NOW_S, "209664"),
    ],
)
def test_how_far_is_asked(
    netmon: Netmon, collector: FakeCollector, options: list[str], start_s: float, end_s: float, step: str
) -> None:
    netmon("query", "up", *options)
    (parameters,) = asked(collector, "/prometheus/api/v1/query_range")
    expected = {"query": ["up"], "start": [f"{start_s:.3f}"], "end": [f"{end_s:.3f}"], "step": [step]}
    expected["timeout"] = ["60s"]
    assert parameters == expected


def test_json_is_what_the_collector_answers(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [series("up", [(14.0, "+Inf"), (4.0, 1)])]
    labels = (("__name__", "up"), ("instance", "web1"), ("job", "node"))
    assert json.loads(netmon("query", "up", "--json").out) == vector({labels: 1})
    ranged = json.loads(netmon("query", "up", "--json", "--since", "1h").out)
    assert ranged == matrix({labels: [(NOW_S - 14, "+Inf"), (NOW_S - 4, 1)]})


def test_csv_has_a_row_for_each_value(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [
        series("up", [(4.5, 1), (4.0, 0)]),
        series("up", [(4.0, "NaN")], zone='a,"b"\n\x1b[2J'),
    ]
    assert netmon("query", "up", "--since", "1h", "--csv").out == (
        "time,__name__,instance,job,zone,value\n"
        "2026-01-31T11:59:55.500Z,up,web1,node,,1\n"
        "2026-01-31T11:59:56.000Z,up,web1,node,,0\n"
        '2026-01-31T11:59:56.000Z,up,web1,node,"a,""b""\\n\\x1b[2J",NaN\n'
    )
    collector.evaluated["1"] = {"data": {"resultType": "scalar", "result": [NOW_S, "1"]}}
    assert netmon("query", "1", "--csv").out == "time,value\n2026-01-31T12:00:00.000Z,1\n"


def test_a_mistake_is_shown_where_it_is(netmon: Netmon, collector: FakeCollector) -> None:
    refuse(collector, "bad_data", 'invalid parameter "query": 2:5: parse error: unexpected identifier "b"')
    ended = netmon("query", "sum(\n  a\tb)")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err == 'netmon: unexpected identifier "b"\n    a\\tb)\n       ^\n'
    refuse(collector, "bad_data", 'invalid parameter "query": 1:14: parse error: unexpected identifier "b"')
    assert netmon("query", 'up{a="öö"} b').err == 'netmon: unexpected identifier "b"\n  up{a="öö"} b\n             ^\n'


def test_errors_without_a_place_are_told_as_they_are(netmon: Netmon, collector: FakeCollector) -> None:
    for kind, status in (("execution", 422), ("timeout", 503)):
        refuse(collector, kind, "the query took too long\x1b[2J", status)
        assert netmon("query", "up").err == "netmon: the query took too long\\x1b[2J\n"
    refuse(collector, "bad_data", 'invalid parameter "query": 9:9: parse error: what?')
    assert netmon("query", "up").err == "netmon: 9:9: parse error: what?\n"


def test_notes_go_beside_the_output(netmon: Netmon, collector: FakeCollector) -> None:
    notes = {"warnings": ["results truncated due to limit"], "infos": ['metric might not be a counter, name "up"']}
    collector.evaluated["rate(up[5m])"] = vector({(): 1.0}) | notes
    ended = netmon("query", "rate(up[5m])")
    assert ended.out == "VALUE  SERIES\n    1  {}\n"
    assert ended.err.splitlines() == [f"netmon: {note}" for one in notes.values() for note in one]


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--since", "soon"],
        ["up", "--step", "0"],
        ["up", "--since", "0"],
        ["up", "--start", "yesterday"],
        ["up", "--start", "1", "--since", "1h"],
        ["up", "--json", "--csv"],
        [],
        ["up", "down"],
    ],
)
def test_mistakes_in_the_command_line_are_exit_code_2(netmon: Netmon, arguments: list[str]) -> None:
    ended = netmon("query", *arguments)
    assert ended.code == 2
    assert "Usage: netmon query" in ended.err


def test_a_time_that_ends_before_it_starts_is_refused(netmon: Netmon, collector: FakeCollector) -> None:
    ended = netmon("query", "up", "--start", "200", "--end", "100")
    assert (ended.code, ended.err) == (2, "netmon: the start must be before the end\n")


def test_hostile_labels_reach_neither_terminal_nor_layout(netmon: Netmon, collector: FakeCollector) -> None:
    collector.samples = [series("x", [(1.0, 1)], evil='\x1b[2J"}\n[red]\x9b\u2028', **{"a\x07": "b"})]
    out = netmon("query", "x").out
    assert out.splitlines()[1].endswith(
        r'x{"a\\x07"="b",evil="\\x1b[2J\"}\\n[red]\\x9b\\u2028",instance="web1",job="node"}'
    )
    for more in ([], ["--json"], ["--csv"], ["--since", "1h"]):
        out += netmon("query", "x", *more).out
    assert all(character == "\n" or " " <= character < "\x7f" for character in out)
