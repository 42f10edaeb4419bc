"""A forecaster of an expression: what it said when it was trained, held against what comes."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from netmon_analytics.models import Accuracy, Outlook
from netmon_analytics.models.interfaces import Arrays, Float64
from netmon_collector.models.base import Made, Standing
from netmon_collector.models.elsewhere import Elsewhere, NotAnswered
from netmon_collector.models.history import Steps, read, read_whole
from netmon_collector.models.shelf import Version, text, untext
from netmon_collector.models.spec import SHARE, ModelError, Spec
from netmon_collector.models.worker import held_back, test_before, usual_error
from netmon_collector.models.workshop import TrainingFailed, Workshop
from netmon_collector.query.engine import Engine
from netmon_collector.store.base import Times
from netmon_proto.model import Labels

SERIES_AT_ONCE: Final = 20
FEWEST: Final = 100
"""Values that came, without which nothing is said of how well they were forecast."""


@dataclass(frozen=True, eq=False, slots=True)
class Said:
    """What a version says: times (T,), Unix milliseconds; the outlook is over the same series and times."""

    labels: list[Labels]
    times: Times
    outlook: Outlook
    usual: Float64


class ForecasterKeeper:
    """See `Keeper`. What it says was said when it was trained; training it again is how it says something new."""

    def __init__(self, spec: Spec, engine: Engine, elsewhere: Elsewhere | None) -> None:
        self._spec = spec
        self._engine = engine
        self._elsewhere = elsewhere
        self._accuracy = Accuracy()
        self._followed_ms = 0
        self.said: Said | None = None

    async def train(self, workshop: Workshop, now_ms: int) -> Made:
        spec = self._spec
        history = await read_whole(self._engine, spec, now_ms - round(spec.history_s * 1000), now_ms)
        if not history.labels:
            raise TrainingFailed(f"{spec.expression} came to nothing in that time")
        head = {"job": "forecaster", "step_s": spec.step_s, "steps": spec.steps_ahead, "share": SHARE}
        async with workshop.at_work(head) as work:
            for start in range(0, len(history.labels), SERIES_AT_ONCE):
                await work.give({"values": history.values[start : start + SERIES_AT_ONCE]})
            arrays = await work.finish()
            cpu_s = work.cpu_s
        made_by = "netmon"
        if self._elsewhere is not None:
            try:
                arrays |= await self._had_elsewhere(self._elsewhere, history)
                made_by = "elsewhere"
            except NotAnswered as error:
                made_by = f"netmon, because the server elsewhere failed: {error}"
        values, within = arrays.pop("test").tolist()
        methods = untext(arrays["methods"])
        about = {
            "series": len(history.labels),
            "samples": int(arrays.pop("samples")),
            "from_ms": int(history.times[0]),
            "to_ms": int(history.times[-1]),
            "made_by": made_by,
            "methods": dict(Counter(methods).most_common()),
            "tested": values,
            "tested_coverage": within / values if values else None,
        }
        return Made(arrays | {"labels": text([dict(one) for one in history.labels])}, about, cpu_s)

    async def _had_elsewhere(self, elsewhere: Elsewhere, history: Steps) -> Arrays:
        """The same from another server. Raises NotAnswered."""
        spec, values = self._spec, history.values
        told = await elsewhere.forecast(history.labels, values, spec.step_s, spec.steps_ahead, SHARE)
        held, accuracy = held_back(values.shape[1], spec.steps_ahead), Accuracy()
        usual = np.full(len(values), np.nan)
        if held:
            before = await elsewhere.forecast(history.labels, values[:, :-held], spec.step_s, held, SHARE)
            usual = test_before(values, before, held, accuracy)
        return {
            "low": told.low,
            "middle": told.middle,
            "high": told.high,
            "usual": usual_error(told, usual),
            "methods": text(told.methods),
            "test": np.array([accuracy.values, accuracy.within], np.int64),
        }

    def take_up(self, version: Version, arrays: Arrays) -> None:
        try:
            told = untext(arrays["labels"])
            labels = [tuple(sorted((str(key), str(value)) for key, value in one.items())) for one in told]
            outlook = Outlook(arrays["low"], arrays["middle"], arrays["high"], list(untext(arrays["methods"])))
            usual, to_ms = arrays["usual"], int(version.about["to_ms"])
            if outlook.middle.ndim != 2 or len(labels) != len(outlook.middle):
                raise ValueError("series and forecasts do not fit")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ModelError(f"version {version.number} is of another version of netmon: {error}") from None
        times = to_ms + self._spec.step_ms * np.arange(1, outlook.middle.shape[1] + 1)
        self.said = Said(labels, times, outlook, usual)
        self._accuracy, self._followed_ms = Accuracy(), to_ms

    async def follow(self, now_ms: int) -> None:
        said, step_ms = self.said, self._spec.step_ms
        until_ms = now_ms // step_ms * step_ms
        if said is None or until_ms <= self._followed_ms or self._followed_ms >= said.times[-1]:
            return
        until_ms = min(until_ms, int(said.times[-1]))
        part = await read(self._engine, self._spec, self._followed_ms + 1, until_ms)
        first = int(np.searchsorted(said.times, self._followed_ms + 1))
        steps = slice(first, first + len(part.times))
        actual = np.full((len(said.labels), len(part.times)), np.nan)
        rows = {one: row for row, one in enumerate(said.labels)}
        for labels, values in zip(part.labels, part.values, strict=True):
            if labels in rows:
                actual[rows[labels]] = values
        self._accuracy.add(actual, said.outlook, said.usual, steps)
        self._followed_ms = until_ms

    def standing(self) -> Standing | None:
        if self.said is None:
            return None
        enough = self._accuracy.values >= FEWEST
        coverage = self._accuracy.coverage if enough else None
        error = self._accuracy.error if enough else None
        return Standing(SHARE, coverage, f"{self._accuracy.values} values", "error", error)

    def ahead(self, now_ms: int, horizon_s: float) -> Said:
        """What comes from now on, as far as was asked and said. Raises ModelError."""
        if self.said is None:
            raise ModelError("it was never trained")
        chosen = (self.said.times > now_ms) & (self.said.times <= now_ms + horizon_s * 1000)
        if not chosen.any():
            ends = "its forecast ends before that" if self.said.times[-1] <= now_ms else "no step of it is so near"
            raise ModelError(f"{ends}: train it, or ask for a longer horizon")
        told = self.said.outlook
        outlook = Outlook(told.low[:, chosen], told.middle[:, chosen], told.high[:, chosen], told.methods)
        return Said(self.said.labels, self.said.times[chosen], outlook, self.said.usual)
