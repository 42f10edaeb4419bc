"""What the pages say of the repository is so: links, folders, commands."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.packaging.pages import ROOT, sections, typed

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PAPERS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
NETMON = Path(sys.executable).with_name("netmon")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_MACHINE_PATH = re.compile(r"(?<![\w.~-])/(work|root|tmp/\w|Users|home/(?!ada\b)\w)")
_CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What a heading can be linked by."""
    prose = _CODE.sub("", text(page))
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", text(page))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_names_a_path_of_one_machine(page: Path) -> None:
    assert _MACHINE_PATH.findall(text(page)) == []


def test_every_folder_has_its_line() -> None:
    ignored = {line.strip("/") for line in text(ROOT / ".gitignore").splitlines()} | {".git"}
    folders = {f"{one.name}/" for one in ROOT.iterdir() if one.is_dir() and one.name not in ignored}
    told = set(
        re.findall(r"^\| `([\w.]+/)` \|", text(ROOT / "ARCHITECTURE.md").partition("\nThe agent,")[0], re.MULTILINE)
    )
    assert told == folders


@pytest.mark.parametrize(("part", "package"), [("The agent,", "agent"), ("The collector:", "collector")])
def test_every_module_of_a_part_has_its_place(part: str, package: str) -> None:
    table = text(ROOT / "ARCHITECTURE.md").partition(f"\n{part}")[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    told = {module for row in rows for module in re.findall(r"`([\w/]+(?:\.py|/))`", row)}
    folder = ROOT / package / f"netmon_{package}"
    modules = {
        one.name if one.is_file() else f"{one.name}/" for one in folder.iterdir() if not one.name.startswith("__")
    }
    assert told == modules - {"config.py", "listener.py", "py.typed"}


@pytest.mark.parametrize("page", PAPERS, ids=name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    prose = _CODE.sub("", text(page))
    for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", prose):
        folders = [ROOT, *ROOT.glob("*/"), *ROOT.glob("*/netmon_*/")]
        assert any((folder / path).exists() for folder in folders), path


def commands() -> list[tuple[str, str]]:
    return [
        (name(page), command)
        for page in [*PAPERS, ROOT / "docs/install.md", ROOT / "docs/agent.md", ROOT / "docs/collector.md"]
        for blocks in sections(page).values()
        for language, block in blocks
        if language == "console"
        for command in typed(block)
    ]


@cache
def help_of(*command: str) -> str:
    answer = subprocess.run([NETMON, *command, "--help"], capture_output=True, text=True, timeout=30, check=False)
    assert answer.returncode == 0, command
    return answer.stdout


def assert_netmon_knows(words: list[str]) -> None:
    group = {"config": 2, "token": 2}.get(words[0], 1)
    told = help_of(*words[:group])
    for option in [word.partition("=")[0] for word in words[group:] if word.startswith("--")]:
        assert option in told, words


def test_every_command_in_a_console_is_a_real_one() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), re.MULTILINE))
    shown = commands()
    assert len(shown) > 30
    for page, command in shown:
        words = shlex.split(re.sub(r"^sudo (-u \w+ )?(?=netmon )", "", command).partition("|")[0])
        if words[0] == "make":
            assert set(words[1:]) <= targets, (page, command)
        elif words[0] == "netmon":
            assert_netmon_knows(words[1:])
        else:
            assert words[0] in ("sudo", "sqlite3"), (page, command)


def test_every_netmon_command_in_the_prose_is_a_real_one() -> None:
    known = set(re.findall(r"^  (\w+)  ", help_of().partition("Commands:")[2], re.MULTILINE))
    for page in PAGES:
        for inline in re.findall(r"`(?:sudo (?:-u \w+ )?)?netmon ([a-z]+)", text(page)):
            assert inline in known, page


def test_the_readme_leads_to_every_page() -> None:
    links = set(_LINK.findall(text(ROOT / "README.md")))
    for page in [*ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]:
        if page.name != "README.md":
            assert any(link.partition("#")[0] == name(page) for link in links), page
