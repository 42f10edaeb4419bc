"""Pings against this machine and against namespaces that answer badly."""

import asyncio
import json
import os
import pickle
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from netmon_agent.config import AgentConfig
from netmon_agent.icmp.bulk import NAME_BYTES, Inbox, Outbox
from netmon_agent.icmp.pinger import Pinger, Plan, Round
from netmon_agent.icmp.wire import SO_TIMESTAMPNS, EchoSocket, Targets
from netmon_agent.inputs.checks.ping import PingInput, share_socket
from tests.support.checks import values_of
from tests.support.namespaces import lab


def _may_ping() -> bool:
    try:
        EchoSocket(socket.AF_INET).close()
    except OSError:
        return False
    return True


needs_ping = pytest.mark.skipif(not _may_ping(), reason="this user may not send pings")
needs_namespace = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and iproute2 for a network namespace"
)

IN_NAMESPACE = """
import asyncio, json, sys
from netmon_agent.inputs.checks.ping import PingInput
from tests.support.checks import values_of

async def main():
    one = PingInput(type="ping", **json.loads(sys.argv[1]))
    found = await values_of(one)
    raw = {6 if v6 else 4: socket.raw for v6, socket in one._pinger._sockets.items()}
    await one.close()
    print(json.dumps({"found": found, "raw": raw}))

asyncio.run(main())
"""


class Answer(NamedTuple):
    found: dict[str, dict[str, float]]
    raw: dict[str, bool]
    """Whether the socket of IPv4 or IPv6 is a raw one."""


def in_namespace(set_up: str, **options: object) -> Answer:
    """What a ping finds in a network of its own."""
    script = f'ip link set lo up; {set_up}; exec "$@"'
    command = ["unshare", "--net", "sh", "-ec", script, "sh", sys.executable, "-c", IN_NAMESPACE, json.dumps(options)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return Answer(**json.loads(ended.stdout))


def aimed(*hosts: str) -> Targets:
    return Targets([(host, 0, 0, 0) if ":" in host else (host, 0) for host in hosts])


async def ping(pinger: Pinger, *hosts: str, **options: float) -> Round:
    return await pinger.ping(Plan(aimed(*hosts), **options))  # type: ignore[arg-type]


@needs_ping
async def test_a_host_that_answers_is_up_with_its_round_trips() -> None:
    one = PingInput(type="ping", targets=("127.0.0.1", "::1", "localhost"), count=4, gap_s=0.005)
    found = await values_of(one)
    await one.close()
    assert set(found) == {"127.0.0.1", "::1", "localhost"}
    for target, values in found.items():
        assert values["probe_success"] == 1
        assert values["probe_icmp_packet_loss_ratio"] == 0
        least, mean, most = (values[f"probe_icmp_rtt_{kind}_seconds"] for kind in ("min", "avg", "max"))
        assert 0 < least <= mean <= most < 1
        assert values['probe_icmp_duration_seconds{phase="rtt"}'] == mean
        assert 0 <= values["probe_icmp_rtt_jitter_seconds"] <= most - least + 1e-9
        assert values["probe_icmp_reply_hop_limit"] == 64
        assert values["probe_duration_seconds"] >= 0.015
        assert target == "localhost" or values["probe_ip_protocol"] == (6 if ":" in target else 4)


@needs_ping
async def test_a_name_that_nobody_has_is_down_and_keeps_the_layout() -> None:
    one = PingInput(type="ping", targets=("127.0.0.1", "no-such-host.invalid", "a" * 64 + ".invalid"), count=1)
    first, second = [next(iter(await one.gather(0))) for _ in range(2)]
    found = await values_of(one)
    await one.close()
    assert first[0] is second[0], "the same series are the same tuple"
    assert [found[target]["probe_success"] for target in one.targets] == [1, 0, 0]
    assert found["no-such-host.invalid"]["probe_icmp_packet_loss_ratio"] == 1
    assert "probe_icmp_rtt_avg_seconds" not in found["no-such-host.invalid"]


@needs_ping
@pytest.mark.parametrize("size", [12, 13, 56, 8_000])
async def test_any_size_is_answered(size: int) -> None:
    pinger = Pinger()
    assert min((await ping(pinger, "127.0.0.1", "127.0.0.2", size=size)).rtt_ns) > 0
    pinger.close()


@needs_ping
async def test_a_busy_event_loop_does_not_lengthen_round_trips() -> None:
    pinger = Pinger()
    stop = False

    async def hog() -> None:
        while not stop:
            time.sleep(0.02)  # noqa: ASYNC251 - that is the point
            await asyncio.sleep(0)

    busy = asyncio.create_task(hog())
    done = await ping(pinger, *(f"127.0.1.{last}" for last in range(1, 201)), count=3, gap_s=0.01)
    stop = True
    await busy
    pinger.close()
    assert min(done.rtt_ns) >= 0
    assert sorted(done.rtt_ns)[len(done.rtt_ns) // 2] < 1_000_000


@needs_ping
async def test_many_inputs_share_one_socket_and_get_their_own_answers() -> None:
    inputs = [PingInput(type="ping", targets=(f"127.0.2.{last}",), count=2, gap_s=0.001) for last in range(1, 101)]
    share_socket(inputs, Pinger())
    found = await asyncio.gather(*(values_of(one) for one in inputs))
    assert len({id(one._pinger) for one in inputs}) == 1
    assert all(values[one.targets[0]]["probe_success"] == 1 for one, values in zip(inputs, found, strict=True))
    for one in inputs:
        await one.close()


@needs_ping
async def test_one_who_stops_waiting_leaves_nothing_behind() -> None:
    pinger = Pinger()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ping(pinger, "127.0.0.1", count=5, gap_s=1.0)
    assert not pinger._awaited
    assert not pinger._rounds
    assert (await ping(pinger, "127.0.0.1")).rtt_ns[0] > 0
    pinger.close()


@needs_ping
async def test_a_system_without_calls_for_many_packets_pings_as_well() -> None:
    pinger = Pinger()
    pinger._sockets = {False: EchoSocket(socket.AF_INET), True: EchoSocket(socket.AF_INET6)}
    done = await ping(pinger, "127.0.0.1", "::1", "127.0.0.2", count=3, gap_s=0.001)
    pinger.close()
    assert min(done.rtt_ns) > 0
    assert list(done.hop_limits) == [64, 64, 64]


@needs_ping
async def test_numbers_go_on_past_what_a_sequence_holds() -> None:
    pinger = Pinger()
    for number in (0xFFFF - 20, 0x2_0000 - 20, 0xFFFF_FFFF - 100):
        pinger._next_number = number
        assert min((await ping(pinger, *(f"127.0.0.{last}" for last in range(1, 41)))).rtt_ns) > 0
    pinger.close()


@needs_ping
async def test_families_take_turns_in_one_plan() -> None:
    pinger = Pinger()
    done = await ping(pinger, *(f"127.0.0.{at}" if at % 3 else "::1" for at in range(1, 100)), count=2, gap_s=0.001)
    pinger.close()
    assert min(done.rtt_ns) > 0


def test_datagrams_come_by_the_hundred_as_they_come_one_by_one() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        name = struct.pack("=H2s4s20x", socket.AF_INET, receiver.getsockname()[1].to_bytes(2), b"\x7f\0\0\1")
        outbox, inbox = Outbox(sender, 4, 100), Inbox(receiver)
        outbox.heads[:] = b"".join(struct.pack("!I", number) for number in range(100))
        outbox.prepare(memoryview(name * 100), 3)
        assert [outbox.send(0, 60), outbox.send(60, 100)] == [60, 40]
        assert receiver.recvmsg(100, 100)[0] == b"\0\0\0\0\0\0\0"
        assert inbox.receive() == 99
        for number, (data, controls, octets) in enumerate(inbox.datagrams(99), start=1):
            assert data == struct.pack("!I3x", number)
            assert octets == b"\x7f\0\0\1"
            ((level, kind, content),) = controls
            assert (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)
            assert abs(struct.unpack("@ll", content)[0] - time.time()) < 60
        with pytest.raises(BlockingIOError):
            inbox.receive()


def test_no_more_datagrams_are_sent_than_there_is_memory_for() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        outbox = Outbox(sender, 4, 10)
        with pytest.raises(ValueError, match="308 bytes of names where 280 fit"):
            outbox.prepare(memoryview(bytes(NAME_BYTES * 11)), 0)
        with pytest.raises(ValueError, match="0 to 11 of 10"):
            outbox.send(0, 11)
        outbox.prepare(memoryview(bytes(NAME_BYTES * 10)), 0)
        with pytest.raises(OSError, match="Invalid argument"):  # port 0
            outbox.send(0, 10)


@needs_ping
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a raw socket")
async def test_replies_that_nobody_asked_for_change_nothing() -> None:
    rng, stop = random.Random(1), threading.Event()

    def pester() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as forger:
            while not stop.is_set():
                forger.sendto(b"\0\0" + rng.randbytes(rng.choice([0, 1, 6, 18, 200])), ("127.0.0.1", 0))

    thread = threading.Thread(target=pester)
    thread.start()
    pinger = Pinger()
    try:
        done = await ping(pinger, "127.0.0.1", "127.0.0.2", count=20, gap_s=0.01)
    finally:
        stop.set()
        thread.join()
        pinger.close()
    assert min(done.rtt_ns) > 0


@needs_ping
async def test_a_reply_from_another_address_or_to_nothing_is_not_taken() -> None:
    pinger = Pinger()
    task = asyncio.create_task(ping(pinger, "127.0.0.1", count=2, gap_s=0.2))
    await asyncio.sleep(0.05)
    (round_,) = pinger._rounds
    pinger._awaited[1] = round_
    pinger._note([(1, b"\x7f\0\0\x09", time.time_ns(), 64), (77, b"\x7f\0\0\x01", time.time_ns(), 64)])
    assert round_.rtt_ns[1] == -1
    assert min((await task).rtt_ns) > 0
    pinger.close()


@needs_namespace
def test_unprivileged_pings_are_used_where_the_system_allows_them() -> None:
    answer = in_namespace(
        "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range", targets=["127.0.0.1", "::1"], count=2, gap_s=0.01
    )
    assert answer.raw == {"4": False, "6": False}
    for target in ("127.0.0.1", "::1"):
        assert answer.found[target]["probe_success"] == 1
        assert answer.found[target]["probe_icmp_reply_hop_limit"] == 64


@needs_namespace
def test_silence_and_no_way_there_are_down() -> None:
    found = in_namespace(
        "echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all",
        targets=["::1", "127.0.0.1", "198.51.100.1", "2001:db8::1"],
        count=2,
        gap_s=0.01,
        timeout_s=0.3,
    ).found
    assert [found[target]["probe_success"] for target in found] == [1, 0, 0, 0]
    assert found["127.0.0.1"]["probe_icmp_packet_loss_ratio"] == 1
    assert found["127.0.0.1"]["probe_duration_seconds"] >= 0.3
    assert "probe_icmp_reply_hop_limit" not in found["127.0.0.1"]


LISTEN = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as listener:
    listener.settimeout(20)
    print(flush=True)
    while True:
        packet = listener.recv(65535)
        if packet[20] == 8:
            print(packet[1], len(packet) - 20, flush=True)
            break
"""


LISTEN_V6 = """
import socket, struct, sys
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as listener:
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    listener.settimeout(20)
    print(flush=True)
    while True:
        packet, notes, _, _ = listener.recvmsg(65535, 100)
        if packet[0] == 128:
            print(struct.unpack("i", notes[0][2])[0], len(packet), flush=True)
            break
"""


@needs_namespace
@pytest.mark.parametrize(("target", "listen"), [("127.0.0.1", LISTEN), ("::1", LISTEN_V6)])
def test_the_traffic_class_and_the_size_are_on_the_wire(target: str, listen: str) -> None:
    with lab("here") as net:
        for options in ({"dscp": 46, "size": 300}, {"dscp": 0, "size": 56}):
            command = net.within("here", sys.executable, "-c", listen)
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
                assert listener.stdout is not None
                listener.stdout.readline()
                arguments = json.dumps({"targets": [target], "count": 1, **options})
                net.run("here", sys.executable, "-c", IN_NAMESPACE, arguments)
                seen = listener.stdout.readline().split()
            assert seen == [str(options["dscp"] << 2), str(options["size"] + 8)]


def test_mistakes_are_told() -> None:
    with pytest.raises(ValidationError, match="must differ: a is there more than once"):
        PingInput(type="ping", targets=("a", "b", "a"))
    with pytest.raises(ValidationError, match="must have no blank or control character"):
        PingInput(type="ping", targets=("a\0b",))
    with pytest.raises(ValidationError, match="two inputs check a: their series could not be told apart"):
        AgentConfig(
            inputs=(PingInput(type="ping", targets=("a", "b")), PingInput(type="ping", targets=("c", "a"))),
        )


def test_a_configuration_with_pings_is_handed_over_as_it_was_read() -> None:
    config = AgentConfig.model_validate({"inputs": [{"type": "ping", "targets": ["192.0.2.1"]}]})
    assert pickle.loads(pickle.dumps(config)) == config
    aimed = pickle.loads(pickle.dumps(Targets([("192.0.2.1", 0)])))
    assert bytes(aimed.names) == bytes(Targets([("192.0.2.1", 0)]).names)
