"""For those who watch the watcher: load balancers, service managers, Prometheus."""

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from netmon_api.models import NoQuery
from netmon_api.routes import Call


async def say_alive(_call: Call[NoQuery]) -> web.Response:
    return web.Response(text="ok\n")


async def say_ready(call: Call[NoQuery]) -> web.Response:
    reason = call.services.readiness()
    return web.Response(text="ready\n") if reason is None else web.Response(text=f"{reason}\n", status=503)


async def show_metrics(call: Call[NoQuery]) -> web.Response:
    body = generate_latest(call.services.registry)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})
