"""Our own routes about rules: what they are and came to, saving files, and asking what would have been."""

from pathlib import Path
from typing import Any

from netmon_collector.identity.witness import witnesses
from tests.api.lab import NOW_MS, RULES, Lab, labels
from tests.api.test_routes import RULE_ID

LOAD = labels("load", instance="web1", job="node")


async def send(lab: Lab, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    async with lab.client.request(method, path, json=body) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def evaluate(lab: Lab, *after_s: int) -> None:
    for seconds in after_s:
        for group in lab.rulebook.groups:
            await group.evaluate(NOW_MS + 1000 * seconds)


async def test_rules_are_listed_as_they_stand_in_their_files(lab: Lab) -> None:
    listed = await lab.get("/api/v1/rules")
    assert [(one["name"], one["kind"], one["file"], one["line"], one["state"]) for one in listed["results"]] == [
        ("job:load:max", "record", "saved/lab", 5, None),
        ("HighLoad", "alert", "saved/lab", 6, "inactive"),
    ]
    for query in (("kind", "alert"), ("state", "inactive"), ("name", "HighLoad")):
        assert [one["name"] for one in (await lab.get("/api/v1/rules", query))["results"]] == ["HighLoad"]
    assert (await lab.get("/api/v1/rules", ("health", "err")))["results"] == []


async def test_a_rule_tells_of_its_alerts_and_last_evaluations(lab: Lab) -> None:
    await lab.keep({LOAD: 0.95})
    await evaluate(lab, 0, 60)
    rule = await lab.get(f"/api/v1/rules/{RULE_ID}")
    assert (rule["state"], rule["health"], rule["alerts"]) == ("firing", "ok", 1)
    assert [(one["time"], one["query"], one["results"], one["error"]) for one in rule["evaluations"]] == [
        ("2026-01-31T12:00:00.000Z", "load > 0.9", 1, None),
        ("2026-01-31T12:01:00.000Z", "load > 0.9", 1, None),
    ]
    (alert,) = rule["active"]
    assert alert["labels"] == {"alertname": "HighLoad", "instance": "web1", "job": "node", "severity": "page"}
    assert alert["annotations"] == {"summary": "web1 is busy"}
    assert (alert["active_at"], alert["fired_at"]) == ("2026-01-31T12:00:00.000Z", "2026-01-31T12:01:00.000Z")
    assert (await lab.get("/api/v1/alerts"))["results"] == [alert]
    assert (await lab.get("/api/v1/alerts", ("state", "pending")))["results"] == []
    await lab.refusal("/api/v1/rules/nothing", status=404)


async def test_a_saved_file_is_evaluated_at_once_and_forgotten_with_its_alerts(lab: Lab) -> None:
    text = RULES.replace("HighLoad", "Busy")
    told = await send(lab, "PUT", "/api/v1/rule-files/more.yaml", {"text": text})
    assert (told["name"], told["groups"], told["rules"]) == ("more.yaml", 1, 2)
    assert [one["name"] for one in (await lab.get("/api/v1/rules", ("file", "saved/more.yaml")))["results"]] == [
        "job:load:max", "Busy",
    ]  # fmt: skip
    assert [one["name"] for one in (await lab.get("/api/v1/rule-files"))["files"]] == ["lab", "more.yaml"]
    assert (await send(lab, "DELETE", "/api/v1/rule-files/more.yaml"))["text"] == text
    assert (await lab.get("/api/v1/rules", ("file", "saved/more.yaml")))["results"] == []
    await send(lab, "DELETE", "/api/v1/rule-files/more.yaml", status=404)


async def test_a_file_with_mistakes_is_not_saved_and_each_is_told(lab: Lab) -> None:
    text = RULES.replace("for: 1m", "fro: 1m").replace("load > 0.9", "load >")
    error = (await send(lab, "PUT", "/api/v1/rule-files/lab", {"text": text}, status=400))["error"]
    mistakes = error["details"]["mistakes"]
    assert [(one["line"], one["place"]) for one in mistakes] == [
        (7, "groups[0].rules[1].expr"),
        (8, "groups[0].rules[1].fro"),
    ]
    assert "Did you mean 'for'?" in mistakes[1]["text"]
    assert (await lab.get("/api/v1/rule-files"))["files"][0]["text"] == RULES
    checked = await send(lab, "POST", "/api/v1/rules-check", {"text": text})
    assert (checked["fine"], checked["mistakes"][0]["line"]) == (False, 7)
    assert (await send(lab, "POST", "/api/v1/rules-check", {"text": RULES}))["fine"] is True
    bad = await send(lab, "PUT", "/api/v1/rule-files/..%2Fx", {"text": RULES}, status=400)
    assert "letters, digits" in bad["error"]["message"]


async def test_mistakes_in_the_folder_are_told(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "rules" / "wrong.yaml").write_text("groups: 1")
    await lab.rulebook.reload()
    (mistake,) = (await lab.get("/api/v1/rule-files"))["mistakes"]
    assert (mistake["line"], mistake["place"], mistake["text"]) == (1, "groups", "must be a list (got 1)")


async def test_a_backtest_says_how_often_when_and_how_long_before_a_rule_is_saved(lab: Lab) -> None:
    busy = [(-3600, -3000), (-1800, -1790), (-600, 0)]
    for second in range(-7200, 1, 10):
        is_busy = any(begin <= second <= end for begin, end in busy)
        await lab.keep({LOAD: 0.95 if is_busy else 0.1}, NOW_MS + 1000 * second)
    for body in ({"id": RULE_ID}, {"text": RULES}, {"text": RULES, "name": "HighLoad"}):
        told = await send(lab, "POST", "/api/v1/rules-backtest", {**body, "since": "3h", "step": "10s"})
        assert (told["fired"], told["alerts"], told["pended"], told["start"]) == (2, 1, 1, "2026-01-31T10:00:00.000Z")
        assert [(one["fired_at"], one["resolved_at"], one["value"]) for one in told["episodes"]] == [
            ("2026-01-31T11:01:00.000Z", "2026-01-31T11:10:10.000Z", 0.95),
            ("2026-01-31T11:51:00.000Z", None, 0.95),
        ]
        assert told["episodes"][0]["labels"]["severity"] == "page"
        assert (told["fired_s"], told["longest_s"]) == (550.0 + 540.0, 550.0)


async def test_a_backtest_that_cannot_be_made_says_why(lab: Lab) -> None:
    await lab.keep({LOAD: 0.95}, NOW_MS - 86_400_000)
    for body, complaint in (
        ({}, "either 'id' of a rule or 'text' of a rule file, one of both"),
        ({"id": "x"}, "there is no rule 'x'"),
        ({"text": "groups: []"}, "say with 'name' which alert is meant; there are: none"),
        ({"text": RULES, "name": "Busy"}, "say with 'name' which alert is meant; there are: HighLoad"),
        ({"text": "groups: 1"}, "rules.yaml:1: groups: must be a list (got 1)"),
        ({"id": RULE_ID, "since": "soon"}, "since: must be a duration such as 30s, 5m or 1h30m"),
        ({"id": RULE_ID, "since": "20y"}, "since: must be at most 1825d (got 7300d)"),
        ({"id": RULE_ID, "since": "0s"}, "since: must be more than 0 (got 0)"),
    ):
        error = (await send(lab, "POST", "/api/v1/rules-backtest", body, status=404 if "x" in body.values() else 400))[
            "error"
        ]
        assert complaint in error["message"]


async def test_a_rule_about_one_handle_of_a_device_is_about_all_of_them(lab: Lab) -> None:
    text = 'groups: [{name: g, rules: [{record: "hall:load:count", expr: \'count(load{instance="hall"})\'}]}]'
    await lab.keep({labels("load", instance=handle): 1.0 for handle in ("hall", "hall-mgmt")})
    told = witnesses(engine="80000003", name="hall")

    async def counted() -> list[float]:
        await evaluate(lab, 0)
        answer = await lab.get("/api/v1/samples", ("selector", "hall:load:count"))
        return [value for one in answer["results"] for _, value in one["samples"]]

    for handle in ("hall", "hall-mgmt"):
        await lab.atlas.register.see(handle, "", told)
    await lab.atlas.register.merge("hall-mgmt", "hall", "me")
    await send(lab, "PUT", "/api/v1/rule-files/hall", {"text": text})
    assert await counted() == [2.0]
