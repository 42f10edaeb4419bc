"""Requests that are answered at once are answered as all others are, and leave the rest of HTTP as it is."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from aiohttp.http import RawRequestMessage

from netmon_api.prometheus.quick import QuickQueries, QuickWay
from netmon_proto.model import Labels
from tests.api.lab import NOW_MS, Lab, labels

INSTANT, RANGE = "/prometheus/api/v1/query", "/prometheus/api/v1/query_range"
SECOND = {"time": str(NOW_MS // 1000)}
HOUR = {"start": str(NOW_MS // 1000 - 3600), "end": str(NOW_MS // 1000), "step": "60"}
SERIES: dict[Labels, float] = {labels("load", instance=f"web{number}"): number + 0.5 for number in range(30)}


@pytest.fixture(autouse=True)
def answered(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each request that was looked at, whether it was answered at once."""
    found: list[bool] = []
    answer = QuickWay.answer

    def recorded(self: QuickWay, body: bytes) -> bytes | None:
        made = answer(self, body)
        found.append(made is not None)
        return made

    monkeypatch.setattr(QuickWay, "answer", recorded)
    return found


class Client:
    """One connection, on which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        """One segment after the other."""
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(0.02)

    async def ask(self, *parts: bytes) -> tuple[str, dict[str, str], bytes]:
        await self.send(*parts)
        return await self.answer()

    async def answer(self) -> tuple[str, dict[str, str], bytes]:
        """Status line, headers and body."""
        async with asyncio.timeout(10):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.strip().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            if "Content-Length" in headers:
                return status, headers, await self._reader.readexactly(int(headers["Content-Length"]))
            body = b""
            while size := int(await self._reader.readline(), 16):
                body += await self._reader.readexactly(size)
                await self._reader.readline()
            await self._reader.readline()
            return status, headers, body


def _get(lab: Lab, target: str, version: str = "1.1", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {target} HTTP/{version}\r\nHost: x\r\nAuthorization: Bearer {lab.token}\r\n{lines}\r\n".encode()


def _form(lab: Lab, path: str, form: dict[str, str], **headers: str) -> tuple[bytes, bytes]:
    """Head and body."""
    body = urlencode(form).encode()
    own = {
        "Authorization": f"Bearer {lab.token}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode(), body


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[Client]:
    """Of a collector with samples, which are at hand."""
    for age_s in range(3600, 0, -60):
        await lab.keep(SERIES, NOW_MS - 1000 * age_s)
    host, port = lab.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    client = Client(reader, writer)
    await client.ask(b"".join(_form(lab, RANGE, {"query": "load", **HOUR})))
    yield client
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("encoding", [{}, {"Accept_Encoding": "gzip"}])
@pytest.mark.parametrize(
    ("path", "form"),
    [
        (RANGE, {"query": "load", **HOUR}),
        (RANGE, {"query": 'sum(rate(load{instance=~"web1.*"}[5m]))', **HOUR}),
        (RANGE, {"query": "load", **HOUR, "nocache": "1"}),
        (RANGE, {"query": "load", **HOUR, "limit": "2"}),
        (RANGE, {"query": 'load{instance="nobody"}', **HOUR}),
        (RANGE, {"query": "rate(load[5m])", **HOUR, "lookback_delta": "1m", "timeout": "3s"}),
        (INSTANT, {"query": "load > 3", **SECOND}),
        (INSTANT, {"query": "load"}),
        (INSTANT, {"query": "1 + 1", **SECOND}),
        (INSTANT, {"query": '"söme text"', **SECOND}),
        (INSTANT, {"query": "load / 0", **SECOND}),
    ],
)
async def test_both_ways_give_the_same(
    lab: Lab, client: Client, answered: list[bool], path: str, form: dict[str, str], encoding: dict[str, str]
) -> None:
    head, body = _form(lab, path, form, **encoding)
    await client.ask(head + body)
    answered.clear()
    quick = await client.ask(head + body)
    assert answered == [True]
    got = await client.ask(_get(lab, f"{path}?{urlencode(form)}", **encoding))
    assert answered == [True, True]
    slow = await client.ask(head, body)  # in two segments
    assert answered == [True, True]
    told = [_comparable(*one) for one in (quick, got, slow)]
    assert told[0] == told[1] == told[2]
    assert json.loads(told[0][2])["status"] == "success"
    assert len({one[1]["X-Request-Id"] for one in (quick, got, slow)}) == 3


def _comparable(status: str, headers: dict[str, str], body: bytes) -> tuple[str, dict[str, str], bytes]:
    """Without what differs from answer to answer, or with how hard it was packed."""
    left = {name: value for name, value in headers.items() if name not in ("Date", "X-Request-Id")}
    left.pop("Content-Length", None)
    left.pop("Transfer-Encoding", None)
    return status, left, gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"query": "load +"}, {}),
        ({"query": "load", "time": "yesterday"}, {}),
        ({"query": "load", "limit": "-1"}, {}),
        ({"query": "load", "timeout": "x"}, {}),
        ({"query": "load"}, {"Authorization": "Bearer wrong"}),
        ({"query": "load"}, {"Content_Type": "text/plain"}),
        ({"query": "load[5m]", **SECOND}, {}),
    ],
)
async def test_what_is_wrong_or_may_be_large_goes_the_long_way(
    lab: Lab, client: Client, answered: list[bool], form: dict[str, str], headers: dict[str, str]
) -> None:
    head, body = _form(lab, INSTANT, form, **headers)
    answered.clear()
    whole = await client.ask(head + body)
    assert answered == [False]
    assert _comparable(*whole)[0] == _comparable(*(await client.ask(head, body)))[0]
    told = json.loads(whole[2])
    assert ("errorType" in told or "error" in told) == ("200" not in whole[0])


async def test_an_answer_says_when_it_was_made(lab: Lab, client: Client, answered: list[bool]) -> None:
    _, headers, _ = await client.ask(_get(lab, f"{INSTANT}?query=1"))
    assert answered[-1:] == [True]
    assert headers["Date"] == "Sat, 31 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize(("version", "headers"), [("1.0", {}), ("1.1", {"Connection": "close"})])
async def test_connections_that_end_are_left_to_aiohttp(
    lab: Lab, client: Client, answered: list[bool], version: str, headers: dict[str, str]
) -> None:
    answered.clear()
    status, _, body = await client.ask(_get(lab, f"{INSTANT}?query=1", version, **headers))
    assert (status, answered) == (f"HTTP/{version} 200 OK", [])
    assert json.loads(body)["data"]["result"][1] == "1"


async def test_requests_that_come_together_are_answered_in_turn(lab: Lab, client: Client) -> None:
    await client.send(b"".join(_get(lab, f"{INSTANT}?query={number}") for number in range(5)))
    assert [json.loads((await client.answer())[2])["data"]["result"][1] for _ in range(5)] == list("01234")


async def test_a_request_may_end_where_the_next_has_begun(lab: Lab, client: Client) -> None:
    first, second = (_get(lab, f"{INSTANT}?query={number}") for number in (1, 2))
    for cut in (1, 20, len(second) - 2):
        await client.send(first + second[:cut], second[cut:] + first)
        assert [json.loads((await client.answer())[2])["data"]["result"][1] for _ in range(3)] == ["1", "2", "1"]


async def test_a_body_that_looks_like_a_request_is_none(lab: Lab, client: Client, answered: list[bool]) -> None:
    smuggled = _get(lab, f"{INSTANT}?query=666")
    head, body = _form(lab, INSTANT, {"query": "1"}, Content_Length=str(len(smuggled)))
    answered.clear()
    status, _, _ = await client.ask(head, smuggled)
    assert (answered, status) == ([], "HTTP/1.1 400 Bad Request")
    head, body = _form(lab, INSTANT, {"query": "7"})
    assert json.loads((await client.ask(head + body))[2])["data"]["result"][1] == "7"
    assert answered == [True]


async def _number(client: Client, *parts: bytes) -> str:
    """The value of a query for a number."""
    return str(json.loads((await client.ask(*parts))[2])["data"]["result"][1])


async def test_a_head_that_is_known_is_not_read_again(
    lab: Lab, client: Client, answered: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    way = QuickQueries.way

    def recorded(self: QuickQueries, request: RawRequestMessage) -> QuickWay | None:
        read.append(request.path)
        return way(self, request)

    monkeypatch.setattr(QuickQueries, "way", recorded)
    answered.clear()
    for number in "123":
        assert await _number(client, b"".join(_form(lab, INSTANT, {"query": number}))) == number
    assert (answered, read) == ([True] * 3, [INSTANT])
    assert await _number(client, b"".join(_form(lab, INSTANT, {"query": "45"}))) == "45"
    assert read == [INSTANT] * 2  # as the body is longer


async def test_the_token_of_a_head_that_is_known_is_looked_at_again(lab: Lab, client: Client) -> None:
    request = b"".join(_form(lab, INSTANT, {"query": "1"}))
    assert await _number(client, request) == "1"
    lab.tokens.revoke(lab.token)
    assert (await client.ask(request))[0] == "HTTP/1.1 401 Unauthorized"


async def test_a_head_that_is_known_may_come_in_any_company(lab: Lab, client: Client) -> None:
    (head, one), (_, two) = (_form(lab, INSTANT, {"query": number}) for number in "12")
    assert await _number(client, head + one) == "1"
    assert await _number(client, head, two) == "2"
    assert await _number(client, head + two[:3], two[3:]) == "2"
    assert await _number(client, head[:9], head[9:] + one) == "1"
    await client.send(head + one + head[:20], head[20:] + two + head + one)
    assert [json.loads((await client.answer())[2])["data"]["result"][1] for _ in range(3)] == list("121")
    assert await _number(client, head + two) == "2"


async def test_what_is_not_answered_at_once_is_no_hindrance(lab: Lab, client: Client, answered: list[bool]) -> None:
    wrong, right = (b"".join(_form(lab, INSTANT, {"query": query})) for query in ("load +", "10000000"))
    assert len(wrong) == len(right)
    answered.clear()
    for _ in range(2):
        assert (await client.ask(wrong))[0] == "HTTP/1.1 400 Bad Request"
        assert (await client.ask(right))[0] == "HTTP/1.1 200 OK"
    assert answered == [False, True, False, True]


async def test_a_head_whose_lines_end_oddly_is_refused(lab: Lab, client: Client, answered: list[bool]) -> None:
    head, body = _form(lab, INSTANT, {"query": "1"})
    answered.clear()
    status, _, _ = await client.ask(head.replace(b"Host: x\r\n", b"Host: x\n") + body)
    assert (status.partition(" ")[2], answered) == ("400 Bad Request", [])
