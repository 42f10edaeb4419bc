"""How a request to write is brought to its handler, and how its errors are told."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import hdrs, web
from pydantic import ConfigDict, ValidationError

from netmon_api.complaints import explain
from netmon_api.models import Query
from netmon_api.routes import Call, Route
from netmon_api.services import Services
from netmon_api.writing.desk import LARGEST_BODY_BYTES, RETRY_AFTER_S, Unfit
from netmon_collector.foreign.base import BadBody, Complaint
from netmon_collector.store.base import StoreError

Refuse = Callable[[web.Request, int, str], web.Response]
"""Answers a request by a status other than success, as the writers of one protocol expect it."""

_MOST_TOLD = 10


class WriteQuery(Query):
    """Parameters that a writer may send; what is not known is ignored, as the servers do that it was made for."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True)
class WriteRoute(Route):
    """A way in."""

    refuse: Refuse = field(kw_only=True)
    most_body_bytes: int = field(default=LARGEST_BODY_BYTES, kw_only=True)

    def bind(
        self, services: Services, routes: Sequence[Route]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                query = self.query.model_validate(dict(request.query))
                answered = await self.handler(Call(services, query, request, routes))
            except ValidationError as error:
                wrong = explain(error, self.query, "parameter")
                return self._refused(request, 400, "; ".join(f"{name}: {told}" for name, told in wrong.items()))
            except Unfit as error:
                return self._refused(request, error.status, error.message)
            except BadBody as error:
                return self._refused(request, 400, str(error))
            except StoreError as error:
                return self._refused(request, 503, f"the store cannot write now: {error}")
            assert isinstance(answered, web.StreamResponse)
            return answered

        return answer

    def _refused(self, request: web.Request, status: int, message: str) -> web.Response:
        response = self.refuse(request, status, message)
        if status == 503:
            response.headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER_S)
        return response


def told(complaints: Sequence[Complaint]) -> str:
    """Complaints as one text."""
    texts = [
        f"{one.message} ({one.samples} sample{'s' if one.samples != 1 else ''})" for one in complaints[:_MOST_TOLD]
    ]
    more = len(complaints) - _MOST_TOLD
    return "; ".join([*texts, f"and {more} more kinds of trouble"] if more > 0 else texts)
