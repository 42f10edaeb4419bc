"""Traps and informs of Debian's snmptrap and snmpinform become events; informs are answered when theirs is on disk."""

import asyncio
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from netmon_agent.receivers.names import Names
from netmon_agent.receivers.notification import Malformed, decode
from netmon_agent.receivers.secured import Secured
from netmon_agent.receivers.telling import event_of
from netmon_agent.receivers.users import SnmpUser
from netmon_configs.library import open_library
from netmon_proto.model import Severity
from tests.support.receiving import COLD_START, IF_INDEX, LINK_DOWN, captured, figures, receiving, send
from tests.support.trap_bytes import message_v3

pytestmark = pytest.mark.skipif(shutil.which("snmptrap") is None, reason="needs Debian's package snmp")

USERS = {"user": "trapper", "auth": "sha1", "priv": "aes128"}


def keys(folder: Path) -> dict[str, str]:
    (folder / "auth").write_text("long enough\n")
    (folder / "priv").write_text("also long enough\n")
    return {"auth_password_file": str(folder / "auth"), "priv_password_file": str(folder / "priv")}


def v3(auth: str = "SHA", priv: str = "AES", auth_password: str = "long enough") -> list[str]:
    who = ["-v3", "-u", "trapper", "-l", "authPriv", "-e", "0x8000000001020304"]
    return [*who, "-a", auth, "-A", auth_password, "-x", priv, "-X", "also long enough"]


async def test_a_trap_of_v2c_is_named_and_graded(tmp_path: Path) -> None:
    async with receiving(tmp_path, type="traps") as (received, receiver):
        place = f"127.0.0.1:{receiver.port}"
        await send("snmptrap", "-v2c", "-c", "x", place, "42", LINK_DOWN, f"{IF_INDEX}.5", "i", "5",
                   "1.3.6.1.2.1.2.2.1.8.5", "i", "2", "1.3.6.1.2.1.31.1.1.1.1.5", "s", "eth5")  # fmt: skip
        (event,) = await received.until(bool)
    assert (event.source, event.kind, event.severity, event.address) == (
        "trap",
        "linkDown",
        Severity.ERROR,
        "127.0.0.1",
    )
    assert event.text == "linkDown ifIndex=5 ifOperStatus=down ifName=eth5"
    assert event.fields["sysUpTime"] == "42"


async def test_a_trap_of_v1_becomes_what_it_would_be_in_v2(tmp_path: Path) -> None:
    async with receiving(tmp_path, type="traps") as (received, receiver):
        place = f"127.0.0.1:{receiver.port}"
        generic = ["1.3.6.1.4.1.9.1.1", "192.0.2.7", "2", "0", "99", f"{IF_INDEX}.7", "i", "7"]
        await send("snmptrap", "-v1", "-c", "x", place, *generic)
        await send("snmptrap", "-v1", "-c", "x", place, "1.3.6.1.4.1.4242", "192.0.2.8", "6", "17", "99")
        down, own = await received.until(lambda events: len(events) == 2)
    assert (down.kind, down.fields["ifIndex"], down.fields["agent_address"]) == ("linkDown", "7", "192.0.2.7")
    assert (own.kind, own.severity) == ("1.3.6.1.4.1.4242.0.17", Severity.NOTICE)


async def test_an_inform_is_answered_and_counted_once(tmp_path: Path) -> None:
    async with receiving(tmp_path, type="traps") as (received, receiver):
        done = await send("snmpinform", "-v2c", "-c", "x", "-r", "0", f"127.0.0.1:{receiver.port}", "1", COLD_START)
        (event,) = await received.until(bool)
    assert (done.returncode, event.kind) == (0, "coldStart"), done.stderr


async def test_an_inform_that_is_sent_again_under_its_number_is_the_same(tmp_path: Path) -> None:
    message = await asyncio.to_thread(captured, "-v2c", "-c", "x", "TO", "1", COLD_START, program="snmpinform")
    async with receiving(tmp_path, fold_s=0.2, type="traps") as (received, receiver):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", receiver.port))
            sender.settimeout(5)
            for _ in range(3):
                sender.send(message)
            replies = [await asyncio.to_thread(sender.recv, 65_535) for _ in range(3)]
        await asyncio.sleep(0.5)
        events = await received.take()
    assert len(events) == 1
    assert {reply[:2] for reply in replies} == {message[:2]}
    assert b"\xa2" in replies[0]


@pytest.mark.parametrize(
    ("auth", "priv", "ours"),
    [("SHA", "AES", ("sha1", "aes128")), ("SHA-256", "AES", ("sha256", "aes128")), ("MD5", "DES", ("md5", "des"))],
)
async def test_a_trap_of_v3_is_unlocked_and_tells_its_engine(
    tmp_path: Path, auth: str, priv: str, ours: tuple[str, str]
) -> None:
    users = [{"user": "trapper", "auth": ours[0], "priv": ours[1], **keys(tmp_path)}]
    async with receiving(tmp_path, type="traps", users=users) as (received, receiver):
        sent = await send("snmptrap", *v3(auth, priv), f"127.0.0.1:{receiver.port}", "9", COLD_START)
        events = await received.until(bool)
    assert sent.returncode == 0, sent.stderr
    assert [(one.kind, one.fields["engine_id"]) for one in events] == [("coldStart", "8000000001020304")]


async def test_passwords_and_communities_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, secret in (("AUTH", "long enough"), ("PRIV", "also long enough"), ("COMMUNITIES", "one\ntwo\n")):
        monkeypatch.setenv(name, secret)
    users = [{**USERS, "auth_password_env": "AUTH", "priv_password_env": "PRIV"}]
    options: dict[str, Any] = {"users": users, "communities_env": "COMMUNITIES"}
    async with receiving(tmp_path, type="traps", **options) as (received, receiver):
        place = f"127.0.0.1:{receiver.port}"
        await send("snmptrap", "-v2c", "-c", "three", place, "1", LINK_DOWN)
        await send("snmptrap", "-v2c", "-c", "two", place, "2", LINK_DOWN)
        await send("snmptrap", *v3(), place, "9", COLD_START)
        events = await received.until(lambda events: len(events) == 2)
        assert (await figures(receiver))["stranger"] == 1
    assert sorted(one.kind for one in events) == ["coldStart", "linkDown"]
    assert "long enough" not in repr(receiver)


async def test_an_inform_of_v3_finds_the_engine_and_is_answered(tmp_path: Path) -> None:
    async with receiving(tmp_path, type="traps", users=[{**USERS, **keys(tmp_path)}]) as (received, receiver):
        place = f"127.0.0.1:{receiver.port}"
        secrets = v3()[5:]
        done = await send("snmpinform", "-v3", "-u", "trapper", "-l", "authPriv", *secrets[2:], place, "9", COLD_START)
        (event,) = await received.until(bool)
    assert (done.returncode, event.kind) == (0, "coldStart"), done.stderr


async def test_wrong_keys_and_less_protection_than_agreed_are_left_out_and_told(tmp_path: Path) -> None:
    async with receiving(tmp_path, type="traps", users=[{**USERS, **keys(tmp_path)}]) as (received, receiver):
        place = f"127.0.0.1:{receiver.port}"
        await send("snmptrap", *v3(auth_password="another one"), place, "9", COLD_START)
        plain = ["-v3", "-u", "trapper", "-l", "noAuthNoPriv", "-e", "0x8000000001020304"]
        await send("snmptrap", *plain, place, "9", COLD_START)
        await send("snmptrap", *[one if one != "trapper" else "nobody" for one in v3()], place, "9", COLD_START)
        while (left_out := (await figures(receiver))["malformed"]) < 3:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        received.desk.losses.note("malformed", "", "")
        told = list(received.desk.losses.tell(0))
        events = await received.take()
    assert (left_out, events) == (3, [])
    assert told[0].text.startswith("3 messages of 127.0.0.1 were left out: what came could not be read (user '")


async def test_only_known_communities_and_sources_are_taken(tmp_path: Path) -> None:
    (tmp_path / "communities").write_text("secret\n")
    async with receiving(
        tmp_path, type="traps", communities_file=str(tmp_path / "communities"), sources=["127.0.0.0/8"]
    ) as (received, receiver):
        place = f"127.0.0.1:{receiver.port}"
        await send("snmptrap", "-v2c", "-c", "public", place, "1", LINK_DOWN)
        await send("snmptrap", "-v2c", "-c", "secret", place, "1", COLD_START)
        events = await received.until(bool)
        left_out = (await figures(receiver))["stranger"]
    assert ([one.kind for one in events], left_out) == (["coldStart"], 1)


async def test_a_storm_of_one_source_takes_nothing_from_another_and_is_told(tmp_path: Path) -> None:
    message = await asyncio.to_thread(captured, "-v2c", "-c", "x", "TO", "1", LINK_DOWN, f"{IF_INDEX}.5", "i", "5")
    quiet = message.replace(b"\x02\x01\x05", b"\x02\x01\x06")
    async with receiving(tmp_path, type="traps", storm={"rate": 10, "burst": 50}) as (received, receiver):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loud,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        ):
            loud.bind(("127.0.0.2", 0))
            other.bind(("127.0.0.3", 0))
            for number in range(3000):
                loud.sendto(message, ("127.0.0.1", receiver.port))
                if number % 300 == 0:
                    other.sendto(quiet, ("127.0.0.1", receiver.port))
                    await asyncio.sleep(0)
        while (await figures(receiver))["messages"] < 3010:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        await received.desk.close()
        events = await received.take()
        shown = await figures(receiver)
    assert shown["messages"] == 3010
    assert 2900 < shown["storm"] <= 2950
    assert sum(one.count for one in events if one.address == "127.0.0.3") == 10
    (storm,) = [one for one in events if one.kind == "receiver.storm"]
    assert (storm.address, storm.severity) == ("127.0.0.2", Severity.WARNING)


async def test_what_comes_again_within_the_time_becomes_one_event_with_a_count(tmp_path: Path) -> None:
    message = await asyncio.to_thread(captured, "-v2c", "-c", "x", "TO", "1", LINK_DOWN, f"{IF_INDEX}.5", "i", "5")
    async with receiving(tmp_path, fold_s=0.4, type="traps") as (received, receiver):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(8):
                sender.sendto(message, ("127.0.0.1", receiver.port))
        events = await received.until(lambda events: len(events) == 2)
    assert [one.count for one in events] == [1, 7]


async def test_what_two_devices_tell_alike_through_a_relay_stays_two_events(tmp_path: Path) -> None:
    async with receiving(tmp_path, fold_s=0.2, type="traps") as (received, receiver):
        for device in ("192.0.2.7", "192.0.2.8", "192.0.2.7"):
            down = ["1.3.6.1.4.1.9.1.1", device, "2", "0", "99", f"{IF_INDEX}.7", "i", "7"]
            await send("snmptrap", "-v1", "-c", "x", f"127.0.0.1:{receiver.port}", *down)
        events = await received.until(lambda events: sum(one.count for one in events) == 3)
    assert {one.fields["agent_address"] for one in events} == {"192.0.2.7", "192.0.2.8"}
    assert sum(one.count for one in events if one.fields["agent_address"] == "192.0.2.7") == 2


def test_every_notification_of_the_profiles_has_a_name_and_vendors_come_with_theirs() -> None:
    names = Names(layers[0] for layers in open_library().layers.values())
    assert names.notification("1.3.6.1.2.1.15.7.0.2") == ("bgpBackwardTransition", Severity.ERROR)
    assert names.named("1.3.6.1.2.1.2.2.1.2.10101") == ("ifDescr", "10101")
    assert names.named("1.3.6.1.4.1.99999.1") == ("1.3.6.1.4.1.99999.1", "")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"", "ends too early"),
        (b"\x30", "ends too early"),
        (b"\x30\x80\x02\x01\x01", "no definite form"),
        (b"\x30\x84\xff\xff\xff\xff", "beyond its end"),
        (b"\x31\x03\x02\x01\x01", "does not begin"),
        (b"\x30\x03\x02\x01\x07", "version 7"),
        (bytes.fromhex("300c020101040178a0040201010201"), "beyond its end|type 0xa0"),
        (bytes.fromhex("3016020101040178a70e020101020100020100300330010a"), "binding|beyond|early"),
    ],
)
def test_what_is_no_notification_is_refused_with_a_reason(message: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        decode(message)


def test_texts_of_devices_are_bounded() -> None:
    message = captured("-v2c", "-c", "x", "TO", "1", LINK_DOWN, "1.3.6.1.2.1.1.5.0", "s", "A" * 5000)
    event = event_of(decode(message), "192.0.2.1", Names(), 0)
    assert (len(event.text), max(len(text) for text in event.fields.values())) == (len(event.text), 1024)
    assert len(event.text) <= 4096


def test_engines_that_anybody_makes_up_are_bounded_and_forgotten(tmp_path: Path) -> None:
    user = SnmpUser.model_validate({"user": "trapper", "auth": "sha1", "priv": "aes128", **keys(tmp_path)})
    secured = Secured([user], b"\x80\0\0\0\5own", 1, lambda: 0.0, new_at_once=20)
    said: dict[str, int] = {}
    for number in range(25):
        forged = message_v3().replace(b"\1\2\3\4", number.to_bytes(4, "big"))
        with pytest.raises(Malformed) as refused:
            secured.take(forged, ("192.0.2.1", 5))
        said[str(refused.value)] = said.get(str(refused.value), 0) + 1
    assert said["too many engines send for the first time at once"] == 5
    assert not secured._engines
