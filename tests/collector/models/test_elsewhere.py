"""Models on other servers: who answers is used, who does not is left alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import numpy as np
import pytest

from netmon_analytics.models import EnsembleForecaster, NotGenuine, Verifier, answer
from netmon_collector.alerts.channels.http import Guard, Http
from netmon_collector.models.elsewhere import Breaker, Elsewhere, NotAnswered

KEY = "a key of both sides"
LABELS = [(("__name__", "load"), ("instance", "web1"))]
VALUES = np.arange(200.0)[None]
HERE = Guard((ip_network("127.0.0.1/32"),), "models.allow_addresses")


@contextmanager
def server(behave: str = "", clock_s: Callable[[], float] = time.time) -> Iterator[str]:
    verifier = Verifier(KEY)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                verifier.verify("POST", self.path, self.headers, body, clock_s())
                status, told = 200, answer(self.path, body, forecaster=EnsembleForecaster())
            except NotGenuine as error:
                status, told = 401, str(error).encode()
            if behave == "slow":
                time.sleep(1.5)
            if behave == "huge":
                told = b"[" + b"0," * (1 << 20) + b"0]"
            if behave == "wrong":
                told = b'{"low": [[1]], "middle": [[1]], "high": [[1]]}'
            self.send_response(302 if behave == "away" else status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            with suppress(OSError):  # who asked has gone
                self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/models/"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


class Counted:
    """Writes down what became of requests."""

    def __init__(self) -> None:
        self.results: list[str] = []


async def ask(url: str, key: str = KEY, guard: Guard = HERE, times: int = 1) -> tuple[Elsewhere, Counted]:
    """Asks as often for a forecast; raises what the last one did."""
    http, counted = Http(guard, timeout_s=0.5, largest_answer=100_000), Counted()
    model = Elsewhere("load", url, key, http, counted.results.append)
    try:
        for at in range(times):
            try:
                told = await model.forecast(LABELS, VALUES, 60.0, 5, 0.8)
                assert told.methods == ["elsewhere"]
                assert np.allclose(told.middle, EnsembleForecaster().forecast(VALUES, 60.0, 5).middle)
            except NotAnswered:
                if at == times - 1:
                    raise
    finally:
        await http.close()
    return model, counted


async def test_who_knows_the_key_is_asked_and_answers() -> None:
    with server() as url:
        model, counted = await ask(url)
    assert model.trouble is None
    assert counted.results == ["ok"]


@pytest.mark.parametrize(
    ("behave", "key", "said"),
    [
        ("", "another key of mine", "answered 401: the signature is not that"),
        ("slow", KEY, "does not answer within"),
        ("huge", KEY, "no JSON"),
        ("wrong", KEY, "low: must be 1 lists of 5"),
        ("away", KEY, "answered 302"),
    ],
)
async def test_what_goes_wrong_is_told(behave: str, key: str, said: str) -> None:
    with server(behave) as url, pytest.raises(NotAnswered, match=said):
        await ask(url, key)


async def test_addresses_of_this_machine_are_guarded() -> None:
    with server() as url, pytest.raises(NotAnswered, match=r"models.allow_addresses can allow it"):
        await ask(url, guard=Guard((), "models.allow_addresses"))


async def test_a_server_that_fails_is_left_alone() -> None:
    counted = Counted()
    http = Http(HERE, timeout_s=0.5)
    model = Elsewhere("load", "http://127.0.0.1:1", KEY, http, counted.results.append, lambda: 1000.0)
    for _ in range(5):
        with pytest.raises(NotAnswered):
            await model.forecast(LABELS, VALUES, 60.0, 5, 0.8)
    await http.close()
    assert counted.results == ["failed", "failed", "failed", "skipped", "skipped"]
    assert model.trouble is not None


def test_a_breaker_waits_twice_as_long_each_time_and_no_more_than_a_quarter_of_an_hour() -> None:
    breaker, now_s, pauses = Breaker(), 0.0, []
    for _ in range(9):
        breaker.failed(now_s)
        pauses.append(breaker.until_s - now_s if breaker.is_open(now_s) else 0.0)
        now_s = max(now_s, breaker.until_s)
    assert pauses == [0, 0, 60, 120, 240, 480, 900, 900, 900]
    breaker.worked()
    assert not breaker.is_open(0.0)
    assert breaker.failures == 0
