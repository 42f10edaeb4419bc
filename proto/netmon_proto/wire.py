"""The model's form on the wire. The only module that knows protobuf."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from sys import intern

from google.protobuf.message import DecodeError

from netmon_proto import model
from netmon_proto.generated import ingest_pb2 as pb

METHOD = "/netmon.v1.Ingest/Stream"
"""Full name of the bidirectional stream."""

SERIES_PER_DEFINITION = 10_000


class MalformedFrame(ValueError):
    """The bytes are not the message that the protocol expects."""


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
    return pb.EventBatch(
        epoch=batch.epoch,
        sequence=batch.sequence,
        clock_ms=batch.clock_ms,
        events=[
            pb.Event(
                time_ms=one.time_ms,
                source=one.source,
                kind=one.kind,
                severity=int(one.severity),  # type: ignore[arg-type]
                text=one.text,
                count=one.count,
                device=one.device,
                address=one.address,
                fields=one.fields,
            )
            for one in batch.events
        ],
    ).SerializeToString()


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
            return pb.AgentMessage(facts=_facts_message(message)).SerializeToString()
        case model.EventBatch():
            return encode_spooled_events(encode_events(message), message.age_ms)
        case model.SweepNews():
            found = [pb.Found(**asdict(one)) for one in message.found]
            news = pb.SweepNews(
                id=message.id,
                done=message.done,
                total=message.total,
                found=found,
                is_over=message.is_over,
                trouble=message.trouble,
            )
            return pb.AgentMessage(sweep=news).SerializeToString()
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
            return model.SeriesDefinitions(_series(message.series.series))
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
            return _facts(message.facts)
        case "events":
            return _events(message.events)
        case "sweep":
            news = message.sweep
            found = tuple(map(_found, news.found))
            return model.SweepNews(news.id, news.done, news.total, found, news.is_over, news.trouble)
        case "check":
            return _check_report(message.check)
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
        return pb.CollectorMessage(jobs=_jobs_message(message.jobs)).SerializeToString()
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
        return pb.CollectorMessage(checks=_checks_message(message.checks)).SerializeToString()
    receipt = pb.Receipt(epoch=message.epoch, sequence=message.sequence)
    match message.outcome:
        case model.Acked():
            receipt.acked.CopyFrom(pb.Acked())
        case model.Retry(after_ms, text):
            receipt.retry.CopyFrom(pb.Retry(after_ms=after_ms, message=text))
        case model.Refused(reason, text):
            receipt.refused.CopyFrom(pb.Refused(reason=pb.Reason.Name(reason), message=text))
    return pb.CollectorMessage(receipt=receipt).SerializeToString()


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
            return _receipt(message.receipt)
        case "jobs":
            return model.Jobs(_jobs(message.jobs))
        case "poll_now":
            wanted = message.poll_now
            ports = {device: tuple(one.if_indexes) for device, one in wanted.ports.items()}
            return model.PollNow(tuple(wanted.devices), tuple(wanted.afresh), ports)
        case "sweep":
            return _sweep(message.sweep)
        case "checks":
            return model.Checks(_checks(message.checks))
    return None


def encode_jobs(jobs: Sequence[model.Job]) -> bytes:
    """Jobs as a poller keeps them."""
    return _jobs_message(jobs).SerializeToString()


def decode_jobs(content: bytes) -> tuple[model.Job, ...]:
    """Reads what `encode_jobs` made. Raises MalformedFrame."""
    try:
        return _jobs(pb.Jobs.FromString(content))
    except DecodeError as error:
        raise MalformedFrame(f"not jobs: {error}") from error


def encode_facts(facts: model.DeviceFacts) -> bytes:
    """Facts as a collector keeps them."""
    return _facts_message(facts).SerializeToString()


def decode_facts(content: bytes) -> model.DeviceFacts:
    """Reads what `encode_facts` made. Raises MalformedFrame."""
    try:
        return _facts(pb.DeviceFacts.FromString(content))
    except DecodeError as error:
        raise MalformedFrame(f"not facts: {error}") from error


def _facts_message(facts: model.DeviceFacts) -> pb.DeviceFacts:
    tables = [
        pb.FactTable(
            kind=table.kind,
            is_complete=table.is_complete,
            columns=[pb.FactColumn(field=name, values=values) for name, values in table.columns.items()],
        )
        for table in facts.tables
    ]
    return pb.DeviceFacts(
        device=facts.device, time_ms=facts.time_ms, part=facts.part, is_last=facts.is_last, tables=tables
    )


def _facts(facts: pb.DeviceFacts) -> model.DeviceFacts:
    tables = []
    for table in facts.tables:
        columns = {intern(column.field): tuple(map(intern, column.values)) for column in table.columns}
        if len({len(values) for values in columns.values()}) > 1:
            raise MalformedFrame(f"not a table: the columns of {table.kind[:64]!r} differ in length")
        tables.append(model.FactTable(table.kind, columns, table.is_complete))
    return model.DeviceFacts(facts.device, facts.time_ms, tuple(tables), facts.part, facts.is_last)


def encode_checks(checks: Sequence[model.AssignedCheck]) -> bytes:
    """Assigned checks as an agent keeps them."""
    return _checks_message(checks).SerializeToString()


def decode_checks(content: bytes) -> tuple[model.AssignedCheck, ...]:
    """Reads what `encode_checks` made. Raises MalformedFrame."""
    try:
        return _checks(pb.Checks.FromString(content))
    except DecodeError as error:
        raise MalformedFrame(f"not checks: {error}") from error


def _checks_message(checks: Sequence[model.AssignedCheck]) -> pb.Checks:
    return pb.Checks(checks=[pb.AssignedCheck(**asdict(one)) for one in checks])


def _checks(checks: pb.Checks) -> tuple[model.AssignedCheck, ...]:
    return tuple(model.AssignedCheck(one.name, one.revision, one.options, dict(one.devices)) for one in checks.checks)


def _check_report(report: pb.CheckReport) -> model.CheckReport:
    known = report.outcome in {int(one) for one in model.CheckOutcome}
    outcome = model.CheckOutcome(report.outcome) if known else model.CheckOutcome.UNSPECIFIED
    return model.CheckReport(report.check, report.revision, report.time_ms, outcome, report.trouble, report.duration_s)


def _jobs_message(jobs: Sequence[model.Job]) -> pb.Jobs:
    return pb.Jobs(
        jobs=[
            pb.Job(
                device=job.device,
                host=job.host,
                port=job.port,
                interval_ms=job.interval_ms,
                credentials=[pb.SnmpCredential(**asdict(one)) for one in job.credentials],
                facts_interval_ms=job.facts_interval_ms,
                profile=job.profile,
                speeds_bps=job.speeds_bps,
            )
            for job in jobs
        ]
    )


def _jobs(jobs: pb.Jobs) -> tuple[model.Job, ...]:
    return tuple(
        model.Job(
            job.device,
            job.host,
            job.port,
            job.interval_ms,
            _credentials(job.credentials),
            job.facts_interval_ms,
            job.profile,
            dict(job.speeds_bps),
        )
        for job in jobs.jobs
    )


def _credentials(credentials: Iterable[pb.SnmpCredential]) -> tuple[model.SnmpCredential, ...]:
    names = [one.name for one in fields(model.SnmpCredential)]
    return tuple(model.SnmpCredential(*(getattr(one, name) for name in names)) for one in credentials)


def _sweep(sweep: pb.Sweep) -> model.Sweep:
    return model.Sweep(
        sweep.id,
        tuple(sweep.networks),
        tuple(sweep.follow),
        tuple(sweep.ports),
        _credentials(sweep.credentials),
        sweep.packets_per_s,
        sweep.is_stopped,
    )


def _found(found: pb.Found) -> model.Found:
    return model.Found(
        found.address,
        tuple(found.answered),
        found.mac,
        found.rtt_s,
        tuple(found.ports),
        dict(found.names),
        found.credential,
        dict(found.told),
        found.via,
    )


def _events(batch: pb.EventBatch) -> model.EventBatch:
    events = [
        model.Event(
            one.time_ms,
            one.source,
            one.kind,
            _severity(one.severity),
            one.text,
            one.count,
            one.device,
            one.address,
            dict(one.fields),
        )
        for one in batch.events
    ]
    return model.EventBatch(batch.epoch, batch.sequence, batch.clock_ms, batch.age_ms, events)


def _severity(number: int) -> model.Severity:
    try:
        return model.Severity(number or model.Severity.INFO)
    except ValueError:  # of a newer agent
        return model.Severity.INFO


def _series(series: Sequence[pb.Series]) -> list[model.Series]:
    """Series as they are kept for as long as the stream lasts; those of one message share labels, and all of
    them names and values: thousands of ports have the same ones."""
    kinds = {int(kind): kind for kind in model.Kind}
    shared: dict[frozenset[tuple[str, str]], dict[str, str]] = {}
    found = []
    for one in series:
        labels = {intern(name): intern(value) for name, value in one.labels.items()}
        labels = shared.setdefault(frozenset(labels.items()), labels)
        found.append(model.Series(one.id, intern(one.name), labels, kinds.get(one.kind, model.Kind.UNKNOWN)))
    return found


def _receipt(receipt: pb.Receipt) -> model.Receipt | None:
    outcome: model.Acked | model.Retry | model.Refused
    match receipt.WhichOneof("outcome"):
        case "acked":
            outcome = model.Acked()
        case "retry":
            outcome = model.Retry(receipt.retry.after_ms, receipt.retry.message)
        case "refused":
            refused = receipt.refused
            known = refused.reason in {int(reason) for reason in model.Reason}
            reason = model.Reason(refused.reason) if known else model.Reason.UNSPECIFIED
            outcome = model.Refused(reason, refused.message)
        case _:
            return None
    return model.Receipt(receipt.epoch, receipt.sequence, outcome)
