"""What Prometheus tells of itself, told of netmon."""

from typing import Final

from aiohttp import web

from netmon_api.prometheus import parameters
from netmon_api.prometheus.forms import NoForm, TopForm
from netmon_api.prometheus.problem import Problem
from netmon_api.prometheus.sending import success
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_collector.store.inventory import Counts, Weighable
from netmon_proto import __version__

SPOKEN_VERSION = "3.5.0"
"""The Prometheus whose requests and answers these are. Grafana reads from it what it may ask."""
_NAMED: Final = 10
_MOST_NAMED: Final = 10_000


async def build_info(_call: Call[NoForm]) -> web.Response:
    return success(
        {
            "version": SPOKEN_VERSION,
            "revision": f"netmon {__version__}",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }
    )


async def runtime_info(call: Call[NoForm]) -> web.Response:
    """What only a program in Go has is 0 or empty: some clients want to see all fields."""
    services = call.services
    return success(
        {
            "startTime": rfc3339(services.started_ms),
            "CWD": "",
            "hostname": "",
            "serverTime": rfc3339(services.now_ms()),
            "reloadConfigSuccess": True,
            "lastConfigTime": rfc3339(services.started_ms),
            "corruptionCount": services.store.stats().damaged,
            "goroutineCount": 0,
            "GOMAXPROCS": 0,
            "GOMEMLIMIT": 0,
            "GOGC": "",
            "GODEBUG": "",
            "storageRetention": "",
        }
    )


async def tsdb(call: Call[TopForm]) -> web.Response:
    """What makes the series so many. `headStats` tells of the whole store, which has no head of Prometheus' kind."""
    most = _limit_of(call.query.limit)
    store = call.services.store
    if not isinstance(store, Weighable):
        raise Problem("not_found", "the store that netmon keeps samples in cannot tell what makes its series so many")
    found, stats = await store.cardinality(most), store.stats()
    return success(
        {
            "headStats": {
                "numSeries": found.series,
                "numLabelPairs": found.pairs,
                "chunkCount": found.chunks,
                "minTime": 2**63 - 1 if stats.oldest_ms is None else stats.oldest_ms,
                "maxTime": -(2**63) if stats.newest_ms is None else stats.newest_ms,
            },
            "seriesCountByMetricName": _counts(found.by_metric),
            "labelValueCountByLabelName": _counts(found.by_label),
            "memoryInBytesByLabelName": _counts(found.bytes_by_label),
            "seriesCountByLabelValuePair": _counts(found.by_pair),
        }
    )


def _limit_of(text: str) -> int:
    try:
        most = parameters.whole_number(text) if text else _NAMED
    except ValueError:
        most = 0
    if most < 1:
        raise Problem("bad_data", "limit must be a positive number")
    if most > _MOST_NAMED:
        raise Problem("bad_data", f"limit must not exceed {_MOST_NAMED}")
    return most


def _counts(counts: Counts) -> list[dict[str, object]]:
    return [{"name": name, "value": count} for name, count in counts]


async def healthy(_call: Call[NoForm]) -> web.Response:
    return web.Response(text="netmon is healthy.\n")


async def ready(call: Call[NoForm]) -> web.Response:
    reason = call.services.readiness()
    return web.Response(text="netmon is ready.\n") if reason is None else web.Response(text=f"{reason}\n", status=503)
