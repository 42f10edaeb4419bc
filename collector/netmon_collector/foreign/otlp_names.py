"""OpenTelemetry's names as Prometheus has them by default: underscores, units in words, `_total` for counters.

The rules are those of the OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
"""

import re
from typing import Final, Literal

Type = Literal["counter", "gauge", "histogram", "summary", "unknown"]

_WORDS: Final = re.compile(r"[a-zA-Z0-9:]+")
_ODD: Final = re.compile(r"[^a-zA-Z0-9:]+")
_ODD_IN_LABEL: Final = re.compile(r"[^a-zA-Z0-9_]")
_UNITS: Final = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
_PER: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}


def unit_words(unit: str) -> tuple[str, str]:
    """A unit as the endings of a name: what it is, and per what."""
    main, _, per = (part.strip() for part in unit.partition("/"))
    first = "" if "{" in main or "}" in main else _clean(_UNITS.get(main, main))
    second = "" if "{" in per or "}" in per else _clean(_PER.get(per, per))
    return first, f"per_{second}" if second else ""


def metric_name(name: str, unit: str, kind: Type, *, can_be_ratio: bool = True) -> str:
    """The name of a metric; empty where nothing of it can stand in a name."""
    words = _WORDS.findall(name)
    for ending in unit_words(unit):
        if ending and ending not in words:
            words.append(ending)
    if kind == "counter":
        words = [word for word in words if word != "total"] + ["total"]
    if kind == "gauge" and unit == "1" and can_be_ratio:
        words = [word for word in words if word != "ratio"] + ["ratio"]
    joined = "_".join(words) if _WORDS.search(name) else ""
    return f"_{joined}" if joined[:1].isdigit() else joined


def label_name(key: str) -> str:
    """The name of a label; empty where the key is."""
    name = _ODD_IN_LABEL.sub("_", key)
    if name[:1].isdigit():
        return f"key_{name}"
    return f"key{name}" if name.startswith("_") and not name.startswith("__") else name


def _clean(unit: str) -> str:
    return _ODD.sub("_", unit).strip("_")
