"""The WebSockets that are open."""

import asyncio
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from aiohttp import WSCloseCode, web

from netmon_api.render import samples_json
from netmon_collector.feed import Results


@dataclass(eq=False)
class Sockets:
    """All open WebSockets, their bounds, and the JSON of updates that many of them are sent."""

    most: int = 1000
    authenticate_within_s: float = 5.0
    heartbeat_s: float = 30.0
    recheck_s: float = 1.0
    """How often it is looked whether the token of a client is still good."""
    open: set[web.WebSocketResponse] = field(default_factory=set)
    _rendered: WeakKeyDictionary[Results, bytes] = field(default_factory=WeakKeyDictionary)

    def json_of(self, results: Results) -> bytes:
        """The results as JSON, made once for all clients that subscribed to the same."""
        rendered = self._rendered.get(results)
        if rendered is None:
            rendered = self._rendered[results] = samples_json(results.frames)
        return rendered

    async def close_all(self, _app: web.Application) -> None:
        """Tells every client that the collector is going away."""
        closing = [_close(socket) for socket in self.open]
        await asyncio.gather(*closing)


async def _close(socket: web.WebSocketResponse) -> None:
    try:
        async with asyncio.timeout(2):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the collector is stopping")
    except TimeoutError:  # a client that reads nothing learns it from the connection's end
        return
