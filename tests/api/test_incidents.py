"""Incidents over the API and on the command line: seen, taken on, put off, commented on."""

from dataclasses import replace
from typing import Any

import pytest

from netmon_collector.alerts.incident import end_groups, join, open_incident
from tests.api.lab import NOW_MS, Lab
from tests.collector.alerts.test_decision import alert

PATH = "/api/v1/incidents"


@pytest.fixture(autouse=True)
def one_is_over_and_one_open(lab: Lab) -> None:
    old = open_incident(1, "a", [alert(NOW_MS, alertname="Disk", instance="db")], NOW_MS)
    new = open_incident(2, "b", [alert(NOW_MS, alertname="Down", instance="sw1", severity="critical")], NOW_MS)
    lab.alerting.incidents.keep([end_groups(old, ["a"], NOW_MS), new])


async def send(lab: Lab, path: str, body: object) -> tuple[int, Any]:
    async with lab.client.post(PATH + path, json=body) as response:
        return response.status, await response.json()


async def test_incidents_are_listed_the_newest_first(lab: Lab) -> None:
    answer = await lab.get(PATH)
    assert [(one["number"], one["state"], one["severity"]) for one in answer["results"]] == [
        (2, "open", "critical"),
        (1, "closed", ""),
    ]
    assert [one["title"] for one in (await lab.get(PATH, ("open", "true")))["results"]] == ["Down: sw1"]


async def test_who_takes_one_on_is_its_owner(lab: Lab) -> None:
    status, answer = await send(lab, "/2/ack", {"by": "ada", "for": "2h", "comment": "on my way"})
    assert (status, answer["state"], answer["owner"]) == (200, "acknowledged", "ada")
    assert [(one["kind"], one["by"], one["text"]) for one in answer["timeline"]] == [
        ("opened", "", "Down: sw1"),
        ("acknowledged", "ada", "on my way"),
    ]


async def test_what_was_taken_on_can_be_given_back(lab: Lab) -> None:
    await send(lab, "/2/ack", {"by": "ada", "for": "2h"})
    status, answer = await send(lab, "/2/release", {"by": "ada", "comment": "my shift ends"})
    assert (status, answer["state"], answer["owner"]) == (200, "open", "")
    assert [(one["kind"], one["text"]) for one in answer["timeline"]][-1] == ("released", "my shift ends")


async def test_an_incident_says_what_stands_behind_its_cause(lab: Lab) -> None:
    found = lab.alerting.incidents.all()[2]
    late = join(found, "c", [alert(NOW_MS, alertname="Down", instance="core")], "sw1 is behind core", NOW_MS)
    lab.alerting.incidents.keep([replace(late, shadows={"core": tuple(f"sw{n}" for n in range(500))})])
    answer = await lab.get(PATH + "/2")
    assert answer["title"] == "Down: core"
    assert [one["title"] for one in answer["members"]] == ["Down: core", "Down: sw1"]
    assert answer["shadows"] == [{"device": "core", "count": 500, "first": [f"sw{n}" for n in range(100)]}]
    assert answer["explanation"][0] == "core is down, and there is no other way to sw0, sw1, sw10 and 497 more"


async def test_one_that_is_put_off_can_be_commented_on(lab: Lab) -> None:
    assert (await send(lab, "/2/snooze", {"by": "ada", "for": 3600}))[1]["state"] == "snoozed"
    status, answer = await send(lab, "/2/comment", {"by": "bob", "text": "new disk ordered"})
    assert (status, answer["timeline"][-1]["text"]) == (200, "new disk ordered")


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/1/release", {"by": "ada"}, 409, "incident 1 is over"),
        ("/1/ack", {"by": "ada", "for": "1h"}, 409, "incident 1 is over"),
        ("/7/ack", {"by": "ada", "for": "1h"}, 404, "there is no such incident"),
        ("/x/comment", {"by": "ada", "text": "?"}, 404, "there is no such incident"),
        ("/2/ack", {"by": "ada", "for": "90d"}, 400, "must be at most 30d"),
        ("/2/ack", {"by": "ada", "for": "soon"}, 400, "for"),
        ("/2/ack", {"for": "1h"}, 400, "by"),
    ],
)
async def test_what_cannot_be_is_refused(lab: Lab, path: str, body: object, status: int, message: str) -> None:
    answered = await send(lab, path, body)
    assert answered[0] == status
    assert message in str(answered[1])
