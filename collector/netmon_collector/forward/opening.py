"""Puts together what the options name."""

from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from netmon_collector.forward.forwarder import Forwarder
from netmon_collector.forward.forwarding import Forwarding
from netmon_collector.forward.options import RemoteWriteOptions
from netmon_collector.forward.target import RemoteWriteTarget
from netmon_collector.query.selector import parse_selector
from netmon_collector.store.base import StoreUnavailable
from netmon_collector.store.outside.http import Access
from netmon_configs.secrets import NoSecret, authorization_of


def open_forwarding(targets: Sequence[RemoteWriteOptions], state: Path, registry: CollectorRegistry) -> Forwarding:
    """All servers, with their queues below the state folder. Raises StoreUnavailable."""
    return Forwarding([_open(one, state / "forward" / one.title) for one in targets], registry)


def _open(options: RemoteWriteOptions, folder: Path) -> Forwarder:
    return Forwarder(
        options.title,
        RemoteWriteTarget(options.url, _access(options), options.headers),
        folder,
        wanted=[parse_selector(selector) for selector in options.match],
        labels=tuple(sorted(options.labels.items())),
        queue_bytes=options.queue_bytes,
    )


def _access(options: RemoteWriteOptions) -> Access:
    try:
        authorization = authorization_of(options).get("Authorization")
    except NoSecret as error:
        raise StoreUnavailable(f"remote_write: {error}") from None
    if options.ca_file is not None:
        _read(options.ca_file)
    return Access(authorization, str(options.ca_file) if options.ca_file else None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise StoreUnavailable(f"{path}, which remote_write names, cannot be read: {why}") from error
