"""Devices, their jobs, credentials and facts in the state database."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from netmon_collector.polling import Polling
from netmon_collector.state.agents import Agents
from netmon_collector.state.credentials import Credentials, InUse
from netmon_collector.state.devices import DeviceExists, DeviceRecord, Devices
from netmon_collector.state.facts import KeptFacts
from netmon_configs.sealing import Sealer
from netmon_proto.model import Hello, SnmpCredential

RECORD = DeviceRecord("sw1", "Switch", "192.0.2.1", 161, "id-1", "lab", 60_000, 5)


@pytest.fixture
def credentials(engine: Engine, tmp_path: Path) -> Credentials:
    Agents(engine).admit(Hello("id-1", b"k" * 32, "web1", "0.1.0", "Linux", 0, 10_000, 1, 1, 0), 1)
    found = Credentials(engine, Sealer(tmp_path / "state.key"))
    found.put("lab", SnmpCredential("lab", community="s3cret"), 7)
    return found


@pytest.mark.usefixtures("credentials")
def test_a_device_comes_back_with_what_it_was_found_to_be(engine: Engine) -> None:
    devices = Devices(engine)
    for name in ("sw1", "sw-2", "SW3", "_4"):
        devices.add(replace(RECORD, instance=name, host=f"{name}.example"))
    assert [one.instance for one in devices.all()] == ["SW3", "_4", "sw-2", "sw1"]
    devices.identified("sw1", {**RECORD.facts, "os": "ünïx", "descr": "x" * 1024}, 9)
    found = devices.all()[-1]
    assert (found.facts["os"], len(found.facts["descr"]), found.identified_ms) == ("ünïx", 1024, 9)
    assert replace(found, facts=RECORD.facts, identified_ms=None) == replace(RECORD, host="sw1.example")


@pytest.mark.usefixtures("credentials")
async def test_an_address_is_polled_once_within_a_site(engine: Engine, credentials: Credentials) -> None:
    polling = Polling(Devices(engine), credentials, lambda: 1)
    await polling.add(RECORD, lambda _: False)
    with pytest.raises(DeviceExists, match=r"192\.0\.2\.1 port 161 is polled already, as sw1"):
        await polling.add(replace(RECORD, instance="sw2"), lambda _: False)
    await polling.add(replace(RECORD, instance="sw2", port=1161), lambda _: False)
    there = await polling.add(replace(RECORD, instance="sw3", site="oslo"), lambda _: False)
    assert [one.instance for one in Devices(engine).all()] == ["sw1", "sw2", "sw3"]
    with pytest.raises(DeviceExists):
        await polling.change(replace(there, site=""))
    await polling.change(replace(there, name="same place"))
    assert Devices(engine).all()[-1].site == "oslo"


@pytest.mark.usefixtures("credentials")
def test_a_handle_is_one_device(engine: Engine) -> None:
    devices = Devices(engine)
    devices.add(RECORD)
    with pytest.raises(DeviceExists, match="there is a device 'sw1' already"):
        devices.add(replace(RECORD, host="192.0.2.2"))


def test_what_people_say_of_a_device_can_change(engine: Engine, credentials: Credentials) -> None:
    for name in ("second", "third"):
        credentials.put(name, SnmpCredential(name, community=name), 7)
    devices = Devices(engine)
    devices.add(replace(RECORD, further=("third", "second"), profile="cisco", speeds_bps={"Gi0/1": 1e8}))
    (found,) = devices.all()
    assert (found.credentials, found.profile, found.speeds_bps) == (("lab", "third", "second"), "cisco", {"Gi0/1": 1e8})
    assert found.facts["profile"] == "", "what it was found to be is another matter"
    with pytest.raises(InUse):
        credentials.remove("third")
    changed = replace(RECORD, host="192.0.2.2", credential="second", interval_ms=5_000)
    devices.change(changed)
    assert devices.all() == [changed]
    assert credentials.remove("third")


def test_a_credential_is_sealed_and_stays_while_it_is_needed(engine: Engine, credentials: Credentials) -> None:
    assert credentials.get("lab") == SnmpCredential("lab", community="s3cret")
    credentials.put("lab", SnmpCredential("lab", community="newer"), 8)
    assert credentials.get("lab") == SnmpCredential("lab", community="newer")
    assert [(one.name, one.version, one.changed_ms) for one in credentials.all()] == [("lab", "2c", 8)]
    Devices(engine).add(RECORD)
    with pytest.raises(InUse, match="devices are polled with credential 'lab'"):
        credentials.remove("lab")
    Devices(engine).remove("sw1")
    assert (credentials.remove("lab"), credentials.remove("lab"), credentials.get("lab")) == (True, False, None)


@pytest.mark.usefixtures("credentials")
def test_facts_go_with_their_device(engine: Engine) -> None:
    facts = KeptFacts(engine)
    facts.put("sw1", 5, b"of nobody")
    assert facts.get("sw1") is None
    Devices(engine).add(RECORD)
    facts.put("sw1", 5, b"\0first")
    facts.put("sw1", 6, b"\0second")
    assert facts.get("sw1") == b"\0second"
    Devices(engine).remove("sw1")
    assert facts.get("sw1") is None
