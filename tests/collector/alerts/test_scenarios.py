"""Whole outages as scripts: tests/alerts/*.yaml. Each says what happens, and all that is sent, and nothing else is.

alerting: an alerting file; its receivers are listeners of the test
start: when it begins (RFC 3339)       maintenance: windows that there are
events, in order, at times since the start:
  fire, resolve: alerts by their labels      fire_many: {count, alert}, told apart by `host`
  acknowledge, snooze: {by, for}             away, back: a receiver that cannot be reached, and can again
  restart: the collector ends and starts     jump: the clock is set, nothing happens between
sent: by the time of the decision, then by group; fires and over are the values of `by`, or how many
incidents: at the end, what each is called, its reasons and what is in its timeline
"""

import asyncio
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine

from netmon_collector.alerts import delivery as stage
from netmon_collector.alerts import incident as incident_life
from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.configuration import AlertingFile
from netmon_collector.alerts.decision import Decisions
from netmon_collector.alerts.delivery import Delivery, Way
from netmon_collector.alerts.groups import Groups
from netmon_collector.alerts.incidents import Incidents
from netmon_collector.alerts.inhibition import Inhibitor
from netmon_collector.alerts.maintenance import Maintenance, Window
from netmon_collector.alerts.matching import parse_matchers
from netmon_collector.alerts.notifier import Notifier
from netmon_collector.alerts.silences import Silences
from netmon_collector.state.alerts import AlertBook
from netmon_collector.state.database import open_state
from netmon_collector.state.incidents import IncidentBook
from netmon_collector.state.outbox import Outbox
from netmon_configs.options import parse_duration_s
from tests.collector.alerts.test_decision import alert
from tests.collector.alerts.test_delivery import until

SCRIPTS = sorted((Path(__file__).parents[2] / "alerts").glob("*.yaml"))


class Receiver:
    """A listener that says what reaches it, unless it is away."""

    def __init__(self, name: str, heard: list[tuple[str, Message]]) -> None:
        self._name = name
        self._heard = heard
        self.is_away = False

    async def send(self, message: Message) -> str:
        if self.is_away:
            raise NotDelivered("connection refused")
        self._heard.append((self._name, message))
        return ""

    async def close(self) -> None:
        """Nothing to close."""


class Stage:
    """All of alerting between who raises alerts and the receivers, on a clock that the script sets."""

    def __init__(self, script: dict[str, Any], state: Engine) -> None:
        self._state = state
        self._file = AlertingFile.model_validate(script["alerting"])
        self.start_ms = ms_of(script.get("start", "2026-01-05T00:00:00Z"))
        self._windows = {one["name"]: window_of(one) for one in script.get("maintenance", ())}
        self.now_ms = self.start_ms
        self.heard: list[tuple[str, Message]] = []
        self._fired: dict[str, Alert] = {}
        self.receivers = {name: Receiver(name, self.heard) for name in self._file.endpoints()}
        self._begin()

    def _begin(self) -> None:
        self.outbox = Outbox(self._state)
        self.book = IncidentBook(self._state)
        self.incidents = Incidents(self.book.all())
        endpoints = self._file.endpoints()
        ways = {one: Way(self.receivers[one.receiver]) for several in endpoints.values() for one in several}
        self._delivery = Delivery(self.outbox, ways, url="", now_ms=lambda: self.now_ms, random=Random(1))
        self.notifier = Notifier(
            Groups(self._file.tree()),
            Decisions(
                Silences(),
                Inhibitor(self._file.rules()),
                self._file.calendar(),
                endpoints,
                Maintenance(self._windows),
                self.incidents,
                self._file.chains(),
                self._file.on_call(),
            ),
            AlertBook(self._state),
            self.outbox,
            self._delivery.post,
            lambda: self.now_ms,
        )
        self.notifier.load()
        self._delivery.load()
        self._task = asyncio.create_task(self._delivery.run())

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def advance(self, at_ms: int) -> None:
        """Has everything done that is due until then, each at its time."""
        while (next_ms := self.notifier.next_ms()) is not None and next_ms <= at_ms:
            self.now_ms = max(next_ms, self.now_ms)
            await self.notifier.look()
        self.now_ms = at_ms

    async def settle(self) -> None:
        await until(lambda: "pending" not in self.outbox.counts())

    async def play(self, event: dict[str, Any]) -> None:
        at_ms = self.start_ms + span_ms(event.pop("at"))
        if event.pop("jump", False):
            self.now_ms = at_ms
            await self.notifier.look()
        else:
            await self.advance(at_ms)
        for action, value in event.items():
            await getattr(self, f"_{action}")(value)

    async def _fire(self, labels: list[dict[str, Any]]) -> None:
        alerts = [alert(self.now_ms, **one) for one in labels]
        self._fired.update((one.fingerprint, one) for one in alerts)
        await self.notifier.take(alerts, self.now_ms)

    async def _fire_many(self, wanted: dict[str, Any]) -> None:
        await self._fire([{**wanted["alert"], "host": f"h{number:05}"} for number in range(wanted["count"])])

    async def _resolve(self, labels: list[dict[str, Any]]) -> None:
        ended = []
        for one in labels:
            began = self._fired[alert(0, **one).fingerprint]
            ended.append(alert(began.active_at_ms, resolved_at_ms=self.now_ms, **one))
        await self.notifier.take(ended, self.now_ms)

    async def _acknowledge(self, wanted: dict[str, str]) -> None:
        await self._change(incident_life.acknowledge, wanted)

    async def _snooze(self, wanted: dict[str, str]) -> None:
        await self._change(incident_life.snooze, wanted)

    async def _change(self, change: Any, wanted: dict[str, str]) -> None:
        """Does it to the newest incident."""
        newest = self.incidents.all()[max(self.incidents.all())]
        changed = change(newest, wanted["by"], self.now_ms + span_ms(wanted["for"]), "", self.now_ms)
        self.book.keep([changed])
        self.incidents.keep([changed])

    async def _away(self, receiver: str) -> None:
        await self.settle()
        self.receivers[receiver].is_away = True

    async def _back(self, receiver: str) -> None:
        self.receivers[receiver].is_away = False

    async def _restart(self, _wanted: bool) -> None:
        if not any(one.is_away for one in self.receivers.values()):
            await self.settle()
        await self.end()
        self._begin()


def span_ms(text: str) -> int:
    return round(float(parse_duration_s(text)) * 1000)


def ms_of(text: str | datetime) -> int:
    found = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    return round(found.timestamp() * 1000)


def window_of(one: dict[str, Any]) -> Window:
    return Window(
        id=one["name"],
        name=one["name"],
        matchers=parse_matchers(one["matchers"]),
        starts_at=datetime.fromisoformat(one["starts_at"]),
        duration_s=span_ms(one["for"]) // 1000,
        zone=one["zone"],
        repeats=one.get("repeats", ""),
        created_by="",
        comment="",
        created_ms=0,
    )


def told_of(sent: dict[str, Any], field: str, alerts: tuple[Alert, ...], by: str) -> object:
    """What a message says, in the manner in which the script says it."""
    wanted = sent.get(field, [])
    return len(alerts) if isinstance(wanted, int) else [dict(one.labels).get(by) for one in alerts]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
async def test_what_is_sent_is_what_the_script_says(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(stage, "LONGEST_WAIT_S", 0.01)
    script = yaml.safe_load(path.read_text())
    outage = Stage(script, open_state(f"sqlite:///{tmp_path / 'state.sqlite'}"))
    for event in script["events"]:
        await outage.play(dict(event))
    await outage.advance(outage.start_ms + span_ms(script["until"]))
    await outage.settle()
    await outage.end()
    by = script.get("by", "instance")
    for lane in {(name, message.notification.group_key) for name, message in outage.heard}:
        came = [one.notification.at_ms for name, one in outage.heard if (name, one.notification.group_key) == lane]
        assert came == sorted(came)
    outage.heard.sort(key=lambda one: (one[1].notification.at_ms, one[1].notification.group_key, one[0]))
    sent = script["sent"]
    padded = sent + [{}] * max(0, len(outage.heard) - len(sent))
    told = [
        {
            "at": message.notification.at_ms - outage.start_ms,
            "to": name,
            "fires": told_of(wanted, "fires", message.notification.firing, by),
            "over": told_of(wanted, "over", message.notification.resolved, by),
        }
        for wanted, (name, message) in zip(padded, outage.heard, strict=False)
    ]
    assert told == [{"fires": [], "over": [], **one, "at": span_ms(one["at"])} for one in sent]
    for number, wanted in enumerate(script.get("incidents", ()), 1):
        found = IncidentBook(outage._state).all()[number - 1]
        assert found.number == number
        assert (found.closed_ms is None) == wanted["open"]
        assert [one.why for one in found.members] == wanted["why"]
        assert [str(one.kind) for one in found.timeline] == wanted["timeline"]
    if "incidents" in script:
        assert len(IncidentBook(outage._state).all()) == len(script["incidents"])
