"""Answers that are sent at once look like those that aiohttp sends, and leave the rest of HTTP as it is."""

import asyncio

from tests.api.lab import Lab

_PATH = "/api/v1/devices/web1"


async def _asked(lab: Lab, *requests: str) -> str:
    """All that comes back on one connection, until the server closes it."""
    host, port = lab.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("".join(requests).encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer.decode()


def _request(lab: Lab, version: str = "1.1", **headers: str) -> str:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {_PATH} HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {lab.token}\r\n{lines}\r\n"


def _split(answer: str) -> tuple[str, dict[str, str], str]:
    head, _, body = answer.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


async def test_an_answer_on_a_connection_that_stays_has_the_headers_of_one_on_a_connection_that_ends(lab: Lab) -> None:
    ends = _request(lab, Connection="close")
    both = await _asked(lab, _request(lab), ends)
    at = both.index("HTTP/1.1 200", 1)
    (status, headers, body), (other_status, other_headers, other_body) = _split(both[:at]), _split(both[at:])
    assert (status, body) == (other_status, other_body)
    assert other_headers.pop("Connection") == "close"
    assert headers.pop("X-Request-Id") != other_headers.pop("X-Request-Id")
    headers.pop("Date"), other_headers.pop("Date")  # the latter is aiohttp's clock
    assert headers == other_headers
    assert int(headers["Content-Length"]) == len(body.encode())


async def test_an_answer_says_when_it_was_made(lab: Lab) -> None:
    async with lab.client.get(_PATH) as response:
        assert response.headers["Date"] == "Sat, 31 Jan 2026 12:00:00 GMT"


async def test_a_client_of_http_1_0_is_answered_and_let_go(lab: Lab) -> None:
    status, headers, body = _split(await _asked(lab, _request(lab, version="1.0")))
    assert status == "HTTP/1.0 200 OK"
    assert int(headers["Content-Length"]) == len(body.encode())


async def test_requests_that_come_together_are_answered_in_turn(lab: Lab) -> None:
    answers = await _asked(lab, *[_request(lab)] * 5, _request(lab, Connection="close"))
    assert answers.count("HTTP/1.1 200 OK") == 6
    assert answers.count('"instance":"web1"') == 6
