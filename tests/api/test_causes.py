"""Why incidents happened, over the API and on the command line: three switches in a row, of which one dies."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from netmon_analytics.anomaly import Explanation
from netmon_cli.main import run
from netmon_collector.alerts.incident import Kind, end_groups, open_incident
from netmon_collector.anomaly.recent import Anomaly
from netmon_collector.causes.collecting import Collected
from netmon_collector.causes.plan import Plan
from netmon_collector.query.engine import Engine
from netmon_collector.query.options import QueryOptions
from netmon_collector.reachability.witnesses import Kind as Sight
from netmon_collector.reachability.witnesses import Witness
from netmon_collector.state.events import NewEvent
from netmon_collector.store.base import Origin
from netmon_proto.model import Severity
from tests.api.lab import NOW_MS, Lab, agent_hello, labels
from tests.api.switches import have_three_switches
from tests.collector.alerts.test_decision import alert

PATH = "/api/v1/incidents/1"
POLLER = "poller1"


@pytest.fixture(autouse=True)
async def east_dies(lab: Lab) -> None:
    await have_east_die(lab)


class Odd:
    """What is odd, as it is told."""

    anomalies: Sequence[Anomaly] = ()
    consumers: Sequence[Anomaly] = ()


async def have_east_die(lab: Lab) -> None:
    """Of core, east and hall in a row nobody sees the last two; the poller is not on the map."""
    await have_three_switches(lab)
    lab.agents.connect(lab.agents.admit(agent_hello(POLLER)), "127.0.0.1:5124")
    await lab.atlas.redraw()
    for device, answers in (("core", True), ("east", False), ("hall", False)):
        for second in range(4):
            lab.reachability.tell(device, Witness(Sight.SNMP, POLLER, 10_000), True, NOW_MS - 100_000)
            lab.reachability.tell(
                device, Witness(Sight.SNMP, POLLER, 10_000), answers, NOW_MS - 40_000 + 10_000 * second
            )
    lab.reachability.judge(NOW_MS, lab.atlas.sheet.graph)
    lab.alerting.incidents.keep(
        [open_incident(1, "g", [alert(NOW_MS, alertname="Down", instance="east", severity="critical")], NOW_MS)]
    )


def event(device: str, kind: str, at_ms: int, text: str = "", fields: Mapping[str, str] | None = None) -> NewEvent:
    return NewEvent(at_ms, device, "trap", kind, int(Severity.WARNING), 1, text, "", fields or {})


async def have(lab: Lab, *events: NewEvent) -> None:
    await asyncio.to_thread(lab.events.append, events, Origin("a", 1, lab.events.newest_id() + 1), NOW_MS)


async def causes(lab: Lab) -> Any:
    return (await lab.get(PATH + "/causes"))["causes"]


async def test_the_device_before_the_others_is_the_cause(lab: Lab) -> None:
    await have(lab, event("core", "linkDown", NOW_MS - 35_000, fields={"ifIndex.1": "1"}))
    await have(lab, event("east", "coldStart", NOW_MS - 5_000))
    first = (await causes(lab))[0]
    assert (first["fault"], first["subject"], first["title"]) == ("device", "east", "east has failed")
    texts = [one["text"] for one in first["evidence"]]
    assert "it has started anew" in texts
    assert "the neighbour's port to it is down" in texts


async def test_a_poller_that_sees_again_is_not_the_cause_of_what_it_finds_down(lab: Lab) -> None:
    await have(lab, event(POLLER, "poller.blind", NOW_MS - 90_000))
    assert (await causes(lab))[0]["subject"] in {"east", "core - east"}


async def test_a_change_of_configuration_just_before_is_told(lab: Lab) -> None:
    changed = "%SYS-5-CONFIG_I: Configured from console by ada"
    await have(lab, event("east", "local7", NOW_MS - 120_000, changed))
    found = {one["fault"]: one for one in await causes(lab)}
    assert "its configuration was changed 2 min before the first sign" in [
        one["text"] for one in found["configuration"]["evidence"]
    ]


async def test_software_that_was_found_changed_after_the_outage_was_changed_before_its_first_sign(lab: Lab) -> None:
    """It is noticed when the device is polled again; it told meanwhile that it had started anew."""
    await have(lab, event("east", "coldStart", NOW_MS - 20_000))
    told = {"change": "software", "what": "software", "before": "15.2", "after": "15.3"}
    told["unchanged_ms"] = str(NOW_MS - 100_000)
    await have(lab, event("east", "device.changed", NOW_MS - 1_000, fields=told))
    east = next(one for one in await causes(lab) if (one["fault"], one["subject"]) == ("device", "east"))
    texts = [one["text"] for one in east["evidence"]]
    assert "its software was changed at that time (from 15.2 to 15.3)" in texts


async def test_of_a_host_without_resources_it_is_told_who_takes_them(lab: Lab) -> None:
    hog = labels("namedprocess_namegroup_cpu_seconds_total", instance="core", groupname="hog")
    told = Explanation(5.0, 1.0, "consumer", 0.0, 0.0, 0.2, NOW_MS / 1000 - 60, None)
    lab.assessor.consumers = [Anomaly(hog, NOW_MS / 1000, 1.0, told, words="hog takes 1.00 of 2 processors")]
    lab.assessor.judge()
    high = alert(NOW_MS, alertname="HostCpuBusy", instance="core", severity="warning")
    lab.alerting.incidents.keep([open_incident(2, "h", [high], NOW_MS)])
    first = (await lab.get("/api/v1/incidents/2/causes"))["causes"][0]
    assert (first["fault"], first["subject"]) == ("host", "core")
    words = "it is short of processor, memory or disk: hog takes 1.00 of 2 processors"
    assert words in [one["text"] for one in first["evidence"]]
    odd = (await lab.get("/api/v1/anomalies", ("instance", "core")))["results"]
    assert [(one["component"], one["words"]) for one in odd] == [("consumer", "hog takes 1.00 of 2 processors")]


async def test_a_package_that_was_upgraded_before_is_told_with_its_versions(lab: Lab) -> None:
    upgraded = NewEvent(
        NOW_MS - 160_000, "east", "packages", "package.changed", 7, 1, "package frr upgraded from 8.4 to 8.5", "", {}
    )
    await have(lab, upgraded)
    east = next(one for one in await causes(lab) if (one["fault"], one["subject"]) == ("device", "east"))
    told = [one["text"] for one in east["evidence"] if "software" in one["text"]]
    assert told == ["its software was changed 3 min before the first sign (package frr upgraded from 8.4 to 8.5)"]


async def test_a_configuration_file_that_was_edited_before_is_named(lab: Lab) -> None:
    text = "file /etc/frr/frr.conf changed at 2026-11-21 09:00:01Z, 2150 bytes"
    edited = NewEvent(NOW_MS - 160_000, "east", "configuration", "configuration.changed", 7, 1, text, "", {})
    await have(lab, edited)
    found = {(one["fault"], one["subject"]): one for one in await causes(lab)}
    told = [one["text"] for one in found["configuration", "east"]["evidence"]]
    assert f"its configuration was changed 3 min before the first sign ({text})" in told


async def test_an_incident_hits_what_is_behind_its_cause(lab: Lab) -> None:
    await have(lab, event("east", "coldStart", NOW_MS - 5_000))
    found = await lab.get(PATH + "/impact")
    assert {"east", "hall"} <= set(found["devices"])
    assert 50 < found["priority"] <= 100


async def test_links_are_expected_to_carry_what_they_did_in_these_hours_a_week_ago_or_else_yesterday(lab: Lab) -> None:
    """Two ports carry 8 Mbit/s now; one 80 an hour later a week ago, and 160 yesterday; the other one 40 yesterday."""
    core, east = (labels("ifHCInOctets", instance=one, ifName=port) for one, port in (("core", "ge1"), ("east", "ge2")))
    hour_ms = 3_600_000
    for begins_ms, carried in (
        (NOW_MS - 167 * hour_ms, {core: 10e6}),
        (NOW_MS - 23 * hour_ms, {core: 20e6, east: 5e6}),
        (NOW_MS - hour_ms, {core: 1e6, east: 1e6}),
    ):
        for second in range(0, 3601, 300):
            await lab.keep({one: second * rate for one, rate in carried.items()}, begins_ms + second * 1000)
    engine = Engine(lab.store, QueryOptions())
    told = Collected(lab.atlas, lab.reachability, lab.agents, lab.events, engine, None, list, "mon")
    plan = Plan.of(await told.graph(NOW_MS), {}, [], {})
    load, _, expected = await told.loads(plan, NOW_MS)
    links = [plan.ports["core", "ge1"], plan.ports["east", "ge2"]]
    assert load[links] == pytest.approx([8e6, 8e6])
    assert expected[links] == pytest.approx([80e6, 40e6])
    engine.close()


async def test_what_is_odd_is_a_sign_since_it_began_for_as_long_as_it_lasts(lab: Lab) -> None:
    def odd(name: str, began_ms: int, last_ms: int) -> Anomaly:
        told = Explanation(20.0, 6.5, "deviation", 1.0, 0.0, 2.0, began_ms / 1000, None)
        return Anomaly(labels(name, instance="core"), last_ms / 1000, 9.0, told)

    assessor, minute_ms = Odd(), 60_000
    assessor.anomalies = [
        odd("load", NOW_MS - 20 * minute_ms, NOW_MS + 40 * minute_ms),
        odd("loss", NOW_MS - 90 * minute_ms, NOW_MS - 40 * minute_ms),
        odd("late", NOW_MS + minute_ms, NOW_MS + 2 * minute_ms),
    ]
    engine = Engine(lab.store, QueryOptions())
    told = Collected(lab.atlas, lab.reachability, lab.agents, lab.events, engine, assessor, list, "mon")
    matter = await told.matter(NOW_MS - 30 * minute_ms, NOW_MS)
    assert [(one["__name__"], at_s) for one, at_s in matter.oddities] == [("load", NOW_MS / 1000 - 1200)]
    engine.close()


async def test_what_was_found_stays_when_it_is_over_and_speaks_the_next_time(lab: Lab) -> None:
    await have(lab, event("east", "coldStart", NOW_MS - 5_000))
    await lab.inquests.look()
    kept = lab.inquests.findings[1]
    assert kept.cause is not None
    timeline = lab.alerting.incidents.all()[1].timeline
    assert [one.kind for one in timeline] == [Kind.OPENED, Kind.CAUSE]
    assert timeline[-1].text == f"probable cause: east has failed ({kept.cause.score:.0%})"
    shown = await lab.get("/api/v1/incidents/1")
    assert shown["probable_cause"] == lab.alerting.incidents.probable_cause("g")
    assert shown["probable_cause"] == f"east has failed ({kept.cause.score:.0%})"
    lab.alerting.incidents.keep([end_groups(lab.alerting.incidents.all()[1], ["g"], NOW_MS + 1000)])
    assert lab.causes.all() == [kept]
    assert (await causes(lab))[0]["title"] == "east has failed"
    again = open_incident(2, "h", [alert(NOW_MS, alertname="Down", instance="east")], NOW_MS)
    lab.alerting.incidents.keep([again])
    second = (await lab.get("/api/v1/incidents/2/causes"))["causes"][0]
    assert "it was the cause once before" in [one["text"] for one in second["evidence"]]


async def test_an_incident_that_has_not_changed_is_not_looked_at_again_at_once(lab: Lab) -> None:
    await lab.inquests.look()
    before = lab.inquests.findings[1]
    await lab.inquests.look()
    assert lab.inquests.findings[1] is before
    lab.clock.pass_ms(61_000)
    await lab.inquests.look()
    assert lab.inquests.findings[1].at_ms == NOW_MS + 61_000


async def test_what_is_forgotten_of_incidents_is_forgotten_of_causes(lab: Lab) -> None:
    await lab.inquests.look()
    lab.alerting.incidents.keep([end_groups(lab.alerting.incidents.all()[1], ["g"], NOW_MS)])
    lab.alerting.incidents.forget_before(NOW_MS + 1)
    await lab.inquests.look()
    assert (lab.inquests.findings, lab.causes.all()) == ({}, [])


async def test_alerts_that_others_raise_are_signs_too(lab: Lab) -> None:
    fired = alert(NOW_MS, alertname="TooHot", instance="core", sign="load")
    await lab.alerting.notifier.take([fired], NOW_MS)
    lab.alerting.incidents.keep([open_incident(5, "cpu", [fired], NOW_MS)])
    found = (await lab.get("/api/v1/incidents/5/causes"))["causes"]
    assert ("host", "core") in {(one["fault"], one["subject"]) for one in found}


async def test_what_checks_find_counts(lab: Lab) -> None:
    """A poller that loses packets to a device that answers otherwise, and one whose service fails from elsewhere."""
    before = (await lab.get(PATH + "/causes"))["signs"]
    target = {"instance": POLLER, "target": "core", "job": "probe"}
    await lab.keep({labels("probe_icmp_packet_loss_ratio", **target): 0.4, labels("probe_success", **target): 1.0})
    served = {"instance": POLLER, "target": "http://core:8080/", "job": "probe"}
    await lab.keep({labels("probe_success", **served): 0.0})
    assert (await lab.get(PATH + "/causes"))["signs"] == before + 2


async def test_of_an_incident_that_is_none_there_is_no_cause(lab: Lab) -> None:
    assert (await lab.refusal("/api/v1/incidents/9/causes", status=404))["message"] == "there is no such incident"
    assert (await lab.refusal("/api/v1/incidents/x/impact", status=404))["message"] == "there is no such incident"


async def test_the_page_shows_what_is_printed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "causes.md").read_text(encoding="utf-8")
    command, _, shown = page.partition("```console\n$ ")[2].partition("```")[0].partition("\n")
    await have(lab, event("core", "linkDown", NOW_MS - 35_000, fields={"ifIndex.1": "1"}))
    await have(lab, event("east", "coldStart", NOW_MS - 5_000))
    monkeypatch.setenv("NETMON_URL", lab.url)
    monkeypatch.setenv("NETMON_TOKEN", lab.token)
    assert await asyncio.to_thread(run, command.split()[1:]) == 0
    assert capsys.readouterr().out == shown
    assert await asyncio.to_thread(run, ["why", "1", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"causes", "impact"}
