"""What Prometheus has and netmon has not, told as by a Prometheus without any: clients look before they ask."""

from aiohttp import web

from netmon_api.prometheus.forms import NoForm
from netmon_api.prometheus.sending import success
from netmon_api.routes import Call


async def targets(_call: Call[NoForm]) -> web.Response:
    """None: agents measure, and send."""
    return success({"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}})


async def targets_metadata(_call: Call[NoForm]) -> web.Response:
    return success([])


async def scrape_pools(_call: Call[NoForm]) -> web.Response:
    return success({"scrapePools": []})


async def alertmanagers(_call: Call[NoForm]) -> web.Response:
    """None: netmon tells people itself."""
    return success({"activeAlertmanagers": [], "droppedAlertmanagers": []})


async def config(_call: Call[NoForm]) -> web.Response:
    return success({"yaml": "{}\n"})


async def flags(_call: Call[NoForm]) -> web.Response:
    """None: netmon is told by its configuration file."""
    return success({})


async def wal_replay(_call: Call[NoForm]) -> web.Response:
    """No segments: whether the store has read its log is said by /-/ready."""
    return success({"min": 0, "max": 0, "current": 0})


async def clean_tombstones(_call: Call[NoForm]) -> web.Response:
    """There are none: what is deleted is gone."""
    return web.Response(status=204)
