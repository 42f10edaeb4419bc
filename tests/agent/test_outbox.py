"""What is to be told of devices waits, is told once in parts that fit, and is bounded."""

import asyncio

import pytest

from netmon_agent.polling import outbox
from netmon_agent.polling.outbox import PART_CHARACTERS, Outbox, Report, parts_of
from netmon_proto import wire
from netmon_proto.model import DeviceFacts, DeviceReport, FactTable, Limits

LONG = FactTable("fdb", {"mac": tuple(f"{n:017}" for n in range(50_000)), "vlan": ("1",) * 50_000})
FACTS = DeviceFacts("sw1", 5, (FactTable("port", {"ifIndex": ("1", "2")}), LONG, FactTable("arp")))


async def told(box: Outbox) -> Report | DeviceFacts:
    return await asyncio.wait_for(box.next(), 30)


def test_a_long_reading_goes_in_parts_that_fit() -> None:
    parts = list(parts_of(FACTS))
    assert [(one.part, one.is_last) for one in parts] == [(n, n == len(parts) - 1) for n in range(len(parts))]
    assert len(parts) > 3
    assert max(len(wire.encode_agent(one)) for one in parts) < Limits().frame_bytes / 4
    tables = [table for part in parts for table in part.tables]
    assert [mac for one in tables if one.kind == "fdb" for mac in one.columns["mac"]] == list(LONG.columns["mac"])
    assert {one.kind for one in tables} == {"port", "fdb", "arp"}


def test_a_reading_without_anything_is_one_part() -> None:
    assert list(parts_of(DeviceFacts("sw1", 5))) == [DeviceFacts("sw1", 5)]
    wide = FactTable("part", {"descr": ("x" * PART_CHARACTERS, "y")})
    assert len(list(parts_of(DeviceFacts("sw1", 5, (wide,))))) == 2


async def test_reports_come_first_and_the_newest_reading_alone() -> None:
    box = Outbox()
    box.facts(DeviceFacts("sw1", 4))
    box.facts(DeviceFacts("sw1", 5))
    box.report(DeviceReport("sw1", 5, True))
    assert [await told(box), await told(box)] == [DeviceReport("sw1", 5, True), DeviceFacts("sw1", 5)]
    box.tell_all_again()
    assert await told(box) == DeviceReport("sw1", 5, True)
    box.facts(DeviceFacts("sw1", 6))
    box.forget("sw1")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(box.next(), 0.05)


async def test_a_new_stream_hears_no_half_of_a_reading() -> None:
    box = Outbox()
    box.facts(FACTS)
    await told(box)
    box.tell_all_again()
    box.facts(DeviceFacts("sw2", 5))
    assert await told(box) == DeviceFacts("sw2", 5)


async def test_what_waits_too_long_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_BYTES", 1_000_000)
    box = Outbox()
    for number in range(20):
        box.facts(DeviceFacts(f"sw{number}", 5, (LONG,)))
    heard = await told(box)
    assert isinstance(heard, DeviceFacts)
    assert heard.device not in ("sw0", "sw1")
