"""Errors as Prometheus' API tells them: a type, a sentence, and the HTTP status that goes with the type."""

from typing import Final

from aiohttp import web

from netmon_api.envelope import json_response
from netmon_api.prometheus.jsontext import dumps
from netmon_collector.query.syntax.literals import go_quoted

STATUS: Final = {
    "bad_data": 400,
    "not_found": 404,
    "execution": 422,
    "canceled": 499,
    "internal": 500,
    "timeout": 503,
    "unavailable": 503,
}


class Problem(Exception):
    """An answer other than the one asked for."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    @classmethod
    def of(cls, parameter: str, complaint: str) -> "Problem":
        """A parameter that is wrong."""
        return cls("bad_data", f"invalid parameter {go_quoted(parameter)}: {complaint}")

    def as_text(self) -> web.Response:
        """For paths whose answers are text."""
        return web.Response(text=f"{self.message}\n", status=STATUS[self.kind])

    def response(self) -> web.Response:
        body = {"status": "error", "errorType": self.kind, "error": self.message}
        return json_response(dumps(body), STATUS[self.kind])
