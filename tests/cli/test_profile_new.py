"""`netmon profile new` and `netmon mib`: a profile of a device that nobody knows, with the vendor's MIB and without."""

import asyncio
import json
from pathlib import Path

import pytest
import yaml

from netmon_cli.main import run
from netmon_cli.mibs import read_mibs
from tests.support.scripted import TICKS, Scripted, Value

MIB = """\
COOLBOX-MIB DEFINITIONS ::= BEGIN
IMPORTS MODULE-IDENTITY, OBJECT-TYPE, enterprises, Integer32, Counter32 FROM SNMPv2-SMI
  DisplayString FROM SNMPv2-TC;
coolbox MODULE-IDENTITY LAST-UPDATED "200001010000Z" ORGANIZATION "Cool Boxes" CONTACT-INFO "none" DESCRIPTION "Boxes"
  ::= { enterprises 99999 }
cbSerialNumber OBJECT-TYPE SYNTAX DisplayString MAX-ACCESS read-only STATUS current DESCRIPTION "Its serial"
  ::= { coolbox 1 1 }
cbProbeTable OBJECT-TYPE SYNTAX SEQUENCE OF CbProbeEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "Probes"
  ::= { coolbox 2 }
cbProbeEntry OBJECT-TYPE SYNTAX CbProbeEntry MAX-ACCESS not-accessible STATUS current DESCRIPTION "A probe"
  INDEX { cbProbeIndex } ::= { cbProbeTable 1 }
CbProbeEntry ::= SEQUENCE { cbProbeIndex Integer32, cbProbeName DisplayString, cbProbeTemp Integer32,
  cbProbeState INTEGER, cbProbeReads Counter32 }
cbProbeIndex OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS not-accessible STATUS current DESCRIPTION "Which"
  ::= { cbProbeEntry 1 }
cbProbeName OBJECT-TYPE SYNTAX DisplayString MAX-ACCESS read-only STATUS current DESCRIPTION "What"
  ::= { cbProbeEntry 2 }
cbProbeTemp OBJECT-TYPE SYNTAX Integer32 UNITS "0.1 degrees Celsius" MAX-ACCESS read-only STATUS current
  DESCRIPTION "How warm" ::= { cbProbeEntry 3 }
cbProbeState OBJECT-TYPE SYNTAX INTEGER { normal(1), tooHigh(2), failed(3) } MAX-ACCESS read-only STATUS current
  DESCRIPTION "How it is" ::= { cbProbeEntry 4 }
cbProbeReads OBJECT-TYPE SYNTAX Counter32 MAX-ACCESS read-only STATUS current DESCRIPTION "How often"
  ::= { cbProbeEntry 5 }
END
"""
OWN = "1.3.6.1.4.1.99999"
DEVICE: dict[str, Value] = {
    "1.3.6.1.2.1.1.1.0": b'Coolbox "4"\nfirmware: 2.1',
    "1.3.6.1.2.1.1.2.0": f"{OWN}.4",
    "1.3.6.1.2.1.1.3.0": (TICKS, 100),
    f"{OWN}.1.1.0": b"CB4-00172",
    **{f"{OWN}.2.1.2.{n}": name for n, name in ((1, b"Inlet"), (2, b"Outlet: \x1b[31mred"))},
    **{f"{OWN}.2.1.3.{n}": value for n, value in ((1, 215), (2, 300))},
    **{f"{OWN}.2.1.4.{n}": value for n, value in ((1, 1), (2, 3))},
    **{f"{OWN}.2.1.5.{n}": value for n, value in ((1, 7), (2, 8))},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the MIB in `mibs`, and a capture of the device."""
    (tmp_path / "mibs").mkdir()
    (tmp_path / "mibs" / "coolbox.txt").write_text(MIB)
    lines = []
    for oid, value in DEVICE.items():
        shown = (
            f"4x|{value.hex()}"
            if isinstance(value, bytes)
            else f"6|{value}"
            if isinstance(value, str)
            else f"2|{value}"
        )
        lines.append(f"{oid}|67|{value[1]}" if isinstance(value, tuple) else f"{oid}|{shown}")
    (tmp_path / "coolbox.snmprec").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def proposed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["profile", "new", *words]) == 0
    return capsys.readouterr().out


def test_with_the_mib_it_knows_names_units_and_states(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = proposed(capsys, "coolbox.snmprec", "--mibs", "mibs")
    found = yaml.safe_load(text)
    assert found["systems"] == [{"os": "coolbox", "vendor": "Enterprise 99999", "match": {"sysObjectID": f"{OWN}.4"}}]
    assert found["device"] == {"serial": "{cbSerialNumber}"}
    temperature, state = found["sensors"]
    assert temperature == {"class": "temperature", "value": "cbProbeTemp", "name": "{cbProbeName}", "divisor": 10}
    assert state["states"] == {"1": "ok normal", "2": "unknown tooHigh", "3": "critical failed"}
    assert found["metrics"][0]["values"] == {"cbProbeReads": "counter"}
    assert "\x1b" not in text
    assert json.loads(proposed(capsys, "coolbox.snmprec", "--mibs", "mibs", "--json")) == found


def test_what_it_proposes_is_taken_and_finds_what_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "profiles").mkdir()
    (folder / "profiles" / "mine.yaml").write_text(proposed(capsys, "coolbox.snmprec", "--mibs", "mibs/coolbox.txt"))
    assert run(["profile", "test", "coolbox.snmprec", "--profiles", "profiles"]) == 0
    told = capsys.readouterr().out
    assert "profile   mine" in told
    assert "21.5 celsius" in told
    assert "critical failed" in told


def test_without_mibs_objects_have_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = yaml.safe_load(proposed(capsys, "coolbox.snmprec"))
    assert set(found["objects"]) == {"vendor", "object_1_1", *(f"object_2_1_{n}" for n in (2, 3, 4, 5))}
    (metrics,) = found["metrics"]
    assert metrics["labels"] == {"index": "{index}", "object_2_1_2": "{object_2_1_2}"}
    assert set(metrics["values"]) == {"object_2_1_3", "object_2_1_4", "object_2_1_5"}


def test_rows_whose_index_ends_in_0_are_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{OWN}.3.1.{column}.{index}|2|5" for column in (2, 3) for index in ("0", "1", "1.0.0")]
    with (folder / "coolbox.snmprec").open("a") as file:
        file.write("\n" + "\n".join([*rows, f"{OWN}.3.2.0|2|5"]))
    found = yaml.safe_load(proposed(capsys, "coolbox.snmprec"))
    assert {name for name in found["objects"] if name.startswith("object_3")} == {
        "object_3_1_2",
        "object_3_1_3",
        "object_3_2",
    }


async def test_a_device_is_walked_over_the_network_and_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with Scripted(DEVICE) as port:
        words = [f"127.0.0.1:{port}", "--community", "public", "--mibs", "mibs", "--save", "kept.snmprec"]
        text = await asyncio.to_thread(proposed, capsys, *words)
    for file in ("coolbox.snmprec", "kept.snmprec"):
        of_file = await asyncio.to_thread(proposed, capsys, file, "--mibs", "mibs")
        assert of_file.partition("\n")[2] == text.partition("\n")[2], file


def test_a_walk_is_shown_by_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mib", "coolbox.snmprec", "--mibs", "mibs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "cbProbeState.2 = 3 (failed)" in lines
    assert "cbSerialNumber.0 = CB4-00172" in lines
    assert not [line for line in lines if "\x1b" in line]


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (
            ["profile", "new", "nowhere.invalid", "--community", "x"],
            1,
            "nowhere.invalid: no address for nowhere.invalid",
        ),
        (["profile", "new", "system.snmprec"], 1, "system.snmprec does not say whose it is"),
        (["mib", "coolbox.snmprec"], 2, "there is nothing to take names from"),
        (["mib", "coolbox.snmprec", "--mibs", "none"], 2, "none: no such file or folder"),
        (["mib", "coolbox.snmprec", "--mibs", "bad.mib"], 2, "no MIB could be read"),
    ],
)
def test_what_does_not_work_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, complaint: str
) -> None:
    (folder / "system.snmprec").write_text("1.3.6.1.2.1.1.1.0|4|A device\n")
    (folder / "bad.mib").write_text("this is a shopping list")
    assert run(words) == code
    assert complaint in capsys.readouterr().err


def test_mibs_that_go_in_circles_or_lack_a_parent_name_nothing(tmp_path: Path) -> None:
    body = "a OBJECT IDENTIFIER ::= { b 1 }\nb OBJECT IDENTIFIER ::= { a 1 }\nc OBJECT IDENTIFIER ::= { nowhere 1 }\n"
    (tmp_path / "odd").write_bytes(
        f"ODD-MIB DEFINITIONS ::= BEGIN\n{body}d OBJECT IDENTIFIER ::= {{ iso 9 }}\nEND\n".encode()
    )
    names = read_mibs([tmp_path])
    assert (len(names), names.written("1.9.5"), names.of("1.8")) == (1, "d.5", None)
