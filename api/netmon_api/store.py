"""What the store holds, in detail."""

from netmon_api.envelope import ApiError
from netmon_api.models import LabelCount, MetricCount, NoQuery, StoreDetail, TierAnswer
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.store.inventory import Countable, Inventory, TierFigures


async def show_store(call: Call[NoQuery]) -> StoreDetail:
    store = call.services.store
    if not isinstance(store, Countable):
        raise ApiError("not_found", "this store cannot tell what it holds")
    return detail(await store.inventory())


def detail(found: Inventory) -> StoreDetail:
    """The answer for an inventory."""
    return StoreDetail(
        series=found.series,
        tiers=[_tier(one) for one in found.tiers],
        log_files=found.log_files,
        log_bytes=found.log_bytes,
        log_samples=found.log_samples,
        catalog_bytes=found.catalog_bytes,
        damaged_files=found.damaged_files,
        cap_bytes=found.cap_bytes,
        rules=found.rules,
        metrics=[MetricCount(name=one.name, series=one.series) for one in found.metrics],
        labels=[LabelCount(name=one.name, series=one.series, values=one.values) for one in found.labels],
        queue_bytes=found.queue_bytes,
        rejected=found.rejected,
        left_out=found.left_out,
    )


def _tier(one: TierFigures) -> TierAnswer:
    return TierAnswer(
        tier=one.tier,
        files=one.files,
        bytes=one.bytes,
        samples=one.samples,
        bytes_per_sample=one.bytes / one.samples if one.samples else None,
        oldest=None if one.oldest_ms is None else rfc3339(one.oldest_ms),
        newest=None if one.newest_ms is None else rfc3339(one.newest_ms),
        kept_s=one.kept_ms / 1000,
    )
