"""Reads pages in Prometheus' text format and OpenMetrics. Of a line that was seen before, only the value is read."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from netmon_agent.inputs.base import Columns, Key
from netmon_proto.model import NAME, Kind
from netmon_proto.names import NAME_BYTES, is_name

_LABEL: Final = re.compile(
    r'\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|"((?:[^"\\]|\\.)*)")\s*(?:=\s*"((?:[^"\\]|\\.)*)"\s*)?(?:,|\Z)', re.DOTALL
)
_LINE: Final = re.compile(
    r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*|(?=\{))[ \t]*(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?'
    r"[ \t]*(?<=[ \t}])([^ \t#]+)(?:[ \t]+[-+.0-9eE]+)?[ \t]*(?:#.*)?"
)
_SERIES: Final = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*|(?=\{))(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?')
_TYPE: Final = re.compile(r'# TYPE[ \t]+(?:"((?:[^"\\]|\\.)*)"|(\S+))[ \t]+(\S.*)')
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MEANINGS: Final = {"n": "\n", "\\": "\\", '"': '"'}
_COUNTING: Final = ("_total", "_bucket", "_count", "_sum")
_MOST_LABELS: Final = 60
_VALUE_BYTES: Final = 4096

Relabel = Callable[[dict[str, str]], dict[str, str]]


class BadPage(Exception):
    """A page that cannot be read, and where."""


class Reader:
    """The pages of one target. While the series on a page stay the same, `read` hands out the same keys."""

    def __init__(self, relabel: Relabel, most_samples: int, reserved: Iterable[Key] = ()) -> None:
        """Series that are `reserved` are left out, should they be on the page."""
        self._reserved = {(key.name, key.labels) for key in reserved}
        self._relabel = relabel
        self._most_samples = most_samples
        self._known: dict[str, Key | None] = {}
        """By what stands before the value; None where a name has what no name may have."""
        self._before: list[str] = []
        self._keys: tuple[Key, ...] = ()
        self._places: list[int] | None = None
        """Which lines count, where some series are on the page twice."""

    def read(self, page: str, *, must_end: bool = False) -> Columns:
        """The samples of a page, each series once; `must_end`: it is cut off without a last line `# EOF`.

        Raises BadPage.
        """
        if len(self._known) > 2 * self._most_samples + 1000:  # so that series which come and go do not pile up
            self._known = {}
        lines = page.split("\n")
        if must_end and not page.rstrip("\n").endswith("# EOF"):
            raise BadPage("the page is cut off: it has no # EOF")
        series, texts = self._split(lines)
        if len(series) > self._most_samples:
            raise BadPage(f"the page has {len(series)} samples; at most {self._most_samples} are taken (max_samples)")
        if series != self._before:
            self._learn(series, lines)
        try:
            values = list(map(float, texts))
        except ValueError:
            at = next(at for at, text in enumerate(texts) if not _is_number(text))
            raise BadPage(f"{series[at][:100]!r} has the value {texts[at][:40]!r}") from None
        return Columns(self._keys, values if self._places is None else [values[place] for place in self._places])

    def _split(self, lines: Iterable[str]) -> tuple[list[str], list[str]]:
        """The lines that hold samples, as series and value."""
        series, texts = [], []
        known = self._known
        for line in lines:
            if not line or line[0] == "#":
                continue
            head, _, text = line.rpartition(" ")
            if head not in known and not self._note(head):
                if not (line := line.strip()) or line[0] == "#":
                    continue
                head, text = self._odd(line)
            series.append(head)
            texts.append(text)
        return series, texts

    def _note(self, head: str) -> bool:
        """Takes a new series; False where the text is something else, such as one with a value before a time."""
        found = _SERIES.fullmatch(head)
        if found is None:
            return False
        self._known[head] = self._key(found[1], found[2] or "")
        return True

    def _odd(self, line: str) -> tuple[str, str]:
        """A line with a time, an exemplar or blanks. Raises BadPage."""
        found = _LINE.fullmatch(line)
        if found is None:
            raise BadPage(f"the line {line[:100]!r} is no sample")
        head = f"{found[1]}{{{found[2]}}}" if found[2] else found[1]
        if head not in self._known:
            self._known[head] = self._key(found[1], found[2] or "")
        return head, found[3]

    def _key(self, name: str, text: str) -> Key | None:
        found = _labels(text)
        quoted_name = found.pop(NAME, "")
        if bool(name) == bool(quoted_name):
            raise BadPage(f"{name}{{{text[:100]}}} has {'more than one' if name else 'no'} name")
        name = name or quoted_name
        labels = self._relabel(found)
        if any(len(one.encode()) > NAME_BYTES for one in (name, *labels)):
            raise BadPage(f"{name[:100]!r} or one of its labels has a name of more than {NAME_BYTES} bytes")
        if not all(map(is_name, (name, *labels))):
            return None
        if len(labels) > _MOST_LABELS:
            raise BadPage(f"{name!r} has {len(labels)} labels; at most {_MOST_LABELS} are taken")
        for label, value in labels.items():
            if len(value.encode()) > _VALUE_BYTES:
                raise BadPage(f"label {label!r} of {name!r} has a value of more than {_VALUE_BYTES} bytes")
        return Key(name, tuple(sorted(labels.items())), Kind.UNKNOWN)

    def _learn(self, series: list[str], lines: Sequence[str]) -> None:
        """Makes the keys anew: the series on the page are others than last time."""
        kinds = _types(lines)
        keys: dict[tuple[str, tuple[tuple[str, str], ...]], Key] = {}
        places = []
        for place, head in enumerate(series):
            known = self._known[head]
            if known is None:
                continue
            series_of = (known.name, known.labels)
            if series_of not in keys and series_of not in self._reserved:
                keys[series_of] = known._replace(kind=_kind(known.name, kinds))
                places.append(place)
        self._keys = tuple(keys.values())
        self._places = None if len(places) == len(series) else places
        self._before = series


def _labels(text: str) -> dict[str, str]:
    """What is in the braces; a name in quotation marks without a value is the metric's."""
    labels: dict[str, str] = {}
    at = 0
    while text[at:] and not text[at:].isspace():
        found = _LABEL.match(text, at)
        if found is None:
            raise BadPage(f"the labels {text[:100]!r} cannot be read")
        word, quoted, value = found.groups()
        name = word if quoted is None else _ESCAPED.sub(_meaning, quoted)
        if value is None and quoted is not None:
            name, value = NAME, quoted
        if value is None or name in labels:
            raise BadPage(f"the labels {text[:100]!r} cannot be read")
        labels[name] = _ESCAPED.sub(_meaning, value)
        at = found.end()
    return {name: value for name, value in labels.items() if value}


def _meaning(found: re.Match[str]) -> str:
    return _MEANINGS.get(found[1], found[0])


def _types(lines: Iterable[str]) -> dict[str, str]:
    """The types that a page tells, by family."""
    told = (_TYPE.match(line) for line in lines if line.startswith("# TYPE "))
    return {found[2] or _ESCAPED.sub(_meaning, found[1]): found[3].strip() for found in told if found}


def _kind(name: str, types: dict[str, str]) -> Kind:
    told = types.get(name)
    if told == "counter":
        return Kind.COUNTER
    if told is None and name.endswith(_COUNTING):
        family = types.get(name.rpartition("_")[0])
        return Kind.COUNTER if family in ("counter", "histogram", "summary", None) else Kind.GAUGE
    return Kind.GAUGE


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
