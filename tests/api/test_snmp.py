"""Devices that are polled by SNMP, and their credentials, as the API takes and shows them."""

from pathlib import Path
from typing import Any

import pytest

from netmon_proto.model import Checks, DeviceFacts, DeviceReport, FactTable, Job, Jobs, PollNow, SnmpCredential
from tests.api.lab import NOW_MS, Lab, have_polled

DEVICES = "/api/v1/snmp/devices"
CREDENTIALS = "/api/v1/snmp/credentials"


async def change(lab: Lab, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    """What is answered to a request that changes something; of a bad answer, the error."""
    async with lab.client.request(method, path, json=body) as response:
        assert response.status == status, await response.text()
        answer = await response.json()
    return answer if status == 200 else answer["error"]


async def jobs_of(lab: Lab, agent_id: str) -> tuple[Job, ...]:
    """What an agent that connects now is told to poll."""
    jobs = await lab.polling.lines.next_message(agent_id, lab.polling.lines.open(agent_id))
    assert isinstance(jobs, Jobs)
    return jobs.jobs


async def test_a_device_becomes_a_job_of_the_agent_on_this_machine(lab: Lab) -> None:
    lab.fleet.members = []
    lab.have_agent("far", address="192.0.2.7:4000")
    agent_id = lab.have_agent("near")
    added = await change(lab, "POST", DEVICES, {"host": "SW1.example", "interval_s": 30})
    assert (added["instance"], added["poller"], added["credential"]) == ("sw1.example", "near", "public")
    assert (added["state"], added["reported"], added["profile"]) == ("unknown", None, "")
    public = SnmpCredential(name="public", community="public")
    assert await jobs_of(lab, agent_id) == (Job("sw1.example", "sw1.example", 161, 30_000, (public,)),)
    assert await jobs_of(lab, lab.have_agent("far")) == ()


async def test_what_is_polled_outlives_the_collector(lab: Lab) -> None:
    await have_polled(lab, "sw1", snmp={"version": "3", "user": "ops", "auth": "sha256", "auth_password": "longenough"})
    agent_id = lab.have_agent("poller1")
    before = await jobs_of(lab, agent_id)
    report = DeviceReport("sw1", NOW_MS, True, vendor="Acme", model="X1", name="core")
    await lab.polling.reported(agent_id, report)
    again = type(lab.polling)(lab.polling._devices, lab.polling.credentials, lambda: NOW_MS)
    lab.polling = again
    assert await jobs_of(lab, agent_id) == before
    assert before[0].credentials[0].auth_password == "longenough"
    found = again.all()[0].record
    assert (found.facts["vendor"], found.facts["model"], found.facts["sys_name"]) == ("Acme", "X1", "core")
    assert found.identified_ms == NOW_MS


async def test_a_report_says_what_the_device_is_and_only_its_poller_is_believed(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    other = lab.have_agent("other")
    await lab.polling.reported(other, DeviceReport("sw1", NOW_MS, True, vendor="Liar"))
    assert (await lab.get(f"{DEVICES}/sw1"))["vendor"] == ""
    agent_id = lab.have_agent("poller1")
    await lab.polling.reported(agent_id, DeviceReport("sw1", NOW_MS, True, vendor="Acme" * 1000))
    shown = await lab.get(f"{DEVICES}/sw1")
    assert (shown["vendor"][:8], len(shown["vendor"]), shown["answered"]) == ("AcmeAcme", 1024, True)
    await lab.polling.reported(agent_id, DeviceReport("sw1", NOW_MS, False, "no answer"))
    shown = await lab.get(f"{DEVICES}/sw1")
    assert (shown["vendor"][:4], shown["answered"], shown["trouble"]) == ("Acme", False, "no answer")


async def test_the_same_address_is_polled_once(lab: Lab) -> None:
    await have_polled(lab, "sw1", name="first")
    poller = {"poller": "poller1"}
    error = await change(lab, "POST", DEVICES, {"host": "SW1", "name": "second", **poller}, 409)
    assert (error["code"], "sw1 port 161" in error["message"]) == ("conflict", True)
    other_port = await change(lab, "POST", DEVICES, {"host": "sw1", "port": 1161, "name": "first", **poller})
    assert other_port["instance"] == "first-2"
    as_an_agent = await change(lab, "POST", DEVICES, {"host": "sw2", "name": "web1", **poller})
    assert as_an_agent["instance"] == "web1-2"


async def test_a_removed_device_and_its_own_credential_are_gone(lab: Lab) -> None:
    await have_polled(lab, "sw1", snmp={"community": "s3cret"})
    assert len(lab.polling.credentials.all()) == 1
    assert (await change(lab, "DELETE", f"{DEVICES}/sw1"))["instance"] == "sw1"
    assert lab.polling.credentials.all() == []
    assert (await lab.get(DEVICES))["count"] == 0
    assert await jobs_of(lab, lab.have_agent("poller1")) == ()
    assert (await change(lab, "DELETE", f"{DEVICES}/sw1", status=404))["code"] == "not_found"


async def test_a_poll_at_once_is_told_to_a_connected_agent_only(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    agent_id = lab.have_agent("poller1")
    away = await change(lab, "POST", f"{DEVICES}/sw1/poll", status=503)
    assert "poller1 is not connected" in away["message"]
    line = lab.polling.lines.open(agent_id)
    told = [await lab.polling.lines.next_message(agent_id, line) for _ in range(2)]
    assert isinstance(told[0], Jobs)
    assert told[1] == Checks()
    assert await change(lab, "POST", f"{DEVICES}/sw1/poll") == {"instance": "sw1", "poller": "poller1"}
    assert await lab.polling.lines.next_message(agent_id, line) == PollNow(("sw1",))


async def test_a_changed_credential_reaches_its_pollers(lab: Lab) -> None:
    await change(lab, "PUT", f"{CREDENTIALS}/core", {"community": "one"})
    await have_polled(lab, "sw1", credential="core")
    agent_id = lab.have_agent("poller1")
    line = lab.polling.lines.open(agent_id)
    for _ in range(2):
        await lab.polling.lines.next_message(agent_id, line)
    await change(lab, "PUT", f"{CREDENTIALS}/core", {"community": "two"})
    told = await lab.polling.lines.next_message(agent_id, line)
    assert isinstance(told, Jobs)
    assert told.jobs[0].credentials[0].community == "two"


async def test_credentials_are_listed_without_secrets_and_kept_while_needed(lab: Lab) -> None:
    kept = await change(lab, "PUT", f"{CREDENTIALS}/core", {"community": "s3cret"})
    assert kept == {"name": "core", "version": "2c", "changed": "2026-01-31T12:00:00.000Z"}
    assert (await lab.get(CREDENTIALS))["results"] == [kept]
    await have_polled(lab, "sw1", credential="core")
    assert (await change(lab, "DELETE", f"{CREDENTIALS}/core", status=409))["code"] == "conflict"
    await change(lab, "DELETE", f"{DEVICES}/sw1")
    assert await change(lab, "DELETE", f"{CREDENTIALS}/core") == kept
    assert (await change(lab, "DELETE", f"{CREDENTIALS}/core", status=404))["code"] == "not_found"


async def test_what_lies_on_disk_opens_no_device(lab: Lab, tmp_path: Path) -> None:
    await change(lab, "PUT", f"{CREDENTIALS}/core", {"community": "tr0ub4dor"})
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files if path.name == "state.key"]
    assert not [path for path in files if b"tr0ub4dor" in path.read_bytes()]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"host": "is required"}),
        ({"host": "a b"}, {"host": "must be a host name or an IP address"}),
        ({"host": "-x"}, {"host": "must be a host name or an IP address"}),
        ({"host": "2001:db8::1::2"}, {"host": "must be a host name or an IP address"}),
        ({"host": "sw\n"}, {"host": "must be a host name or an IP address"}),
        ({"host": "sw", "port": 0}, {"port": "must be at least 1 (got 0)"}),
        ({"host": "sw", "interval_s": 1}, {"interval_s": "must be at least 5s (got 1)"}),
        ({"host": "sw", "intervall_s": 9}, {"intervall_s": "no such field. Did you mean 'interval_s'?"}),
        ({"host": "sw", "poller": "none"}, {"poller": "there is no agent 'none'"}),
        (
            {"host": "sw", "credential": "none"},
            {"credential": "there is no credential 'none'; `netmon credential set` makes one"},
        ),
        ({"host": "sw", "snmp": {"version": "2c"}}, {"snmp": "version 2c needs a community"}),
        ({"host": "sw", "snmp": {"version": "3"}}, {"snmp": "version 3 needs a user"}),
        (
            {"host": "sw", "snmp": {"community": "x"}, "credential": "public"},
            {"credential": "is one way to say who asks, 'snmp' another"},
        ),
    ],
)
async def test_a_bad_device_is_refused_with_what_is_wrong(lab: Lab, body: Any, wrong: dict[str, str]) -> None:
    lab.fleet.members = []
    lab.have_agent("poller1")
    error = await change(lab, "POST", DEVICES, body, 400)
    assert (error["code"], error["field_errors"]) == ("bad_request", wrong)
    assert (await lab.get(DEVICES))["count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"community": ["tr0ub4dor"]},
        {"community": {"tr0ub4dor": 1}},
        {"version": "3", "user": "ops", "auth": "sha1", "auth_password": "tr0ub"},
        {"version": "3", "user": "ops", "auth": "sha1", "auth_password": 7_777_777},
    ],
)
async def test_no_error_repeats_a_secret(lab: Lab, body: Any) -> None:
    error = await change(lab, "PUT", f"{CREDENTIALS}/core", body, 400)
    assert not [secret for secret in ("tr0ub", "7777777") if secret in str(error)]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"host": NaN}', b"\xff\xfe"])
async def test_a_body_that_is_no_object_is_refused(lab: Lab, content: bytes) -> None:
    async with lab.client.post(DEVICES, data=content) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "bad_request"


@pytest.mark.parametrize("name", ["@own", "a b", "x" * 65, "ü"])
async def test_a_credential_has_a_plain_name(lab: Lab, name: str) -> None:
    assert "letters, digits" in (await change(lab, "PUT", f"{CREDENTIALS}/{name}", {"community": "x"}, 400))["message"]


async def test_without_an_agent_nobody_could_poll(lab: Lab) -> None:
    lab.fleet.members = []
    error = await change(lab, "POST", DEVICES, {"host": "sw1"}, 400)
    assert error["field_errors"] == {"poller": "no agent is connected that could poll"}
    lab.have_agent("one", "192.0.2.1:1")
    lab.have_agent("two", "192.0.2.2:1")
    error = await change(lab, "POST", DEVICES, {"host": "sw1"}, 400)
    assert error["field_errors"] == {"poller": "say which agent polls, such as one, two"}
    assert (await change(lab, "POST", DEVICES, {"host": "sw1", "poller": "two"}))["poller"] == "two"


async def test_several_credentials_are_tried_in_the_order_in_which_they_are_named(lab: Lab) -> None:
    for name in ("first", "second"):
        await change(lab, "PUT", f"{CREDENTIALS}/{name}", {"community": name})
    await have_polled(lab, "sw1", credentials=["second", "first", "second"])
    agent_id = lab.have_agent("poller1")
    (job,) = await jobs_of(lab, agent_id)
    assert [one.community for one in job.credentials] == ["second", "first"]
    shown = await lab.get(f"{DEVICES}/sw1")
    assert (shown["credential"], shown["credentials"]) == ("second", ["second", "first"])
    error = await change(lab, "DELETE", f"{CREDENTIALS}/first", status=409)
    assert "first" in error["message"]
    twice = {"host": "sw2", "poller": "poller1", "credential": "first", "credentials": ["second"]}
    error = await change(lab, "POST", DEVICES, twice, 400)
    assert error["message"] == "credential: is one way to say who asks, 'credentials' another"
    error = await change(
        lab, "POST", DEVICES, {"host": "sw2", "poller": "poller1", "credentials": ["first", "none"]}, 400
    )
    assert error["message"] == "credentials: there is no credential 'none'; `netmon credential set` makes one"


async def test_how_a_device_is_polled_can_be_changed(lab: Lab) -> None:
    await have_polled(lab, "sw1", snmp={"community": "s3cret"}, profile="cisco", speeds_bps={"Gi0/1": 1e8})
    agent_id = lab.have_agent("poller1")
    (job,) = await jobs_of(lab, agent_id)
    assert (job.profile, job.speeds_bps) == ("cisco", {"Gi0/1": 1e8})
    changes = {"host": "192.0.2.9", "port": 1161, "name": "Core", "interval_s": 30, "profile": "", "speeds_bps": {}}
    changed = await change(lab, "PATCH", f"{DEVICES}/sw1", changes)
    assert (changed["instance"], changed["name"], changed["host"], changed["port"]) == (
        "sw1",
        "Core",
        "192.0.2.9",
        1161,
    )
    (job,) = await jobs_of(lab, agent_id)
    own = SnmpCredential(community="s3cret")
    assert job == Job("sw1", "192.0.2.9", 1161, 30_000, (own,)), "what is not said stays"
    await change(lab, "PATCH", f"{DEVICES}/sw1", {"credentials": ["public"]})
    again = type(lab.polling)(lab.polling._devices, lab.polling.credentials, lambda: NOW_MS)
    record = again.all()[0].record
    assert (record.credentials, record.name, record.speeds_bps) == (("public",), "Core", {})
    assert [one.name for one in lab.polling.credentials.all()] == ["public"], "its own one went with it"


async def test_a_device_can_change_its_poller(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    first, second = lab.have_agent("poller1"), lab.have_agent("poller2")
    assert (await change(lab, "PATCH", f"{DEVICES}/sw1", {"poller": "poller2"}))["poller"] == "poller2"
    assert (await jobs_of(lab, first), len(await jobs_of(lab, second))) == ((), 1)


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        ({"interval_s": 1}, 400, "interval_s"),
        ({"host": "bad host"}, 400, "host"),
        ({"speeds_bps": {"Gi0/1": -5}}, 400, "Gi0/1: must be more than 0 (got -5)"),
        ({"profile": "No Such"}, 400, "profile"),
        ({"poller": "nobody"}, 400, "there is no agent 'nobody'"),
        ({"host": "sw2"}, 409, "sw2 port 161 is polled already"),
        ({"no": 1}, 400, "no"),
    ],
)
async def test_a_change_that_cannot_be_made_is_refused(lab: Lab, body: Any, status: int, complaint: str) -> None:
    await have_polled(lab, "sw1")
    await have_polled(lab, "sw2")
    error = await change(lab, "PATCH", f"{DEVICES}/sw1", body, status)
    assert complaint in f"{error['message']} {error.get('field_errors')}"
    assert (await change(lab, "PATCH", f"{DEVICES}/none", {}, 404))["code"] == "not_found"


async def test_ports_are_those_of_the_last_facts(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    assert (await lab.get(f"{DEVICES}/sw1/ports"))["results"] == []
    columns = {"ifIndex": ("10", "9"), "name": ("Gi0/2", "Gi0/1"), "speed_mbps": ("1000", ""), "oper": ("1", "\u0666")}
    facts = DeviceFacts("sw1", NOW_MS, (FactTable("port", {**columns, "speed_bps": ("", "5")}),))
    await lab.facts.told(lab.have_agent("poller1"), facts)
    found = (await lab.get(f"{DEVICES}/sw1/ports"))["results"]
    assert [(one["if_index"], one["name"], one["speed_bps"], one["oper"]) for one in found] == [
        (9, "Gi0/1", 5, None),
        (10, "Gi0/2", 1e9, 1),
    ]


@pytest.mark.parametrize(
    ("host", "same"),
    [("2001:db8::1", "2001:DB8:0:0::0001"), ("192.0.2.1", "::ffff:192.0.2.1"), ("fe80::1%eth0", "fe80:0::1%eth0")],
)
async def test_an_address_is_one_device_however_it_is_written(lab: Lab, host: str, same: str) -> None:
    await have_polled(lab, host)
    refused = await change(lab, "POST", DEVICES, {"host": same, "poller": "poller1"}, 409)
    assert refused["message"].startswith(f"{host} port 161 is polled already")


async def test_a_speed_beyond_what_ifspeed_can_say_is_not_known(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    columns = {"ifIndex": ("1", "2"), "speed_mbps": ("0", "10000"), "speed_bps": ("4294967295", "4294967295")}
    await lab.facts.told(lab.have_agent("poller1"), DeviceFacts("sw1", NOW_MS, (FactTable("port", columns),)))
    found = (await lab.get(f"{DEVICES}/sw1/ports"))["results"]
    assert [one["speed_bps"] for one in found] == [None, 1e10]


async def test_a_device_is_found_by_its_handle_and_by_a_name_that_no_other_has(lab: Lab) -> None:
    for host in ("sw1", "sw2"):
        await have_polled(lab, host)
    await change(lab, "PATCH", f"{DEVICES}/sw1", {"name": "Halle 1/2"})
    assert (await lab.get(f"{DEVICES}/Halle%201%2F2"))["instance"] == "sw1"
    await change(lab, "PATCH", f"{DEVICES}/sw1", {"name": "sw2"})
    assert (await lab.get(f"{DEVICES}/sw2"))["instance"] == "sw2", "a handle comes first"
    for host in ("sw1", "sw2"):
        await change(lab, "PATCH", f"{DEVICES}/{host}", {"name": "twice"})
    await lab.refusal(f"{DEVICES}/twice", status=404)


async def test_many_devices_are_added_together_and_those_that_cannot_be_are_named(lab: Lab) -> None:
    await have_polled(lab, "sw1")
    hosts = ["sw2", "sw1", "sw3", "SW2", "a b"]
    made = await change(
        lab, "POST", f"{DEVICES}/batch", {"devices": [{"host": host, "poller": "poller1"} for host in hosts]}
    )
    assert [one["instance"] for one in made["added"]] == ["sw2", "sw3"]
    assert [(one["place"], one["host"]) for one in made["refused"]] == [(1, "sw1"), (3, "SW2"), (4, "a b")]
    assert "is polled already, as sw1" in made["refused"][0]["message"]
    assert len(await jobs_of(lab, lab.have_agent("poller1"))) == 3
    assert made["refused"][2]["message"] == "host: must be a host name or an IP address"
