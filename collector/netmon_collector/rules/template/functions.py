"""The functions that a template may call: Go's own, and Prometheus'.

`and`, `or`, `query`, `tmpl` and `externalURL` need more than their arguments: evaluate.py calls those itself.
"""

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, quote_plus

import re2

from netmon_collector.query.syntax.literals import duration_ms
from netmon_collector.rules.template import humanize
from netmon_collector.rules.template.nodes import TemplateError
from netmon_collector.rules.template.printf import printf
from netmon_collector.rules.template.values import Moment, Sample, Span, Value, is_true, printed, type_name

_NO_TEXT: Final = re.compile("[\ud800-\udfff]")
MOST_REPLACED: Final = 1 << 20
_DURATION: Final = re.compile(r"(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?")


@dataclass(frozen=True, slots=True)
class Known:
    """A function: the kinds of its arguments, of which the last may be repeated; and what it does."""

    kinds: tuple[str, ...]
    call: Callable[..., Value]
    repeats: bool = False


def called(name: str, known: Known, arguments: list[Value]) -> Value:
    """What a function makes of arguments. Raises TemplateError where they are not what it takes."""
    least = len(known.kinds) - known.repeats
    if len(arguments) < least or (not known.repeats and len(arguments) > least):
        many = "at least " if known.repeats else ""
        raise TemplateError(f"wrong number of args for {name}: want {many}{least} got {len(arguments)}")
    given = [
        _fitting(name, known.kinds[min(place, len(known.kinds) - 1)], value) for place, value in enumerate(arguments)
    ]
    return known.call(*given)


def _fitting(name: str, kind: str, value: Value) -> Value:
    match kind:
        case "any":
            return value
        case "text" if isinstance(value, str):
            return value
        case "number":
            return _number(name, value)
        case "whole" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "result" if isinstance(value, list):
            return value
        case "sample" if isinstance(value, Sample):
            return value
    want = {"text": "string", "whole": "int", "result": "the result of a query", "sample": "a sample"}[kind]
    raise TemplateError(f"wrong type for value of {name}; expected {want}; got {type_name(value)}")


def _number(name: str, value: Value) -> float:
    if isinstance(value, Span):
        return value.seconds
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise TemplateError(f"{name}: can't convert {type_name(value)} {printed(value)!r} to float")


def _compared(op: str, one: Value, other: Value) -> bool:
    kinds = [str if isinstance(value, str) else type(value) for value in (one, other)]
    if kinds[0] is not kinds[1] or kinds[0] not in (str, int, float, bool):
        if op in ("eq", "ne") and None in (one, other):
            return (one is other) == (op == "eq")
        raise TemplateError(f"error calling {op}: incompatible types for comparison")
    if kinds[0] is bool and op not in ("eq", "ne"):
        raise TemplateError(f"error calling {op}: invalid type for comparison")
    return bool(_COMPARISONS[op](one, other))


def _equals_any(one: Value, *others: Value) -> bool:
    return any(_compared("eq", one, other) for other in others)


_COMPARISONS: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "lt": lambda one, other: one < other,
    "le": lambda one, other: one <= other,
    "gt": lambda one, other: one > other,
    "ge": lambda one, other: one >= other,
}


def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key, "")
        elif isinstance(value, list | str) and isinstance(key, int):
            if not 0 <= key < len(value):
                raise TemplateError(f"error calling index: index out of range: {key}")
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise TemplateError(f"error calling index: can't index item of type {type_name(value)}")
    return value


def _slice(value: Value, *bounds: Value) -> Value:
    if not isinstance(value, str | list) or not all(isinstance(one, int) for one in bounds) or len(bounds) > 2:
        raise TemplateError(f"error calling slice: can't slice item of type {type_name(value)}")
    low = bounds[0] if bounds else 0
    high = bounds[1] if len(bounds) > 1 else len(value)
    if not 0 <= low <= high <= len(value):
        raise TemplateError("error calling slice: index out of range")
    return value[low:high]


def _len(value: Value) -> int:
    if not isinstance(value, str | list | dict):
        raise TemplateError(f"error calling len: len of type {type_name(value)}")
    return len(value.encode(errors="surrogateescape")) if isinstance(value, str) else len(value)


def _print(*values: Value) -> str:
    """Operands with a space between two of which neither is a string."""
    out = ""
    for place, value in enumerate(values):
        spaced = place and not isinstance(value, str) and not isinstance(values[place - 1], str)
        out += (" " if spaced else "") + printed(value)
    return out


def _first(result: list[Sample]) -> Sample:
    if not result:
        raise TemplateError("error calling first: first() called on vector with no elements")
    return result[0]


def _expression(text: str) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(text, options)
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise TemplateError(f"bad regular expression {text!r}: {why}") from None


def _readable(text: str) -> str:
    """Text in which bytes that are none are U+FFFD, as for Go's functions."""
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


def _matches(pattern: str, text: str) -> bool:
    return _expression(pattern).search(_readable(text)) is not None


def _re_replace_all(pattern: str, replacement: str, text: str) -> str:
    """Go's Expand: $1, ${1}, $name and ${name} stand for groups, $$ for a dollar sign."""
    compiled = _expression(pattern)
    made = 0

    def put(found: "re2._Match") -> str:
        def group(which: re.Match[str]) -> str:
            if which.group() == "$$":
                return "$"
            name = which[1] or which[2]
            try:
                return found.group(int(name) if name.isdigit() else name) or ""
            except (IndexError, KeyError):
                return ""

        nonlocal made
        text = re.sub(r"\$\$|\$\{(\w+)\}|\$(\w+)", group, replacement)
        made += len(text)
        if made > MOST_REPLACED:
            raise TemplateError(f"reReplaceAll: puts more than {MOST_REPLACED} characters")
        return text

    return str(compiled.sub(put, _readable(text)))


def _parse_duration(text: str) -> float:
    sign = -1 if text.startswith("-") else 1
    plain = text.lstrip("-")
    if plain == "0":
        return 0.0
    if not plain or not _DURATION.fullmatch(plain) or len(plain) > 60:
        raise TemplateError(f"error calling parseDuration: not a valid duration string: {text!r}")
    try:
        return sign * duration_ms(plain) / 1000
    except ValueError as error:
        raise TemplateError(f"error calling parseDuration: {error}") from None


def _strip_port(address: str) -> str:
    host, colon, _ = address.rpartition(":")
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        return address
    return host.removeprefix("[").removesuffix("]")


def _strip_domain(address: str) -> str:
    host = _strip_port(address)
    port = address[len(host) :] if address.startswith(host) else ""
    try:
        ip_address(host)
    except ValueError:
        return host.partition(".")[0] + port
    return address


def _label(name: str, sample: Sample) -> str:
    return sample.labels.get(name, "")


def _sort_by_label(name: str, result: list[Sample]) -> list[Sample]:
    return sorted(result, key=lambda sample: sample.labels.get(name, ""))


def _graph_link(expression: str, tab: int) -> str:
    return f"/graph?g0.expr={quote_plus(_readable(expression))}&g0.tab={tab}"


def _timestamp(value: float) -> str:
    return Moment(value).text() if abs(value) < 1e12 else humanize.four_digits(value)


def _title(text: str) -> str:
    return re.sub(r"(?<!\w)[^\W\d_]", lambda letter: letter.group().upper(), text)


# fmt: off
FUNCTIONS: Final[Mapping[str, Known]] = {
    # Go's own
    "and": Known(("any",), lambda *_: None, repeats=True),
    "or": Known(("any",), lambda *_: None, repeats=True),
    "not": Known(("any",), lambda value: not is_true(value)),
    "eq": Known(("any", "any", "any"), _equals_any, repeats=True),
    **{op: Known(("any", "any"), partial(_compared, op)) for op in ("ne", "lt", "le", "gt", "ge")},
    "len": Known(("any",), _len),
    "index": Known(("any", "any"), _index, repeats=True),
    "slice": Known(("any", "any"), _slice, repeats=True),
    "print": Known(("any",), _print, repeats=True),
    "println": Known(("any",), lambda *values: " ".join(map(printed, values)) + "\n", repeats=True),
    "printf": Known(("text", "any"), lambda form, *values: printf(form, list(values)), repeats=True),
    "html": Known(("any",), lambda *values: html.escape(_print(*values)), repeats=True),
    "js": Known(("any",), lambda *values: json.dumps(_print(*values))[1:-1].replace("<", "\\u003C"), repeats=True),
    "urlquery": Known(("any",), lambda *values: quote_plus(_readable(_print(*values))), repeats=True),
    # Prometheus', see prometheus.io/docs/prometheus/latest/configuration/template_reference
    "query": Known(("text",), lambda _: None),
    "tmpl": Known(("text", "any"), lambda *_: None),
    "externalURL": Known((), lambda: None),
    "pathPrefix": Known((), lambda: ""),
    "first": Known(("result",), _first),
    "label": Known(("text", "sample"), _label),
    "value": Known(("sample",), lambda sample: sample.value),
    "strvalue": Known(("sample",), lambda sample: sample.labels.get("__value__", "")),
    "sortByLabel": Known(("text", "result"), _sort_by_label),
    "args": Known(("any",), lambda *values: {f"arg{place}": value for place, value in enumerate(values)}, repeats=True),
    "humanize": Known(("number",), humanize.humanize),
    "humanize1024": Known(("number",), humanize.humanize_1024),
    "humanizeDuration": Known(("number",), humanize.humanize_duration),
    "humanizePercentage": Known(("number",), humanize.humanize_percentage),
    "humanizeTimestamp": Known(("number",), _timestamp),
    "toTime": Known(("number",), Moment),
    "toDuration": Known(("number",), Span),
    "now": Known((), lambda: None),
    "parseDuration": Known(("text",), _parse_duration),
    "title": Known(("text",), _title),
    "toUpper": Known(("text",), str.upper),
    "toLower": Known(("text",), str.lower),
    "match": Known(("text", "text"), _matches),
    "reReplaceAll": Known(("text", "text", "text"), _re_replace_all),
    "stripPort": Known(("text",), _strip_port),
    "stripDomain": Known(("text",), _strip_domain),
    "safeHtml": Known(("text",), str),
    "urlQueryEscape": Known(("text",), lambda text: quote(_readable(text), safe="")),
    "graphLink": Known(("text",), lambda expression: _graph_link(expression, 0)),
    "tableLink": Known(("text",), lambda expression: _graph_link(expression, 1)),
}
# fmt: on
INCONSTANT: Final = frozenset({"query", "now"})
"""Functions that give something else another time."""
