"""The wire keeps what the model says, bit by bit, and names what it cannot read."""

import math
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netmon_proto import model, wire

ROOT = Path(__file__).parents[2]
ids = st.integers(1, 2**32 - 1)
sequences = st.integers(0, 2**64 - 1)
times = st.integers(-(2**63), 2**63 - 1)
gathers = st.builds(model.Gather, ids, times, st.lists(st.floats(width=64), max_size=20))
batches = st.builds(model.Batch, sequences, sequences, times, sequences, st.lists(gathers, max_size=4))


def bits(values: object) -> bytes:
    return b"".join(struct.pack("<d", value) for value in values)  # type: ignore[attr-defined]


@given(batches)
def test_a_batch_comes_back_as_it_was_sent(batch: model.Batch) -> None:
    back = wire.decode_agent(wire.encode_spooled(wire.encode_batch(batch), batch.age_ms))
    assert isinstance(back, model.Batch)
    assert (back.epoch, back.sequence, back.clock_ms, back.age_ms) == (
        batch.epoch,
        batch.sequence,
        batch.clock_ms,
        batch.age_ms,
    )
    assert [(one.layout, one.time_ms, bits(one.values)) for one in back.gathers] == [
        (one.layout, one.time_ms, bits(one.values)) for one in batch.gathers
    ]


@pytest.mark.parametrize("pattern", [model.STALE_BITS, 0x7FF8000000000001, 0xFFF0000000000000, 0x8000000000000000])
def test_special_values_stay_bit_exact(pattern: int) -> None:
    value = struct.unpack("<d", struct.pack("<Q", pattern))[0]
    batch = model.Batch(1, 1, 0, 0, [model.Gather(1, 0, [value])])
    back = wire.decode_agent(wire.encode_agent(batch))
    assert isinstance(back, model.Batch)
    assert bits(back.gathers[0].values) == struct.pack("<Q", pattern)


def test_only_prometheus_marker_is_stale() -> None:
    assert model.is_stale(model.STALE)
    assert not model.is_stale(math.nan)
    assert not model.is_stale(1.0)


@pytest.mark.parametrize(
    "message",
    [
        model.Hello("a", b"k" * 32, "web1", "1.0", "Linux x86_64", -5, 10_000, 2**64 - 1, 3, 2),
        model.Hello("a", b"k" * 32, "web1", "1.0", "Linux", 0, 10_000, 1, 3, 2, 2**64 - 1, 5, 9),
        model.EventBatch(
            7, 8, -5, 6, [model.Event(1, "trap", "linkUp", model.Severity.NOTICE, "é\n", 3, "sw1", "::1", {"a": "b"})]
        ),
        model.SeriesDefinitions([model.Series(1, "up", {"ünï": "\n\x00"}, model.Kind.COUNTER)]),
        model.DeviceReport("sw1", 5, True, vendor="Acme", contact="ünï"),
        model.DeviceFacts("sw1", 5, (model.FactTable("port", {"ifIndex": ("1", "2"), "alias": ("", "ünï")}, False),)),
        model.DeviceFacts("sw1", 5, (model.FactTable("arp"),), part=3, is_last=False),
        model.SweepNews(3, 4, 254, (model.Found("10.0.0.1", ("arp", "icmp"), "02::", 0.5, (22,), {"dns": "é"}),), True),
        model.CheckReport("shop", 2**60, 5, model.CheckOutcome.DOWN, "ünï", 0.25),
    ],
)
def test_a_message_to_the_collector_comes_back(message: model.AgentMessage) -> None:
    assert wire.decode_agent(wire.encode_agent(message)) == message


def test_series_of_the_same_labels_hold_them_once() -> None:
    definitions = model.SeriesDefinitions(
        [model.Series(n, f"m{n}", {"ifName": "Gi0/1"}, model.Kind.GAUGE) for n in (1, 2)]
    )
    back = wire.decode_agent(wire.encode_agent(definitions))
    assert back == definitions
    assert isinstance(back, model.SeriesDefinitions)
    assert back.series[0].labels is back.series[1].labels


def test_a_layout_comes_back() -> None:
    back = wire.decode_agent(wire.encode_agent(model.Layout(1, "host", "node", "", [3, 1, 2])))
    assert isinstance(back, model.Layout)
    assert (back.id, back.input, back.job, back.device, list(back.series)) == (1, "host", "node", "", [3, 1, 2])


@pytest.mark.parametrize(
    "message",
    [
        model.Welcome(1_700_000_000_000, "web1", 7, model.Limits()),
        model.Receipt(1, 2, model.Acked()),
        model.Sweep(3, ("10.0.0.0/24",), ("10.0.0.0/8",), (22, 80), (model.SnmpCredential("a"),), 50),
        model.Checks((model.AssignedCheck("shop", 2**60, '{"type":"ping"}', {"192.0.2.1": "sw1"}),)),
        model.Receipt(1, 2, model.Retry(500, "disk full")),
        model.Receipt(1, 2, model.Refused(model.Reason.TOO_OLD, "gather 3")),
    ],
)
def test_a_message_to_the_agent_comes_back(message: model.CollectorMessage) -> None:
    assert wire.decode_collector(wire.encode_collector(message)) == message


def test_a_message_of_a_newer_version_is_no_error() -> None:
    newer = b"\x7a\x00"  # field 15, which this version keeps for later, as an empty message
    assert wire.decode_agent(newer) is None
    assert wire.decode_collector(newer) is None


def test_a_reason_of_a_newer_version_is_still_a_refusal() -> None:
    frame = wire.encode_collector(model.Receipt(1, 2, model.Refused(model.Reason.TOO_OLD, "x")))
    receipt = wire.decode_collector(frame.replace(b"\x08\x05", b"\x08\x63"))
    assert receipt == model.Receipt(1, 2, model.Refused(model.Reason.UNSPECIFIED, "x"))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_malformed_frame(frame: bytes) -> None:
    for decode in (wire.decode_agent, wire.decode_collector):
        try:
            decode(frame)
        except wire.MalformedFrame as error:
            assert "not a" in str(error)  # noqa: PT017 - most random bytes do not raise


def test_the_committed_code_is_what_protoc_makes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", "-Inetmon_proto/generated=proto/netmon/v1"]
    made_of = ("ingest", "otlp", "remote_write")
    sources = [f"netmon_proto/generated/{name}.proto" for name in made_of]
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *sources]
    subprocess.run([*command, *outputs], cwd=ROOT, check=True)
    for name in (f"{one}_pb2{ending}" for one in made_of for ending in (".py", ".pyi")):
        made = (tmp_path / "netmon_proto/generated" / name).read_text()
        assert made == (ROOT / "proto/netmon_proto/generated" / name).read_text(), "run make proto"
