"""Web servers that are well, that are not, and that mean harm."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from netmon_agent.inputs.checks.base import CannotCheck
from netmon_agent.inputs.checks.http import HttpInput
from tests.support.checks import values_of
from tests.support.fuzzing import damaged
from tests.support.web import certificates, saying, speaking

CHUNKED = b"HTTP/1.1 200 OK\r\nLast-Modified: Sat, 01 Jan 2022 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_PAGE = "the answer redirects to something that is no address of a page"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Is: fine\r\n\r\nhello"


@contextlib.asynccontextmanager
async def site(**tls: Any) -> AsyncIterator[int]:
    """A real web server; its port."""

    async def echo(request: web.Request) -> web.Response:
        told = [request.method, await request.text(), *(f"{name}={value}" for name, value in request.headers.items())]
        return web.Response(text="\n".join(told))

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound("/echo")

    async def kept(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(request.query["to"])

    async def loop(request: web.Request) -> web.Response:
        raise web.HTTPFound("/loop")

    async def chunked(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(3):
            await answer.write(b"part\n")
            await asyncio.sleep(0.02)
        return answer

    app = web.Application()
    for path, handler in {"/echo": echo, "/away": away, "/kept": kept, "/loop": loop, "/chunked": chunked}.items():
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0, **tls)
    await listener.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def asked(url: str, **options: Any) -> tuple[dict[str, float], str | None]:
    one = HttpInput(type="http", url=url, **options)
    (found,) = (await values_of(one)).values()
    return found, one.trouble


async def test_a_page_that_is_there_is_up_with_its_phases() -> None:
    async with site() as port:
        found, trouble = await asked(f"http://127.0.0.1:{port}/chunked", expect_body="(?s)part.*part")
    assert trouble is None
    assert found["probe_success"] == 1
    assert found["probe_http_status_code"] == 200
    assert found["probe_http_content_length"] == -1
    assert found["probe_http_uncompressed_body_length"] == 15
    assert found['probe_http_duration_seconds{phase="transfer"}'] >= 0.02
    assert found["probe_duration_seconds"] >= found['probe_http_duration_seconds{phase="transfer"}']


async def test_method_headers_body_and_secrets_are_sent(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    expected = r"(?s)^PUT\nsome body\n.*Accept=text/plain.*Authorization=Basic bmV0bW9uOnNlY3JldA=="
    async with site() as port:
        _, trouble = await asked(
            f"http://127.0.0.1:{port}/echo",
            method="PUT",
            headers={"Accept": "text/plain"},
            body="some body",
            expect_body=expected,
            user="netmon",
            password_file=tmp_path / "password",
        )
    assert trouble is None


async def test_redirects_are_followed_counted_and_bounded() -> None:
    async with site() as port:
        followed, trouble = await asked(
            f"http://127.0.0.1:{port}/away", method="POST", body="x", expect_body="^GET\n\n"
        )
        assert (trouble, followed["probe_http_redirects"], followed["probe_http_status_code"]) == (None, 1, 200)
        kept, trouble = await asked(
            f"http://127.0.0.1:{port}/kept?to=/echo", method="POST", body="x", expect_body="^POST\nx\n"
        )
        assert (trouble, kept["probe_success"]) == (None, 1)
        stayed, trouble = await asked(f"http://127.0.0.1:{port}/away", follow_redirects=False, status=[302])
        assert (trouble, stayed["probe_http_redirects"]) == (None, 0)
        assert (await asked(f"http://127.0.0.1:{port}/loop"))[1] == "more than 10 redirects"


async def test_a_secret_does_not_follow_to_another_server(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    async with site() as port, site() as other:
        url = f"http://127.0.0.1:{port}/kept?to="
        options: dict[str, Any] = {
            "token_file": tmp_path / "token",
            "headers": {"Cookie": "a=secret"},
            "reject_body": "secret",
        }
        assert (await asked(url + "/echo", **options))[1] == "the body has what it must not have"
        assert (await asked(f"{url}http://127.0.0.1:{other}/echo", **options))[1] is None


@pytest.mark.parametrize(
    ("options", "told", "by_pattern"),
    [
        ({"status": [204]}, "the status is 200", 0),
        ({"expect_body": "bye"}, "the body has nothing of what is expected", 1),
        ({"reject_body": "hell"}, "the body has what it must not have", 1),
        ({"expect_headers": {"x-is": "bad"}}, "the header x-is is not as expected", 1),
    ],
)
async def test_an_answer_that_is_not_as_expected_is_down(options: dict[str, Any], told: str, by_pattern: int) -> None:
    async with speaking(saying(GOOD)) as port:
        found, trouble = await asked(f"http://127.0.0.1:{port}/", **options)
    assert trouble == told
    assert (found["probe_success"], found["probe_failed_due_to_regex"]) == (0, by_pattern)
    assert found["probe_http_status_code"] == 200


async def test_the_end_of_the_certificate_is_told(tmp_path: Path) -> None:
    own = certificates(tmp_path)
    async with site(ssl_context=own.context) as port:
        found, trouble = await asked(f"https://localhost:{port}/echo", tls={"ca_file": own.ca_file})
        assert trouble is None
        assert found["probe_ssl_earliest_cert_expiry"] == own.ends_s
        assert found["probe_http_ssl"] == 1
        assert found['probe_http_duration_seconds{phase="tls"}'] > 0
        assert found['probe_tls_version_info{version="TLS 1.3"}'] == 1
        down, trouble = await asked(f"https://localhost:{port}/echo")
        assert down["probe_success"] == 0
        assert "certificate verify failed" in (trouble or "")


async def test_a_file_that_is_missing_is_an_error_and_no_outage(tmp_path: Path) -> None:
    with pytest.raises(CannotCheck, match=r"none\.pem"):
        await asked("https://localhost:1/", tls={"ca_file": tmp_path / "none.pem"})


async def test_an_expired_certificate_is_down_unless_nobody_looks(tmp_path: Path) -> None:
    own = certificates(tmp_path, days=-1)
    async with site(ssl_context=own.context) as port:
        down, trouble = await asked(f"https://localhost:{port}/echo", tls={"ca_file": own.ca_file})
        assert (down["probe_success"], "certificate has expired" in (trouble or "")) == (0, True)
        found, trouble = await asked(f"https://localhost:{port}/echo", tls={"verify": False})
        assert (trouble, found["probe_ssl_earliest_cert_expiry"]) == (None, own.ends_s)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "the connection ended without an answer"),
        (b"SSH-2.0-x\r\n", "what answers does not speak HTTP"),
        (b"\0\xff\n", "what answers does not speak HTTP"),
        (b"x" * 100_000, "a line has more than 16384 bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300, "the answer has more than 200 headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "the answer is cut off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "the answer's length is no number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", "the answer's length is no number"),
        (
            CHUNKED + b"zz\r\n",
            "a part of the answer does not say how long it is",
        ),
        (
            CHUNKED + b"1\r\nab\r\n",
            "a part of the answer is longer than it says",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"\0\xff" * 4000, "the answer has more than 1024 bytes (max_size)"),
        (
            b"HTTP/1.1 302 Go\r\nLocation: ftp://x/\r\n\r\n",
            NO_PAGE,
        ),
        (
            b"HTTP/1.1 302 Go\r\nLocation: http://[\r\n\r\n",
            NO_PAGE,
        ),
        (b"HTTP/1.1 100 Go on\r\n\r\n" * 2000, "the connection ended without an answer"),
    ],
)
async def test_what_is_no_answer_is_down_and_told(answer: bytes, told: str) -> None:
    async with speaking(saying(answer)) as port:
        found, trouble = await asked(f"http://127.0.0.1:{port}/", max_bytes=1024, timeout_s=5)
    assert (found["probe_success"], trouble) == (0, told)


async def test_an_answer_that_comes_too_slowly_is_down_after_the_timeout() -> None:
    async with speaking(saying(*[b"H"] * 1000, pause_s=0.01)) as port:
        found, trouble = await asked(f"http://127.0.0.1:{port}/", timeout_s=0.2)
    assert (found["probe_success"], trouble) == (0, "no answer within 0.2 s")
    assert 0.2 <= found["probe_duration_seconds"] < 3


async def test_damaged_answers_are_judged_and_never_break_the_check() -> None:
    rng = random.Random(5)
    chunked = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    pieces = [
        b"\0",
        b"\r\n",
        b"\xff\xfe",
        b"Location: //[::1",
        b"HTTP/1.1 302 x",
        b"99999999999",
        b"-1",
        b"Content-Length: 5",
    ]
    for _ in range(100):
        async with speaking(saying(damaged(rng.choice([GOOD, chunked]), rng, pieces))) as port:
            found, _ = await asked(f"http://127.0.0.1:{port}/", timeout_s=0.3)
        assert found["probe_success"] in (0, 1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"url": "example.net"}, "must be an address such as https://www.example.net/health"),
        ({"url": "http://a/ b"}, "must have no blank or control character in it"),
        ({"url": "http://u@a/"}, "must have no user in it"),
        ({"url": "http://a/", "expect_body": "("}, "must be a regular expression"),
        ({"url": "http://a/", "headers": {"X": "a\r\nY: b"}}, "headers"),
        ({"url": "http://a/", "token_file": "t"}, "needs https"),
    ],
)
def test_mistakes_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        HttpInput(type="http", **options)
