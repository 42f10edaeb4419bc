"""Listens for HTTP."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from aiohttp import web

from netmon_api.malformed import LONGEST_HEADER_BYTES, LONGEST_LINE_BYTES
from netmon_api.shortcut import SHORTCUT, ShortConnection
from netmon_collector.config import HttpOptions
from netmon_collector.listener import port_taken, server_context, why_taken
from netmon_configs.options import split_address

_SHUTDOWN_S = 5.0


class Server:
    """Serves an app where the options say."""

    def __init__(self, app: web.Application, options: HttpOptions) -> None:
        self._options = options
        self._app = app
        # What clients send that is not HTTP is answered with 400; a traceback for each would only fill the log.
        protocol_log = logging.getLogger("netmon.api.protocol")
        protocol_log.setLevel(logging.CRITICAL)
        self._connections: dict[str, Any] = {
            "access_log": None,
            "logger": protocol_log,
            "max_line_size": LONGEST_LINE_BYTES,
            "max_field_size": LONGEST_HEADER_BYTES,
        }
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S, **self._connections)
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens. Raises CannotListen."""
        host, port = split_address(self._options.listen)
        certificate = server_context(self._options.tls) if self._options.tls else None
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._connection(loop), host, port, ssl=certificate)
        except OSError as error:
            await self._runner.cleanup()
            raise port_taken("HTTP", self._options.listen, why_taken(self._options.listen), "http") from error

    def _connection(self, loop: asyncio.AbstractEventLoop) -> Callable[[], asyncio.Protocol]:
        """What makes a connection."""
        server, shortcut = self._runner.server, self._app.get(SHORTCUT)
        assert server is not None, "set up"
        if shortcut is None:
            return server
        return lambda: ShortConnection(server, shortcut, loop=loop, **self._connections)

    async def stop(self) -> None:
        """Tells the WebSockets, lets running requests end, and stops listening."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where clients connect, with the port that was given out for port 0."""
        host, _ = split_address(self._options.listen)
        assert self._listener is not None, "started"
        port = self._listener.sockets[0].getsockname()[1]
        scheme = "https" if self._options.tls else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
