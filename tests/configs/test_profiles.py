"""The profiles that come with netmon, and how mistakes in one's own are told."""

from pathlib import Path

import pytest

from netmon_agent.snmp.capture import Capture
from netmon_agent.snmp.identify import choose
from netmon_agent.snmp.reader import Reader
from netmon_configs.library import Library, open_library, packaged
from netmon_configs.mistakes import ConfigError
from netmon_configs.reference import Reference, parse_pieces, parse_reference
from netmon_configs.tree import read_tree

STATE = "must be ok, warning, critical or unknown, and what the device calls it, if that says more"
GLOB = "must be an OID such as 1.3.6.1.4.1.9.1.516, or its beginning and a star: 1.3.6.1.4.1.9.1.*"


@pytest.fixture(scope="module")
def library() -> Library:
    return open_library()


def with_profile(folder: Path, text: str) -> Library:
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return open_library(folder)


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as told:
        with_profile(folder, text)
    return [str(one).removeprefix(f"{folder}/mine.yaml:") for one in told.value.mistakes]


def test_the_fast_and_the_strict_reader_agree_on_every_packaged_profile(library: Library, tmp_path: Path) -> None:
    for name, text in packaged().items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    strict = open_library(tmp_path)  # by path: read with lines, keys and scalars as they are written
    for name, layers in library.layers.items():
        assert strict.layers[name][0] == layers[0], name


def test_every_packaged_profile_is_found_and_says_what_it_is(library: Library) -> None:
    assert set(library.layers) == set(packaged())
    assert all(layers[0].title for layers in library.layers.values())


def test_every_system_can_be_known_and_is_named_once_a_profile(library: Library) -> None:
    for name, system in library.systems():
        assert system.match, (name, system.os)
        assert all(one.object_id or one.descr or one.gets for one in system.match), (name, system.os)


def test_no_two_systems_are_known_by_the_same_and_nothing_else(library: Library) -> None:
    known: dict[str, set[str]] = {}
    for _, system in library.systems():
        for match in system.match:
            if not match.descr and not match.gets:
                for glob in match.object_id:
                    known.setdefault(glob, set()).add(system.os)
    assert {glob: systems for glob, systems in known.items() if len(systems) > 1} == {}


def test_no_profile_gives_a_key_twice() -> None:
    for name, text in packaged().items():
        assert read_tree(text, name)[1] == []


def test_a_profile_gets_the_layers_below_it_each_once(library: Library) -> None:
    titles = [layer.title for layer in library.layers["cisco-asa"]]
    assert titles[:2] == ["Cisco ASA and Firepower Threat Defense", "What Cisco's devices have in common"]
    assert len(titles) == len(set(titles))
    assert "IF-MIB, EtherLike-MIB" in titles


def test_ones_own_profile_wins_over_the_packaged_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "poe.yaml").write_text("title: Without PoE\nextends: []\n", encoding="utf-8")
    assert [layer.title for layer in open_library(tmp_path).layers["poe"]] == ["Without PoE"]


async def test_of_systems_that_fit_as_well_the_one_of_ones_own_folder_counts(tmp_path: Path) -> None:
    system = "{os: mine, vendor: Me, match: {sysObjectID: 1.3.6.1.4.1.8072.3.2.10}}"
    library = with_profile(tmp_path, f"title: Mine\nsystems: [{system}]\n")
    choice = await choose(Reader(Capture({})), library, "1.3.6.1.4.1.8072.3.2.10", "Linux host1 6.1.0")
    assert choice is not None
    assert choice.profile == "mine"


def test_mistakes_are_told_all_at_once_with_lines(tmp_path: Path) -> None:
    assert mistakes(
        tmp_path,
        """\
title: Mine
objects:
  temp: 1.3.6.1.4.1.99999.1
  more: tepm.3
sensors:
  - {class: temperature, value: ifSpede}
  - {class: temperature, value: temp, regex: '('}
  - {class: state, value: temp, states: {"1": good}}
  - {class: temperature, value: temp, name: "{ifName:colour}"}
systems:
  - {os: Mine, vendor: Me, match: {sysObjectID: '1.3.6.x'}}
""",
    ) == [
        "2: objects: no object is called 'tepm'. Did you mean 'temp'?",
        "6: sensors[0].value: no object is called 'ifSpede'. Did you mean 'ifSpeed'?",
        "7: sensors[1].regex: is no regular expression: missing ), unterminated subpattern at position 0",
        f"8: sensors[2].states.1: {STATE}",
        "9: sensors[3].name: 'colour' is no form of a value; there are text, mac, ip, prefix, number, hex, date",
        "11: systems[0].os: must match ^[a-z0-9][a-z0-9_.-]*$ (got Mine)",
        f"11: systems[0].match.sysObjectID: {GLOB}",
    ]


def test_an_unknown_layer_and_a_circle_are_told(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "title: Mine\nextends: [standart]\n") == [
        "2: extends: no such profile 'standart'. Did you mean 'standard'?"
    ]
    assert mistakes(tmp_path, "title: Mine\nextends: [mine]\n") == ["2: extends: goes in a circle: mine > mine"]


def test_references_name_columns_parts_of_indexes_and_other_rows() -> None:
    names = {"a": "1.3.1", "b": "1.3.2"}
    assert parse_reference("a", names) == Reference("1.3.1")
    assert parse_reference("a.4", names) == Reference("1.3.1.4")
    assert parse_reference(".1.3.6.0", names).is_scalar
    assert parse_reference("a@2", names) == Reference("1.3.1", 2, 2)
    assert parse_reference("a@2-", names) == Reference("1.3.1", 2, None)
    assert parse_reference("a@1-4", names) == Reference("1.3.1", 1, 4)
    assert parse_reference("a[b]", names) == Reference("1.3.1", through=Reference("1.3.2"))
    assert parse_pieces("Fan {index}: {a}", names)[2] == ": "


@pytest.mark.parametrize("text", ["a b", "a[", "a@x", "", 5, "a.x", "9.9"])
def test_what_is_no_reference_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"must be|no object"):
        parse_reference(text, {"a": "1.3.1"})
