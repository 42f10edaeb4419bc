"""What Alertmanager tells of itself, told of netmon."""

import orjson
from aiohttp import web

from netmon_api.alertmanager.route import Asked
from netmon_api.envelope import json_response
from netmon_api.routes import Call
from netmon_api.times import rfc3339
from netmon_proto import __version__

SPOKEN_VERSION = "0.28.0"
"""The Alertmanager whose requests and answers these are."""


async def show_alerting(call: Call[Asked]) -> web.Response:
    """That it runs, alone. The configuration is not shown: there are secrets in it."""
    body = {
        "cluster": {"name": "", "peers": [], "status": "disabled"},
        "config": {"original": "# not shown, as it may hold secrets\n"},
        "uptime": rfc3339(call.services.started_ms),
        "versionInfo": {
            "branch": "",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": f"netmon {__version__}",
            "version": SPOKEN_VERSION,
        },
    }
    return json_response(orjson.dumps(body))


async def list_receivers(call: Call[Asked]) -> web.Response:
    """Names of all receivers."""
    names = list(call.services.alerting.file.endpoints())
    return json_response(orjson.dumps([{"name": name} for name in names]))


async def say_healthy(_call: Call[Asked]) -> web.Response:
    return web.Response(text="OK")


async def say_taking(_call: Call[Asked]) -> web.Response:
    return web.Response(text="OK")
