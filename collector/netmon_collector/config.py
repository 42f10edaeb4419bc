"""The collector's configuration file."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from netmon_collector.store.url import parse_store_url
from netmon_configs.logs import LogOptions
from netmon_configs.options import Address, Duration, Options, Size, is_loopback, split_address


class ServerTls(Options):
    """The certificate that a listener shows, in PEM."""

    cert_file: Path
    key_file: Path


class Listener(Options):
    """Where to listen. In the clear on this machine only."""

    listen: Address
    tls: ServerTls | None = None

    @model_validator(mode="after")
    def _protected(self) -> "Listener":
        if self.tls is None and not self.is_local:
            raise ValueError(f"needs 'tls', because {self.listen} can be reached from other machines")
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(split_address(self.listen)[0])


class HttpOptions(Listener):
    """The API."""

    listen: Address = "127.0.0.1:7440"


class GrpcOptions(Listener):
    """What agents connect to. Anywhere but on this machine they need the join token."""

    listen: Address = "127.0.0.1:7441"


def _checked_url(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be the URL of a store, such as embedded:")
    parse_store_url(value)
    return value


StoreUrlText = Annotated[str, BeforeValidator(_checked_url)]
"""The URL of a store, see store/url.py."""


class StoreOptions(Options):
    """Where samples are kept, and how long; a server of its own keeps them as long as it is told itself.

    `queue`: the most that waits on disk for such a server. `max_size`: the most that the embedded store takes.
    """

    url: StoreUrlText = "embedded:"
    queue_bytes: Size = Field(default=4 << 30, alias="queue", ge=16 << 20)
    max_bytes: Size | None = Field(default=None, alias="max_size", ge=1 << 30)
    retention_s: Duration = Field(default=30 * 86400.0, alias="retention", ge=3600)


class CollectorConfig(Options):
    """All that a collector can be told. An empty file is a good start: everything has a default."""

    state: Path = Path("/var/lib/netmon/collector")
    http: HttpOptions = Field(default_factory=HttpOptions)
    grpc: GrpcOptions = Field(default_factory=GrpcOptions)
    store: StoreOptions = Field(default_factory=StoreOptions)
    log: LogOptions = Field(default_factory=LogOptions)
