"""What rules make of values: scales, states, amounts, names; and of hostile ones."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.credentials import Credential, Tries
from netmon_agent.snmp.findings import Findings, Trouble
from netmon_agent.snmp.poll import Known, poll
from netmon_agent.snmp.session import Broken, NoAnswer, Value
from netmon_agent.snmp.values import as_number, as_text, formed
from netmon_configs.library import Library, open_library

OWN = "1.3.6.1.4.1.99999"
ME: dict[str, Value] = {"1.3.6.1.2.1.1.1.0": b"Thing 7", "1.3.6.1.2.1.1.2.0": f"{OWN}.1", "1.3.6.1.2.1.1.3.0": 100}


def library_with(folder: Path, sections: str) -> Library:
    text = f"""\
title: Things
extends: []
objects:
  sysDescr: 1.3.6.1.2.1.1.1.0
  thing: {OWN}
  thingName: thing.2
  thingValue: thing.3
  thingUnit: thing.4
systems:
  - os: things
    vendor: Thing Makers
    match: {{sysObjectID: '{OWN}.*'}}
device:
  version: {{text: "{{sysDescr}}", regex: 'Thing (\\d+)'}}
{sections}"""
    (folder / "things.yaml").write_text(text, encoding="utf-8")
    return open_library(folder)


async def found_with(folder: Path, sections: str, values: dict[str, Value]) -> Findings:
    return await poll(
        Capture({**ME, **{f"{OWN}.{oid}": value for oid, value in values.items()}}), library_with(folder, sections)
    )


async def test_a_sensor_is_scaled_named_and_skipped_as_its_rule_says(tmp_path: Path) -> None:
    rule = '{class: temperature, value: thingValue, divisor: 10, skip_values: [-1], name: "{thingName} {index}"}'
    found = await found_with(
        tmp_path,
        f"sensors: [{rule}]",
        {"2.1": b"Inlet", "3.1": 215, "2.2": b"Outlet", "3.2": -1},
    )
    assert [(one.name, one.value, one.unit, one.oid) for one in found.sensors] == [
        ("Inlet 1", 21.5, "celsius", f"{OWN}.3.1")
    ]
    assert (found.identity.os, found.identity.vendor, found.identity.version) == ("things", "Thing Makers", "7")


async def test_states_become_severities_whether_told_in_numbers_or_words(tmp_path: Path) -> None:
    rule = 'sensors: [{class: state, value: thingValue, states: {"1": ok up, "2": critical broken, Failed: critical}}]'
    found = await found_with(tmp_path, rule, {"3.1": 1, "3.2": 2, "3.3": 9, "3.4": b"Failed"})
    assert [(one.severity, one.meaning) for one in found.sensors] == [
        ("ok", "up"),
        ("critical", "broken"),
        ("unknown", ""),
        ("critical", ""),
    ]


async def test_flags_give_the_worst_of_what_is_set(tmp_path: Path) -> None:
    rule = "sensors: [{class: state, value: thingValue, bits: [warning low toner, critical jammed, ok idle]}]"
    found = await found_with(tmp_path, rule, {"3.1": b"\xc0", "3.2": b"\x00", "3.3": b"\x20"})
    assert [(one.severity, one.meaning) for one in found.sensors] == [
        ("critical", "low toner, jammed"),
        ("ok", ""),
        ("ok", "idle"),
    ]


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("used: thingValue, total: thing.5, unit: 1024", {"3.1": 25, "5.1": 100}, (102_400, 25_600, 25)),
        ("used: thingValue, free: thing.5", {"3.1": 25, "5.1": 75}, (100, 25, 25)),
        ("free: thingValue, total: thing.5, unit: thingUnit", {"3.1": 75, "5.1": 100, "4.1": 10}, (1_000, 250, 25)),
        ("used: thingValue, unit: 4, total: thing.5, total_unit: 16", {"3.1": 25, "5.1": 25}, (400, 100, 25)),
        ("percent: thingValue, total: thing.5", {"3.1": 25, "5.1": 1_000}, (1_000, 250, 25)),
        ("percent: thingValue", {"3.1": 25}, (None, None, 25)),
        ("used: thingValue, total: thing.5", {"3.1": 1, "5.1": -2_147_483_648}, (2**31, 1, 100 / 2**31)),
    ],
)
async def test_any_two_of_size_used_free_and_percent_give_the_rest(
    tmp_path: Path, rule: str, values: dict[str, Value], expected: tuple[Any, ...]
) -> None:
    found = await found_with(tmp_path, f"memory: [{{{rule}}}]", values)
    assert [(one.total_bytes, one.used_bytes, one.percent) for one in found.memory] == [expected]


async def test_a_row_may_take_its_name_from_where_its_index_or_value_points(tmp_path: Path) -> None:
    rule = 'sensors: [{class: count, value: thing.6, name: "{thingName@1}/{thingName[thing.7]}"}]'
    found = await found_with(tmp_path, rule, {"2.1": b"one", "2.5": b"five", "6.1.9": 3, "7.1.9": 5})
    assert [one.name for one in found.sensors] == ["one/five"]


async def test_the_64_bit_counter_stands_for_the_32_bit_one() -> None:
    octets = {"1.3.6.1.2.1.2.2.1.10.1": 5, "1.3.6.1.2.1.2.2.1.10.2": 6, "1.3.6.1.2.1.31.1.1.1.6.1": 2**40}
    found = await poll(Capture({**ME, **octets, "1.3.6.1.2.1.31.1.1.1.1.1": b"eth1"}), open_library())
    read = {(one.name, one.labels["ifIndex"]): one.value for one in found.readings if "ifIndex" in one.labels}
    assert read == {("ifHCInOctets", "1"): 2**40, ("ifInOctets", "2"): 6}


class Failing:
    """A capture that fails where it is told to."""

    def __init__(self, values: dict[str, Value], errors: dict[str, Exception]) -> None:
        self._capture = Capture(values)
        self._errors = errors
        self.asked: list[str] = []

    async def get(self, oids: Any) -> Any:
        return await self._capture.get(oids)

    async def walk(self, oid: str, rows: int = 0, most: int = 0) -> Any:
        self.asked.append(oid)
        if oid in self._errors:
            raise self._errors[oid]
        return await self._capture.walk(oid)


async def test_what_fails_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    library = library_with(tmp_path, "sensors: [{class: count, value: thing.6}, {class: count, value: thing.7}]")
    broken = Broken("OIDs do not increase", {"1": 4})
    session = Failing({**ME, f"{OWN}.7.1": 3}, {f"{OWN}.6": broken})
    found = await poll(session, library)
    assert [one.value for one in found.sensors] == [4, 3]
    assert found.troubles == [Trouble("sensors", f"{OWN}.6: OIDs do not increase")]


LABELLED = """
metrics:
  - labels: {thingIndex: "{index}", thingName: "{thingName}"}
    values: {thingValue: gauge, thing.5: {kind: gauge, unless: thing.6}}
sensors: [{class: count, value: thing.7, name: "{thingName}"}]
memory:
  - {used: thing.8, total: thing.9, unit: thingUnit, name: Main}
  - {percent: thing.10, name: Main, fallback: true}
"""


async def told_with(folder: Path, failing: dict[str, Exception], known: Known) -> tuple[set[Any], set[Any]]:
    """The series of a poll in which some columns fail."""
    numbers = {"3.1": 5, "4.1": 1024, "5.1": 6, "6.1": 7, "7.1": 8, "8.1": 10, "9.1": 20, "10.1": 50}
    own: dict[str, Value] = {"2.1": b"One", **numbers}
    session = Failing({**ME, **{f"{OWN}.{oid}": value for oid, value in own.items()}}, failing)
    found = await poll(session, library_with(folder, LABELLED), known)
    told = {(one.name, *sorted(one.labels.items()), one.value) for one in found.readings if one.name.startswith("snmp")}
    return {(one.name, *sorted(one.labels.items())) for one in found.readings}, told


async def test_what_fails_makes_no_other_series_and_no_other_values_of_the_rest(tmp_path: Path) -> None:
    known = Known()
    whole, values = await told_with(tmp_path, {}, known)
    assert len(whole) == 4  # thing.5 stands back behind thing.6
    for column, lost in {"2": 2, "4": 2, "6": 0, "8": 2, "9": 2}.items():
        series, partly = await told_with(tmp_path, {f"{OWN}.{column}": NoAnswer("no answer")}, known)
        assert series < whole if lost else series == whole
        assert len(series) == len(whole) - lost
        assert partly <= values


async def test_what_a_device_is_never_heard_of_is_done_without(tmp_path: Path) -> None:
    known = Known()
    never: dict[str, Exception] = {f"{OWN}.2": NoAnswer("no answer")}
    assert not any("thing" in one[0] for one in (await told_with(tmp_path, never, known))[0])
    series, _ = await told_with(tmp_path, never, known)
    assert ("thingValue", ("thingIndex", "1")) in series


async def test_a_device_that_falls_silent_is_not_asked_for_the_rest(tmp_path: Path) -> None:
    columns = ", ".join(f"{{class: count, value: thing.{n}}}" for n in range(10, 20))
    library = library_with(tmp_path, f"sensors: [{columns}]")
    session = Failing(ME, {f"{OWN}.{n}": NoAnswer("no answer to 3 requests") for n in range(12, 20)})
    found = await poll(session, library)
    assert found.answered
    assert session.asked == [f"{OWN}.{n}" for n in range(10, 14)]


async def test_tables_that_a_device_lacks_are_not_asked_again(tmp_path: Path) -> None:
    library = library_with(tmp_path, "sensors: [{class: count, value: thing.6}, {class: count, value: thing.7}]")
    first, second = (Failing({**ME, f"{OWN}.7.1": 3}, {}) for _ in range(2))
    known = Known()
    before = await poll(first, library, known)
    assert known.absent == {f"{OWN}.6"}
    after = await poll(second, library, known, is_whole=False)
    assert (first.asked, second.asked) == ([f"{OWN}.6", f"{OWN}.7"], [f"{OWN}.7"])
    assert after.sensors == before.sensors
    await poll(second, library, known)
    assert second.asked == [f"{OWN}.7", f"{OWN}.6", f"{OWN}.7"], "a whole poll looks for all"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"a\0b\0\0", "ab"),
        (b"\xe9t\xe9 long enough", "été long enough"),
        (b"\xff\x00\x01", "ff0001"),
        ("Werkstattgerät".encode()[:-2], "Werkstattger"),
        (5, "5"),
        (b"", ""),
    ],
)
def test_text_of_devices_is_made_fit_to_be_shown(value: Value, text: str) -> None:
    assert as_text(value) == text


def test_numbers_are_found_in_words() -> None:
    assert as_number(b"28 C/82 F") == 28
    assert as_number(b"-12.5 dBm") == -12.5
    assert as_number(b"none") is None
    assert formed(b"\x00\x1a\x2b\x3c\x4d\x5e", "mac") == "00:1a:2b:3c:4d:5e"
    assert formed(b"\x0a\x00\x00\x01", "ip") == "10.0.0.1"
    assert formed(b"\x07\xea\x0b\x14\x0a\x1e\x00\x00", "date") == "2026-11-20 10:30:00"


HOSTILE = st.one_of(
    st.binary(max_size=80), st.integers(-(2**63), 2**64), st.floats(), st.text(max_size=40), st.just(b"\xff" * 70_000)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.lists(HOSTILE, min_size=60, max_size=60), objectid=st.sampled_from(["9.1.1", "2636.1", "318.1", "2435.1"])
)
async def test_no_value_of_a_device_breaks_a_poll(values: list[Value], objectid: str) -> None:
    library = LIBRARY
    columns = [rule.value for layer in library.layers["cisco"] for rule in layer.sensors]
    columns += [rule.used for layer in library.layers["standard"] for rule in layer.memory if rule.used is not None]
    oids = [f"{reference.oid}" if reference.is_scalar else f"{reference.oid}.1" for reference in columns]
    device: dict[str, Value] = dict(zip(oids, values * (len(oids) // len(values) + 1), strict=False))
    device["1.3.6.1.2.1.1.1.0"] = values[0]
    device["1.3.6.1.2.1.1.2.0"] = f"1.3.6.1.4.1.{objectid}"
    found = await poll(Capture(device), library)
    assert all(isinstance(one.value, float) for one in found.sensors)


LIBRARY = open_library()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"version": "2c"}, "version 2c needs a community"),
        ({"version": "3"}, "version 3 needs a user"),
        ({"version": "3", "user": "u", "auth": "sha1"}, "go together"),
        ({"version": "3", "user": "u", "priv": "aes128", "priv_password": "12345678"}, "priv needs auth"),
        ({"version": "3", "user": "u", "auth": "sha1", "auth_password": "short"}, "at least 8 characters"),
    ],
)
def test_a_credential_that_cannot_work_is_refused(options: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Credential.model_validate(options)


def test_a_credential_shows_no_secret() -> None:
    credential = Credential.model_validate({"version": "3", "user": "u", "auth": "sha1", "auth_password": "verysecret"})
    assert "verysecret" not in repr(credential) + credential.title


def test_credentials_are_tried_in_order_then_wait_longer_each_time() -> None:
    credentials = [Credential.model_validate({"community": text}) for text in "ab"]
    tries = Tries()
    assert tries.order(credentials, 0) == [0, 1]
    tries.failed(0, refused=True)
    assert tries.order(credentials, 59) == []
    assert tries.order(credentials, 60) == [0, 1]
    tries.failed(60, refused=True)
    assert tries.order(credentials, 179) == []
    for _ in range(30):
        tries.failed(0, refused=True)
    assert tries.not_before_s == 3600


def test_a_silent_device_keeps_its_credential_and_a_refusal_loses_it() -> None:
    credentials = [Credential.model_validate({"community": text}) for text in "ab"]
    tries = Tries()
    tries.worked(1)
    tries.failed(0, refused=False)
    assert tries.order(credentials, 0) == [1]
    tries.failed(0, refused=True)
    assert tries.order(credentials, 60) == [0, 1]


def test_a_device_that_never_answered_is_tried_every_five_minutes_at_least() -> None:
    tries = Tries()
    for _ in range(30):
        tries.failed(0, refused=False)
    assert tries.not_before_s == 300
