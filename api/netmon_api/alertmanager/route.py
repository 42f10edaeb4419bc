"""How a request in Alertmanager's manner is brought to its handler, and its errors back: as a text in JSON."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from pydantic import ConfigDict, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from netmon_api.envelope import json_response
from netmon_api.models import Query
from netmon_api.routes import Call, Route
from netmon_api.services import Services


class Refused(Exception):
    """Another answer than the one asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def response(self) -> web.Response:
        return json_response(orjson.dumps(self.message), self.status)


class Asked(Query):
    """Parameters of a query string; what is not known is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SilencesAsked(Asked):
    filter: list[str] = Field(default=[], description="Matchers that those of a silence must fit.")


class AlertsAsked(SilencesAsked):
    filter: list[str] = Field(default=[], description="Matchers that the labels of an alert must fit.")
    receiver: str = Field(default="", description="A regular expression for the receiver's name.")
    active: bool = Field(default=True, description="Whether to tell alerts that somebody is told of.")
    silenced: bool = Field(default=True, description="Whether to tell alerts that a silence mutes.")
    inhibited: bool = Field(default=True, description="Whether to tell alerts that another alert mutes.")
    unprocessed: bool = Field(default=True, description="Whether to tell alerts of which nothing is decided yet.")
    muted: bool = Field(default=True, description="Whether to tell alerts that the time of day mutes.")


@dataclass(frozen=True)
class AlertmanagerRoute(Route):
    """A path of Alertmanager's API."""

    def bind(
        self, services: Services, routes: Sequence[Route]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        many = {name for name, field in self.query.model_fields.items() if field.default == []}

        async def answer(request: web.Request) -> web.StreamResponse:
            given: dict[str, Any] = {
                name: request.query.getall(name) if name in many else value for name, value in request.query.items()
            }
            try:
                query = self.query.model_validate(given)
                answered = await self.handler(Call(services, query, request, routes))
            except ValidationError as error:
                wrong = error.errors()[0]
                return Refused(400, f"{wrong['loc'][0]} in query: {wrong['msg']}").response()
            except Refused as refused:
                return refused.response()
            except SQLAlchemyError:
                return Refused(500, "the database cannot be written now; try again").response()
            assert isinstance(answered, web.StreamResponse)
            return answered

        return answer


async def json_of(call: Call[Any]) -> Any:
    """The body. Raises Refused."""
    try:
        return orjson.loads(await call.request.read())
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"parsing body failed: {error}") from None
