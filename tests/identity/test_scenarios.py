"""Plays the scripts of this folder: what devices say of themselves, what becomes of it, and what people answer.

`see` lists sightings, one after the other, each a handle with what it says; `becomes` is what must come of it, and
`keeps_history` that no record changes. `undo`, `accept` and `reject` follow, by number, then the sightings of `then`.
`devices`, `proposals` (open ones, before people answer) and `log` are what must be there at the end. Scripts with
`ports` list what a device tells of its ports at one reading after the other; `keys` are the ports known at the end.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from netmon_collector.identity.ports import KnownPort, PortFacts, know_again
from netmon_collector.identity.records import Outcome, Proposal, State
from netmon_collector.identity.registry import Registry
from netmon_collector.identity.witness import witnesses

SCRIPTS = sorted(Path(__file__).parent.glob("*.yaml"))
WORDS = {"see", "becomes", "keeps_history", "site"}


def read(script: Path) -> dict[str, Any]:
    return yaml.safe_load(script.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


PEOPLE = [one for one in SCRIPTS if "see" in read(one)]
PORTS = [one for one in SCRIPTS if "ports" in read(one)]


def see(registry: Registry, sightings: list[dict[str, Any]], now_ms: int) -> int:
    for number, sighting in enumerate(sightings):
        handle = next(one for one in sighting if one not in WORDS)
        before = {one: registry.record_of(one) for one in registry.sources}
        outcome = registry.see(handle, sighting.get("site", ""), witnesses(**sighting[handle]), now_ms)
        place = f"sighting {number + 1}, of {handle}"
        check(outcome, sighting, place)
        if sighting.get("keeps_history"):
            assert {one: registry.record_of(one) for one in before} == before, place
        now_ms += 60_000
    return now_ms


def check(outcome: Outcome, sighting: dict[str, Any], place: str) -> None:
    if "becomes" in sighting:
        assert outcome.step.value == sighting["becomes"], f"{place}: {outcome}"


def asked(registry: Registry) -> list[Proposal]:
    return [one for one in registry.questions.all.values() if one.state is State.OPEN]


def compare_proposals(found: list[Proposal], expected: list[dict[str, str]]) -> None:
    assert len(found) == len(expected), found
    for proposal, wanted in zip(found, expected, strict=True):
        told = {"kind": proposal.kind.value, "subject": proposal.subject, "other": proposal.other}
        assert {**told, **{key: value for key, value in wanted.items() if key != "because"}} == told
        assert any(wanted["because"] in reason for reason in proposal.reasons), proposal.reasons


@pytest.mark.parametrize("script", PEOPLE, ids=lambda script: script.stem)
def test_devices_are_known_again(script: Path) -> None:
    scenario, registry = read(script), Registry()
    answers = bool({"accept", "reject", "undo", "then"} & scenario.keys())

    now_ms = see(registry, scenario["see"], 1_000)
    if answers and scenario.get("proposals"):
        compare_proposals(asked(registry), scenario["proposals"])
    for number in scenario.get("undo", []):
        registry.undo(number, now_ms, "ada")
    for number in scenario.get("accept", []):
        registry.decide(number, True, now_ms, "ada")
    for number in scenario.get("reject", []):
        registry.decide(number, False, now_ms, "ada")
    see(registry, scenario.get("then", []), now_ms)

    devices = {record: sorted(one.handle for one in sources) for record, sources in registry.records().items()}
    assert devices == {record: sorted(handles) for record, handles in scenario["devices"].items()}
    if not answers or scenario.get("proposals") == []:
        compare_proposals(asked(registry), scenario.get("proposals", []))
    if "log" in scenario:
        assert [one.action for one in registry.log] == scenario["log"]


@pytest.mark.parametrize("script", PORTS, ids=lambda script: script.stem)
def test_ports_are_known_again(script: Path) -> None:
    scenario = read(script)
    known: dict[str, KnownPort] = {}

    for number, ports in enumerate(scenario["ports"]):
        known, found = know_again(known, [PortFacts(**one) for one in ports], number)

    assert {key: index for index, key in found.items()} == scenario["keys"]
    assert set(known) == set(scenario["keys"])


def test_there_are_scripts_of_each_kind() -> None:
    assert len(SCRIPTS) >= 30
    assert len(PEOPLE) + len(PORTS) == len(SCRIPTS)
