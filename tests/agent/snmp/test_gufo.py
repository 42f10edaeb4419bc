"""The session over the network, against Debian's snmpd and against devices that misbehave."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_udp_port

pytest.importorskip("gufo.snmp")

from netmon_agent.snmp.credentials import Credential
from netmon_agent.snmp.device import Target, poll_device
from netmon_agent.snmp.gufo import GufoSession, OutOfTime, connect
from netmon_agent.snmp.memory import Memory
from netmon_agent.snmp.pace import Pace
from netmon_agent.snmp.poll import poll
from netmon_agent.snmp.session import Broken, NoAnswer, NotAllowed, SnmpError
from netmon_configs.library import open_library
from tests.agent.snmp.responder import Responder, response, walking
from tests.support.snmpd import snmpd

SYSTEM = "1.3.6.1.2.1.1"
NAME, UPTIME, ABSENT = f"{SYSTEM}.5.0", f"{SYSTEM}.3.0", f"{SYSTEM}.99.0"


def community(version: str = "2c", text: str = "public") -> Credential:
    return Credential.model_validate({"version": version, "community": text})


def user(
    name: str,
    auth: str | None = None,
    priv: str | None = None,
    password: str = "authpass123",
    expansion: str = "blumenthal",
) -> Credential:
    options = {"version": "3", "user": name, "key_expansion": expansion}
    if auth:
        options |= {"auth": auth, "auth_password": password}
    if priv:
        options |= {"priv": priv, "priv_password": "privpass123"}
    return Credential.model_validate(options)


@pytest.fixture(scope="module")
def agent_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with snmpd(tmp_path_factory.mktemp("snmpd") / "snmpd") as port:
        yield port


def hurried() -> Pace:
    """A pace that gives up within a fraction of a second."""
    return Pace(rtt_s=0.01, deviation_s=0.0, least_timeout_s=0.05)


async def opened(port: int, credential: Credential | None = None, pace: Pace | None = None) -> GufoSession:
    return await connect("127.0.0.1", port, credential or community(), pace or Pace(), budget_s=20)


@pytest.mark.parametrize(
    "credential",
    [
        community("1"),
        community("2c"),
        user("open"),
        user("signed", "sha1"),
        user("sealed", "sha1", "aes128"),
        user("sealed256", "sha256", "aes128"),
        user("sealed224", "sha224", "aes128"),
        user("sealed384", "sha384", "aes192"),
        user("sealed512", "sha512", "aes256"),
        user("blumenthal", "sha1", "aes256"),
        user("reeder", "sha1", "aes256", expansion="reeder"),
        user("reeder192", "md5", "aes192", expansion="reeder"),
        user("oldest", "md5", "des"),
    ],
    ids=lambda one: one.title,
)
async def test_each_way_of_asking_reads_the_same_from_a_real_agent(agent_port: int, credential: Credential) -> None:
    session = await opened(agent_port, credential)
    try:
        got = await session.get([NAME, f"{SYSTEM}.6.0", ABSENT])
        walked = await session.walk(SYSTEM)
        nothing = await session.walk("1.3.6.1.4.1.99999")
        last = await session.walk("1.3.6.1.6.3.16")
    finally:
        session.close()
    assert got[f"{SYSTEM}.6.0"] == b"lab"
    assert ABSENT not in got
    assert walked["4.0"] == b"ops@example.net"
    assert walked["2.0"] == "1.3.6.1.4.1.8072.3.2.10"
    assert len(walked) > 20
    assert not nothing
    assert last


@pytest.mark.parametrize(
    ("credential", "error"),
    [
        (user("sealed", "sha1", "aes128", "wrongpass123"), NotAllowed),
        (user("nobody", "sha1"), NotAllowed),
        (community("2c", "wrong"), NoAnswer),
    ],
    ids=["wrong key", "unknown user", "wrong community"],
)
async def test_what_an_agent_does_not_accept_is_told(
    agent_port: int, credential: Credential, error: type[SnmpError]
) -> None:
    async def ask() -> None:
        session = await opened(agent_port, credential, hurried())
        try:
            await session.get([NAME])
        finally:
            session.close()

    with pytest.raises(error):
        await ask()


async def test_a_real_agent_is_identified_and_polled(agent_port: int) -> None:
    session = await opened(agent_port)
    try:
        found = await poll(session, open_library())
    finally:
        session.close()
    assert found.answered
    assert (found.identity.os, found.identity.location) == ("linux", "lab")
    assert {one.fields["descr"] for one in found.entries if one.kind == "port"} >= {"lo"}
    assert found.memory
    assert {reading.name for reading in found.readings} >= {"sysUpTime", "ifHCInOctets", "ifOperStatus"}
    assert not found.troubles


async def test_the_first_credential_that_works_is_kept(agent_port: int) -> None:
    wrong, right = community("2c", "wrong"), user("sealed", "sha1", "aes128")
    target, memory = Target("127.0.0.1", [wrong, right], agent_port), Memory(hurried())
    found = await poll_device(target, open_library(), memory, now_s=0)
    assert found.identity.os == "linux"
    assert memory.tries.known == 1
    assert memory.known.absent
    again = await poll_device(target, open_library(), memory, now_s=60, is_whole=False)
    assert (again.identity.os, again.facts) == ("linux", None)


async def test_a_device_that_takes_no_credential_is_left_alone_for_a_while(agent_port: int) -> None:
    target = Target("127.0.0.1", [community("2c", "wrong"), user("nobody", "sha1")], agent_port)
    memory = Memory(hurried())
    with pytest.raises(NoAnswer, match=r"v2c community: no answer .*; v3 user nobody: user, key or engine are refused"):
        await poll_device(target, open_library(), memory, now_s=0)
    with pytest.raises(SnmpError, match=r"v2c community: no answer .*\(tried again in 50 s\)"):
        await poll_device(target, open_library(), memory, now_s=10)


async def test_a_session_survives_an_agents_restart(tmp_path: Path) -> None:
    port = free_udp_port()
    with snmpd(tmp_path / "snmpd", port):
        first = await opened(port, user("sealed", "sha1", "aes128"))
        assert await first.get([UPTIME])
        first.close()
    with snmpd(tmp_path / "snmpd", port):
        second = await opened(port, user("sealed", "sha1", "aes128"))
        assert await second.get([UPTIME])
        second.close()


async def test_a_port_where_nothing_listens_costs_one_poll_little() -> None:
    session = await opened(free_udp_port(), pace=hurried())
    async with asyncio.timeout(10):
        found = await poll(session, open_library())
    session.close()
    assert not found.answered
    assert [one.part for one in found.troubles] == ["system"]


async def test_a_device_that_never_ends_is_left_when_its_oids_repeat() -> None:
    async with Responder(lambda request: walking(request, [f"{SYSTEM}.9.{n}" for n in (1, 2, 3, 1, 2, 3)])) as port:
        session = await opened(port)
        with pytest.raises(Broken, match="do not increase") as told:
            await session.walk(SYSTEM)
        session.close()
    assert set(told.value.partial) == {"9.1", "9.2", "9.3"}


async def test_noise_is_passed_over_and_told() -> None:
    async with Responder(lambda request: b"\x30\x05junk!") as port:
        session = await opened(port, pace=hurried())
        with pytest.raises(NoAnswer, match="what came is no SNMP"):
            await session.get([UPTIME])
        session.close()


async def test_octets_that_the_library_fails_on_end_the_poll_of_that_device_alone() -> None:
    async with Responder(lambda request: b"\x30\x82\x01") as port:
        session = await opened(port, pace=hurried())
        found = await poll(session, open_library())
        session.close()
    assert not found.answered
    assert len(found.troubles) == 1
    assert "sends what can't be read" in found.troubles[0].text


async def test_an_answer_to_another_request_is_no_answer() -> None:
    async with Responder(lambda request: response(request, {UPTIME: 5}, request_id_off_by=1)) as port:
        session = await opened(port, pace=hurried())
        with pytest.raises(NoAnswer):
            await session.get([UPTIME])
        session.close()


async def test_an_answer_from_another_address_is_not_heard() -> None:
    async with Responder(lambda request: response(request, {UPTIME: 5}), other_port=True) as port:
        session = await opened(port, pace=hurried())
        with pytest.raises(NoAnswer):
            await session.get([UPTIME])
        session.close()


async def test_a_lost_answer_is_asked_for_again() -> None:
    seen: list[bytes] = []

    def second_time_lucky(request: bytes) -> bytes | None:
        seen.append(request)
        return response(request, {UPTIME: 5}) if len(seen) == 2 else None

    async with Responder(second_time_lucky) as port:
        session = await opened(port, pace=hurried())
        assert await session.get([UPTIME]) == {UPTIME: 5}
        session.close()
    assert len(seen) == 2


async def test_answers_that_are_too_large_are_asked_for_in_smaller_pieces() -> None:
    pace = hurried()
    after = "1.3.6.1.2.1.2.1.0"

    def small_buffers(request: bytes) -> bytes | None:
        if b"\xa5" not in request:
            return response(request, {UPTIME: 5})
        return walking(request, [f"{SYSTEM}.9.1", f"{SYSTEM}.9.2", after]) if repetitions_of(request) <= 7 else None

    async with Responder(small_buffers) as port:
        session = await opened(port, pace=pace)
        assert len(await session.walk(SYSTEM, rows=30)) == 2
        session.close()
    assert pace.repetitions <= 7


async def test_as_many_rows_are_asked_for_as_the_table_is_known_to_have() -> None:
    asked: list[int] = []

    def counting(request: bytes) -> bytes:
        asked.append(repetitions_of(request))
        return walking(request, [f"{SYSTEM}.9.1", "1.3.6.1.2.1.2.1.0"])

    async with Responder(counting) as port:
        session = await opened(port, pace=Pace(repetitions=25))
        for rows in (0, 3, 400):
            await session.walk(SYSTEM, rows)
        session.close()
    assert asked == [10, 4, 25]


async def test_answers_with_any_octet_changed_or_cut_off_break_nothing() -> None:
    dice = random.Random(5)

    def damaged(request: bytes) -> bytes:
        good = walking(request, [f"{SYSTEM}.9.{n}" for n in range(8)] + ["1.3.6.1.2.1.2.1.0"])
        kept = bytearray(good[: dice.randrange(1, len(good) + 1)])
        for _ in range(dice.randrange(4)):
            kept[dice.randrange(len(kept))] = dice.randrange(256)
        return bytes(kept)

    hasty = Pace(rtt_s=0.001, deviation_s=0.0, least_timeout_s=0.002, repetitions=1, ceiling=1)
    outcomes: set[type] = set()
    async with Responder(damaged) as port:
        for _ in range(60):
            session = await opened(port, pace=hasty)
            try:
                outcomes.add(type(await session.walk(SYSTEM)))
            except SnmpError as error:
                outcomes.add(type(error))
            finally:
                session.close()
    assert NoAnswer in outcomes


async def test_a_devices_time_for_one_poll_is_bounded() -> None:
    async with Responder(lambda request: None) as port:
        session = await connect("127.0.0.1", port, community(), Pace(rtt_s=0.2, deviation_s=0.0), budget_s=0.3)
        with pytest.raises((OutOfTime, NoAnswer)):
            await session.get([UPTIME])
        with pytest.raises(OutOfTime):
            await session.get([UPTIME])
        session.close()


async def test_a_name_without_an_address_is_told() -> None:
    with pytest.raises(SnmpError, match="no address for"):
        await connect("no-such-host.invalid", 161, community(), Pace(), 5)


def repetitions_of(request: bytes) -> int:
    """The max-repetitions of a GETBULK: the last of the three numbers before its variables."""
    body = request[request.index(b"\xa5") + 2 :]
    numbers = []
    for _ in range(3):
        numbers.append(int.from_bytes(body[2 : 2 + body[1]], "big"))
        body = body[2 + body[1] :]
    return numbers[2]
