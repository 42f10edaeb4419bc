"""Listens for HTTP."""

import logging
import ssl

from aiohttp import web

from netmon_collector.config import HttpOptions, ServerTls
from netmon_collector.listener import CannotListen, port_taken, read_certificate
from netmon_configs.options import split_address

_LONGEST_LINE_BYTES = 64 << 10  # a selector of 16 KiB, each byte escaped, and some
_SHUTDOWN_S = 5.0


class Server:
    """Serves an app where the options say."""

    def __init__(self, app: web.Application, options: HttpOptions) -> None:
        self._options = options
        # What clients send that is not HTTP is answered with 400; a traceback for each would only fill the log.
        protocol_log = logging.getLogger("netmon.api.protocol")
        protocol_log.setLevel(logging.CRITICAL)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=protocol_log,
            max_line_size=_LONGEST_LINE_BYTES,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_S,
        )

    async def start(self) -> None:
        """Listens. Raises CannotListen."""
        host, port = split_address(self._options.listen)
        certificate = _certificate(self._options.tls) if self._options.tls else None
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, ssl_context=certificate).start()
        except OSError as error:
            await self._runner.cleanup()
            raise port_taken("HTTP", self._options.listen, error.strerror or str(error), "http") from error

    async def stop(self) -> None:
        """Tells the WebSockets, lets running requests end, and stops listening."""
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where clients connect, with the port that was given out for port 0."""
        host, _ = split_address(self._options.listen)
        port = self._runner.addresses[0][1]
        scheme = "https" if self._options.tls else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _certificate(tls: ServerTls) -> ssl.SSLContext:
    for path in (tls.cert_file, tls.key_file):
        read_certificate(path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    except ssl.SSLError as error:
        raise CannotListen(f"{tls.cert_file} and {tls.key_file} are not a certificate and its key: {error}") from error
    return context
