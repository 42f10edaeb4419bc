"""Opens the store that a URL names. What a store needs is imported only for it."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netmon_collector.store.base import StoreUnavailable
from netmon_collector.store.options import StoreSettings
from netmon_collector.store.retention import Retention
from netmon_collector.store.url import StoreUrl

if TYPE_CHECKING:
    from netmon_collector.store.embedded import EmbeddedStore
    from netmon_collector.store.outside.base import Server
    from netmon_collector.store.outside.http import Access
    from netmon_collector.store.outside.store import OutsideStore


def open_store(
    url: StoreUrl,
    state: Path,
    *,
    queue_bytes: int,
    max_bytes: int | None = None,
    cache_bytes: int | None = None,
    head_bytes: int | None = None,
    retention: Retention | None = None,
) -> EmbeddedStore | OutsideStore:
    """Opens a store whose files, if it needs any, are below `state`. Blocks. Raises StoreUnavailable.

    `queue_bytes` bounds what waits on disk for an outside store, which needs a running event loop; `max_bytes` bounds
    the embedded store, which applies `retention`, `cache_bytes` what it keeps in memory of what it read, and
    `head_bytes` samples in memory.
    """
    if url.kind == "embedded":
        from netmon_collector.store.embedded import EmbeddedStore

        settings = StoreSettings(retention=retention or Retention())
        settings = settings if cache_bytes is None else replace(settings, cache_bytes=cache_bytes)
        settings = settings if head_bytes is None else replace(settings, head_bytes=head_bytes)
        settings = settings if max_bytes is None else replace(settings, max_bytes=max_bytes)
        return EmbeddedStore.open(Path(url.address) if url.address else state / "store", settings)
    return open_outside(url, state / "queue", queue_bytes=queue_bytes)


def open_outside(url: StoreUrl, folder: Path, *, queue_bytes: int) -> OutsideStore:
    """Opens a server as a store, with its queue in a folder. Blocks. Raises StoreUnavailable."""
    from netmon_collector.store.outside.store import OutsideStore

    return OutsideStore.open(server_of(url), folder, queue_bytes=queue_bytes)


def server_of(url: StoreUrl) -> Server:
    """The server that a URL names. Raises StoreUnavailable for a file that cannot be read."""
    access = _access(url)
    if url.kind == "influxdb":
        from netmon_collector.store.outside.influxdb import InfluxDb

        return InfluxDb(url.address, access, database=url.get("db"), policy=url.get("rp"), org=url.get("org"))
    from netmon_collector.store.outside.victoriametrics import VictoriaMetrics

    tenant = url.get("tenant")
    if not tenant:
        return VictoriaMetrics(url.address, url.address, url.address, access)
    select = (url.get("select") or url.address).rstrip("/")
    return VictoriaMetrics(
        f"{url.address}/insert/{tenant}/influx", f"{select}/select/{tenant}/prometheus", select, access
    )


def _access(url: StoreUrl) -> Access:
    from netmon_collector.store.outside.http import Access

    authorization = None
    if user := url.get("user"):
        pair = f"{user}:{_secret(url.get('password_file'), 'password')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif file := url.get("token_file"):
        scheme = "Token" if url.kind == "influxdb" else "Bearer"
        authorization = f"{scheme} {_secret(file, 'token')}"
    ca_file = url.get("ca_file") or None
    if ca_file is not None:
        _read(ca_file, "CA")
    return Access(authorization, ca_file)


def _secret(file: str, what: str) -> str:
    text = _read(file, what).strip()
    if not text.isprintable() or not text:
        raise StoreUnavailable(f"the {what} file {file} of the store must hold one line of text")
    return text


def _read(file: str, what: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise StoreUnavailable(f"the {what} file {file} of the store cannot be read: {reason}") from error
