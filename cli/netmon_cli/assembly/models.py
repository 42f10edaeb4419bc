"""The models of a collector, put together."""

from collections.abc import Iterable
from contextlib import AsyncExitStack

from netmon_analytics.anomaly import Constants
from netmon_cli.assembly.knowledge import Ground
from netmon_cli.assembly.running import now_ms
from netmon_cli.failure import Exit, Failure
from netmon_collector.alerts.channels.http import Guard, Http
from netmon_collector.alerts.maintenance import Maintenance
from netmon_collector.anomaly.assessor import Assessor
from netmon_collector.models.built_in import BuiltIn
from netmon_collector.models.elsewhere import LARGEST_ANSWER, TIMEOUT_S
from netmon_collector.models.meters import Meters
from netmon_collector.models.options import ModelOptions
from netmon_collector.models.service import Models, Parts
from netmon_collector.models.spec import Spec
from netmon_collector.models.workshop import Budget, Workshop
from netmon_collector.pipeline import Pipeline
from netmon_collector.rules.writing import Ledger
from netmon_collector.state.models import KeptModels
from netmon_configs.secrets import NoSecret


def open_models(
    ground: Ground, assessor: Assessor | None, pipeline: Pipeline, maintenance: Maintenance, closing: AsyncExitStack
) -> Models:
    """Puts together what has models, trains them and follows them."""
    options = ground.config.models
    guard = Guard(options.allow_addresses, "models.allow_addresses")
    http = Http(guard, timeout_s=TIMEOUT_S, largest_answer=LARGEST_ANSWER)
    closing.push_async_callback(http.close)
    parts = Parts(
        KeptModels(ground.state, ground.sealer),
        ground.config.state / "models",
        ground.queries,
        Ledger(ground.store, pipeline.append_own),
        http,
        Workshop(Budget(options.cpu, options.memory_bytes, options.time_limit_s)),
        Meters(ground.registry),
        now_ms,
        options.versions,
        options.max_bytes,
    )
    history_ms = round(options.history_s * 1000)
    constants = Constants(weeks_per_alarm=ground.config.anomaly.weeks_per_alarm)
    built_in = BuiltIn(assessor, ground.store, history_ms, constants, maintenance.spans) if assessor else None
    return Models(parts, built_in, configured(options.define))


def configured(models: Iterable[ModelOptions]) -> list[tuple[Spec, str]]:
    """Models of the configuration, with their servers' keys, which are read now. Raises Failure."""
    found = []
    for one in models:
        try:
            found.append((one.spec(), one.read_key()))
        except NoSecret as error:
            raise Failure(
                Exit.USAGE, f"the key for the server of the model {one.name} cannot be had: {error}."
            ) from None
    return found
