"""The TCP check: down is a value, not an error."""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.checks.channel import TlsOptions
from netmon_agent.inputs.tcp import TcpInput
from tests.support.namespaces import lab, needs_namespaces
from tests.support.ports import free_port
from tests.support.web import certificates, saying, speaking


async def readings(one: TcpInput) -> dict[str, float]:
    found = {}
    for reading in await one.gather(0):
        assert isinstance(reading, Reading)
        assert reading.labels == {"target": f"{one.host}:{one.port}"}
        found[reading.name] = reading.value
    return found


async def test_a_port_that_accepts_is_up() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = await readings(TcpInput(type="tcp", host="127.0.0.1", port=port))
    server.close()
    assert found["probe_success"] == 1
    assert 0 < found["probe_duration_seconds"] < 3


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
async def test_a_refused_connection_and_an_unknown_name_are_down(host: str) -> None:
    found = await readings(TcpInput(type="tcp", host=host, port=free_port()))
    assert found["probe_success"] == 0


async def test_a_port_that_never_answers_is_down_after_the_timeout() -> None:
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):  # the queue of connections is full then: one more gets no answer
            caller = sockets.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        port = listener.getsockname()[1]
        found = await readings(TcpInput(type="tcp", host="127.0.0.1", port=port, timeout_s=0.2))
    assert found["probe_success"] == 0
    assert found["probe_duration_seconds"] >= 0.2


SAYS_READY = b"\xff\0 welcome\r\nready: yes\r\n"


@pytest.mark.parametrize(("expect", "up"), [("^. welcome", 0), ("ready: (yes|no)", 1), ("never said", 0)])
async def test_what_is_said_must_be_as_expected(expect: str, up: int) -> None:
    async with speaking(saying(SAYS_READY[:15], SAYS_READY[15:], asked=b"hello\n", pause_s=0.02)) as port:
        one = TcpInput(type="tcp", host="127.0.0.1", port=port, send="hello\n", expect=expect)
        found = await readings(one)
    assert (found["probe_success"], found["probe_failed_due_to_regex"]) == (up, 1 - up)
    assert one.trouble == (None if up else "what was said is not as expected")


async def test_one_who_never_stops_talking_is_down() -> None:
    async with speaking(saying(b"x" * 1_000_000, asked=b"")) as port:
        found = await readings(TcpInput(type="tcp", host="127.0.0.1", port=port, expect="y"))
    assert (found["probe_success"], found["probe_failed_due_to_regex"]) == (0, 1)


async def test_what_is_said_within_tls_is_heard(tmp_path: Path) -> None:
    own = certificates(tmp_path)
    async with speaking(saying(b"ready", asked=b""), own.context) as port:
        tls = TlsOptions(ca_file=own.ca_file)
        found = {
            reading.name: reading.value
            for reading in await TcpInput(type="tcp", host="127.0.0.1", port=port, tls=tls, expect="ready").gather(0)
            if isinstance(reading, Reading)
        }
    assert (found["probe_success"], found["probe_ssl_earliest_cert_expiry"]) == (1, own.ends_s)


def test_its_name_tells_targets_apart() -> None:
    assert TcpInput(type="tcp", host="a", port=1).title != TcpInput(type="tcp", host="a", port=2).title


def test_a_pattern_must_be_one() -> None:
    with pytest.raises(ValidationError, match="must be a regular expression"):
        TcpInput(type="tcp", host="a", port=1, expect="(")


def test_a_port_must_be_one() -> None:
    with pytest.raises(ValidationError):
        TcpInput(type="tcp", host="a", port=70_000)


LINK_LOCAL = """
import asyncio
from netmon_agent.inputs.tcp import TcpInput
from tests.support.checks import values_of

async def main():
    server = await asyncio.start_server(lambda _, writer: writer.close(), "::", 0)
    one = TcpInput(type="tcp", host="fe80::1%eth0", port=server.sockets[0].getsockname()[1])
    ((found,), _) = (await values_of(one)).values(), server.close()
    print(found["probe_success"], one.trouble)

asyncio.run(main())
"""


@needs_namespaces
def test_an_address_of_a_link_is_reached_by_its_zone() -> None:
    with lab("here", "there") as net:
        net.cable("here", "there", device="eth0")
        net.address("here", "eth0", "fe80::1/64")
        assert net.run("here", sys.executable, "-c", LINK_LOCAL).split() == ["1.0", "None"]
