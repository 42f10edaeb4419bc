"""Silences become what Alertmanager would make of them."""

from dataclasses import replace

import pytest

from netmon_collector.alerts.matching import parse_matchers
from netmon_collector.alerts.silences import NoSilence, Silence, Silences, SilenceState


def put(silences: Silences, wanted: Silence, new_id: str, now_ms: int) -> list[Silence]:
    changed = silences.plan(wanted, new_id, now_ms)
    silences.keep(changed)
    return changed


NEW = Silence("", parse_matchers("host=a"), 0, 1000, 0, "ann", "a new disk")


def test_a_silence_begins_and_ends_by_itself() -> None:
    silences = Silences()
    (made,) = put(silences, replace(NEW, starts_at_ms=500), "s1", 100)
    assert [made.state(at) for at in (499, 500, 999, 1000)] == [
        SilenceState.PENDING,
        SilenceState.ACTIVE,
        SilenceState.ACTIVE,
        SilenceState.EXPIRED,
    ]
    assert [silences.muted_by({"host": "a"}, at) for at in (499, 500, 1000)] == [[], ["s1"], []]


def test_a_new_one_never_begins_in_the_past() -> None:
    assert put(Silences(), NEW, "s1", 400)[0].starts_at_ms == 400


def test_the_end_of_an_active_one_can_be_moved() -> None:
    silences = Silences()
    (made,) = put(silences, NEW, "s1", 0)
    (moved,) = put(silences, replace(made, ends_at_ms=5000), "s2", 500)
    assert (moved.id, moved.ends_at_ms, len(silences.all())) == ("s1", 5000, 1)


def test_other_matchers_make_another_silence_and_end_the_old_one() -> None:
    silences = Silences()
    (made,) = put(silences, NEW, "s1", 0)
    old, new = put(silences, replace(made, matchers=parse_matchers("host=b")), "s2", 500)
    assert (old.id, old.ends_at_ms, new.id, new.starts_at_ms) == ("s1", 500, "s2", 500)
    assert silences.muted_by({"host": "a"}, 600) == []


def test_one_that_is_over_is_made_anew() -> None:
    silences = Silences()
    (made,) = put(silences, NEW, "s1", 0)
    silences.keep([silences.end("s1", 500)])
    (again,) = put(silences, replace(made, ends_at_ms=9000), "s2", 600)
    assert (again.id, again.starts_at_ms) == ("s2", 600)
    with pytest.raises(NoSilence, match="over already"):
        silences.end("s1", 700)


def test_what_is_over_is_forgotten_after_a_time() -> None:
    silences = Silences()
    put(silences, NEW, "s1", 0)
    assert silences.forget_before(1000) == []
    assert silences.forget_before(1001) == ["s1"]
    assert not silences.all()


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (replace(NEW, matchers=()), "needs a matcher"),
        (replace(NEW, matchers=parse_matchers("host=~.*")), "does not match the empty text"),
        (replace(NEW, starts_at_ms=1000), "must end after it starts"),
        (replace(NEW, ends_at_ms=50), "must not end in the past"),
        (replace(NEW, id="s9"), "there is no silence s9"),
    ],
)
def test_what_can_be_no_silence_says_why(wanted: Silence, why: str) -> None:
    with pytest.raises(NoSilence, match=why):
        Silences().plan(wanted, "s1", 100)
