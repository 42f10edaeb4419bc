"""gRPC's health: a real server, and ones that only look like it."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from netmon_agent.inputs.checks.grpc import GrpcInput
from tests.fuzz.checks import grpc_answer
from tests.support.checks import values_of
from tests.support.fuzzing import fuzz
from tests.support.ports import free_port
from tests.support.web import certificates, saying, speaking

States = health_pb2.HealthCheckResponse


@contextlib.contextmanager
def health_server(folder: Path | None = None) -> Iterator[int]:
    """Well as a whole, and `good`; `bad` is not. By TLS where the folder has server.pem and .key. Its port."""
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    servicer.set("good", States.SERVING)
    servicer.set("bad", States.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if folder is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pair = (folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes()
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


async def asked(port: int, **options: Any) -> tuple[dict[str, float], str | None]:
    one = GrpcInput(type="grpc", host="127.0.0.1", port=port, **options)
    (found,) = (await values_of(one)).values()
    return found, one.trouble


async def test_a_server_says_how_it_is() -> None:
    with health_server() as port:
        for service in ("", "good"):
            found, trouble = await asked(port, service=service)
            assert (found["probe_success"], trouble, found["probe_grpc_status_code"]) == (1, None, 0)
            assert found['probe_grpc_healthcheck_response{serving_status="SERVING"}'] == 1
            assert found['probe_grpc_duration_seconds{phase="check"}'] > 0
        found, trouble = await asked(port, service="bad")
        assert (found["probe_success"], trouble) == (0, "the server says NOT_SERVING")
        found, trouble = await asked(port, service="x" * 200)
        assert (found["probe_success"], found["probe_grpc_status_code"]) == (0, 5)
        assert "the server answers with status 5" in str(trouble)


async def test_a_server_is_asked_by_tls(tmp_path: Path) -> None:
    own = certificates(tmp_path)
    with health_server(tmp_path) as port:
        found, trouble = await asked(port, tls={"ca_file": own.ca_file, "server_name": "localhost"})
        assert (found["probe_success"], trouble, found["probe_grpc_ssl"]) == (1, None, 1)
        assert found["probe_ssl_earliest_cert_expiry"] == own.ends_s
        found, trouble = await asked(port, tls={})
        assert (found["probe_success"], "certificate verify failed" in str(trouble)) == (0, True)


async def test_nobody_there_and_silence_are_down() -> None:
    found, trouble = await asked(free_port())
    assert (found["probe_success"], found["probe_grpc_status_code"]) == (0, 14)
    assert trouble == "Connection refused"
    async with speaking(saying(asked=b"never")) as port:
        found, trouble = await asked(port, timeout_s=0.2)
    assert (found["probe_grpc_status_code"], trouble) == (4, "no answer within 0.2 s")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\0\xff" * 5_000])
async def test_what_speaks_something_else_is_down_and_told(said: bytes) -> None:
    async with speaking(saying(said, asked=b"")) as port:
        found, trouble = await asked(port, timeout_s=2)
    assert (found["probe_success"], bool(trouble)) == (0, True)


def test_damaged_answers_are_read_or_refused() -> None:
    assert fuzz(grpc_answer, 0.3, 4, 2_000).inputs > 100
