"""Pagers, tickets and other programs: what each service's documentation asks of a request, and which errors pass."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.alertmanager import AlertmanagerOptions
from netmon_collector.alerts.channels.apprise import AppriseOptions
from netmon_collector.alerts.channels.base import ChannelOptions
from netmon_collector.alerts.channels.dead_man import DeadManOptions
from netmon_collector.alerts.channels.jira import JiraOptions
from netmon_collector.alerts.channels.opsgenie import OpsgenieOptions
from netmon_collector.alerts.channels.pagerduty import PagerDutyOptions
from netmon_collector.alerts.channels.script import ScriptOptions
from netmon_configs.load import ConfigError
from tests.collector.alerts.channels.desk import Server, message, serving, surroundings
from tests.support.daemons import eventually

SECRET = "s3cr3t"


async def send(options: type[ChannelOptions], given: Mapping[str, Any], *messages: Message) -> list[str]:
    async with surroundings() as around:
        channel = options.model_validate(given).open(around)
        return [await channel.send(one) for one in messages]


def body(server: Server, place: int = 0) -> Any:
    return server.sent[place].json


async def test_pagerduty_gets_one_incident_for_a_group() -> None:
    async with serving() as server:
        server.status = 202
        await send(PagerDutyOptions, {"url": server.url, "routing_key": SECRET}, message(), message(over=True))
    begin, end = body(server), body(server, 1)
    assert (begin["event_action"], end["event_action"]) == ("trigger", "resolve")
    assert begin["dedup_key"] == end["dedup_key"]
    assert len(begin["dedup_key"]) <= 255
    assert begin["routing_key"] == SECRET
    assert begin["payload"]["summary"] == "[FIRING:1] Down (critical)"
    assert (begin["payload"]["severity"], begin["payload"]["source"]) == ("critical", "ops")
    assert begin["payload"]["timestamp"] == "2023-11-14T22:13:20Z"
    assert begin["payload"]["custom_details"]["num_firing"] == "1"
    assert "payload" not in end


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (429, False), (500, False)])
async def test_pagerdutys_errors(status: int, permanent: bool) -> None:
    async with serving() as server:
        server.status = status
        with pytest.raises(NotDelivered) as caught:
            await send(PagerDutyOptions, {"url": server.url, "routing_key": SECRET}, message())
    assert caught.value.permanent is permanent
    assert SECRET not in str(caught.value)


async def test_an_event_for_pagerduty_is_never_larger_than_it_may_be() -> None:
    async with serving() as server:
        given = {
            "url": server.url,
            "routing_key": SECRET,
            "details": {f"d{n}": "\N{GRINNING FACE}" * 30_000 for n in range(20)},
        }
        await send(PagerDutyOptions, given, message())
    assert len(server.sent[0].body) <= 512 * 1000


async def test_opsgenie_gets_no_more_than_it_takes() -> None:
    async with serving() as server:
        tags = ",".join(f"{'t' * 60}{n}" if n == 0 else f"tag{n}" for n in range(30))
        details = {f"d{n}": "x" * 3000 for n in range(5)}
        given = {"api_url": server.url, "api_key": SECRET, "tags": tags, "details": details, "priority": "urgent"}
        await send(OpsgenieOptions, given, message())
    told = body(server)
    assert "priority" not in told
    assert (len(told["tags"]), max(map(len, told["tags"]))) == (20, 50)
    assert sum(len(name) + len(text) for name, text in told["details"].items()) == 8000
    assert told["details"]["alertname"] == "Down"


async def test_opsgenie_gets_an_alert_and_its_close() -> None:
    async with serving() as server:
        server.status = 202
        given = {
            "api_url": server.url,
            "api_key": SECRET,
            "tags": "a, b",
            "responders": [{"name": "net", "type": "team"}],
        }
        await send(OpsgenieOptions, given, message(), message(over=True))
    begin, sent = body(server), server.sent
    assert (sent[0].path, sent[0].headers["Authorization"]) == ("/v2/alerts", f"GenieKey {SECRET}")
    assert (begin["message"], begin["priority"], begin["tags"]) == ("Down (critical)", "P1", ["a", "b"])
    assert begin["responders"] == [{"name": "net", "type": "team"}]
    assert sent[1].path == f"/v2/alerts/{begin['alias']}/close?identifierType=alias"


async def test_alertmanager_gets_alerts_that_hold_until_the_next_news() -> None:
    async with serving() as server:
        await send(AlertmanagerOptions, {"urls": [server.url], "lasts": "1h"}, message(), message(over=True))
    assert server.sent[0].path == "/api/v2/alerts"
    (firing,), (over,) = body(server), body(server, 1)
    assert firing["labels"] == {"alertname": "Down", "host": "web1", "severity": "critical"}
    assert (firing["startsAt"], firing["endsAt"]) == ("2023-11-14T22:13:20Z", "2023-11-14T23:13:50Z")
    assert over["endsAt"] == "2023-11-14T22:14:20.5Z"


async def test_one_member_of_a_cluster_is_enough() -> None:
    async with serving() as server:
        await send(AlertmanagerOptions, {"urls": ["http://127.0.0.1:1", server.url]}, message())
        assert len(server.sent) == 1
        with pytest.raises(NotDelivered) as caught:
            await send(AlertmanagerOptions, {"urls": ["http://127.0.0.1:1"]}, message())
    assert not caught.value.permanent


async def test_a_dead_mans_switch_is_pinged_while_it_fires_and_never_late() -> None:
    async with serving() as server:
        given = {"url": f"{server.url}/ping/{SECRET}"}
        await send(DeadManOptions, given, message(), message(over=True))
        assert [(one.method, one.path) for one in server.sent] == [("GET", f"/ping/{SECRET}")]
        server.status = 503
        for attempt, permanent in ((1, False), (3, True)):
            with pytest.raises(NotDelivered) as caught:
                await send(DeadManOptions, given, Message(message().notification, "", "", attempt))
            assert caught.value.permanent is permanent
            assert SECRET not in str(caught.value)


class Tickets(Server):
    """As much of Jira as keeps one ticket."""

    status_key = ""
    fields: dict[str, Any]

    async def answer(self, request: web.Request) -> web.Response:
        await super().answer(request)
        place = (request.method, request.path.removeprefix("/rest/api/2"))
        asked = await request.json() if await request.read() else {}
        told: object = {}
        if place == ("POST", "/search"):
            is_open = self.status_key == "new"
            status = {"status": {"statusCategory": {"key": self.status_key}}}
            wanted = is_open or (self.status_key and "!= Done" not in asked["jql"])
            told = {"issues": [{"key": "NET-7", "fields": status}] if wanted else []}
        elif place == ("POST", "/issue"):
            self.status_key, self.fields, told = "new", asked["fields"], {"key": "NET-7"}
        elif place == ("PUT", "/issue/NET-7"):
            self.fields = asked["fields"]
        elif place == ("GET", "/issue/NET-7/transitions"):
            told = {"transitions": [{"id": "31", "name": "Done"}, {"id": "11", "name": "Reopen"}]}
        elif place == ("POST", "/issue/NET-7/transitions"):
            self.status_key = {"31": "done", "11": "new"}[asked["transition"]["id"]]
        return web.Response(body=orjson.dumps(told))


async def test_a_ticket_is_made_kept_closed_and_opened_again() -> None:
    async with serving(Tickets()) as server:
        assert isinstance(server, Tickets)
        given = {
            "api_url": f"{server.url}/rest/api/3",
            "project": "NET",
            "issue_type": "Incident",
            "labels": ["netmon", "{{ .CommonLabels.severity }}"],
            "resolve_transition": "Done",
            "reopen_transition": "Reopen",
            "http_config": {"basic_auth": {"username": "bot", "password": SECRET}},
        }
        assert await send(JiraOptions, given, message()) == ["NET-7"]
        assert server.fields["project"] == {"key": "NET"}
        assert server.fields["summary"] == "[FIRING:1] Down (critical)"
        assert server.fields["labels"][1:] == ["netmon", "critical"]
        assert server.sent[0].headers["Authorization"].startswith("Basic ")
        await send(JiraOptions, given, message())
        assert [one.path for one in server.sent].count("/rest/api/2/issue") == 1, "the same ticket is kept"
        await send(JiraOptions, given, message(over=True))
        assert (server.status_key, server.fields["summary"]) == ("done", "[RESOLVED] Down (critical)")
        await send(JiraOptions, given, message())
        assert server.status_key == "new"
        with pytest.raises(NotDelivered, match="has no transition 'Closed'") as caught:
            await send(JiraOptions, {**given, "resolve_transition": "Closed"}, message(over=True))
    assert caught.value.permanent


def script(folder: Path, text: str, **options: object) -> dict[str, object]:
    (folder / "tell.py").write_text(text)
    return {"command": [sys.executable, str(folder / "tell.py"), "$HOME; *"], **options}


async def test_a_script_gets_json_and_no_shell_and_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETMON_SECRET", SECRET)
    text = (
        "import json, os, sys\n"
        f"told = json.load(sys.stdin), sys.argv[1:], dict(os.environ)\n"
        f"open({str(tmp_path / 'told')!r}, 'w').write(json.dumps(told))\n"
    )
    await send(ScriptOptions, script(tmp_path, text, environment={"TEAM": "ops"}), message())
    payload, arguments, environment = orjson.loads((tmp_path / "told").read_bytes())
    assert (payload["status"], payload["commonLabels"]["host"]) == ("firing", "web1")
    assert arguments == ["$HOME; *"]
    assert set(environment) - {"LC_CTYPE"} == {"PATH", "LANG", "TEAM", "NETMON_KEY"}


@pytest.mark.parametrize(("code", "permanent"), [(1, False), (75, False), (78, True), (64, True)])
async def test_the_code_of_a_script_says_whether_to_try_again(tmp_path: Path, code: int, permanent: bool) -> None:
    text = f"import sys\nsys.stderr.write('no line' + ' ' * 100_000)\nsys.exit({code})"
    with pytest.raises(NotDelivered, match=f"ended with {code}: no line$") as caught:
        await send(ScriptOptions, script(tmp_path, text), message())
    assert caught.value.permanent is permanent


async def test_a_script_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    text = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen(['sleep', '300'])\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(300)\n"
    )
    with pytest.raises(NotDelivered, match="has not ended within 2 s") as caught:
        await send(ScriptOptions, script(tmp_path, text, timeout="2s"), message())
    assert not caught.value.permanent
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    eventually(lambda: not stat.exists() or stat.read_text().split()[2] == "Z")


async def test_a_program_that_is_not_there_is_for_good() -> None:
    with pytest.raises(NotDelivered, match="/nowhere/tell cannot be run: No such file") as caught:
        await send(ScriptOptions, {"command": ["/nowhere/tell"]}, message())
    assert caught.value.permanent


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # which apprise imports
async def test_apprise_tells_what_it_knows_how_to() -> None:
    pytest.importorskip("apprise")
    async with serving() as server:
        given = {"url": server.url.replace("http://", "json://") + f"/{SECRET}"}
        await send(AppriseOptions, given, message())
        server.status = 500
        with pytest.raises(NotDelivered) as caught:
            await send(AppriseOptions, given, message())
    assert (body(server)["title"], body(server)["type"]) == ("[FIRING:1] Down (critical)", "failure")
    assert SECRET not in str(caught.value)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
async def test_a_url_that_apprise_does_not_know_is_told_at_the_start() -> None:
    pytest.importorskip("apprise")
    async with surroundings() as around:
        with pytest.raises(ConfigError, match="is none that apprise knows") as caught:
            AppriseOptions.model_validate({"url": f"nosuch://{SECRET}"}).open(around)
    assert SECRET not in str(caught.value)
