"""The log of events keeps each batch once, finds what is asked for, and stays within its bounds."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from netmon_collector.state.events import MOST_COUNTED, KeptEvents, NewEvent, Place, Wanted
from netmon_collector.store.base import Origin

EVENT = NewEvent(1_000, "sw1", "trap", "linkDown", 4, 1, "linkDown ifIndex=5", "192.0.2.1", {"ifIndex": "5"})


def origin(sequence: int, epoch: int = 7, agent_id: str = "a") -> Origin:
    return Origin(agent_id, epoch, sequence)


def texts(kept: KeptEvents, **wanted: object) -> list[str]:
    return [one.text for one in kept.page(Wanted(**wanted), 100)]  # type: ignore[arg-type]


def test_an_event_comes_back_as_it_was(engine: Engine) -> None:
    kept = KeptEvents(engine)
    assert kept.append([EVENT], origin(1), now_ms=5_000)
    (found,) = kept.page(Wanted(), 10)
    assert (found.time_ms, found.device, found.kind, found.severity, found.text) == (
        1_000, "sw1", "linkDown", 4, "linkDown ifIndex=5",
    )  # fmt: skip
    assert (found.fields, found.received_ms, found.id) == ({"ifIndex": "5"}, 5_000, kept.newest_id())


def test_a_batch_that_is_sent_again_is_kept_once_in_any_order(engine: Engine) -> None:
    kept = KeptEvents(engine)
    answers = [kept.append([EVENT], origin(number), 0) for number in (3, 1, 3, 2, 1, 2, 4)]
    assert answers == [True, True, False, True, False, False, True]
    assert kept.append([EVENT], origin(1, epoch=8), 0)
    assert kept.append([EVENT], origin(1, agent_id="b"), 0)
    assert len(kept.page(Wanted(), 100)) == 6
    with engine.connect() as connection:
        runs = connection.execute(text("SELECT first, last FROM event_runs WHERE agent_id = 'a' AND epoch = 7")).all()
    assert [tuple(run) for run in runs] == [(1, 4)]


def test_what_is_settled_is_forgotten_but_for_the_highest(engine: Engine) -> None:
    kept = KeptEvents(engine)
    for number in (1, 5, 9):
        kept.append([EVENT], origin(number), 0)
    kept.settle("a", 7, 12)
    assert kept.highest_acked("a", 7) == 9
    assert not kept.append([EVENT], origin(9), 0)
    assert kept.highest_acked("a", 99) == 0


def test_events_are_found_by_whatever_is_known_of_them(engine: Engine) -> None:
    kept = KeptEvents(engine)
    other = replace(EVENT, time_ms=2_000, device="sw2", source="syslog", kind="auth", severity=7, text="100% of SU_do")
    kept.append([EVENT, other], origin(1), 0)
    assert texts(kept, devices=["sw2", "sw9"]) == ["100% of SU_do"]
    assert texts(kept, kinds=["linkDown"]) == ["linkDown ifIndex=5"]
    assert texts(kept, sources=["trap"], severities=[4]) == ["linkDown ifIndex=5"]
    assert texts(kept, severities=[1, 2, 3]) == []
    assert texts(kept, text="su_DO") == ["100% of SU_do"]
    assert texts(kept, text="100%") == ["100% of SU_do"]
    assert texts(kept, text="1%d") == []
    assert texts(kept, since_ms=2_000) == ["100% of SU_do"]
    assert texts(kept, until_ms=2_000) == ["linkDown ifIndex=5"]
    assert kept.count(Wanted(text="i")) == 1


def test_pages_follow_each_other_also_where_times_are_equal(engine: Engine) -> None:
    kept = KeptEvents(engine)
    kept.append([replace(EVENT, time_ms=1_000 + number // 4, text=str(number)) for number in range(20)], origin(1), 0)
    seen: list[str] = []
    before = None
    while page := kept.page(Wanted(), 3, before):
        seen += [one.text for one in page]
        before = Place(page[-1].time_ms, page[-1].id)
    assert sorted(seen, key=int) == [str(number) for number in range(20)]
    assert seen[0] == "19"
    later = kept.after(Wanted(), 100, kept.newest_id() - 2)
    assert [one.text for one in later] == ["18", "19"]


def test_the_log_is_bounded_by_age_and_number(engine: Engine) -> None:
    kept = KeptEvents(engine)
    kept.append([replace(EVENT, time_ms=number, text=str(number)) for number in range(50)], origin(1), 0)
    assert kept.prune(before_ms=10, most=30) == 20
    assert (len(kept.page(Wanted(), 100)), texts(kept)[-1]) == (30, "20")
    assert kept.prune(before_ms=0, most=30) == 0


def test_counting_ends_somewhere(engine: Engine) -> None:
    kept = KeptEvents(engine)
    for number in range(3):
        kept.append([EVENT] * 5_000, origin(number + 1), 0)
    assert kept.count(Wanted()) == MOST_COUNTED


def test_a_batch_is_kept_whole_or_not_at_all(engine: Engine) -> None:
    kept = KeptEvents(engine)
    with pytest.raises(IntegrityError):
        kept.append([EVENT, replace(EVENT, text=None)], origin(1), 0)  # type: ignore[arg-type]
    assert (kept.newest_id(), kept.highest_acked("a", 7)) == (0, 0)
