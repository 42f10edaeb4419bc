"""Calls that the kernel or another process may never answer."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Stuck(Exception):
    """No answer in time; the call goes on."""


class Attempt(Generic[Answer]):
    """A call in a thread of its own, which ends with the call or with the process."""

    def __init__(self, work: Callable[[], Answer], name: str) -> None:
        self._work = work
        self._answer: list[Answer] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer.append(self._work())
        except Exception as error:  # noqa: BLE001 - handed to whoever asks for the answer
            self._error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def answer(self, timeout_s: float) -> Answer:
        """Waits for the call. Raises Stuck after `timeout_s`, or what the call raised."""
        self._thread.join(max(0.0, timeout_s))
        if self._thread.is_alive():
            raise Stuck(f"no answer from {self._thread.name} within {timeout_s:g} s")
        if self._error is not None:
            raise self._error
        return self._answer[0]
