"""Every query and answer of the API, once: validation, JSON and the OpenAPI document come from here."""

from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema

from netmon_api.times import parse_time_ms, rfc3339
from netmon_collector.query.selector import LONGEST_BYTES, parse_selector
from netmon_collector.store.base import Matcher

T = TypeVar("T")


class Selector(NamedTuple):
    """A selector as it was written, and what it means."""

    text: str
    matchers: list[Matcher]


def _selector(text: object) -> Selector:
    if not isinstance(text, str):
        raise ValueError("must be text")
    return Selector(text, parse_selector(text))


SelectorText = Annotated[
    Selector,
    PlainValidator(_selector),
    PlainSerializer(lambda selector: selector.text, return_type=str),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_BYTES, "examples": ['node_load1{instance=~"web.*"}']}),
]
QueryTime = Annotated[
    int,
    BeforeValidator(parse_time_ms),
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "description": "RFC 3339, or Unix seconds"}),
]
Text = Annotated[str, Field(max_length=4096)]

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339, UTC, with milliseconds."""

State = Literal["up", "down", "unknown"]
"""Of a device; unknown until the collector has been up long enough to tell."""

Labels = dict[str, str]
Value = float | Literal["NaN", "+Inf", "-Inf"] | None
"""A sample's value; null is the stale marker, which ends a series."""

Sample = tuple[float, Value]
"""Unix seconds, with milliseconds, and the value."""


class Query(BaseModel):
    """Parameters of a query string."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """A query string without parameters."""


class PageQuery(Query):
    page: int = Field(default=1, ge=1, le=1_000_000)
    page_size: int = Field(default=50, ge=1, le=100)

    def filters(self) -> dict[str, Any]:
        """The parameters given that choose what is listed, as they were written."""
        return self.model_dump(mode="json", exclude={"page", "page_size"}, exclude_defaults=True)


class DevicesQuery(PageQuery):
    """Values of one parameter are alternatives; different parameters must all fit."""

    instance: list[Text] = Field(default=[], max_length=100)
    state: list[State] = Field(default=[], max_length=100)
    job: list[Text] = Field(default=[], max_length=100)


class SeriesQuery(PageQuery):
    selector: SelectorText | None = None


class SamplesQuery(Query):
    """Without `end` it is now; without `start` it is five minutes before the end."""

    selector: SelectorText
    start: QueryTime | None = None
    end: QueryTime | None = None
    limit: int = Field(default=100_000, ge=1, le=1_000_000, description="most samples in the answer")


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Listing(Answer, Generic[T]):
    """A list, or a page of it; `next` and `previous` are paths on this server."""

    count: int
    next: str | None
    previous: str | None
    results: list[T]
    filters_applied: dict[str, str | int | list[str] | list[int]]


class ErrorBody(Answer):
    code: str
    message: str
    details: dict[str, Any] | None = None
    field_errors: dict[str, str] | None = None


class ErrorAnswer(Answer):
    error: ErrorBody
    timestamp: Time
    request_id: str


class SpoolAnswer(Answer):
    batches: int
    bytes: int
    oldest_age_s: float


class AgentAnswer(Answer):
    id: str
    version: str
    platform: str
    hostname: str
    connected: bool
    address: str | None
    clock_skew_s: float | None
    spool: SpoolAnswer | None
    quarantined: int | None


class DeviceAnswer(Answer):
    instance: str
    name: str
    job: str
    state: State
    since: Time
    first_seen: Time
    last_seen: Time
    last_sample: Time | None
    interval_s: float
    agent: AgentAnswer


class SeriesAnswer(Answer):
    labels: Labels


class SamplesAnswer(Answer):
    labels: Labels
    samples: list[Sample]


class DeviceCounts(Answer):
    total: int
    up: int
    down: int
    unknown: int


class AgentCounts(Answer):
    total: int
    connected: int


class IngestAnswer(Answer):
    """Since the collector started; the rate is that of the last minute."""

    samples: int
    batches: int
    duplicates: int
    refused: int
    samples_per_second: float


class StoreAnswer(Answer):
    """`samples` counts since the collector started; `cache_bytes` is memory for what was read lately."""

    series: int
    samples: int
    bytes: int
    oldest: Time | None
    newest: Time | None
    cache_bytes: int = 0


class TierAnswer(Answer):
    """The files of a tier; the samples of a rollup are buckets."""

    tier: str
    files: int
    bytes: int
    samples: int
    bytes_per_sample: float | None
    oldest: Time | None
    newest: Time | None
    kept_s: float


class MetricCount(Answer):
    name: str
    series: int


class LabelCount(Answer):
    name: str
    series: int
    values: int


class StoreDetail(Answer):
    """Metrics are those with the most series, labels those with the most values. The last three are of a store on a
    server of its own, all others but `series` of the embedded one.
    """

    series: int
    tiers: list[TierAnswer]
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


class SpoolSums(Answer):
    """Over what the agents told last."""

    batches: int
    bytes: int
    quarantined: int


class StatusAnswer(Answer):
    version: str
    started: Time
    now: Time
    devices: DeviceCounts
    agents: AgentCounts
    ingest: IngestAnswer
    store: StoreAnswer
    spool: SpoolSums
