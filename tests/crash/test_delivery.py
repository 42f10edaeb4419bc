"""SIGKILL between any two steps from an alert to its delivery: everything is told, and doubles can be known as such."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from random import Random

import orjson
import pytest
from sqlalchemy import Engine, event

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.channels.base import Surroundings
from netmon_collector.alerts.channels.http import Guard, Http
from netmon_collector.alerts.channels.webhook import WebhookOptions
from netmon_collector.alerts.decision import Endpoint
from netmon_collector.alerts.delivery import Way
from netmon_collector.state.database import open_state
from tests.collector.alerts.test_decision import alert
from tests.collector.alerts.test_delivery import Clock, Desk, until

ROUNDS = min(int(os.environ.get("NETMON_CRASH_ROUNDS", "12")), 200)
MOST_STEPS = 200
OPS = Endpoint("ops", "webhook/0")
MINUTE_MS = 60_000

A, B = alert(0, alertname="Down", host="a"), alert(0, alertname="Down", host="b")
A_OVER = alert(0, resolved_at_ms=10 * MINUTE_MS, alertname="Down", host="a")
B_OVER = alert(0, resolved_at_ms=20 * MINUTE_MS, alertname="Down", host="b")
PHASES: list[tuple[int, list[Alert]]] = [(0, [A, B]), (10 * MINUTE_MS, [A_OVER, B]), (20 * MINUTE_MS, [B_OVER])]
TOLD = [(("a", "b"), ()), (("b",), ("a",)), ((), ("b",))]

Heard = tuple[str, tuple[str, ...], tuple[str, ...]]


class Server(BaseHTTPRequestHandler):
    heard: list[Heard]

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        hosts = {
            state: tuple(one["labels"]["host"] for one in body["alerts"] if one["status"] == state)
            for state in ("firing", "resolved")
        }
        self.heard.append((self.headers["Idempotency-Key"], hosts["firing"], hosts["resolved"]))
        self.send_response(200)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing to say of each."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Heard]]]:
    heard: list[Heard] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Receiver", (Server,), {"heard": heard}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", heard
    server.shutdown()
    thread.join()
    server.server_close()


class Steps:
    """Counts what is done to the database and what is sent, and ends the process at one of these steps."""

    def __init__(self, engine: Engine, last: int) -> None:
        self.left = last
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(engine, name, self.take)

    def take(self, *_told: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class SteppingHttp(Http):
    steps: Steps

    async def deliver(self, *given: object, **named: object) -> object:  # type: ignore[override]
        self.steps.take()
        answer = await super().deliver(*given, **named)  # type: ignore[arg-type]
        self.steps.take()
        return answer


def live(folder: Path, url: str, last_step: int) -> None:
    """A process from its start until all phases are done, or until its last step."""
    engine = open_state(f"sqlite:///{folder / 'state.sqlite'}")
    http = SteppingHttp(Guard((ip_network("127.0.0.0/8"),)))
    http.steps = Steps(engine, last_step)
    way = Way(WebhookOptions.model_validate({"url": url}).open(Surroundings(http)))
    asyncio.run(go_on(engine, folder / "phase", {OPS: way}))


async def go_on(engine: Engine, progress: Path, ways: dict[Endpoint, Way]) -> None:
    """Does what is left of the phases. Who raises alerts hands them on again after a start."""
    clock = Clock()
    done = int(progress.read_text()) if progress.exists() else 0
    clock.at_ms = PHASES[min(done, len(PHASES) - 1)][0]
    desk = Desk(engine, clock, ways)
    delivery = asyncio.create_task(desk.delivery.run())
    for number in range(done, len(PHASES)):
        at_ms, alerts = PHASES[number]
        clock.at_ms = at_ms
        await desk.take(*alerts)
        for later_ms in (MINUTE_MS, 2 * MINUTE_MS, 6 * MINUTE_MS):
            await desk.at(at_ms + later_ms)
        await until(lambda: "pending" not in desk.outbox.counts())
        progress.with_suffix(".new").write_text(str(number + 1))
        progress.with_suffix(".new").replace(progress)
    delivery.cancel()
    await asyncio.gather(delivery, return_exceptions=True)


def in_a_child(folder: Path, url: str, last_step: int) -> bool:
    """Whether a process came to its end by itself."""
    child = os.fork()
    if child == 0:
        try:
            live(folder, url, last_step)
        except BaseException:  # noqa: BLE001 - a child must never go on as the test
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "the process failed by itself"
    return not os.WIFSIGNALED(status)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_whatever_step_is_the_last_all_is_told_and_doubles_have_one_key(
    tmp_path: Path, receiver: tuple[str, list[Heard]]
) -> None:
    url, heard = receiver
    random = Random(7)
    doubles = 0
    for number in range(ROUNDS):
        folder = tmp_path / f"round-{number}"
        folder.mkdir()
        heard.clear()
        kills = 0
        while not in_a_child(folder, url, random.randrange(1, MOST_STEPS)) and kills < 4:
            kills += 1
        assert in_a_child(folder, url, -1)
        news = list(dict.fromkeys(heard))
        assert [(firing, over) for _, firing, over in news] == TOLD, f"after {kills} kills"
        assert len({key for key, _, _ in news}) == len(TOLD)
        doubles += len(heard) - len(news)
    assert doubles > 0 or ROUNDS < 20, "no kill fell between a delivery and its receipt"
