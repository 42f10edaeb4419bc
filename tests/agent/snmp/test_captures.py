"""Whole polls of captured devices: found and equal, as far as another NMS found them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from netmon_agent.snmp.capture import Capture, CaptureError
from netmon_agent.snmp.poll import Known, poll
from netmon_configs.library import open_library
from tests.support.captures import DEVICES, Tally, compare, expectations, totals
from tests.support.vendors import VENDORS


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    if not DEVICES.is_dir():
        pytest.skip(f"needs the captures in {DEVICES}")
    library = open_library()

    async def all_of_them() -> dict[str, Tally]:
        return totals(
            [
                compare(one, await poll(Capture.of(DEVICES / f"{one.name}.snmprec"), library), VENDORS)
                for one in expectations(DEVICES)
            ]
        )

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("module", "found", "equal"),
    [
        ("os", 0.97, 0.97),
        ("vendor", 0.97, 0.97),
        ("model", 0.9, 0.8),
        ("version", 0.9, 0.9),
        ("serial", 0.9, 0.9),
        ("ports", 1.0, 1.0),
        ("links", 1.0, 0.95),
        ("processors", 0.95, 0.95),
        ("memory", 0.95, 0.9),
        ("storage", 0.95, 0.95),
        ("sensors", 0.9, 0.9),
    ],
)
def test_what_another_nms_finds_we_find(tallies: dict[str, Tally], module: str, found: float, equal: float) -> None:
    tally = tallies[module]
    assert tally.share >= found, tally.differing
    assert tally.equal / tally.expected >= equal, tally.differing


async def test_a_second_poll_finds_the_same_with_fewer_requests() -> None:
    if not DEVICES.is_dir():
        pytest.skip(f"needs the captures in {DEVICES}")
    library = open_library()
    for name in ("iosxe_c9300", "apc_smx750", "qnap"):
        capture = Capture.of(DEVICES / f"{name}.snmprec")
        known = Known()
        first = await poll(capture, library, known)
        second = await poll(capture, library, known, is_whole=False)
        assert replace(second, entries=first.entries, facts=first.facts) == first


async def test_a_capture_answers_as_the_device_did(tmp_path: Path) -> None:
    path = tmp_path / "one.snmprec"
    path.write_bytes(
        b"1.3.6.1.2.1.1.1.0|4|a switch\n1.3.6.1.2.1.2.2.1.2.10|4x|6C6F00\n1.3.6.1.2.1.2.2.1.2.2|4|eth\xe9\n"
        b"1.3.6.1.2.1.4.20.1.1.10.0.0.1|64x|0a000001\n1.3.6.1.2.1.4.20.1.2.10.0.0.1|2|7\n1.3.6.1.9|5|\n"
    )
    capture = Capture.of(path)
    assert await capture.get(["1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.9.0"]) == {"1.3.6.1.2.1.1.1.0": b"a switch"}
    assert await capture.walk("1.3.6.1.2.1.2.2.1.2") == {"2": b"eth\xe9", "10": b"lo\0"}
    assert await capture.walk("1.3.6.1.2.1.4.20.1") == {"1.10.0.0.1": "10.0.0.1", "2.10.0.0.1": 7}
    assert await capture.walk("1.3.6.1.9") == {}


@pytest.mark.parametrize("line", ["no capture", "1.3.6|99|5", "1.3.6|2|five", "1.x.6|2|5"])
def test_a_file_that_is_no_capture_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "two.snmprec"
    path.write_text(f"1.3.6.1|2|5\n{line}\n", encoding="utf-8")
    with pytest.raises(CaptureError, match=r"two\.snmprec:2: must be OID\|TAG\|VALUE"):
        Capture.of(path)
