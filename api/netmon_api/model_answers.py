"""Models as the API shows them."""

from netmon_api.model_models import Calibration, ChangeAnswer, Drift, ServiceModelAnswer, TrainedOn, VersionAnswer
from netmon_api.times import rfc3339
from netmon_collector.models.base import DRIFTED, Standing
from netmon_collector.models.elsewhere import Elsewhere
from netmon_collector.models.service import Model, Models
from netmon_collector.models.shelf import Shelf, Version


def answer_of(models: Models, model: Model) -> ServiceModelAnswer:
    spec, standing, version, due_ms = model.spec, model.standing(), model.trained, model.due_ms()
    since = models.training[1] if models.training and models.training[0] == spec.name else None
    waits = "waiting" if spec.name in models.wanted else "untrained" if version is None else "trained"
    return ServiceModelAnswer(
        **spec.told,
        fixed=model.is_fixed,
        state="training" if since is not None else waits,
        version=None if version is None else version_of(version, version.number),
        calibration=None if standing is None else _calibration(standing),
        drift=None if standing is None else _drift(standing),
        next_training=None if due_ms is None else rfc3339(max(due_ms, 0)),
        training_since=_time(since),
        training_pid=None if since is None else models.pid,
        failed=model.failed[1] if model.failed else None,
        failed_at=_time(model.failed[0]) if model.failed else None,
        trouble=model.trouble,
        elsewhere=None if model.elsewhere is None else _elsewhere(model.elsewhere),
    )


def version_of(version: Version, current: int | None) -> VersionAnswer:
    about = version.about
    return VersionAnswer(
        number=version.number,
        current=version.number == current,
        made=rfc3339(version.made_ms),
        by=version.by,
        why=version.why,
        made_by=about["made_by"],
        series=about["series"],
        samples=about["samples"],
        span=TrainedOn(start=_time(about["from_ms"]), end=_time(about["to_ms"])),
        size_bytes=version.size_bytes,
        sha256=version.sha256,
        cpu_s=about.get("cpu_s"),
        took_s=about.get("took_s"),
        methods=about.get("methods", {}),
        tested_coverage=about.get("tested_coverage"),
    )


def changes_of(shelf: Shelf) -> list[ChangeAnswer]:
    """The newest first."""
    return [
        ChangeAnswer(time=rfc3339(one.time_ms), version=one.number, by=one.by, why=one.why)
        for one in reversed(shelf.changes)
    ]


def _elsewhere(server: Elsewhere) -> str:
    return server.trouble or ("answers" if server.asked else "was not asked yet")


def _calibration(standing: Standing) -> Calibration:
    return Calibration(asked=standing.asked, measured=standing.measured, over=standing.over)


def _drift(standing: Standing) -> Drift:
    return Drift(measure=standing.measure, value=standing.drift, limit=DRIFTED[standing.measure])


def _time(time_ms: int | None) -> str | None:
    return None if time_ms is None else rfc3339(time_ms)
