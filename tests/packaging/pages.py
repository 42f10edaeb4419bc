"""Reads what a page tells people to type, and what it tells them to write into files."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PART = re.compile(r"^#+ (?P<heading>[^\n]+)$|^ *```(?P<language>\w*)\n(?P<block>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def sections(page: Path) -> dict[str, list[tuple[str, str]]]:
    """The blocks of a page by heading, each with its language, without indentation."""
    found: dict[str, list[tuple[str, str]]] = {"": []}
    heading = ""
    for part in _PART.finditer(page.read_text(encoding="utf-8")):
        if part["heading"] is not None:
            heading = part["heading"]
            found[heading] = []
        else:
            block = (
                re.sub(r"^ {3}", "", part["block"], flags=re.MULTILINE) if part[0].startswith(" ") else part["block"]
            )
            found[heading].append((part["language"], block))
    return found


def typed(block: str) -> Iterator[str]:
    """The commands of a console block."""
    for line in block.splitlines():
        if line.startswith("$ "):
            yield line[2:]


def file_of(block: str) -> tuple[str, str]:
    """The file that a block belongs into, as its first line says, and its content."""
    first, _, content = block.partition("\n")
    return first.removeprefix("# "), content
