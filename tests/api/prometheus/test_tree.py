"""Expressions as trees, in the form of web/api/v1/translate_ast.go of https://github.com/prometheus/prometheus."""

from typing import Any

import pytest

from tests.api.lab import Lab

Tree = dict[str, Any]


def vector(name: str, **changed: Any) -> Tree:
    return {
        "type": "vectorSelector",
        "name": name,
        "matchers": [{"name": "__name__", "value": name, "type": "="}],
        "offset": 0,
        "timestamp": None,
        "startOrEnd": None,
        "anchored": False,
        "smoothed": False,
    } | changed


def number(text: str) -> Tree:
    return {"type": "numberLiteral", "val": text}


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("1e21", number("1" + "0" * 21)),
        ('"a"', {"type": "stringLiteral", "val": "a"}),
        ("-(1)", {"type": "unaryExpr", "op": "-", "expr": {"type": "parenExpr", "expr": number("1")}}),
        ("x offset -1m @ end()", vector("x", offset=-60_000, startOrEnd="end")),
        ("x[5m] @ 1.5", vector("x", type="matrixSelector", range=300_000, timestamp=1500)),
        (
            "rate(x[1h:30s] offset 5s)",
            {
                "type": "call",
                "func": {"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"},
                "args": [
                    {
                        "type": "subquery",
                        "expr": vector("x"),
                        "range": 3_600_000,
                        "step": 30_000,
                        "offset": 5000,
                        "timestamp": None,
                        "startOrEnd": None,
                    }
                ],
            },
        ),
        (
            "topk without (a) (2, x)",
            {
                "type": "aggregation",
                "op": "topk",
                "expr": vector("x"),
                "param": number("2"),
                "grouping": ["a"],
                "without": True,
            },
        ),
        (
            "x > bool on (a) group_left (b) y",
            {
                "type": "binaryExpr",
                "op": ">",
                "lhs": vector("x"),
                "rhs": vector("y"),
                "bool": True,
                "matching": {
                    "card": "many-to-one",
                    "labels": ["a"],
                    "on": True,
                    "include": ["b"],
                    "fillValues": {"lhs": None, "rhs": None},
                },
            },
        ),
        ('{"x"}', vector("x") | {"name": ""}),
        (
            "x @ start() [1500ms] offset 0.0015",
            vector("x", type="matrixSelector", range=1500, offset=1, startOrEnd="start"),
        ),
        (
            "info(x)",
            {
                "type": "call",
                "func": {"name": "info", "argTypes": ["vector", "vector"], "variadic": 1, "returnType": "vector"},
                "args": [vector("x")],
            },
        ),
        (
            "1 + on () x",
            {"type": "binaryExpr", "op": "+", "lhs": number("1"), "rhs": vector("x"), "bool": False, "matching": None},
        ),
        (
            "1 + x",
            {"type": "binaryExpr", "op": "+", "lhs": number("1"), "rhs": vector("x"), "bool": False, "matching": None},
        ),
    ],
)
async def test_every_kind_of_node_has_its_form(lab: Lab, query: str, tree: Tree) -> None:
    found = (await lab.get("/prometheus/api/v1/parse_query", ("query", query)))["data"]
    assert found == tree


async def test_all_conditions_of_a_selector_are_told(lab: Lab) -> None:
    found = await lab.get("/prometheus/api/v1/parse_query", ("query", 'x{a!="b",c=~"d",e!~"f"}'))
    told = {(one["name"], one["type"], one["value"]) for one in found["data"]["matchers"]}
    assert told == {("a", "!=", "b"), ("c", "=~", "d"), ("e", "!~", "f"), ("__name__", "=", "x")}
