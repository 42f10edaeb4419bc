"""What the scripts don't reach: errors, bounds, records whose first handle leaves, hostile text."""

from pathlib import Path

import pytest

from netmon_collector.identity.judge import SAME, compare
from netmon_collector.identity.ports import MOST_GONE, KnownPort, PortFacts, know_again
from netmon_collector.identity.questions import MOST_OPEN
from netmon_collector.identity.records import Kind, NoSuch, NotPossible, State, Step
from netmon_collector.identity.register import Register
from netmon_collector.identity.registry import Registry
from netmon_collector.identity.witness import Witnesses, witnesses
from netmon_collector.state.database import open_state
from netmon_collector.state.identity import KeptIdentity

TWIN = witnesses(name="r1", serials=["FTX2222B"], base="00:1a:00:00:00:10", engine="8000aa01")


def registry_of(*handles: str, told: Witnesses = TWIN) -> Registry:
    registry = Registry()
    for number, handle in enumerate(handles):
        registry.see(handle, "", told, number)
    return registry


def test_a_query_about_any_handle_asks_for_all_of_them() -> None:
    registry = registry_of("a", "b", "c")

    assert registry.handles_of("c") == registry.handles_of("a") == ["a", "b", "c"]
    assert registry.handles_of("nobody") == ["nobody"]


def test_when_the_first_handle_leaves_the_others_stay_together() -> None:
    registry = registry_of("a", "b", "c")

    registry.forget("a", 9)

    assert registry.handles_of("c") == ["b", "c"]
    assert [one.action for one in registry.log][-2:] == ["renamed", "split"]


def test_undoing_a_merge_takes_all_handles_along_that_came_with_it() -> None:
    registry = registry_of("a", "b")
    other = witnesses(name="other", serials=["ABCD1234"], base="00:1a:00:00:00:99")
    registry.see("x", "", other, 5)
    merged = registry.merge("a", "x", 6, "ada")
    assert registry.handles_of("x") == ["x", "a", "b"]

    registry.undo(merged.number, 7, "ada")

    assert registry.handles_of("a") == ["a", "b"]
    assert registry.handles_of("x") == ["x"]


def test_what_cannot_be_done_is_told() -> None:
    registry = registry_of("a", "b")
    registry.see("alone", "", witnesses(name="alone"), 1)

    with pytest.raises(NotPossible, match="a and b are one device already"):
        registry.merge("a", "b", 1, "ada")
    with pytest.raises(NoSuch, match="nothing is known of 'ghost'"):
        registry.merge("a", "ghost", 1, "ada")
    with pytest.raises(NotPossible, match="alone is a device of its own already"):
        registry.split("alone", 1, "ada")
    with pytest.raises(NoSuch, match="the log has no entry 99"):
        registry.undo(99, 1, "ada")
    with pytest.raises(NotPossible, match="entry 1 is no merge"):
        registry.undo(1, 1, "ada")
    with pytest.raises(NoSuch, match="there is no proposal 7"):
        registry.decide(7, True, 1, "ada")


def test_a_merge_that_was_parted_otherwise_cannot_be_undone() -> None:
    registry = registry_of("a", "b")
    registry.split("b", 5, "ada")

    with pytest.raises(NotPossible, match="parted since"):
        registry.undo(3, 6, "ada")


def test_a_proposal_is_answered_once() -> None:
    registry = Registry()
    weak = witnesses(name="nas", engine="80001f88aa", addresses=["10.0.0.9"])
    registry.see("nas", "", weak, 0)
    number = registry.see("nas-2", "", weak, 1).proposals[0]
    registry.decide(number, True, 2, "ada")

    assert registry.questions.all[number].decided_by == "ada"
    with pytest.raises(NotPossible, match="is accepted already"):
        registry.decide(number, False, 3, "ada")


def test_a_witness_that_very_many_share_is_looked_up_for_none() -> None:
    registry = Registry()
    shared = witnesses(engine="80001f88aa", name="host")

    steps = {registry.see(f"h{number}", "", shared, number).step for number in range(20)}

    assert len(list(registry.questions.open())) < 40
    assert steps == {Step.NEW, Step.PROPOSED}
    assert registry.see("late", "", shared, 99).step is Step.NEW


def test_open_questions_are_bounded() -> None:
    registry = Registry()
    for number in range(MOST_OPEN + 50):
        told = witnesses(engine=f"80001f88{number:06x}", name=f"n{number}")
        registry.see(f"a{number}", "", told, 0)
        registry.see(f"b{number}", "", told, 0)

    assert len(list(registry.questions.open())) == MOST_OPEN


def test_a_device_that_is_removed_leaves_no_question_behind() -> None:
    registry = Registry()
    weak = witnesses(name="nas", engine="80001f88aa")
    registry.see("nas", "", weak, 0)
    registry.see("nas-2", "", weak, 1)

    registry.forget("nas-2", 2)

    assert {one.state for one in registry.questions.all.values()} == {State.WITHDRAWN}
    assert registry.record_of("nas-2") == "nas-2"


def test_two_ways_to_one_record_that_come_to_contradict_each_other_are_asked_about() -> None:
    registry = registry_of("a", "b")
    other = witnesses(name="x", serials=["ZZZZ9999"], base="00:1a:00:00:00:99", engine="8000bb")

    outcome = registry.see("b", "", other, 9)

    asked = registry.questions.all[outcome.proposals[0]]
    assert (asked.kind, asked.subject, asked.other) == (Kind.SPLIT, "b", "a")
    assert any("serial numbers differ" in one for one in asked.reasons)


def test_ports_that_have_long_gone_are_forgotten() -> None:
    known: dict[str, KnownPort] = {}
    for now_ms in range(12):
        told = [PortFacts(number + 1, f"veth{now_ms * 300 + number}") for number in range(300)]
        known, found = know_again(known, told, now_ms)

    assert len(known) == MOST_GONE + 300
    assert set(found.values()) <= known.keys()


def test_witnesses_survive_the_database() -> None:
    told = witnesses(
        agent="x", serials=["ABCD1"], macs=["00:1a:00:00:00:10"], addresses=["10.0.0.1"], shared=["10.0.0.2"]
    )

    assert Witnesses.from_json(told.as_json()) == told
    assert Witnesses.from_json({"of a newer version": 1}) == Witnesses()


def test_hostile_text_is_no_witness_or_a_bounded_one() -> None:
    told = witnesses(
        serials=["\0" * 9, "A" * 9999, ""],
        base="zz:zz:zz:zz:zz:zz",
        macs=["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:1A:00:00:00:10", "\ud800"],
        addresses=["10.0.0.999", "::1", "224.0.0.1", "0.0.0.0", "10.0.0.1; rm -rf", "fe80::1%eth0"],
        name="x" * 9999,
    )

    assert told.serials == frozenset()
    assert told.macs == {"00:1a:00:00:00:10"}
    assert told.addresses == frozenset()
    assert len(told.name) == 253


def test_millions_of_addresses_are_cut() -> None:
    told = witnesses(addresses=[f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, 20_000)])

    assert len(told.addresses) == 4096


def test_all_witnesses_together_are_as_sure_as_can_be_and_none_as_little() -> None:
    assert compare(TWIN, TWIN).sameness > SAME
    assert compare(TWIN, Witnesses()).sameness == 0.0
    assert compare(TWIN, Witnesses()).reasons == ()


async def test_who_listens_hears_of_devices_that_came_to_have_several_handles(tmp_path: Path) -> None:
    engine = open_state(f"sqlite:///{tmp_path / 'state.sqlite'}")
    heard: list[dict[str, list[str]]] = []
    register = Register(KeptIdentity(engine), lambda: 7)
    register.tell(lambda handles: heard.append({handle: sorted(alike) for handle, alike in handles.items()}))

    for handle in ("a", "b"):
        await register.see(handle, "", TWIN)
    await register.see("a", "", TWIN)
    await register.undo(register.registry.log[-1].number, "ada")

    assert heard == [{}, {"a": ["a", "b"], "b": ["a", "b"]}, {}]
    again = Register(KeptIdentity(engine), lambda: 8)
    assert again.registry.sources == register.registry.sources
    assert again.registry.log == register.registry.log
    assert again.registry.apart == {frozenset(("a", "b"))}
    engine.dispose()
