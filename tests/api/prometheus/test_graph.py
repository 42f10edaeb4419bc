"""Links in alerts lead to a page that says which expression is meant, and nothing of the collector."""

import shlex
from html import unescape
from urllib.parse import urlencode

import pytest

from netmon_collector.rules.alerting import generator_of
from tests.api.lab import Lab


async def page(lab: Lab, path: str) -> str:
    """What somebody without a token sees."""
    async with lab.stranger.get(path) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        return await response.text()


@pytest.mark.parametrize(
    "expression",
    ["up == 0", 'rate(x{a="b\'c"}[5m]) > 1', "<script>alert(1)</script>", "$(reboot)", "-up", "a\n  + b", "m & m", "é"],
)
async def test_a_link_shows_its_expression_and_the_command_that_asks_it(lab: Lab, expression: str) -> None:
    text = await page(lab, generator_of(expression))
    assert "<script" not in text
    assert f"<h1>An expression</h1>\n<pre>{expression}</pre>" in unescape(text)
    command = unescape(text.split("<pre>")[2].split("\nnetmon query --since")[0])
    assert shlex.split(command) == ["netmon", "query", *(["--"] if expression == "-up" else []), expression]


async def test_it_is_the_same_with_the_other_fields_of_such_links(lab: Lab) -> None:
    link = {"g0.expr": "up", "g0.tab": "0", "g0.range_input": "1h", "g1.expr": "down"}
    assert await page(lab, f"/graph?{urlencode(link)}") == await page(lab, "/graph?g0.expr=up")


async def test_it_tells_nothing_of_the_collector(lab: Lab) -> None:
    assert "This link names none." in await page(lab, "/graph")
    text = await page(lab, "/graph?g0.expr=load")
    assert text == (await page(lab, "/graph?g0.expr=zzzz")).replace("zzzz", "load")
    async with lab.stranger.get("/prometheus/graph") as response:
        assert response.status == 401
