from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    KIND_UNSPECIFIED: _ClassVar[Kind]
    KIND_GAUGE: _ClassVar[Kind]
    KIND_COUNTER: _ClassVar[Kind]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_EMERGENCY: _ClassVar[Severity]
    SEVERITY_ALERT: _ClassVar[Severity]
    SEVERITY_CRITICAL: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_NOTICE: _ClassVar[Severity]
    SEVERITY_INFO: _ClassVar[Severity]
    SEVERITY_DEBUG: _ClassVar[Severity]

class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REASON_UNSPECIFIED: _ClassVar[Reason]
    REASON_TOO_LARGE: _ClassVar[Reason]
    REASON_UNKNOWN_SERIES: _ClassVar[Reason]
    REASON_MALFORMED: _ClassVar[Reason]
    REASON_IN_FUTURE: _ClassVar[Reason]
    REASON_TOO_OLD: _ClassVar[Reason]

class CheckOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_OUTCOME_UNSPECIFIED: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_UP: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_DOWN: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_BROKEN: _ClassVar[CheckOutcome]
KIND_UNSPECIFIED: Kind
KIND_GAUGE: Kind
KIND_COUNTER: Kind
SEVERITY_UNSPECIFIED: Severity
SEVERITY_EMERGENCY: Severity
SEVERITY_ALERT: Severity
SEVERITY_CRITICAL: Severity
SEVERITY_ERROR: Severity
SEVERITY_WARNING: Severity
SEVERITY_NOTICE: Severity
SEVERITY_INFO: Severity
SEVERITY_DEBUG: Severity
REASON_UNSPECIFIED: Reason
REASON_TOO_LARGE: Reason
REASON_UNKNOWN_SERIES: Reason
REASON_MALFORMED: Reason
REASON_IN_FUTURE: Reason
REASON_TOO_OLD: Reason
CHECK_OUTCOME_UNSPECIFIED: CheckOutcome
CHECK_OUTCOME_UP: CheckOutcome
CHECK_OUTCOME_DOWN: CheckOutcome
CHECK_OUTCOME_BROKEN: CheckOutcome

class AgentMessage(_message.Message):
    __slots__ = ("hello", "series", "layout", "batch", "report", "facts", "events", "sweep", "check")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    series: SeriesDefinitions
    layout: Layout
    batch: Batch
    report: DeviceReport
    facts: DeviceFacts
    events: EventBatch
    sweep: SweepNews
    check: CheckReport
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., series: _Optional[_Union[SeriesDefinitions, _Mapping]] = ..., layout: _Optional[_Union[Layout, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., report: _Optional[_Union[DeviceReport, _Mapping]] = ..., facts: _Optional[_Union[DeviceFacts, _Mapping]] = ..., events: _Optional[_Union[EventBatch, _Mapping]] = ..., sweep: _Optional[_Union[SweepNews, _Mapping]] = ..., check: _Optional[_Union[CheckReport, _Mapping]] = ...) -> None: ...

class CollectorMessage(_message.Message):
    __slots__ = ("welcome", "receipt", "jobs", "poll_now", "sweep", "checks")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    POLL_NOW_FIELD_NUMBER: _ClassVar[int]
    SWEEP_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    receipt: Receipt
    jobs: Jobs
    poll_now: PollNow
    sweep: Sweep
    checks: Checks
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., jobs: _Optional[_Union[Jobs, _Mapping]] = ..., poll_now: _Optional[_Union[PollNow, _Mapping]] = ..., sweep: _Optional[_Union[Sweep, _Mapping]] = ..., checks: _Optional[_Union[Checks, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("agent_id", "agent_key", "hostname", "version", "platform", "clock_ms", "interval_ms", "epoch", "first_sequence", "last_sequence", "events_epoch", "events_first_sequence", "events_last_sequence")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_KEY_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_EPOCH_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    agent_key: bytes
    hostname: str
    version: str
    platform: str
    clock_ms: int
    interval_ms: int
    epoch: int
    first_sequence: int
    last_sequence: int
    events_epoch: int
    events_first_sequence: int
    events_last_sequence: int
    def __init__(self, agent_id: _Optional[str] = ..., agent_key: _Optional[bytes] = ..., hostname: _Optional[str] = ..., version: _Optional[str] = ..., platform: _Optional[str] = ..., clock_ms: _Optional[int] = ..., interval_ms: _Optional[int] = ..., epoch: _Optional[int] = ..., first_sequence: _Optional[int] = ..., last_sequence: _Optional[int] = ..., events_epoch: _Optional[int] = ..., events_first_sequence: _Optional[int] = ..., events_last_sequence: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("clock_ms", "instance", "highest_acked", "limits", "events_highest_acked")
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_ACKED_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_HIGHEST_ACKED_FIELD_NUMBER: _ClassVar[int]
    clock_ms: int
    instance: str
    highest_acked: int
    limits: Limits
    events_highest_acked: int
    def __init__(self, clock_ms: _Optional[int] = ..., instance: _Optional[str] = ..., highest_acked: _Optional[int] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., events_highest_acked: _Optional[int] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("frame_bytes", "batch_bytes", "batch_samples", "batches_in_flight", "batch_events", "any_names")
    FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    BATCH_BYTES_FIELD_NUMBER: _ClassVar[int]
    BATCH_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    BATCHES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    BATCH_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ANY_NAMES_FIELD_NUMBER: _ClassVar[int]
    frame_bytes: int
    batch_bytes: int
    batch_samples: int
    batches_in_flight: int
    batch_events: int
    any_names: bool
    def __init__(self, frame_bytes: _Optional[int] = ..., batch_bytes: _Optional[int] = ..., batch_samples: _Optional[int] = ..., batches_in_flight: _Optional[int] = ..., batch_events: _Optional[int] = ..., any_names: _Optional[bool] = ...) -> None: ...

class SeriesDefinitions(_message.Message):
    __slots__ = ("series",)
    SERIES_FIELD_NUMBER: _ClassVar[int]
    series: _containers.RepeatedCompositeFieldContainer[Series]
    def __init__(self, series: _Optional[_Iterable[_Union[Series, _Mapping]]] = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ("id", "name", "labels", "kind")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    labels: _containers.ScalarMap[str, str]
    kind: Kind
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., kind: _Optional[_Union[Kind, str]] = ...) -> None: ...

class Layout(_message.Message):
    __slots__ = ("id", "input", "job", "device", "series")
    ID_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    id: int
    input: str
    job: str
    device: str
    series: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id: _Optional[int] = ..., input: _Optional[str] = ..., job: _Optional[str] = ..., device: _Optional[str] = ..., series: _Optional[_Iterable[int]] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("epoch", "sequence", "clock_ms", "age_ms", "gathers")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    GATHERS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    sequence: int
    clock_ms: int
    age_ms: int
    gathers: _containers.RepeatedCompositeFieldContainer[Gather]
    def __init__(self, epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., clock_ms: _Optional[int] = ..., age_ms: _Optional[int] = ..., gathers: _Optional[_Iterable[_Union[Gather, _Mapping]]] = ...) -> None: ...

class Gather(_message.Message):
    __slots__ = ("layout", "time_ms", "values")
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    layout: int
    time_ms: int
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, layout: _Optional[int] = ..., time_ms: _Optional[int] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class EventBatch(_message.Message):
    __slots__ = ("epoch", "sequence", "clock_ms", "age_ms", "events")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_MS_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    sequence: int
    clock_ms: int
    age_ms: int
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., clock_ms: _Optional[int] = ..., age_ms: _Optional[int] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("time_ms", "source", "kind", "severity", "text", "count", "device", "address", "fields")
    class FieldsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    time_ms: int
    source: str
    kind: str
    severity: Severity
    text: str
    count: int
    device: str
    address: str
    fields: _containers.ScalarMap[str, str]
    def __init__(self, time_ms: _Optional[int] = ..., source: _Optional[str] = ..., kind: _Optional[str] = ..., severity: _Optional[_Union[Severity, str]] = ..., text: _Optional[str] = ..., count: _Optional[int] = ..., device: _Optional[str] = ..., address: _Optional[str] = ..., fields: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("epoch", "sequence", "acked", "retry", "refused")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACKED_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    sequence: int
    acked: Acked
    retry: Retry
    refused: Refused
    def __init__(self, epoch: _Optional[int] = ..., sequence: _Optional[int] = ..., acked: _Optional[_Union[Acked, _Mapping]] = ..., retry: _Optional[_Union[Retry, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ...) -> None: ...

class Acked(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Retry(_message.Message):
    __slots__ = ("after_ms", "message")
    AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    after_ms: int
    message: str
    def __init__(self, after_ms: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: Reason
    message: str
    def __init__(self, reason: _Optional[_Union[Reason, str]] = ..., message: _Optional[str] = ...) -> None: ...

class Jobs(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("device", "host", "port", "interval_ms", "credentials", "facts_interval_ms", "profile", "speeds_bps")
    class SpeedsBpsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    FACTS_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    SPEEDS_BPS_FIELD_NUMBER: _ClassVar[int]
    device: str
    host: str
    port: int
    interval_ms: int
    credentials: _containers.RepeatedCompositeFieldContainer[SnmpCredential]
    facts_interval_ms: int
    profile: str
    speeds_bps: _containers.ScalarMap[str, float]
    def __init__(self, device: _Optional[str] = ..., host: _Optional[str] = ..., port: _Optional[int] = ..., interval_ms: _Optional[int] = ..., credentials: _Optional[_Iterable[_Union[SnmpCredential, _Mapping]]] = ..., facts_interval_ms: _Optional[int] = ..., profile: _Optional[str] = ..., speeds_bps: _Optional[_Mapping[str, float]] = ...) -> None: ...

class SnmpCredential(_message.Message):
    __slots__ = ("name", "version", "community", "user", "auth", "auth_password", "priv", "priv_password", "key_expansion")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COMMUNITY_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    AUTH_FIELD_NUMBER: _ClassVar[int]
    AUTH_PASSWORD_FIELD_NUMBER: _ClassVar[int]
    PRIV_FIELD_NUMBER: _ClassVar[int]
    PRIV_PASSWORD_FIELD_NUMBER: _ClassVar[int]
    KEY_EXPANSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    community: str
    user: str
    auth: str
    auth_password: str
    priv: str
    priv_password: str
    key_expansion: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., community: _Optional[str] = ..., user: _Optional[str] = ..., auth: _Optional[str] = ..., auth_password: _Optional[str] = ..., priv: _Optional[str] = ..., priv_password: _Optional[str] = ..., key_expansion: _Optional[str] = ...) -> None: ...

class PollNow(_message.Message):
    __slots__ = ("devices", "afresh", "ports")
    class PortsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Ports
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Ports, _Mapping]] = ...) -> None: ...
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    AFRESH_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedScalarFieldContainer[str]
    afresh: _containers.RepeatedScalarFieldContainer[str]
    ports: _containers.MessageMap[str, Ports]
    def __init__(self, devices: _Optional[_Iterable[str]] = ..., afresh: _Optional[_Iterable[str]] = ..., ports: _Optional[_Mapping[str, Ports]] = ...) -> None: ...

class Ports(_message.Message):
    __slots__ = ("if_indexes",)
    IF_INDEXES_FIELD_NUMBER: _ClassVar[int]
    if_indexes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, if_indexes: _Optional[_Iterable[int]] = ...) -> None: ...

class DeviceReport(_message.Message):
    __slots__ = ("device", "time_ms", "answered", "trouble", "profile", "vendor", "os", "model", "version", "serial", "object_id", "name", "descr", "location", "contact")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    OBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCR_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CONTACT_FIELD_NUMBER: _ClassVar[int]
    device: str
    time_ms: int
    answered: bool
    trouble: str
    profile: str
    vendor: str
    os: str
    model: str
    version: str
    serial: str
    object_id: str
    name: str
    descr: str
    location: str
    contact: str
    def __init__(self, device: _Optional[str] = ..., time_ms: _Optional[int] = ..., answered: _Optional[bool] = ..., trouble: _Optional[str] = ..., profile: _Optional[str] = ..., vendor: _Optional[str] = ..., os: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[str] = ..., serial: _Optional[str] = ..., object_id: _Optional[str] = ..., name: _Optional[str] = ..., descr: _Optional[str] = ..., location: _Optional[str] = ..., contact: _Optional[str] = ...) -> None: ...

class DeviceFacts(_message.Message):
    __slots__ = ("device", "time_ms", "part", "is_last", "tables")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    IS_LAST_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    device: str
    time_ms: int
    part: int
    is_last: bool
    tables: _containers.RepeatedCompositeFieldContainer[FactTable]
    def __init__(self, device: _Optional[str] = ..., time_ms: _Optional[int] = ..., part: _Optional[int] = ..., is_last: _Optional[bool] = ..., tables: _Optional[_Iterable[_Union[FactTable, _Mapping]]] = ...) -> None: ...

class FactTable(_message.Message):
    __slots__ = ("kind", "is_complete", "columns")
    KIND_FIELD_NUMBER: _ClassVar[int]
    IS_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    is_complete: bool
    columns: _containers.RepeatedCompositeFieldContainer[FactColumn]
    def __init__(self, kind: _Optional[str] = ..., is_complete: _Optional[bool] = ..., columns: _Optional[_Iterable[_Union[FactColumn, _Mapping]]] = ...) -> None: ...

class FactColumn(_message.Message):
    __slots__ = ("field", "values")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    field: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, field: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class Sweep(_message.Message):
    __slots__ = ("id", "networks", "follow", "ports", "credentials", "packets_per_s", "is_stopped")
    ID_FIELD_NUMBER: _ClassVar[int]
    NETWORKS_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    PACKETS_PER_S_FIELD_NUMBER: _ClassVar[int]
    IS_STOPPED_FIELD_NUMBER: _ClassVar[int]
    id: int
    networks: _containers.RepeatedScalarFieldContainer[str]
    follow: _containers.RepeatedScalarFieldContainer[str]
    ports: _containers.RepeatedScalarFieldContainer[int]
    credentials: _containers.RepeatedCompositeFieldContainer[SnmpCredential]
    packets_per_s: int
    is_stopped: bool
    def __init__(self, id: _Optional[int] = ..., networks: _Optional[_Iterable[str]] = ..., follow: _Optional[_Iterable[str]] = ..., ports: _Optional[_Iterable[int]] = ..., credentials: _Optional[_Iterable[_Union[SnmpCredential, _Mapping]]] = ..., packets_per_s: _Optional[int] = ..., is_stopped: _Optional[bool] = ...) -> None: ...

class SweepNews(_message.Message):
    __slots__ = ("id", "done", "total", "found", "is_over", "trouble")
    ID_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    IS_OVER_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    id: int
    done: int
    total: int
    found: _containers.RepeatedCompositeFieldContainer[Found]
    is_over: bool
    trouble: str
    def __init__(self, id: _Optional[int] = ..., done: _Optional[int] = ..., total: _Optional[int] = ..., found: _Optional[_Iterable[_Union[Found, _Mapping]]] = ..., is_over: _Optional[bool] = ..., trouble: _Optional[str] = ...) -> None: ...

class Found(_message.Message):
    __slots__ = ("address", "answered", "mac", "rtt_s", "ports", "names", "credential", "told", "via")
    class NamesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class ToldEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    RTT_S_FIELD_NUMBER: _ClassVar[int]
    PORTS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    VIA_FIELD_NUMBER: _ClassVar[int]
    address: str
    answered: _containers.RepeatedScalarFieldContainer[str]
    mac: str
    rtt_s: float
    ports: _containers.RepeatedScalarFieldContainer[int]
    names: _containers.ScalarMap[str, str]
    credential: str
    told: _containers.ScalarMap[str, str]
    via: str
    def __init__(self, address: _Optional[str] = ..., answered: _Optional[_Iterable[str]] = ..., mac: _Optional[str] = ..., rtt_s: _Optional[float] = ..., ports: _Optional[_Iterable[int]] = ..., names: _Optional[_Mapping[str, str]] = ..., credential: _Optional[str] = ..., told: _Optional[_Mapping[str, str]] = ..., via: _Optional[str] = ...) -> None: ...

class Checks(_message.Message):
    __slots__ = ("checks",)
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    checks: _containers.RepeatedCompositeFieldContainer[AssignedCheck]
    def __init__(self, checks: _Optional[_Iterable[_Union[AssignedCheck, _Mapping]]] = ...) -> None: ...

class AssignedCheck(_message.Message):
    __slots__ = ("name", "revision", "options", "devices")
    class DevicesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    name: str
    revision: int
    options: str
    devices: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., revision: _Optional[int] = ..., options: _Optional[str] = ..., devices: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CheckReport(_message.Message):
    __slots__ = ("check", "revision", "time_ms", "outcome", "trouble", "duration_s")
    CHECK_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    check: str
    revision: int
    time_ms: int
    outcome: CheckOutcome
    trouble: str
    duration_s: float
    def __init__(self, check: _Optional[str] = ..., revision: _Optional[int] = ..., time_ms: _Optional[int] = ..., outcome: _Optional[_Union[CheckOutcome, str]] = ..., trouble: _Optional[str] = ..., duration_s: _Optional[float] = ...) -> None: ...
