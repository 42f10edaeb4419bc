"""What an alert is, and how whoever raises alerts hands them to whoever tells people of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from netmon_proto.model import Labels

ALERT_NAME: Final = "alertname"

_LONE: Final = re.compile("[\ud800-\udfff]")
_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_SEPARATOR: Final = 0xFF
_BITS: Final = (1 << 64) - 1


class AlertState(StrEnum):
    """Where an alert is in its life, by the names that Prometheus gives them."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "inactive"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as of the newest evaluation. Times are Unix milliseconds.

    labels: who it is, sorted by name, `alertname` among them; the same alert has the same labels for all its life.
    annotations: what people are told, sorted by name; they may differ from one evaluation to the next.
    active_at_ms: since when the expression has held. fired_at_ms: since when it has been firing, None while it is
    pending. resolved_at_ms: since when it has been over, None while it is not.
    value: what the expression came to when it last held. generator: the path and query below the collector's own URL
    that show the expression, never the whole URL.
    valid_until_ms: of a firing alert: if nothing more is heard of it by then it is over, because whoever raised it
    is gone; None where that never happens by itself.
    """

    labels: Labels
    annotations: Labels
    state: AlertState
    active_at_ms: int
    value: float
    generator: str = ""
    fired_at_ms: int | None = None
    resolved_at_ms: int | None = None
    valid_until_ms: int | None = None

    @property
    def name(self) -> str:
        return next((value for name, value in self.labels if name == ALERT_NAME), "")

    @property
    def fingerprint(self) -> str:
        """What Alertmanager calls this alert: 16 hexadecimal digits."""
        return fingerprint_of(self.labels)


def mended(alert: Alert) -> Alert:
    """The same alert, with a replacement character for what no text can hold (lone surrogates): neither databases nor
    receivers take these, and what is said around them is worth telling."""
    texts = [text for pair in (*alert.labels, *alert.annotations) for text in pair]
    if all(map(str.isascii, texts)) or not any(_LONE.search(text) for text in texts):
        return alert
    pairs = [tuple((_whole(name), _whole(value)) for name, value in some) for some in (alert.labels, alert.annotations)]
    return replace(alert, labels=tuple(sorted(pairs[0])), annotations=pairs[1])


class AlertReceiver(Protocol):
    """Takes alerts from rules, and from whatever else raises alerts. One event loop calls it.

    What a caller owes:
    - Pending alerts are never handed on. An alert is handed on when it starts firing, again every `resend` period while
      it fires (a minute, if nobody says otherwise), when it is resolved, and then for 15 minutes every `resend` period.
    - A firing alert comes before the resolved one of the same labels and `fired_at_ms`. Alerts of one evaluation come
      in one call, sorted by labels; calls come in the order of evaluation for each rule, in no order among rules.
    - An alert that fires again after it was resolved has a later `fired_at_ms`.
    - After a crash between evaluation and `take`, or within `take`, the same is handed on again: nothing is left out.
    - An alert that was firing before a restart fires on with the same `fired_at_ms`.

    What a receiver owes:
    - The same alert may come any number of times: (fingerprint, fired_at_ms, resolved or not) says whether it is news.
    - When `take` returns, what was new is on disk. It returns within a second however many alerts there are (10,000 at
      most in one call), and does not wait for any delivery.
    - `take` raises AlertsNotTaken where that fails; the caller then hands on the same again after the next evaluation,
      and evaluates meanwhile as ever. Nothing else is raised.
    """

    async def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Takes alerts as of a time; each is firing or resolved."""
        ...


class AlertsNotTaken(Exception):
    """The receiver could not keep what it was given, and says why; it wants to be given it again."""


class NobodyTold:
    """A receiver for a collector that tells nobody of alerts."""

    async def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Drops them: they can still be seen in the API and as series."""


def _whole(text: str) -> str:
    return _LONE.sub("\N{REPLACEMENT CHARACTER}", text)


def fingerprint_of(labels: Labels) -> str:
    """FNV-1a, 64 bits, over names and values in the order of names, as prometheus/common's model.LabelSet has it."""
    digest = _FNV_OFFSET
    for pair in sorted(labels):
        for text in pair:
            for byte in text.encode(errors="surrogatepass"):
                digest = ((digest ^ byte) * _FNV_PRIME) & _BITS
            digest = ((digest ^ _SEPARATOR) * _FNV_PRIME) & _BITS
    return f"{digest:016x}"
