"""PromQL over a store. So far the interface alone is here: every query is answered with an error that says so."""

from typing import NoReturn

from netmon_collector.query.answer import Answer, ErrorKind, QueryError
from netmon_collector.query.options import Limits, QueryOptions
from netmon_collector.store.base import Store


class Engine:
    """Evaluates queries, in threads of its own, so that the event loop that calls it is not held up.

    Raises QueryError and nothing else. A caller that is cancelled cancels its query.
    """

    def __init__(self, store: Store, options: QueryOptions) -> None:
        self._store = store
        self._options = options

    async def instant(self, text: str, time_ms: int, *, limits: Limits | None = None) -> Answer:
        """The value of an expression at one time; `limits` take the place of those of the options."""
        self._refuse()

    async def range(
        self, text: str, start_ms: int, end_ms: int, step_ms: int, *, limits: Limits | None = None
    ) -> Answer:
        """The value of an expression at start_ms, start_ms + step_ms, … up to and with end_ms."""
        self._refuse()

    def close(self) -> None:
        """Ends the threads; queries that run are cancelled."""

    def _refuse(self) -> NoReturn:
        raise QueryError(ErrorKind.UNAVAILABLE, "queries cannot be evaluated yet")
