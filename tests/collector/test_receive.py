"""What a collector does with what agents say, over real gRPC."""

import asyncio
import contextlib
import math
import struct
from pathlib import Path

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netmon_collector.config import GrpcOptions, ServerTls
from netmon_collector.listener import CannotListen
from netmon_proto.generated import ingest_pb2 as pb
from netmon_proto.model import STALE_BITS, Acked, Batch, Gather, Layout, Limits, Reason, Receipt
from tests.support.collectors import HandAgent, RunningCollector, collector, refusal, wall_ms


async def test_a_sample_is_stored_under_the_collectors_labels(running: RunningCollector, agent: HandAgent) -> None:
    welcome = await agent.greet()
    assert welcome.instance == "web1.example"
    assert welcome.limits == Limits()
    await agent.define({1: "node_load1"})
    now = wall_ms()
    assert (await agent.send(1, Gather(1, now, [0.5]))).outcome == Acked()
    labels = (("__name__", "node_load1"), ("instance", "web1.example"), ("job", "node"))
    assert await running.samples("node_load1") == {labels: [(now, 0.5)]}


async def test_an_agent_writes_only_its_own_labels(running: RunningCollector, agent: HandAgent) -> None:
    await agent.greet()
    own = {"instance": "db1", "job": "mysql", "site": "b", "device": "sda", "empty": ""}
    await agent.define({1: "up"}, own)
    await agent.send(1, Gather(1, wall_ms(), [1.0]))
    (labels,) = await running.samples("up")
    assert dict(labels) == {
        "__name__": "up",
        "instance": "web1.example",
        "job": "node",
        "exported_instance": "db1",
        "exported_job": "mysql",
        "exported_site": "b",
        "device": "sda",
    }


async def test_an_agents_label_that_is_renamed_hides_no_other(running: RunningCollector, agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x"}, {"job": "gateway", "exported_job": "batch"})
    await agent.send(1, Gather(1, wall_ms(), [1.0]))
    (labels,) = await running.samples("x")
    told = {"exported_job": "batch", "exported_exported_job": "gateway", "job": "node", "instance": "web1.example"}
    assert dict(labels) == {"__name__": "x", **told}


async def test_special_values_are_kept_bit_by_bit(running: RunningCollector, agent: HandAgent) -> None:
    patterns = [STALE_BITS, 0x7FF8000000000000, 0x7FF8000000000123, 0x7FF0000000000000, 0xFFF0000000000000, 1 << 63]
    await agent.greet()
    await agent.define({1: "x"})
    now = wall_ms()
    values = [struct.unpack("<d", struct.pack("<Q", pattern))[0] for pattern in patterns]
    gathers = [Gather(1, now + place, [value]) for place, value in enumerate(values)]
    assert (await agent.send(1, *gathers)).outcome == Acked()
    ((_, samples),) = (await running.samples("x")).items()
    assert [struct.unpack("<Q", struct.pack("<d", value))[0] for _, value in samples] == patterns


async def test_a_batch_that_is_sent_again_is_acked_and_kept_once(running: RunningCollector, agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    now = wall_ms()
    assert (await agent.send(1, Gather(1, now, [1.0]))).outcome == Acked()
    assert (await agent.send(1, Gather(1, now, [2.0]))).outcome == Acked()
    assert list((await running.samples("x")).values()) == [[(now, 1.0)]]
    assert running.intake.stats(wall_ms()).duplicates == 1


async def test_the_welcome_tells_what_was_acked_before(running: RunningCollector, agent: HandAgent) -> None:
    assert (await agent.greet()).highest_acked == 0
    await agent.define({1: "x"})
    for sequence in (1, 2, 5):
        await agent.send(sequence, Gather(1, wall_ms() + sequence, [1.0]))
    agent.open()
    assert (await agent.greet(first_sequence=3, last_sequence=5)).highest_acked == 5
    agent.open()
    assert (await agent.greet(epoch=8)).highest_acked == 0


async def test_a_layout_that_was_not_defined_is_refused_by_name(agent: HandAgent) -> None:
    await agent.greet()
    receipt = await agent.send(1, Gather(9, wall_ms(), [1.0]))
    assert refusal(receipt) == (
        Reason.UNKNOWN_SERIES,
        "gather 0 uses layout 9, which this stream has not defined",
    )


async def test_a_series_that_was_not_defined_is_refused_by_name(agent: HandAgent) -> None:
    await agent.greet()
    await agent.say(Layout(1, "test", "node", "", [77]))
    receipt = await agent.send(1, Gather(1, wall_ms(), [1.0]))
    assert refusal(receipt) == (Reason.UNKNOWN_SERIES, "gather 0: series 77 is not defined in this stream")


async def test_ids_mean_nothing_in_the_next_stream(agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    agent.open()
    await agent.greet()
    assert refusal(await agent.send(1, Gather(1, wall_ms(), [1.0])))[0] is Reason.UNKNOWN_SERIES


async def test_a_refused_batch_stores_nothing_and_the_stream_goes_on(
    running: RunningCollector, agent: HandAgent
) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    now = wall_ms()
    refused = await agent.send(1, Gather(1, now, [1.0]), Gather(1, now, [1.0, 2.0]))
    assert refusal(refused) == (Reason.MALFORMED, "gather 1 has 2 values for 1 series")
    assert await running.samples("x") == {}
    assert (await agent.send(2, Gather(1, now, [1.0]))).outcome == Acked()


@pytest.mark.parametrize(
    ("name", "labels", "told"),
    [
        ("x\x1b[2J", {}, r"'x\x1b[2J' is not a metric's name"),
        ("", {}, "'' is not a metric's name"),
        ("x", {"a\rb": "1"}, r"'a\rb' is not a label's name"),
        ("x", {"é" * 129: "1"}, f"{'é' * 64!r} is not a label's name"),
        ("x", {"__name__": "y"}, "'__name__' is not a label's name"),
        ("x", {"a": "v" * 5000}, "the value of label a has more than 4096 bytes"),
        ("x", {f"l{number}": "v" for number in range(65)}, "65 labels on a series; at most 64 are taken"),
    ],
)
async def test_names_that_are_not_allowed_are_told(
    agent: HandAgent, name: str, labels: dict[str, str], told: str
) -> None:
    await agent.greet()
    await agent.define({1: name}, labels)
    assert refusal(await agent.send(1, Gather(1, wall_ms(), [1.0]))) == (Reason.MALFORMED, f"gather 0: {told}")


async def test_the_same_series_twice_in_a_layout_is_told(agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x", 2: "x"})
    receipt = await agent.send(1, Gather(1, wall_ms(), [1.0, 2.0]))
    assert refusal(receipt) == (Reason.MALFORMED, "gather 0: layout 1 has the same series twice")


async def test_a_device_of_others_is_told(agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    await agent.say(Layout(2, "test", "node", "db1", [1]))
    receipt = await agent.send(1, Gather(2, wall_ms(), [1.0]))
    assert refusal(receipt) == (Reason.MALFORMED, "gather 0: device 'db1' is not assigned to this agent")


async def test_many_batches_in_flight_are_all_answered(running: RunningCollector, agent: HandAgent) -> None:
    await agent.greet()
    await agent.define({1: "x"})
    now = wall_ms() - 1000
    for sequence in range(1, 301):
        await agent.say(Batch(7, sequence, wall_ms(), 0, [Gather(1, now + sequence, [float(sequence)])]))
    receipts = [await agent.hear() for _ in range(300)]
    assert sorted(one.sequence for one in receipts if isinstance(one, Receipt)) == list(range(1, 301))
    ((_, samples),) = (await running.samples("x")).items()
    assert [value for _, value in samples] == [float(number) for number in range(1, 301)]


async def test_batches_over_a_bound_are_refused_and_frames_over_it_end_the_stream(tmp_path: Path) -> None:
    limits = Limits(frame_bytes=100_000, batch_bytes=20_000, batch_samples=1000)
    async with collector(tmp_path, limits=limits) as running:
        agent = HandAgent(running.receiver.address)
        assert (await agent.greet()).limits == limits
        names = {number: f"m{number}" for number in range(1, 1002)}
        await agent.define(names)
        await agent.define(dict(list(names.items())[:900]), layout=2)
        now = wall_ms()
        receipt = await agent.send(1, *[Gather(2, now + place, [1.0] * 900) for place in range(2)])
        assert refusal(receipt) == (Reason.TOO_LARGE, "1800 samples in a batch; at most 1000 are taken")
        receipt = await agent.send(2, *[Gather(2, now + place, [1.0] * 900) for place in range(4)])
        assert refusal(receipt)[0] is Reason.TOO_LARGE
        assert "bytes; at most 20000 are taken" in refusal(receipt)[1]
        assert refusal(await agent.send(3, Gather(1, now, [1.0] * 1001)))[0] is Reason.TOO_LARGE
        await agent.say(bytes(200_000))
        code, details = await agent.ending()
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in details
        await agent.close()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"agent_id": "web1"}, "agent_id is not a UUID"),
        ({"agent_key": b"short"}, "agent_key must have 32 bytes"),
        ({"hostname": ""}, "hostname is missing"),
        ({"hostname": "a\nb"}, "hostname must be printable and have at most 253 characters"),
        ({"version": "1" * 65}, "version must be printable and have at most 64 characters"),
        ({"interval_ms": 10}, "interval_ms must be from 1000 to 3600000"),
    ],
)
async def test_a_hello_that_cannot_be_taken_ends_the_stream(
    agent: HandAgent, changes: dict[str, object], told: str
) -> None:
    await agent.say(agent.hello(**changes))
    assert await agent.ending() == (grpc.StatusCode.INVALID_ARGUMENT, f"the hello cannot be taken: {told}")


async def test_a_stream_must_start_with_a_hello(agent: HandAgent) -> None:
    await agent.say(Layout(1, "test", "node", "", [1]))
    assert await agent.ending() == (grpc.StatusCode.INVALID_ARGUMENT, "the first message must be a hello")


async def test_garbage_ends_the_stream_with_a_clear_status(agent: HandAgent) -> None:
    await agent.greet()
    await agent.say(b"\xff\xff\xff")
    code, details = await agent.ending()
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert details.startswith("not an AgentMessage")


async def test_a_message_of_a_newer_agent_is_passed_over(agent: HandAgent) -> None:
    await agent.greet()
    await agent.say(b"\x7a\x00")
    await agent.define({1: "x"})
    assert (await agent.send(1, Gather(1, wall_ms(), [1.0]))).outcome == Acked()


async def test_a_kind_of_a_newer_agent_is_not_known_and_no_error(running: RunningCollector, agent: HandAgent) -> None:
    await agent.greet()
    series = pb.Series(id=1, name="x")
    frame = pb.AgentMessage(series=pb.SeriesDefinitions(series=[series])).SerializeToString()
    await agent.say(frame.replace(b"\x12\x01x", b"\x12\x01x\x20\x63").replace(b"\x12\x07\x0a\x05", b"\x12\x09\x0a\x07"))
    await agent.say(Layout(1, "test", "node", "", [1]))
    assert (await agent.send(1, Gather(1, wall_ms(), [1.0]))).outcome == Acked()
    assert len(await running.samples("x")) == 1


async def test_another_key_for_a_known_agent_is_turned_away(agent: HandAgent) -> None:
    await agent.greet()
    agent.key = b"x" * 32
    agent.open()
    await agent.say(agent.hello())
    code, details = await agent.ending()
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "known with another key" in details


async def test_the_newer_stream_of_an_agent_replaces_the_older(running: RunningCollector, agent: HandAgent) -> None:
    await agent.greet()
    older = agent.call
    agent.open()
    await agent.greet()
    assert await older.code() is grpc.StatusCode.ABORTED
    await agent.define({1: "x"})
    assert (await agent.send(1, Gather(1, wall_ms(), [1.0]))).outcome == Acked()
    device = running.fleet.device("web1.example")
    assert device is not None
    assert device.connected


async def test_two_agents_with_one_hostname_are_two_devices(running: RunningCollector, agent: HandAgent) -> None:
    other = HandAgent(running.receiver.address)
    assert [(await one.greet()).instance for one in (agent, other)] == ["web1.example", "web1.example-2"]
    await other.close()


async def test_agents_are_told_that_the_collector_stops(tmp_path: Path) -> None:
    async with collector(tmp_path) as running:
        agent = HandAgent(running.receiver.address)
        await agent.greet()
        started = asyncio.get_running_loop().time()
    assert await agent.ending() == (grpc.StatusCode.UNAVAILABLE, "the collector is stopping")
    assert asyncio.get_running_loop().time() - started < 4
    await agent.close()


async def test_a_taken_port_is_told_with_what_to_do(running: RunningCollector, tmp_path: Path) -> None:
    options = GrpcOptions(listen=running.receiver.address)
    with pytest.raises(CannotListen, match=r"for agents on 127.0.0.1:\d+: Address already in use.\n.*--grpc, or"):
        async with collector(tmp_path / "other", options):
            pass


async def test_a_certificate_that_is_none_is_not_taken_for_a_taken_port(tmp_path: Path) -> None:
    pair = ServerTls(cert_file=tmp_path / "cert.pem", key_file=tmp_path / "key.pem")
    for file in (pair.cert_file, tmp_path / "key.pem"):
        file.write_text("not in PEM")
    with pytest.raises(CannotListen, match=r"cert\.pem and .*key\.pem are not a certificate and its key"):
        async with collector(tmp_path / "collector", GrpcOptions(listen="127.0.0.1:0", tls=pair)):
            pass


async def test_acked_batches_are_there_after_a_restart(tmp_path: Path) -> None:
    now = wall_ms()
    for start in (1, 11):
        async with collector(tmp_path) as running:
            agent = HandAgent(running.receiver.address)
            agent.agent_id = "00000000-0000-4000-8000-000000000001"
            assert (await agent.greet(last_sequence=10)).highest_acked == start - 1
            await agent.define({1: "x"})
            for sequence in range(start, start + 10):
                await agent.send(sequence, Gather(1, now + sequence, [float(sequence)]))
            await agent.close()
    async with collector(tmp_path) as running:
        ((_, samples),) = (await running.samples("x")).items()
        assert [value for _, value in samples] == [float(number) for number in range(1, 21)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(st.binary(max_size=60), max_size=5))
async def test_no_bytes_break_the_collector(running: RunningCollector, frames: list[bytes]) -> None:
    hostile = HandAgent(running.receiver.address)
    await hostile.greet()
    with contextlib.suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):  # the stream has ended already
        for frame in frames:
            await hostile.say(frame)
        await hostile.call.done_writing()
    code = await hostile.call.code()
    assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)  # never UNKNOWN
    await hostile.close()
    good = HandAgent(running.receiver.address)
    await good.greet()
    await good.define({1: "x"})
    assert (await good.send(1, Gather(1, wall_ms(), [math.pi]))).outcome == Acked()
    await good.close()
