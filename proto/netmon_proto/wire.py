"""The model's form on the wire: from values to bytes and back. Protobuf ends here: only this and forms.py know it."""

from collections.abc import Sequence
from dataclasses import asdict, fields

from google.protobuf.message import DecodeError

from netmon_proto import forms, model
from netmon_proto.forms import MalformedFrame as MalformedFrame
from netmon_proto.generated import ingest_pb2 as pb

METHOD = "/netmon.v1.Ingest/Stream"
"""Full name of the bidirectional stream."""

SERIES_PER_DEFINITION = 10_000


def encode_batch(batch: model.Batch) -> bytes:
    """Encodes a batch as the spool keeps it: without `age_ms`, which is known at sending only."""
    return pb.Batch(
        epoch=batch.epoch,
        sequence=batch.sequence,
        clock_ms=batch.clock_ms,
        gathers=[
            pb.Gather(layout=gather.layout, time_ms=gather.time_ms, values=gather.values) for gather in batch.gathers
        ],
    ).SerializeToString()


def encode_spooled(batch: bytes, age_ms: int) -> bytes:
    """Frames a batch from `encode_batch` for the stream, `age_ms` after it was closed."""
    message = pb.AgentMessage(batch=pb.Batch.FromString(batch))
    message.batch.age_ms = age_ms
    return message.SerializeToString()


def encode_events(batch: model.EventBatch) -> bytes:
    """Encodes a batch of events as the spool keeps it: without `age_ms`."""
    return forms.events_message(batch).SerializeToString()


def encode_spooled_events(batch: bytes, age_ms: int) -> bytes:
    """Frames a batch from `encode_events` for the stream, `age_ms` after it was closed."""
    message = pb.AgentMessage(events=pb.EventBatch.FromString(batch))
    message.events.age_ms = age_ms
    return message.SerializeToString()


def layouts_of(batch: bytes) -> set[int]:
    """Ids of the layouts that a batch from `encode_batch` uses."""
    return {gather.layout for gather in pb.Batch.FromString(batch).gathers}


def encode_agent(message: model.AgentMessage) -> bytes:
    """Frames a message for the collector."""
    match message:
        case model.Hello():
            return pb.AgentMessage(hello=pb.Hello(**asdict(message))).SerializeToString()
        case model.SeriesDefinitions():
            series = [
                pb.Series(id=one.id, name=one.name, labels=one.labels, kind=pb.Kind.Name(one.kind))
                for one in message.series
            ]
            return pb.AgentMessage(series=pb.SeriesDefinitions(series=series)).SerializeToString()
        case model.Layout():
            layout = pb.Layout(
                id=message.id,
                input=message.input,
                job=message.job,
                device=message.device,
                series=message.series,
            )
            return pb.AgentMessage(layout=layout).SerializeToString()
        case model.Batch():
            return encode_spooled(encode_batch(message), message.age_ms)
        case model.DeviceReport():
            return pb.AgentMessage(report=pb.DeviceReport(**asdict(message))).SerializeToString()
        case model.DeviceFacts():
            return pb.AgentMessage(facts=forms.facts_message(message)).SerializeToString()
        case model.EventBatch():
            return encode_spooled_events(encode_events(message), message.age_ms)
        case model.SweepNews():
            return pb.AgentMessage(sweep=forms.sweep_news_message(message)).SerializeToString()
        case model.CheckReport():
            report = pb.CheckReport(**asdict(message))
            return pb.AgentMessage(check=report).SerializeToString()


def decode_agent(frame: bytes) -> model.AgentMessage | None:
    """Reads an agent's message; None for one that this version does not know.

    Values of a gather stay protobuf's own sequence, which numpy reads without a Python object per value.
    Raises MalformedFrame.
    """
    try:
        message = pb.AgentMessage.FromString(frame)
    except DecodeError as error:
        raise MalformedFrame(f"not an AgentMessage: {error}") from error
    match message.WhichOneof("message"):
        case "hello":
            return model.Hello(*(getattr(message.hello, one.name) for one in fields(model.Hello)))
        case "series":
            return model.SeriesDefinitions(forms.read_series(message.series.series))
        case "layout":
            layout = message.layout
            return model.Layout(layout.id, layout.input, layout.job, layout.device, layout.series)
        case "batch":
            batch = message.batch
            gathers = [model.Gather(one.layout, one.time_ms, one.values) for one in batch.gathers]
            return model.Batch(batch.epoch, batch.sequence, batch.clock_ms, batch.age_ms, gathers)
        case "report":
            return model.DeviceReport(*(getattr(message.report, one.name) for one in fields(model.DeviceReport)))
        case "facts":
            return forms.read_facts(message.facts)
        case "events":
            return forms.read_events(message.events)
        case "sweep":
            return forms.read_sweep_news(message.sweep)
        case "check":
            return forms.read_check_report(message.check)
    return None


def encode_collector(message: model.CollectorMessage) -> bytes:
    """Frames a message for an agent."""
    if isinstance(message, model.Welcome):
        welcome = pb.Welcome(
            clock_ms=message.clock_ms,
            instance=message.instance,
            highest_acked=message.highest_acked,
            limits=pb.Limits(**asdict(message.limits)),
            events_highest_acked=message.events_highest_acked,
        )
        return pb.CollectorMessage(welcome=welcome).SerializeToString()
    if isinstance(message, model.Jobs):
        return pb.CollectorMessage(jobs=forms.jobs_message(message.jobs)).SerializeToString()
    if isinstance(message, model.PollNow):
        return pb.CollectorMessage(
            poll_now=pb.PollNow(
                devices=message.devices,
                afresh=message.afresh,
                ports={device: pb.Ports(if_indexes=indexes) for device, indexes in message.ports.items()},
            )
        ).SerializeToString()
    if isinstance(message, model.Sweep):
        return pb.CollectorMessage(sweep=pb.Sweep(**asdict(message))).SerializeToString()
    if isinstance(message, model.Checks):
        return pb.CollectorMessage(checks=forms.checks_message(message.checks)).SerializeToString()
    return pb.CollectorMessage(receipt=forms.receipt_message(message)).SerializeToString()


def decode_collector(frame: bytes) -> model.CollectorMessage | None:
    """Reads a collector's message; None for one that this version does not know. Raises MalformedFrame."""
    try:
        message = pb.CollectorMessage.FromString(frame)
    except DecodeError as error:
        raise MalformedFrame(f"not a CollectorMessage: {error}") from error
    match message.WhichOneof("message"):
        case "welcome":
            welcome = message.welcome
            limits = model.Limits(*(getattr(welcome.limits, one.name) for one in fields(model.Limits)))
            acked = welcome.highest_acked, limits, welcome.events_highest_acked
            return model.Welcome(welcome.clock_ms, welcome.instance, *acked)
        case "receipt":
            return forms.read_receipt(message.receipt)
        case "jobs":
            return model.Jobs(forms.read_jobs(message.jobs))
        case "poll_now":
            wanted = message.poll_now
            ports = {device: tuple(one.if_indexes) for device, one in wanted.ports.items()}
            return model.PollNow(tuple(wanted.devices), tuple(wanted.afresh), ports)
        case "sweep":
            return forms.read_sweep(message.sweep)
        case "checks":
            return model.Checks(forms.read_checks(message.checks))
    return None


def encode_jobs(jobs: Sequence[model.Job]) -> bytes:
    """Jobs as a poller keeps them."""
    return forms.jobs_message(jobs).SerializeToString()


def decode_jobs(content: bytes) -> tuple[model.Job, ...]:
    """Reads what `encode_jobs` made. Raises MalformedFrame."""
    try:
        return forms.read_jobs(pb.Jobs.FromString(content))
    except DecodeError as error:
        raise MalformedFrame(f"not jobs: {error}") from error


def encode_facts(facts: model.DeviceFacts) -> bytes:
    """Facts as a collector keeps them."""
    return forms.facts_message(facts).SerializeToString()


def decode_facts(content: bytes) -> model.DeviceFacts:
    """Reads what `encode_facts` made. Raises MalformedFrame."""
    try:
        return forms.read_facts(pb.DeviceFacts.FromString(content))
    except DecodeError as error:
        raise MalformedFrame(f"not facts: {error}") from error


def encode_checks(checks: Sequence[model.AssignedCheck]) -> bytes:
    """Assigned checks as an agent keeps them."""
    return forms.checks_message(checks).SerializeToString()


def decode_checks(content: bytes) -> tuple[model.AssignedCheck, ...]:
    """Reads what `encode_checks` made. Raises MalformedFrame."""
    try:
        return forms.read_checks(pb.Checks.FromString(content))
    except DecodeError as error:
        raise MalformedFrame(f"not checks: {error}") from error
