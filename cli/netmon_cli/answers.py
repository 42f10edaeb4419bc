"""What commands read out of the collector's answers; fields that they don't need are not named."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel


class DeviceCounts(BaseModel):
    total: int
    up: int
    down: int


class AgentCounts(BaseModel):
    total: int
    connected: int


class Ingest(BaseModel):
    samples: int
    batches: int
    duplicates: int
    refused: int
    samples_per_second: float


class Stored(BaseModel):
    series: int
    samples: int
    bytes: int
    oldest: AwareDatetime | None
    newest: AwareDatetime | None


class Spooled(BaseModel):
    batches: int
    bytes: int
    quarantined: int


class Status(BaseModel):
    """GET /api/v1/status"""

    version: str
    started: AwareDatetime
    now: AwareDatetime
    devices: DeviceCounts
    agents: AgentCounts
    ingest: Ingest
    store: Stored
    spool: Spooled


class Tier(BaseModel):
    tier: str
    files: int
    bytes: int
    samples: int
    bytes_per_sample: float | None
    oldest: AwareDatetime | None
    newest: AwareDatetime | None
    kept_s: float


class MetricCount(BaseModel):
    name: str
    series: int


class LabelCount(MetricCount):
    values: int


class StoreDetail(BaseModel):
    """GET /api/v1/store"""

    series: int
    tiers: list[Tier]
    log_files: int
    log_bytes: int
    log_samples: int
    catalog_bytes: int
    damaged_files: int
    cap_bytes: int | None
    rules: int
    metrics: list[MetricCount]
    labels: list[LabelCount]
    queue_bytes: int
    rejected: int
    left_out: int


class AgentSpool(BaseModel):
    batches: int
    bytes: int
    oldest_age_s: float


class Agent(BaseModel):
    id: str
    version: str
    platform: str
    hostname: str
    connected: bool
    address: str | None
    clock_skew_s: float | None
    spool: AgentSpool | None
    quarantined: int | None


class Device(BaseModel):
    """GET /api/v1/devices/{instance}"""

    instance: str
    name: str
    job: str
    state: str
    since: AwareDatetime
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    last_sample: AwareDatetime | None
    interval_s: float
    agent: Agent


class Devices(BaseModel):
    """A page of GET /api/v1/devices"""

    count: int
    next: str | None
    results: list[Device]


class SampledSeries(BaseModel):
    """A series and its samples, [Unix seconds, value] in the order of time; the value None is the stale marker."""

    labels: dict[str, str]
    samples: list[tuple[float, float | None]]


class Samples(BaseModel):
    """GET /api/v1/samples"""

    results: list[SampledSeries]


Points = list[tuple[float, str]]
"""(Unix seconds, value as text) in the order of time."""


class ResultSeries(BaseModel):
    """A series of an expression's result: one value, or many."""

    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: Points = []

    @property
    def points(self) -> Points:
        return self.values if self.value is None else [self.value]


class Result(BaseModel):
    resultType: Literal["vector", "matrix", "scalar", "string"]  # noqa: N815 - Prometheus calls it so
    result: tuple[float, str] | list[ResultSeries]


class Evaluated(BaseModel):
    """GET /prometheus/api/v1/query and query_range"""

    data: Result
    warnings: list[str] = []
    infos: list[str] = []


class QueryProblem(BaseModel):
    """The answer to an expression that cannot be evaluated."""

    errorType: str  # noqa: N815 - Prometheus calls it so
    error: str


class ProblemDetails(BaseModel):
    code: str
    message: str
    field_errors: dict[str, str] | None = None


class Problem(BaseModel):
    """The envelope of every error."""

    error: ProblemDetails
