"""What Prometheus tells of itself, told of netmon."""

from aiohttp import web

from netmon_api.prometheus.forms import NoForm
from netmon_api.prometheus.sending import success
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_proto import __version__

SPOKEN_VERSION = "3.5.0"
"""The Prometheus whose requests and answers these are. Grafana reads from it what it may ask."""


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
    services = call.services
    return success(
        {
            "startTime": rfc3339(services.started_ms),
            "serverTime": rfc3339(services.now_ms()),
            "reloadConfigSuccess": True,
            "corruptionCount": services.store.stats().damaged,
        }
    )


async def flags(_call: Call[NoForm]) -> web.Response:
    """None: netmon is told by its configuration file."""
    return success({})


async def healthy(_call: Call[NoForm]) -> web.Response:
    return web.Response(text="netmon is healthy.\n")


async def ready(call: Call[NoForm]) -> web.Response:
    reason = call.services.readiness()
    return web.Response(text="netmon is ready.\n") if reason is None else web.Response(text=f"{reason}\n", status=503)
