"""Errors as Prometheus' API tells them: a type, a sentence, and the HTTP status that goes with the type."""

import json
from typing import Final

from aiohttp import web

from netmon_api.envelope import json_response
from netmon_api.prometheus.jsontext import dumps

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
        return cls("bad_data", f"invalid parameter {quoted(parameter)}: {complaint}")

    def response(self) -> web.Response:
        body = {"status": "error", "errorType": self.kind, "error": self.message}
        return json_response(dumps(body), STATUS[self.kind])


def quoted(text: str) -> str:
    """Text between quotation marks, as Go's %q has it."""
    return json.dumps(text, ensure_ascii=False)
