"""Where links in alerts lead: which expression is meant, and how to ask it, until there are pages with graphs.

Whoever follows such a link may have no token; so the page tells nothing but what the link says.
"""

from html import escape
from shlex import quote

from aiohttp import web

from netmon_api.prometheus.forms import GraphForm
from netmon_api.routes import Call

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>netmon: an expression</title>
</head>
<body>
<h1>An expression</h1>
{body}
<p>There are no graphs here yet. This page shows what the link says, and has asked the collector nothing.</p>
</body>
</html>
"""
_NONE = "<p>This link names none.</p>"
_ONE = """<pre>{expression}</pre>
<p>What it comes to now, and what it came to within the last hour, on the command line:</p>
<pre>netmon query {word}
netmon query --since 1h {word}</pre>
<p>In Grafana, <em>Explore</em> shows it where this collector is a data source.</p>"""


async def show_graph(call: Call[GraphForm]) -> web.Response:
    """The expression of a link, and how to ask it."""
    expression = call.query.expression.strip()
    word = f"-- {quote(expression)}" if expression.startswith("-") else quote(expression)
    body = _ONE.format(expression=escape(expression), word=escape(word)) if expression else _NONE
    return web.Response(text=_PAGE.format(body=body), content_type="text/html")
