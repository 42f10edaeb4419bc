"""A backtest looks at few steps and says what a look at every step would say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netmon_collector.alerts.base import AlertState
from netmon_collector.query.answer import Answer, Shape
from netmon_collector.rules.life import Seen, Timing, lived
from netmon_collector.rules.model import Rule
from netmon_collector.rules.trial.backtest import Episode, TooLong, episodes, replay, runs_of

STEP_MS = 10_000


def walked(present: list[bool], timing: Timing) -> list[tuple[int, int | None]]:
    """When an alert fired and was over, asked at every step."""
    found: list[tuple[int, int | None]] = []
    before = None
    for step, there in enumerate(present):
        was = before
        before = lived(before, Seen((), (), 0.0) if there else None, step * STEP_MS, timing)
        if before is not None and before.fired_at_ms == step * STEP_MS and before.state is AlertState.FIRING:
            found.append((step * STEP_MS, None))
        over = before is not None and before.state is AlertState.RESOLVED and was is not None
        if over and was is not None and was.state is AlertState.FIRING:
            found[-1] = (found[-1][0], step * STEP_MS)
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 45_000), st.integers(0, 45_000))
def test_few_steps_tell_what_all_steps_tell(present: list[bool], for_ms: int, keep_ms: int) -> None:
    timing = Timing(for_ms, keep_ms)
    times = np.arange(len(present), dtype=np.int64) * STEP_MS
    runs = runs_of(np.array(present), times)
    found = [one for one in episodes(runs, STEP_MS, timing, int(times[-1])) if one.fired_at_ms >= 0]
    assert [(one.fired_at_ms, one.resolved_at_ms) for one in found] == walked(present, timing)


async def test_a_long_time_is_asked_in_parts_and_told_as_one() -> None:
    asked: list[tuple[int, int]] = []

    async def ask(expr: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        asked.append((start_ms, end_ms))
        times = np.arange(start_ms, end_ms + 1, step_ms)
        present = ((times >= 49_000_000) & (times < 60_000_000))[None, :]
        return Answer(Shape.MATRIX, [(("instance", "a"),)], times, np.full(present.shape, 7.0), present)

    async def never(expr: str, time_ms: int) -> Answer:
        raise AssertionError

    rule = Rule("Down", "up == 0", is_alert=True, for_ms=2_000_000, labels=(("who", "{{ $labels.instance }}"),))
    told = await replay(rule, ask, never, 0, 100_000_000, STEP_MS)
    assert [end_ms - start_ms for start_ms, end_ms in asked] == [49_990_000, 49_990_000, 0]
    labels = (("alertname", "Down"), ("instance", "a"), ("who", "a"))
    assert told.episodes == [Episode(labels, 49_000_000, 51_000_000, 60_000_000, 7.0)]
    assert (told.fired_ms, told.longest_ms, told.pended, told.is_cut) == (9_000_000, 9_000_000, 0, False)
    with pytest.raises(TooLong, match=r"choose a step of 1 s or more"):
        await replay(rule, ask, never, 0, 100_000_000, 100)
