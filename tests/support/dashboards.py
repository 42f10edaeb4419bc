"""The dashboards that are shipped, and their expressions as Grafana would send them."""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

Board = dict[str, Any]


def dashboards() -> dict[str, Board]:
    folder = resources.files("netmon_configs").joinpath("dashboards")
    return {file.name.removesuffix(".json"): json.loads(file.read_text("utf-8")) for file in folder.iterdir()}


def expressions(board: Board) -> Iterator[tuple[str, str]]:
    """(panel or annotation, expression)"""
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def filled(expression: str, variables: Mapping[str, str]) -> str:
    """An expression with its variables replaced; unknown ones stay."""
    return re.sub(r"\$(\w+)", lambda found: variables.get(found[1], found[0]), expression)
