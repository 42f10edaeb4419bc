"""The TCP check: down is a value, not an error."""

import asyncio
import contextlib
import socket

import pytest
from pydantic import ValidationError

from netmon_agent.inputs.base import Reading
from netmon_agent.inputs.tcp import TcpInput
from tests.support.daemons import free_port


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


def test_its_name_tells_targets_apart() -> None:
    assert TcpInput(type="tcp", host="a", port=1).title != TcpInput(type="tcp", host="a", port=2).title


def test_a_port_must_be_one() -> None:
    with pytest.raises(ValidationError):
        TcpInput(type="tcp", host="a", port=70_000)
