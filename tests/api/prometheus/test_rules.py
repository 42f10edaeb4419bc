"""Rules and alerts are told as a real Prometheus tells them, which evaluates the same rules."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from netmon_api.prometheus.rules import scientific
from tests.api.assembly import running
from tests.api.lab import NOW_MS, Lab
from tests.support.prometheus import RunningPrometheus, prometheus

RULES = """
groups:
  - name: first
    interval: 1s
    limit: 10
    rules:
      - {record: "job:x:sum", expr: "vector(2.5)", labels: {team: net}}
      - alert: Always
        expr: label_replace(vector(0.25), "who", "a", "", "")
        labels: {severity: page}
        annotations: {summary: "{{ $labels.who }}: {{ $value | humanizePercentage }} {{ $labels }} {{ $value }}"}
      - {alert: Waiting, expr: 'vector(1) > bool 0', for: 1h, labels: {severity: info}}
  - name: second
    interval: 1s
    rules:
      - {alert: Never, expr: vector(1) < 0, keep_firing_for: 90s, for: 1500ms}
      - alert: Broken
        expr: >-
          vector(1) + on (x) (label_replace(vector(1), "b", "1", "", "") or label_replace(vector(2), "b", "2", "", ""))
"""
CONFIG = "global: {scrape_interval: 1h}\nrule_files: [rules.yml]\n"
VARIES = {"evaluationTime", "lastEvaluation", "activeAt", "lastError", "file"}
"""What depends on clocks and folders."""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPrometheus]:
    server = prometheus(tmp_path_factory.mktemp("peer") / "prometheus", config=CONFIG, rules=RULES)
    server.start()
    deadline = time.monotonic() + 60
    while '"health":"unknown"' in json.dumps(asked(server, "rules"), separators=(",", ":")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield server
    server.kill()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with running(tmp_path) as lab:
        lab.rule_files.remove("lab")
        (tmp_path / "rules" / "rules.yml").write_text(RULES)
        await lab.rulebook.reload()
        for group in lab.rulebook.groups:
            await group.evaluate(NOW_MS)
        yield lab


def asked(server: RunningPrometheus, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:
    url = f"{server.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=5) as response:
        return json.load(response)


def steady(told: Any) -> Any:
    """An answer without what depends on clocks."""
    if isinstance(told, dict):
        return {key: key if key in VARIES else steady(value) for key, value in told.items()}
    return [steady(one) for one in told] if isinstance(told, list) else told


@pytest.mark.parametrize("query", [[], [("type", "alert")]], ids=str)
async def test_rules_are_told_as_prometheus_tells_them(
    lab: Lab, peer: RunningPrometheus, query: list[tuple[str, str]]
) -> None:
    ours = await lab.get("/prometheus/api/v1/rules", *query)
    assert steady(ours) == steady(asked(peer, "rules", query))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ([("type", "record")], ["job:x:sum"]),
        ([("rule_name[]", "Always"), ("rule_name[]", "Never")], ["Always", "Never"]),
        ([("rule_group[]", "second")], ["Never", "Broken"]),
        ([("rule_group[]", "none")], []),
        ([("file[]", "none")], []),
        ([("match[]", '{severity="info"}'), ("match[]", '{team="net"}')], ["job:x:sum", "Waiting"]),
        ([("type", "alert"), ("rule_group[]", "first"), ("rule_name[]", "Waiting")], ["Waiting"]),
    ],
    ids=str,
)
async def test_rules_can_be_chosen(lab: Lab, query: list[tuple[str, str]], names: list[str]) -> None:
    groups = (await lab.get("/prometheus/api/v1/rules", *query))["data"]["groups"]
    assert [rule["name"] for group in groups for rule in group["rules"]] == names
    assert all(group["rules"] for group in groups)


async def test_groups_can_be_had_page_by_page(lab: Lab) -> None:
    whole = (await lab.get("/prometheus/api/v1/rules"))["data"]["groups"]
    assert len(whole) == 2
    found, token = [], ""
    while token is not None:
        query = [("group_limit", "1"), *([("group_next_token", token)] if token else [])]
        data = (await lab.get("/prometheus/api/v1/rules", *query))["data"]
        assert len(data["groups"]) == 1
        found += data["groups"]
        token = data.get("groupNextToken")
    assert found == whole
    gone = {"group_limit": "1", "group_next_token": "abc"}
    async with lab.client.get("/prometheus/api/v1/rules", params=gone) as response:
        told = (await response.json())["error"]
    assert told == "invalid parameter \"group_next_token\": invalid group_next_token 'abc'. were rule groups changed?"
    named = [("group_limit", "1"), ("rule_name[]", "Never")]
    (only,) = (await lab.get("/prometheus/api/v1/rules", *named))["data"]["groups"]
    assert only["name"] == "second", "a group without a rule that is asked for does not count"


async def test_alerts_can_be_left_out(lab: Lab) -> None:
    told = await lab.get("/prometheus/api/v1/rules", ("exclude_alerts", "true"), ("rule_name[]", "Always"))
    ((rule,),) = [group["rules"] for group in told["data"]["groups"]]
    assert (rule["state"], rule["alerts"]) == ("firing", [])


async def test_alerts_are_told_as_prometheus_tells_them(lab: Lab, peer: RunningPrometheus) -> None:
    theirs = asked(peer, "alerts")
    ours = await lab.get("/prometheus/api/v1/alerts")
    assert sorted(map(str, steady(ours["data"]["alerts"]))) == sorted(map(str, steady(theirs["data"]["alerts"])))
    assert len(ours["data"]["alerts"]) == 2


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        (("type", "both"), 'invalid parameter "type": not supported value "both"'),
        (
            ("exclude_alerts", "maybe"),
            (
                'invalid parameter "exclude_alerts": error converting exclude_alerts: '
                'strconv.ParseBool: parsing "maybe": invalid syntax'
            ),
        ),
        (("match[]", "up["), '1:3: parse error: unexpected "["'),
        (("match[]", "{}"), "match[] must contain at least one non-empty matcher"),
        (
            ("group_limit", "few"),
            (
                'invalid parameter "group_limit": group_limit needs to be a valid number: '
                'strconv.ParseInt: parsing "few": invalid syntax'
            ),
        ),
        (("group_limit", "0"), 'invalid parameter "group_limit": group_limit needs to be greater than 0'),
        (
            ("group_next_token", "abc"),
            '"group_next_token": group_limit needs to be present in order to paginate over the groups',
        ),
    ],
)
async def test_what_nobody_can_ask_is_refused(lab: Lab, query: tuple[str, str], complaint: str) -> None:
    async with lab.client.get("/prometheus/api/v1/rules", params=[query]) as response:
        assert response.status == 400
        told = await response.json()
    assert told["errorType"] == "bad_data"
    assert complaint in told["error"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1e+00"), (0.25, "2.5e-01"), (123456.0, "1.23456e+05"), (0.1 + 0.2, "3.0000000000000004e-01"),
     (float("nan"), "NaN"), (float("-inf"), "-Inf"), (0.0, "0e+00")],
)  # fmt: skip
def test_values_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert scientific(value) == text
