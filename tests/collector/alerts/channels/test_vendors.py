"""Whatever devices say, no service has a reason to refuse what it is sent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, cut_json
from netmon_collector.alerts.channels.jira import JiraOptions
from netmon_collector.alerts.channels.matrix import MatrixOptions
from netmon_collector.alerts.channels.msteams import TeamsOptions
from netmon_collector.alerts.channels.ntfy import NtfyOptions
from netmon_collector.alerts.channels.opsgenie import OpsgenieOptions
from netmon_collector.alerts.channels.pagerduty import PagerDutyOptions
from netmon_collector.alerts.channels.slack import SlackOptions
from netmon_collector.alerts.channels.telegram import TelegramOptions
from tests.collector.alerts.channels import vendors
from tests.collector.alerts.channels.desk import Sent, message, serving, surroundings
from tests.collector.alerts.test_decision import alert

KEY = "0123456789abcdef0123456789abcdef"
LABEL = "{{ .CommonLabels.site }}"
CHANNELS: dict[str, tuple[type[ChannelOptions], Callable[[Sent], vendors.Complaints], bytes, dict[str, Any]]] = {
    "slack": (
        SlackOptions,
        vendors.slack,
        b'{"ok": true, "ts": "1.2"}',
        {"app_url": "{}/api", "app_token": KEY, "channel": "C1", "footer": LABEL, "pretext": LABEL},
    ),
    "teams": (TeamsOptions, vendors.teams, b"", {"webhook_url": "{}/workflows"}),
    "telegram": (
        TelegramOptions,
        vendors.telegram,
        b'{"ok": true, "result": {"message_id": 1}}',
        {"api_url": "{}", "bot_token": KEY, "chat_id": -1},
    ),
    "pagerduty": (
        PagerDutyOptions,
        vendors.pagerduty,
        b"{}",
        {"url": "{}/v2/enqueue", "routing_key": KEY, "group": LABEL, "details": {"site": LABEL}},
    ),
    "opsgenie": (
        OpsgenieOptions,
        vendors.opsgenie,
        b"{}",
        {"api_url": "{}", "api_key": KEY, "tags": LABEL, "note": LABEL, "entity": LABEL, "details": {"site": LABEL}},
    ),
    "ntfy": (NtfyOptions, vendors.ntfy, b"{}", {"url": "{}/", "topic": "ops", "tags": LABEL}),
    "matrix": (
        MatrixOptions,
        vendors.matrix,
        b'{"event_id": "$1"}',
        {"homeserver_url": "{}", "room_id": "!a:b", "access_token": KEY},
    ),
    "jira": (
        JiraOptions,
        vendors.jira,
        b'{"key": "OPS-1", "issues": []}',
        {"api_url": "{}/rest/api/2", "project": "OPS", "issue_type": "Bug", "labels": [LABEL]},
    ),
}
SAID = {
    "usual": "web1 is down",
    "nothing": "",
    "markup": """<b>&lt;a href="x">'*_`[](){}~#+-=|.!\\ @everyone <!channel> &amp;nbsp; </i>""",
    "lines": "\n" * 5000,
    "quotes": '"\\' * 5000,
    "controls": "\x01\x07\x1b" * 5000,
    "emoji": "\N{GRINNING FACE}" * 5000,
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}שלום " * 1500,
}


def saying(text: str, *, over: bool = False, alerts: int = 1) -> Message:
    """Alerts of which labels and annotations say so, beside that their names differ."""
    ends_ms = 1_700_000_060_000 if over else None
    one = alert(1_700_000_000_000, resolved_at_ms=ends_ms, alertname=text or "Down", site=text, severity=text[:9])
    told = tuple(
        replace(one, labels=(*one.labels, ("n", str(number))), annotations=(("description", text), ("summary", text)))
        for number in range(alerts)
    )
    base = message(reference="$1")
    labels = (("alertname", text or "Down"), ("site", text))
    return replace(base, notification=replace(base.notification, alerts=told, group_labels=labels))


@pytest.mark.parametrize("name", CHANNELS)
async def test_whatever_is_said_is_taken(name: str) -> None:
    options, judge, answer, given = CHANNELS[name]
    async with serving(vendors.Vendor(judge=judge, body=answer)) as server, surroundings() as around:
        filled = {key: one.replace("{}", server.url) if isinstance(one, str) else one for key, one in given.items()}
        channel = options.model_validate(filled).open(around)
        for text in SAID.values():
            await channel.send(saying(text))
            await channel.send(saying(text, alerts=21))
            await channel.send(saying(text, over=True))
    assert isinstance(server, vendors.Vendor)
    assert server.refused == []
    assert len(server.sent) >= 3 * len(SAID)


async def test_a_vendor_says_what_it_does_not_take() -> None:
    async with serving(vendors.Vendor(judge=vendors.ntfy)) as server, surroundings() as around:
        channel = NtfyOptions.model_validate({"url": f"{server.url}/elsewhere", "topic": "ops"}).open(around)
        with pytest.raises(NotDelivered, match="answered 400: POST /elsewhere"):
            await channel.send(message())


async def test_slack_begins_another_thread_where_the_first_takes_no_more() -> None:
    class Locked(vendors.Vendor):
        async def answer(self, request: Any) -> Any:
            self.body = b'{"ok": true, "ts": "9.9"}'
            if "thread_ts" in await request.json():
                self.body = b'{"ok": false, "error": "restricted_action_thread_locked"}'
            return await super().answer(request)

    async with serving(Locked(judge=vendors.slack)) as server, surroundings() as around:
        given = {"app_url": f"{server.url}/api", "app_token": KEY, "channel": "C1"}
        assert await SlackOptions.model_validate(given).open(around).send(message(reference="1.1")) == "9.9"
    assert len(server.sent) == 2


@pytest.mark.parametrize("text", SAID.values(), ids=SAID)
def test_a_text_is_cut_to_what_json_has_room_for(text: str) -> None:
    shorter = cut_json(text, 1000)
    assert len(orjson.dumps(shorter)) <= 1000
    assert shorter == text or (len(orjson.dumps(shorter)) > 990 and text.startswith(shorter[:-1]))
