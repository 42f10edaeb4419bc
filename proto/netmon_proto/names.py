"""What metrics and labels may be called, and how their names are written."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

NAME_BYTES: Final = 256
STAMPED: Final = ("instance", "job", "site")
"""Labels that are the collector's to give."""
METRIC_WORD: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_WORD: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""Names that need no quotation marks: all that there were before Prometheus 3."""

_NAME: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_ODD: Final = re.compile(r"^[0-9]|[^a-zA-Z0-9:]")
_MARKS: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


def is_name(text: str) -> bool:
    """Whether a metric or a label may be called so: by any text of UTF-8 that is not too long. Control characters would
    break the lines of pages, tables and logs that names stand in, and mean something to terminals.
    """
    return _NAME.fullmatch(text) is not None and (len(text) if text.isascii() else len(text.encode())) <= NAME_BYTES


def label_name(text: str) -> str:
    """The same text, if a label that somebody chooses may be called so. Raises ValueError."""
    if not is_name(text) or text == "__name__":
        raise ValueError(f"must be a label's name: text of up to {NAME_BYTES} bytes without control characters")
    return text


def exported(labels: Mapping[str, str], own: Mapping[str, str], taken: Sequence[str] = ()) -> dict[str, str]:
    """Labels that came from elsewhere, with our own beside them. Those whose names are our own, or are taken, are kept
    as `exported_…`, as often as it needs to be another name, as Prometheus does.
    """
    odd = labels.keys() & {*own, *taken}
    found = {**{name: value for name, value in labels.items() if name not in odd}, **own}
    for name in sorted(odd, key=lambda name: (len(name), name)):
        fresh = f"exported_{name}"
        while fresh in found or fresh in labels:
            fresh = f"exported_{fresh}"
        found[fresh] = labels[name]
    return found


def quoted(text: str) -> str:
    """A text in quotation marks, as pages and selectors have it."""
    return f'"{text.translate(_MARKS)}"'


def label_text(name: str) -> str:
    """A label's name as pages and selectors have it."""
    return name if LABEL_WORD.fullmatch(name) else quoted(name)


def series_text(name: str, pairs: Iterable[str]) -> str:
    """A series as pages and selectors have it, its labels as `label="value"`."""
    if METRIC_WORD.fullmatch(name):
        inner = ",".join(pairs)
        return f"{name}{{{inner}}}" if inner else name
    return f"{{{','.join([quoted(name), *pairs])}}}"


def coded(name: str, word: re.Pattern[str]) -> str:
    """A name for who takes words alone: as it is where it is one, else by the code of each odd character, as Prometheus
    does (`U__http_2e_requests`). What becomes too long ends in a digest.
    """
    if word.fullmatch(name):
        return name
    text = "U__" + _ODD.sub(lambda odd: "__" if odd[0] == "_" else f"_{ord(odd[0]):x}_", name)
    if word is LABEL_WORD:
        text = text.replace(":", "_3a_")
    if len(text) <= NAME_BYTES:
        return text
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    return f"{text[: NAME_BYTES - len(digest) - 1]}_{digest}"


def underscored(name: str, word: re.Pattern[str]) -> str:
    """A name for who takes words alone, with underscores for what is odd: others may then be called the same."""
    if word.fullmatch(name):
        return name
    text = _ODD.sub("_", name)
    return text.replace(":", "_") if word is LABEL_WORD else text
