"""Random answers of a device to whole polls: what it tells is read within bounds, or the poll says what was wrong.

python tests/fuzz/snmp.py [SECONDS [SEED]]
"""

import asyncio
import random
import time
from collections.abc import Callable
from functools import cache

from netmon_agent.columns import Columnizer
from netmon_agent.polling.asking import distinct
from netmon_agent.polling.outbox import parts_of
from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.device import Target, poll_device
from netmon_agent.snmp.findings import Findings
from netmon_agent.snmp.memory import Memory, packed, unpacked
from netmon_agent.snmp.pace import Pace
from netmon_agent.snmp.session import SnmpError
from netmon_configs.library import Library, open_library
from netmon_proto import wire
from netmon_proto.model import DeviceFacts
from tests.support.fuzzing import damaged, main
from tests.support.scripted import COUNTER32, COUNTER64, GAUGE32, TICKS, Scripted, Value

BUDGET_S = 0.6
LATE_S = 5.0
PUBLIC = [Credential.model_validate({"community": "public"})]
BER = [
    b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x06\x00", b"\x02\x09" + b"\xff" * 9, b"\x04\x82\x01\x00", b"\x05\x00",
    b"\x80\x00", b"\x82\x00", b"\x06\x05\xff\xff\xff\xff\x7f", b"\x44\x04\x7f\xc0\0\0", b"\x40\x03\1\2\3", b"\x46\x00",
]  # fmt: skip
TEXTS = [
    b"", b"\0", b"a\0b", b"\xff\xfe", b"\xed\xa0\x80", "\u202e\u2028".encode(), b"\n" * 50, b"\x1b[2J", b"'\"<>&{}%s\\",
    b"Gi0/1", b"x" * 1_400, b"\xc3", "ünï".encode(), b"1e999", b"nan", b"-1", b"\x00\x1a\x2b\x3c\x4d\x5e",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2, 7, 100, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]
INDEXES = [
    "0", "1", "2", "7", "4294967295", "1.1", "1.4.10.0.0.1", "0.0.0.0.0.0", "2.16" + ".255" * 16, "1." * 60 + "1",
]  # fmt: skip
SYSTEMS = [
    "1.3.6.1.4.1.9.1.716",
    "1.3.6.1.4.1.8072.3.2.10",
    "1.3.6.1.4.1.2636.1.1.1.2.29",
    "1.3.6.1.4.1.99999.1",
    "0.0",
]


@cache
def library() -> Library:
    return open_library()


@cache
def columns() -> list[str]:
    """All objects that profiles ask for, by OID."""
    objects = {oid for layers in library().layers.values() for oid in layers[0].objects.values()}
    return sorted(oid for oid in objects if oid.count(".") > 6)


def value(rng: random.Random) -> Value:
    match rng.randrange(5):
        case 0:
            return rng.choice(TEXTS)
        case 1:
            return rng.randbytes(rng.randrange(40))
        case 2:
            return rng.choice(SYSTEMS)
        case 3:
            return (rng.choice([COUNTER32, COUNTER64, GAUGE32, TICKS]), abs(rng.choice(NUMBERS)))
    return rng.choice(NUMBERS)


def device(rng: random.Random) -> dict[str, Value]:
    """One that has a few rows of many tables, each value of any kind."""
    told: dict[str, Value] = {f"1.3.6.1.2.1.1.{field}.0": rng.choice(TEXTS) for field in (1, 4, 5, 6)}
    told["1.3.6.1.2.1.1.2.0"] = rng.choice(SYSTEMS)
    told["1.3.6.1.2.1.1.3.0"] = (TICKS, rng.choice([0, 4_711, 2**32 - 1]))
    for oid in rng.sample(columns(), 60):
        if oid.endswith(".0"):
            told[oid] = value(rng)
        else:
            told |= {f"{oid}.{index}": value(rng) for index in rng.sample(INDEXES, rng.randrange(1, 4))}
    return told


class Hostile(Scripted):
    """Answers wrongly now and then: damaged, not at all, to another request, or the same again and again."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(device(rng))
        self._rng = rng
        self._rate = rng.choice([0.0, 0.02, 0.3])
        self._last = b"\0"

    def answer(self, datagram: bytes) -> bytes:
        good = super().answer(datagram)
        if self._rng.random() >= self._rate:
            self._last = good
            return good
        match self._rng.randrange(4):
            case 0:
                return self._last
            case 1:
                return self._rng.randbytes(self._rng.randrange(1, 60))
        return damaged(good, self._rng, BER)[:1_400] or b"\0"


def told(found: Findings) -> bool:
    """Whether it answered; what it told is within its bounds, and can be sent and kept."""
    texts = [found.identity.name, found.identity.descr, found.identity.serial, *(one.text for one in found.troubles)]
    for text in texts:
        text.encode()
    for reading in found.readings:
        float(reading.value)
        assert all(one and len(one) < 70_000 and one.encode() for one in reading.labels.values())
    Columnizer(1, 1).encode("snmp:sw1", "snmp", 0, distinct(found.readings), "sw1")
    if found.facts is not None:
        for part in parts_of(DeviceFacts("sw1", 0, found.facts)):
            assert all(len(text) <= 1_024 for table in part.tables for rows in table.columns.values() for text in rows)
            assert wire.decode_agent(wire.encode_agent(part)) == part
    return found.answered


async def polls(rng: random.Random) -> bool:
    """A whole poll, and one that goes on from it."""
    memory = Memory(pace=Pace(rtt_s=0.002, least_timeout_s=0.02))
    answered = False
    async with Hostile(rng) as port:
        target = Target("127.0.0.1", PUBLIC, port, BUDGET_S)
        for now_s in (0.0, 60.0):
            started_s = time.monotonic()
            try:
                answered |= told(await poll_device(target, library(), memory, now_s, is_whole=now_s == 0))
            except SnmpError as error:
                assert str(error)
            assert time.monotonic() - started_s < BUDGET_S + LATE_S
            memory.tries.not_before_s = 0.0
    unpacked(packed(memory))
    return answered


LOOP = asyncio.new_event_loop()


def make(rng: random.Random) -> tuple[bytes, Callable[[bytes], bool]]:
    seed = rng.randbytes(8)
    return seed, lambda given: LOOP.run_until_complete(polls(random.Random(given)))


if __name__ == "__main__":
    main("snmp", make)
