"""The model's values as protobuf's messages and back, for wire.py alone."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from sys import intern

from netmon_proto import model
from netmon_proto.generated import ingest_pb2 as pb


class MalformedFrame(ValueError):
    """The bytes are not the message that the protocol expects."""


def facts_message(facts: model.DeviceFacts) -> pb.DeviceFacts:
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


def read_facts(facts: pb.DeviceFacts) -> model.DeviceFacts:
    """Raises MalformedFrame."""
    tables = []
    for table in facts.tables:
        columns = {intern(column.field): tuple(map(intern, column.values)) for column in table.columns}
        if len({len(values) for values in columns.values()}) > 1:
            raise MalformedFrame(f"not a table: the columns of {table.kind[:64]!r} differ in length")
        tables.append(model.FactTable(table.kind, columns, table.is_complete))
    return model.DeviceFacts(facts.device, facts.time_ms, tuple(tables), facts.part, facts.is_last)


def checks_message(checks: Sequence[model.AssignedCheck]) -> pb.Checks:
    return pb.Checks(checks=[pb.AssignedCheck(**asdict(one)) for one in checks])


def read_checks(checks: pb.Checks) -> tuple[model.AssignedCheck, ...]:
    return tuple(model.AssignedCheck(one.name, one.revision, one.options, dict(one.devices)) for one in checks.checks)


def read_check_report(report: pb.CheckReport) -> model.CheckReport:
    known = report.outcome in {int(one) for one in model.CheckOutcome}
    outcome = model.CheckOutcome(report.outcome) if known else model.CheckOutcome.UNSPECIFIED
    return model.CheckReport(report.check, report.revision, report.time_ms, outcome, report.trouble, report.duration_s)


def jobs_message(jobs: Sequence[model.Job]) -> pb.Jobs:
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


def read_jobs(jobs: pb.Jobs) -> tuple[model.Job, ...]:
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


def read_sweep(sweep: pb.Sweep) -> model.Sweep:
    return model.Sweep(
        sweep.id,
        tuple(sweep.networks),
        tuple(sweep.follow),
        tuple(sweep.ports),
        _credentials(sweep.credentials),
        sweep.packets_per_s,
        sweep.is_stopped,
    )


def sweep_news_message(news: model.SweepNews) -> pb.SweepNews:
    return pb.SweepNews(
        id=news.id,
        done=news.done,
        total=news.total,
        found=[pb.Found(**asdict(one)) for one in news.found],
        is_over=news.is_over,
        trouble=news.trouble,
    )


def read_sweep_news(news: pb.SweepNews) -> model.SweepNews:
    found = tuple(map(_found, news.found))
    return model.SweepNews(news.id, news.done, news.total, found, news.is_over, news.trouble)


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


def events_message(batch: model.EventBatch) -> pb.EventBatch:
    """Without `age_ms`, which is known at sending only."""
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
    )


def read_events(batch: pb.EventBatch) -> model.EventBatch:
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


def read_series(series: Sequence[pb.Series]) -> list[model.Series]:
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


def receipt_message(receipt: model.Receipt) -> pb.Receipt:
    message = pb.Receipt(epoch=receipt.epoch, sequence=receipt.sequence)
    match receipt.outcome:
        case model.Acked():
            message.acked.CopyFrom(pb.Acked())
        case model.Retry(after_ms, text):
            message.retry.CopyFrom(pb.Retry(after_ms=after_ms, message=text))
        case model.Refused(reason, text):
            message.refused.CopyFrom(pb.Refused(reason=pb.Reason.Name(reason), message=text))
    return message


def read_receipt(receipt: pb.Receipt) -> model.Receipt | None:
    """None for an outcome that this version does not know."""
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
