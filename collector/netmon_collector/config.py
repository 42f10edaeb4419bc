"""The collector's configuration file."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from netmon_collector.anomaly.options import AnomalyOptions
from netmon_collector.capacity.options import CapacityOptions
from netmon_collector.forward.options import RemoteWriteOptions
from netmon_collector.models.options import ModelOptions
from netmon_collector.models.spec import MOST_MODELS
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.rules.options import RulesConfig
from netmon_collector.sites import Site
from netmon_collector.store.retention import Keep, Retention, Rule
from netmon_collector.store.url import parse_store_url, with_files_beside
from netmon_configs.logs import LogOptions
from netmon_configs.options import (
    Address,
    Duration,
    FilePath,
    Networks,
    Options,
    Size,
    Variable,
    is_loopback,
    parse_duration_s,
    split_address,
)
from netmon_configs.secrets import Source, differ


class ServerTls(Options):
    """The certificate that a listener shows, in PEM."""

    cert_file: FilePath
    key_file: FilePath | None = None
    key_env: Variable | None = None

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        differ(self, "key")
        if not self.key_source:
            raise ValueError("needs key_file or key_env")
        return self

    @property
    def key_source(self) -> Source:
        """Where the key is."""
        return Source.of(self, "key")


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


def _checked_url(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise ValueError("must be the URL of a store, such as embedded:")
    parse_store_url(value)
    folder = (info.context or {}).get("folder")
    return with_files_beside(value, folder) if isinstance(folder, Path) else value


StoreUrlText = Annotated[str, BeforeValidator(_checked_url)]
"""The URL of a store, see store/url.py."""


def _checked_database(value: object) -> str:
    from netmon_collector.state.place import checked_url

    return checked_url(value)


DatabaseUrl = Annotated[str, BeforeValidator(_checked_database)]
"""The URL of a PostgreSQL database, see state/place.py."""


def _checked_selector(value: object) -> str:
    from netmon_collector.query.selector import parse_selector

    if not isinstance(value, str):
        raise ValueError('must be a selector, such as {job="probe"}')
    parse_selector(value)
    return value


SelectorText = Annotated[str, BeforeValidator(_checked_selector)]
"""A selector, which says what series something is for."""

SHORTEST_KEPT_S: Final = 3600
Kept = Annotated[Duration, Field(ge=SHORTEST_KEPT_S)]


class KeepOptions(Options):
    """How long samples and rollups are kept; what is not said is as for all others, and no shorter than samples."""

    raw_s: Kept | None = Field(default=None, alias="raw")
    five_minutes_s: Kept | None = Field(default=None, alias="5m")
    hour_s: Kept | None = Field(default=None, alias="1h")

    @model_validator(mode="after")
    def _coarser_is_longer(self) -> Self:
        given = {"raw": self.raw_s, "5m": self.five_minutes_s, "1h": self.hour_s}
        for finer, coarser in combinations([(name, time_s) for name, time_s in given.items() if time_s], 2):
            if (coarser[1] or 0) < (finer[1] or 0):
                raise ValueError(f"'{coarser[0]}' must be kept no shorter than '{finer[0]}'")
        return self

    def keep(self, others: Keep) -> Keep:
        """What this says, and of the others what it does not say."""
        raw_ms = _ms(self.raw_s, others.raw_ms, 0)
        five_minutes_ms = _ms(self.five_minutes_s, others.five_minutes_ms, raw_ms)
        return Keep(raw_ms, five_minutes_ms, _ms(self.hour_s, others.hour_ms, five_minutes_ms))


def _ms(given_s: float | None, else_ms: int, least_ms: int) -> int:
    return max(else_ms if given_s is None else round(given_s * 1000), least_ms)


class RetentionRule(KeepOptions):
    """How long the series that a selector chooses are kept."""

    match: SelectorText


class RetentionOptions(KeepOptions):
    """How long all series are kept that no rule is for; of several rules for a series the first counts."""

    rules: list[RetentionRule] = Field(default_factory=list, max_length=50)

    @model_validator(mode="before")
    @classmethod
    def _of_raw_alone(cls, given: object) -> object:
        """A mere duration is that of raw samples."""
        if not isinstance(given, str | int | float):
            return given
        if parse_duration_s(given) < SHORTEST_KEPT_S:
            raise ValueError(f"must be at least 1h (got {given})")
        return {"raw": given}

    def retention(self) -> Retention:
        from netmon_collector.query.selector import parse_selector

        base = self.keep(Keep())
        rules = [Rule(tuple(parse_selector(rule.match)), rule.keep(base)) for rule in self.rules]
        return Retention(base, tuple(rules))


class StoreOptions(Options):
    """Where samples are kept, and how long; a server of its own keeps them as long as it is told itself.

    `queue`: the most that waits on disk for such a server. `max_size`: the most that the embedded store takes.
    `cache`: the most memory for what the embedded store read lately.
    `heads`: the most memory for samples that are in no file yet.
    """

    url: StoreUrlText = "embedded:"
    queue_bytes: Size = Field(default=4 << 30, alias="queue", ge=16 << 20)
    max_bytes: Size | None = Field(default=None, alias="max_size", ge=1 << 30)
    cache_bytes: Size = Field(default=256 << 20, alias="cache")
    head_bytes: Size = Field(default=512 << 20, alias="heads", ge=16 << 20)
    retention: RetentionOptions = Field(default_factory=RetentionOptions)


class QueryConfig(Options):
    """What one query may take, how long a sample counts, and whether what Prometheus calls experimental is allowed."""

    timeout_s: Duration = Field(default=120.0, alias="timeout", gt=0)
    samples: int = Field(default=50_000_000, ge=1000)
    memory_bytes: Size = Field(default=2 << 30, alias="memory", ge=16 << 20)
    lookback_s: Duration = Field(default=300.0, alias="lookback", ge=1)
    experimental: bool = False

    def options(self) -> QueryOptions:
        limits = Limits(timeout_s=self.timeout_s, samples=self.samples, memory_bytes=self.memory_bytes)
        return QueryOptions(limits, lookback_ms=round(self.lookback_s * 1000), experimental=self.experimental)


class DatabaseOptions(Options):
    """Where agents, devices and whatever is no sample are kept: with a URL in PostgreSQL, else in the state folder.

    Without a password file, PostgreSQL's own ways count: PGPASSWORD in the environment, or ~/.pgpass.
    """

    url: DatabaseUrl | None = None
    password_file: FilePath | None = None

    @model_validator(mode="after")
    def _password_is_for_something(self) -> Self:
        if self.password_file is not None and self.url is None:
            raise ValueError("password_file needs url")
        return self


class PollingOptions(Options):
    """How devices are polled. Facts are their ports, addresses, neighbours and tables of forwarding."""

    facts_interval_s: Duration = Field(default=600.0, alias="facts_interval", ge=10, le=86_400)


class SiteOptions(Options):
    """A place with addresses of its own: what is in its networks, as seen by its agents."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")
    networks: Networks = ()
    agents: tuple[Annotated[str, Field(min_length=1, max_length=253)], ...] = ()

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not self.networks and not self.agents:
            raise ValueError(f"{self.name}: needs networks, or agents that are there")
        return self

    def site(self) -> Site:
        return Site(self.name, self.networks, self.agents, is_fixed=True)


class AlertingOptions(Options):
    """Who is told of alerts: a file in Alertmanager's format. `url`: where people see this collector, for links.

    `allow_addresses`: of this machine and its links, which configured URLs may ask all the same."""

    config_file: FilePath | None = None
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    allow_addresses: Networks = ()


class ModelsOptions(Options):
    """What the training of models may take, and how many versions of each are kept; see docs/models.md.

    `define` are models that stand here instead of being added by command.
    `allow_addresses`: of this machine and its links, which may have models all the same."""

    cpu: float = Field(default=0.25, ge=0.01, le=1)
    memory_bytes: Size = Field(default=1 << 30, alias="memory", ge=256 << 20)
    time_limit_s: Duration = Field(default=6 * 3600.0, alias="time_limit", ge=10)
    history_s: Duration = Field(default=14 * 86400.0, alias="history", ge=3600)
    versions: int = Field(default=5, ge=2, le=100)
    max_bytes: Size = Field(default=2 << 30, alias="max_size", ge=16 << 20)
    allow_addresses: Networks = ()
    define: list[ModelOptions] = Field(default_factory=list, max_length=MOST_MODELS - 1)

    @model_validator(mode="after")
    def _models_differ(self) -> Self:
        if twice := _twice(one.name for one in self.define):
            raise ValueError(f"define: {twice} is there more than once")
        return self


class EventOptions(Options):
    """How long events are kept, and how many."""

    max_age_s: Duration = Field(default=90 * 86400.0, alias="max_age", ge=3600)
    max_rows: int = Field(default=1_000_000, ge=1_000, le=100_000_000)


class CollectorConfig(Options):
    """All that a collector can be told. An empty file is a good start: everything has a default."""

    state: Path = Path("/var/lib/netmon/collector")
    http: HttpOptions = Field(default_factory=HttpOptions)
    grpc: GrpcOptions = Field(default_factory=GrpcOptions)
    store: StoreOptions = Field(default_factory=StoreOptions)
    query: QueryConfig = Field(default_factory=QueryConfig)
    database: DatabaseOptions = Field(default_factory=DatabaseOptions)
    rules: RulesConfig = Field(default_factory=RulesConfig)
    anomaly: AnomalyOptions = Field(default_factory=AnomalyOptions)
    capacity: CapacityOptions = Field(default_factory=CapacityOptions)
    polling: PollingOptions = Field(default_factory=PollingOptions)
    sites: list[SiteOptions] = Field(default_factory=list, max_length=10_000)
    alerting: AlertingOptions = Field(default_factory=AlertingOptions)
    events: EventOptions = Field(default_factory=EventOptions)
    models: ModelsOptions = Field(default_factory=ModelsOptions)
    remote_write: list[RemoteWriteOptions] = Field(default_factory=list, max_length=10)
    log: LogOptions = Field(default_factory=LogOptions)

    @model_validator(mode="after")
    def _sites_differ(self) -> Self:
        if twice := _twice(one.name for one in self.sites):
            raise ValueError(f"sites: {twice} is there more than once")
        return self

    @model_validator(mode="after")
    def _targets_differ(self) -> Self:
        if twice := _twice(one.title for one in self.remote_write):
            raise ValueError(f"remote_write: {twice} is there more than once: give each a name of its own")
        return self


def _twice(names: Iterable[str]) -> str:
    """Those that are there more than once."""
    return ", ".join(sorted(name for name, times in Counter(names).items() if times > 1))
