"""HTTP/2: a real web server, and ones that answer badly."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection

from netmon_agent.inputs.checks.http import HttpInput
from tests.fuzz.checks import http1_answer, http2_answer
from tests.support.checks import values_of
from tests.support.fuzzing import fuzz
from tests.support.peers import nginx
from tests.support.web import Certificates, Talk, certificates, speaking


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = certificates(tmp_path_factory.mktemp("http2"))
    made.context.set_alpn_protocols(["h2"])
    return made


@pytest.fixture(scope="module")
def port(own: Certificates) -> Iterator[int]:
    with nginx(own.ca_file.parent) as port:
        yield port


async def asked(own: Certificates, port: int, path: str, **options: Any) -> tuple[dict[str, float], str | None]:
    one = HttpInput(type="http", url=f"https://localhost:{port}{path}", tls={"ca_file": own.ca_file}, **options)
    (found,) = (await values_of(one)).values()
    return found, one.trouble


async def test_a_page_comes_by_http2_where_the_server_speaks_it(own: Certificates, port: int) -> None:
    found, trouble = await asked(own, port, "/page", expect_body="netmon")
    assert (trouble, found["probe_http_version"], found["probe_http_status_code"]) == (None, 2, 200)
    assert found["probe_http_content_length"] == found["probe_http_uncompressed_body_length"] == 300_006
    assert found['probe_http_duration_seconds{phase="transfer"}'] > 0
    plain, _ = await asked(own, port, "/page", http2=False)
    assert (plain["probe_success"], plain["probe_http_version"]) == (1, 1.1)


async def test_redirects_headers_and_answers_without_body_are_followed(own: Certificates, port: int) -> None:
    found, trouble = await asked(own, port, "/away")
    assert (trouble, found["probe_http_redirects"]) == (None, 1)
    found, trouble = await asked(own, port, "/none", method="HEAD")
    assert (trouble, found["probe_http_status_code"]) == (None, 204)
    expected = {"X-Said": "^hello there.example me PUT$"}
    headers = {"X-Say": "hello", "Host": "there.example", "User-Agent": "me", "Connection": "keep-alive", "TE": "gzip"}
    assert (await asked(own, port, "/said", method="PUT", headers=headers, body="x", expect_headers=expected))[
        1
    ] is None


async def test_a_body_larger_than_the_window_is_sent(own: Certificates) -> None:
    heard = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        while len(heard) < 99_000:
            writer.write(connection.data_to_send())
            for event in connection.receive_data(await reader.read(9_000)):
                if data := getattr(event, "data", None):
                    heard.extend(data)
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)  # type: ignore[attr-defined]
        connection.send_headers(1, [(":status", "201")], end_stream=True)
        writer.write(connection.data_to_send())
        await reader.read()

    async with speaking(talk, own.context) as port:
        found, trouble = await asked(own, port, "/", method="POST", body="x" * 99_000)
    assert (trouble, found["probe_http_status_code"], len(heard)) == (None, 201, 99_000)


def answering(*steps: Any, then_hang: bool = False) -> Talk:
    """Each step is done with the server's side of the connection, once the request is there."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, validate_outbound_headers=False))
        connection.initiate_connection()
        while not any(hasattr(one, "headers") for one in connection.receive_data(await reader.read(9_000))):
            pass
        for step in steps:
            step(connection)
        writer.write(connection.data_to_send())
        await writer.drain()
        if then_hang:
            await reader.read()

    return talk


EMPTY_SETTINGS = b"\0\0\0\4\0\0\0\0\0"
OK = [(":status", "200")]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([], "the connection ended without an answer"),
        ([lambda one: one.send_headers(1, OK)], "the answer is cut off"),
        ([lambda one: one.send_headers(1, [(":status", "2x0")])], "the answer has no status"),
        ([lambda one: one.reset_stream(1, 7)], "the server broke the request off (error 7)"),
        ([lambda one: one.close_connection(2)], "the server ended the connection (error 2)"),
        (
            [lambda one: one.send_headers(1, [*OK, *((f"a{at}", "b") for at in range(300))])],
            "the answer has more than 200",
        ),
        (
            [lambda one: one.send_headers(1, OK), lambda one: one.send_data(1, b"\0\xff" * 4000)],
            "the answer has more than 1024 bytes (max_size)",
        ),
    ],
)
async def test_what_is_no_answer_is_down_and_told(own: Certificates, steps: list[Any], told: str) -> None:
    async with speaking(answering(*steps), own.context) as port:
        found, trouble = await asked(own, port, "/", max_bytes=1024)
    assert (found["probe_success"], str(trouble)[: len(told)]) == (0, told)


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\n\r\n", b"\0" * 9_000, b"\xff" * 50_000, b"\0\0\0\4\0\0\0\0\0" * 9_000]
)
async def test_what_agrees_on_http2_and_does_not_speak_it_is_down(own: Certificates, said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(said)
        await writer.drain()

    async with speaking(talk, own.context) as port:
        found, trouble = await asked(own, port, "/")
    assert (found["probe_success"], bool(trouble)) == (0, True)


async def test_an_answer_without_end_is_down_after_the_timeout(own: Certificates) -> None:
    async with speaking(answering(lambda one: one.send_headers(1, OK), then_hang=True), own.context) as port:
        found, trouble = await asked(own, port, "/", timeout_s=0.3)
    assert (found["probe_success"], trouble) == (0, "no answer within 0.3 s")


def test_damaged_answers_are_read_or_refused() -> None:
    assert fuzz(http1_answer, 0.5, 4, 1_000).inputs > 50
    assert fuzz(http2_answer, 0.7, 4, 1_000).inputs > 50
