"""Dashboards as they are shipped: what Grafana needs of them, and what makes them pleasant."""

import re
from itertools import combinations

import pytest

from tests.support.dashboards import Board, dashboards, expressions, filled

BOARDS = dashboards()
every_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


@every_board
def test_every_panel_has_a_number_a_title_and_says_what_it_shows(board: Board) -> None:
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    for panel in board["panels"]:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["targets"]
    titles = [panel["title"] for panel in board["panels"] if panel["type"] != "row"]
    assert len(set(titles)) == len(titles)


@every_board
def test_no_panel_lies_on_another_or_beyond_the_edge(board: Board) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


@every_board
def test_the_data_source_is_the_readers_choice_everywhere(board: Board) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    asking = [
        *(panel for panel in board["panels"] if panel["type"] != "row"),
        *(target for panel in board["panels"] for target in panel.get("targets", [])),
        *(variable for variable in variables.values() if variable["type"] == "query"),
        *board["annotations"]["list"],
    ]
    assert all(one["datasource"] == chosen for one in asking)


@every_board
def test_every_variable_that_is_used_is_there(board: Board) -> None:
    known = {variable["name"]: "x" for variable in board["templating"]["list"]} | {"__rate_interval": "1m"}
    for _, expression in expressions(board):
        assert "$" not in filled(expression, known)
    legends = [target["legendFormat"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert all(re.fullmatch(r"([^{}]|\{\{\w+\}\})*", legend) for legend in legends)


def test_dashboards_are_told_apart() -> None:
    assert set(BOARDS) == {"hosts", "collector", "checks", "devices", "interfaces"}
    assert len({board["uid"] for board in BOARDS.values()}) == len({board["title"] for board in BOARDS.values()}) == 5
