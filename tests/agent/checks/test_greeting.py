"""Servers that greet, with and without TLS, and what only looks like them."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from netmon_agent.inputs.base import Input
from netmon_agent.inputs.checks.greeting import GreetingInput
from netmon_agent.inputs.checks.tls import TlsInput
from tests.support.checks import values_of
from tests.support.ports import free_port
from tests.support.web import Talk, certificates, saying, speaking

Found = dict[str, float]


async def checked(one: Input) -> tuple[Found, str | None]:
    (found,) = (await values_of(one)).values()
    return found, one.trouble


async def greeted(kind: Any, port: int, **options: Any) -> tuple[Found, str | None]:
    return await checked(GreetingInput(type=kind, host="127.0.0.1", port=port, **options))


def upgrading(context: ssl.SSLContext, greeting: bytes, answers: dict[bytes, bytes]) -> Talk:
    """A server that goes on by TLS after the last of the answers."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        for asked, answer in answers.items():
            assert await reader.readline() == asked
            writer.write(answer)
            await writer.drain()
        await writer.start_tls(context)
        await reader.read()

    return talk


@pytest.mark.parametrize(
    ("kind", "greeting"),
    [
        ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("ssh", b"Be welcome\r\nSSH-2.0-dropbear\n"),
        ("smtp", b"220-mail.example\r\n220 ESMTP\r\n"),
        ("smtp", b"220\r\n"),
        ("imap", b"* OK [CAPABILITY IMAP4rev1] ready\r\n"),
        ("imap", b"* PREAUTH welcome\r\n"),
    ],
)
async def test_a_greeting_is_up(kind: str, greeting: bytes) -> None:
    async with speaking(saying(greeting, asked=b"")) as port:
        found, trouble = await greeted(kind, port)
    assert (found["probe_success"], found["probe_ip_protocol"], trouble) == (1, 4, None)


@pytest.mark.parametrize(
    ("kind", "greeting", "told"),
    [
        ("ssh", b"SSH-1.5-old\r\n", "the greeting is 'SSH-1.5-old'"),
        ("ssh", b"\0\xff\n" * 1000, "the greeting has more than 100 lines"),
        ("ssh", b"x" * 100_000, "a line has more than 16384 bytes"),
        ("smtp", b"554 go away\r\n", "the greeting is '554 go away'"),
        ("smtp", b"220-more\r\n", "the connection ended without an answer"),
        ("smtp", b"2201 no\r\n", "the greeting is '2201 no'"),
        ("imap", b"* BYE later\r\n", "the greeting is '* BYE later'"),
        ("imap", b"* O", "the answer is cut off"),
        ("imap", b"\xff\0\n", "the greeting is 'ÿ\\x00'"),
    ],
)
async def test_another_greeting_is_down_and_told(kind: str, greeting: bytes, told: str) -> None:
    async with speaking(saying(greeting, asked=b"")) as port:
        found, trouble = await greeted(kind, port)
    assert (found["probe_success"], trouble) == (0, told)


async def test_silence_and_refusal_are_down() -> None:
    async with speaking(saying(asked=b"never")) as port:
        assert (await greeted("smtp", port, timeout_s=0.2))[1] == "no greeting within 0.2 s"
    found, trouble = await greeted("ssh", free_port())
    assert found["probe_success"] == 0
    assert trouble == "Connection refused"


@pytest.mark.parametrize(
    ("kind", "greeting", "answers"),
    [
        ("smtp", b"220 hi\r\n", {b"EHLO netmon\r\n": b"250-hi\r\n250 STARTTLS\r\n", b"STARTTLS\r\n": b"220 go\r\n"}),
        ("imap", b"* OK hi\r\n", {b"a1 STARTTLS\r\n": b"* NOTE x\r\na1 OK go\r\n"}),
    ],
)
async def test_mail_servers_go_on_to_tls(
    tmp_path: Path, kind: str, greeting: bytes, answers: dict[bytes, bytes]
) -> None:
    own = certificates(tmp_path)
    tls = {"ca_file": own.ca_file, "server_name": "localhost"}
    async with speaking(upgrading(own.context, greeting, answers)) as port:
        found, trouble = await greeted(kind, port, security="starttls", tls=tls)
    assert (found["probe_success"], trouble) == (1, None)
    assert found["probe_ssl_earliest_cert_expiry"] == own.ends_s


async def test_a_server_without_starttls_is_down() -> None:
    async with speaking(saying(b"220 hi\r\n250 hi\r\n502 what?\r\n", asked=b"")) as port:
        assert (await greeted("smtp", port, security="starttls"))[1] == "the answer to STARTTLS is '502 what?'"


async def test_a_greeting_within_tls_is_up(tmp_path: Path) -> None:
    own = certificates(tmp_path)
    async with speaking(saying(b"* OK hi\r\n", asked=b""), own.context) as port:
        found, trouble = await greeted("imap", port, security="tls", tls={"ca_file": own.ca_file})
    assert (found["probe_success"], trouble) == (1, None)
    assert found['probe_tls_version_info{version="TLS 1.3"}'] == 1


async def test_tls_tells_when_certificates_end(tmp_path: Path) -> None:
    own = certificates(tmp_path)
    async with speaking(saying(asked=b"never"), own.context) as port:
        found, trouble = await checked(TlsInput(type="tls", host="localhost", port=port, tls={"ca_file": own.ca_file}))
        assert (found["probe_success"], found["probe_ssl_earliest_cert_expiry"], trouble) == (1, own.ends_s, None)
        found, trouble = await checked(TlsInput(type="tls", host="localhost", port=port))
        assert found["probe_success"] == 0
        assert "certificate verify failed" in (trouble or "")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 what\r\n\r\n", b"", b"\x16\x03\x01\xff\xff" + b"\0" * 9000])
async def test_what_speaks_no_tls_is_down(answer: bytes) -> None:
    async with speaking(saying(answer, asked=b"")) as port:
        found, trouble = await checked(TlsInput(type="tls", host="127.0.0.1", port=port, timeout_s=2))
    assert found["probe_success"] == 0
    assert trouble


async def test_a_tls_server_that_is_silent_is_down_after_the_timeout() -> None:
    async with speaking(saying(asked=b"never")) as port:
        one = TlsInput(type="tls", host="127.0.0.1", port=port, timeout_s=0.2)
        assert (await checked(one))[1] == "no TLS within 0.2 s"


def test_ssh_has_no_tls() -> None:
    with pytest.raises(ValidationError, match="ssh has no TLS: leave 'security' out"):
        GreetingInput(type="ssh", host="a", security="tls")
