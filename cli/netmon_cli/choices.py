"""Words that options take; on their own, so that the command tree loads nothing else."""

from enum import StrEnum


class Kind(StrEnum):
    """Whose configuration file it is."""

    AGENT = "agent"
    COLLECTOR = "collector"


class Order(StrEnum):
    """What devices are sorted by, the busiest first."""

    CPU = "cpu"
    LOAD = "load"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"
    NAME = "name"


class Severity(StrEnum):
    """How grave an event is at least."""

    EMERGENCY = "emergency"
    ALERT = "alert"
    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"
    INFO = "info"
    DEBUG = "debug"


class Form(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
