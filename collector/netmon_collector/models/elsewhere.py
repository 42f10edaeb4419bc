"""Models on other servers: signed requests, within bounds, and left alone for a while where they fail."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any, Final, TypeVar

import numpy as np
from yarl import URL

from netmon_analytics.models.interfaces import Detection, Float64, Outlook
from netmon_analytics.models.protocol import FORECAST, OBSERVE, BadRequest, forecast, observed, written
from netmon_analytics.models.signing import sign
from netmon_collector.alerts.channel import NotDelivered
from netmon_collector.alerts.channels.http import Http
from netmon_configs.logs import EventLog
from netmon_proto.model import Labels

log = EventLog("netmon.collector.models")

T = TypeVar("T")

TIMEOUT_S: Final = 10.0
LARGEST_ANSWER: Final = 32 << 20
MOST_VALUES: Final = 200_000
"""Values in one request; of more series there are more requests."""
FAILURES: Final = 3
FIRST_PAUSE_S: Final = 60.0
LONGEST_PAUSE_S: Final = 900.0


class NotAnswered(Exception):
    """A model elsewhere said nothing of use; says why."""


@dataclass(slots=True)
class Breaker:
    """Whether a server is asked: after three failures not for a minute, then once, then not for twice as long."""

    failures: int = 0
    pause_s: float = FIRST_PAUSE_S
    until_s: float = 0.0

    def is_open(self, now_s: float) -> bool:
        return now_s < self.until_s

    def failed(self, now_s: float) -> None:
        self.failures += 1
        if self.failures >= FAILURES:
            self.until_s = now_s + self.pause_s
            self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)

    def worked(self) -> None:
        self.failures, self.pause_s, self.until_s = 0, FIRST_PAUSE_S, 0.0


class Elsewhere:
    """One model of another server. count: takes "ok", "failed" or "skipped" for each request.

    asked: whether it ever was. trouble: why it was not answered last, None where it was.
    """

    def __init__(
        self,
        model: str,
        url: str,
        key: str,
        http: Http,
        count: Callable[[str], None],
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._model, self._url, self.key = model, url.rstrip("/"), key
        self._http = http
        self._count = count
        self._clock_s = clock_s
        self._breaker = Breaker()
        self.asked = False
        self.trouble: str | None = None

    async def observe(self, labels: Sequence[Labels], times_s: Float64, values: Float64) -> Detection:
        """See `DetectorModel`. Raises NotAnswered."""
        parts = []
        for part in _parts(values):
            body = self._body(labels[part], values[part], times=times_s)
            parts.append(await self._ask(OBSERVE, body, partial(observed, shape=values[part].shape)))
        return Detection(np.concatenate([p.scores for p in parts]), np.concatenate([p.alarms for p in parts]))

    async def forecast(
        self, labels: Sequence[Labels], values: Float64, step_s: float, steps: int, share: float
    ) -> Outlook:
        """See `ForecasterModel`. Raises NotAnswered."""
        found = []
        for part in _parts(values):
            body = self._body(labels[part], values[part], step_s=step_s, steps=steps, share=share)
            shape = len(labels[part]), steps
            found.append(await self._ask(FORECAST, body, partial(forecast, shape=shape, method="elsewhere")))
        low, middle, high = (np.concatenate([getattr(p, name) for p in found]) for name in ("low", "middle", "high"))
        return Outlook(low, middle, high, ["elsewhere"] * len(labels))

    def _body(self, labels: Sequence[Labels], values: Float64, **rest: Any) -> bytes:
        return written(model=self._model, labels=[dict(one) for one in labels], values=values, **rest)

    async def _ask(self, what: str, body: bytes, understand: Callable[[bytes], T]) -> T:
        if self._breaker.is_open(self._clock_s()):
            self._count("skipped")
            raise NotAnswered(self.trouble or "it failed too often")
        url = f"{self._url}/{what}"
        headers = sign(self.key, "POST", URL(url).raw_path_qs, body, self._clock_s(), token_hex(16))
        try:
            answer = await self._http.deliver(
                "POST", url, headers={"Content-Type": "application/json", **headers}, body=body
            )
            told = understand(answer.body)
        except (NotDelivered, BadRequest) as error:
            self._note(str(error))
            raise NotAnswered(str(error)) from None
        self._note(None)
        return told

    def _note(self, trouble: str | None) -> None:
        self.asked = True
        self._count("ok" if trouble is None else "failed")
        if trouble is None:
            self._breaker.worked()
        else:
            self._breaker.failed(self._clock_s())
        if trouble is not None and self.trouble is None:
            log.warning("model.elsewhere_fails", model=self._model, error=trouble, consequence="our own model is used")
        if trouble is None and self.trouble is not None:
            log.info("model.elsewhere_works", model=self._model)
        self.trouble = trouble


def _parts(values: Float64) -> list[slice]:
    """Of the series, so that no request is too large."""
    length = max(1, MOST_VALUES // max(1, values.shape[1]))
    return [slice(start, start + length) for start in range(0, len(values), length)]
