"""A web server that writes down what it is sent, and a message to send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import orjson
from aiohttp import web

from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.channels.base import Surroundings
from netmon_collector.alerts.channels.http import Guard, Http
from netmon_collector.alerts.decision import Endpoint, Notification
from tests.collector.alerts.test_decision import alert

LOOPBACK = Guard((ip_network("127.0.0.0/8"),))


@dataclass
class Sent:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return orjson.loads(self.body)


@dataclass
class Server:
    """Answers as it is told."""

    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.Response:
        self.sent.append(Sent(request.method, request.path_qs, dict(request.headers), await request.read()))
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def serving(server: Server | None = None) -> AsyncIterator[Server]:
    server = server or Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def surroundings(guard: Guard = LOOPBACK) -> AsyncIterator[Surroundings]:
    http = Http(guard)
    try:
        yield Surroundings(http)
    finally:
        await http.close()


def message(*, over: bool = False, reference: str = "", kind: str = "webhook") -> Message:
    """One alert that fires and, where it is over, one that has ended instead."""
    one = alert(1_700_000_000_000, alertname="Down", host="web1", severity="critical")
    if over:
        one = alert(
            1_700_000_000_000, resolved_at_ms=1_700_000_060_500, alertname="Down", host="web1", severity="critical"
        )
    news = Notification(
        "0123456789abcdef0123456789abcdef",
        Endpoint("ops", f"{kind}/0"),
        '{}:{alertname="Down"}',
        (("alertname", "Down"),),
        1_700_000_030_000,
        (one,),
    )
    return Message(news, "https://netmon.example", reference)
