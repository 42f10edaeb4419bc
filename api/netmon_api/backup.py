"""A backup of the collector, as an archive that is made while it is sent."""

import asyncio

from aiohttp import hdrs, web

from netmon_api.envelope import ApiError
from netmon_api.models import NoQuery
from netmon_api.routes import Call
from netmon_collector.backup.contents import BackupError
from netmon_collector.backup.making import write_tar
from netmon_configs.logs import EventLog

log = EventLog("netmon.api")


async def download_backup(call: Call[NoQuery]) -> web.StreamResponse:
    """Once it has begun, all that can be said of a failure is that the archive ends too early."""
    headers = {hdrs.CONTENT_TYPE: "application/x-tar", hdrs.CONTENT_DISPOSITION: "attachment; filename=netmon.tar"}
    response = web.StreamResponse(headers=headers)
    try:
        async with call.services.backups.take() as members:
            await response.prepare(call.request)
            sink = _Sink(response, asyncio.get_running_loop())
            manifest = await asyncio.to_thread(write_tar, members, sink, call.services.backups.outside)
        await response.write_eof()
        log.info("backup.sent", files=len(manifest.files), bytes=manifest.size_bytes)
    except (BackupError, ConnectionError) as error:
        if not response.prepared:
            raise ApiError("unavailable", f"no backup can be made now: {error}") from error
        log.warning("backup.broken_off", error=str(error))
        if call.request.transport is not None:
            call.request.transport.abort()
    return response


class _Sink:
    """Where a thread writes what a client is sent, no faster than the client takes it."""

    def __init__(self, response: web.StreamResponse, loop: asyncio.AbstractEventLoop) -> None:
        self._response = response
        self._loop = loop

    def write(self, data: bytes) -> None:
        asyncio.run_coroutine_threadsafe(self._response.write(data), self._loop).result()
