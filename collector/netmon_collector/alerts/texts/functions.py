"""The functions that templates of notifications may call: Go's own, and Alertmanager's."""

import html
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus
from zoneinfo import ZoneInfo

import orjson

from netmon_collector.rules.template.functions import FUNCTIONS, Known
from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.values import Moment, Safe, Value, printed

_SHARED: Final = (
    "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print", "println", "printf", "js",
    "urlquery", "title", "toUpper", "toLower", "match", "reReplaceAll", "humanizeDuration",
)  # fmt: skip


def _join(separator: str, texts: Value) -> str:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise TemplateError("error calling join: expected a list of strings")
    return separator.join(texts)


def _moment(name: str, value: Value) -> Moment:
    if not isinstance(value, Moment):
        raise TemplateError(f"error calling {name}: expected a time")
    return value


def _tz(name: str, value: Value) -> Moment:
    moment = _moment("tz", value)
    try:
        return Moment(moment.seconds, ZoneInfo(name))
    except (OSError, ValueError, KeyError):
        raise TemplateError(f"error calling tz: unknown time zone {name}") from None


def _to_json(value: Value) -> str:
    try:
        return orjson.dumps(value, default=_jsonable).decode()
    except (TypeError, UnicodeError) as error:
        raise TemplateError(f"error calling toJson: {error}") from None


def _jsonable(value: Value) -> Value:
    fields = getattr(value, "fields", None)
    if fields is not None:
        return dict(fields)
    if isinstance(value, list | dict):
        return list(value) if isinstance(value, list) else dict(value)
    return printed(value)


def _appended(values: Value, *more: Value) -> list[Value]:
    if not isinstance(values, list):
        raise TemplateError("error calling append: expected a list")
    return [*values, *more]


def _dict(*pairs: Value) -> dict[str, Value]:
    if len(pairs) % 2 or not all(isinstance(name, str) for name in pairs[::2]):
        raise TemplateError("error calling dict: expected names and values in turn")
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


# fmt: off
NOTIFICATION_FUNCTIONS: Final[Mapping[str, Known]] = {
    **{name: FUNCTIONS[name] for name in _SHARED},
    # already HTML, so that a page that escapes what it prints does not do so twice
    "html": Known(("any",), lambda *values: Safe(html.escape("".join(map(printed, values)))), repeats=True),
    "safeHtml": Known(("text",), Safe),
    "safeUrl": Known(("text",), lambda text: Safe(html.escape(text))),
    "urlUnescape": Known(("text",), unquote_plus),
    "trimSpace": Known(("text",), str.strip),
    "join": Known(("text", "any"), _join),
    "stringSlice": Known(("text",), lambda *texts: list(texts), repeats=True),
    "list": Known(("any",), lambda *values: list(values), repeats=True),
    "append": Known(("any", "any"), _appended, repeats=True),
    "dict": Known(("any",), _dict, repeats=True),
    "toJson": Known(("any",), _to_json),
    "date": Known(("text", "any"), lambda layout, when: _moment("date", when).field("Format", [layout])),
    "tz": Known(("text", "any"), _tz),
    "since": Known(("any",), lambda when: _moment("since", when)),
}
# fmt: on
