"""The WebSocket, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netmon_api.messages import ServerMessage
from tests.api.lab import NOW_MS, Lab, labels

LOAD = labels("load", instance="web1")
NOW_S = NOW_MS / 1000
WAIT_S = 5.0


async def heard(socket: ClientWebSocketResponse) -> Any:
    """The next message, checked against its documented form."""
    message = await socket.receive(timeout=WAIT_S)
    assert message.type is WSMsgType.TEXT, message
    answer = orjson.loads(message.data)
    ServerMessage.model_validate(answer)
    return answer


async def say(socket: ClientWebSocketResponse, **message: Any) -> Any:
    await socket.send_json(message)
    return await heard(socket)


@asynccontextmanager
async def subscribed(lab: Lab, selector: str = "load", **options: Any) -> AsyncIterator[ClientWebSocketResponse]:
    async with lab.client.ws_connect("/api/v1/ws", **options) as socket:
        assert await say(socket, op="subscribe", id="a", selector=selector) == {"type": "subscribed", "id": "a"}
        yield socket


async def test_samples_arrive_as_they_are_stored(lab: Lab) -> None:
    async with subscribed(lab, 'load{instance="web1"}') as socket:
        lab.publish({LOAD: 0.5, labels("load", instance="web2"): 9.0})
        lab.publish({LOAD: float("nan")}, NOW_MS + 1)
        result = {"labels": {"__name__": "load", "instance": "web1"}, "samples": [[NOW_S, 0.5]]}
        assert await heard(socket) == {"type": "samples", "id": "a", "seq": 1, "results": [result]}
        second = await heard(socket)
        assert (second["seq"], second["results"][0]["samples"]) == (2, [[NOW_S + 0.001, "NaN"]])


async def test_names_may_be_any_text(lab: Lab) -> None:
    odd = labels("my.load", **{"host name, ü": "a"})
    async with subscribed(lab, '{"my.load","host name, ü"=~"a|b"}') as socket:
        lab.publish({LOAD: 1.0, odd: 0.5})
        assert [one["labels"] for one in (await heard(socket))["results"]] == [dict(odd)]


async def test_a_client_has_several_subscriptions(lab: Lab) -> None:
    async with subscribed(lab) as socket:
        assert (await say(socket, op="subscribe", id="b", selector='{instance=~"web."}'))["type"] == "subscribed"
        lab.publish({LOAD: 1.0})
        assert {(await heard(socket))["id"] for _ in range(2)} == {"a", "b"}
        assert await say(socket, op="unsubscribe", id="a") == {"type": "unsubscribed", "id": "a"}
        lab.publish({LOAD: 2.0})
        assert (await heard(socket))["id"] == "b"
        assert await say(socket, op="ping") == {"type": "pong"}


async def everybody_left(lab: Lab) -> None:
    async with asyncio.timeout(WAIT_S):
        while lab.sockets.open:  # noqa: ASYNC110 - the server has no reason to tell
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("{", (None, "bad_request", "not JSON: ")),
        ("[]", (None, "bad_request", "")),
        ("{}", (None, "bad_request", "")),
        ('{"op": "shout", "id": "x"}', ("x", "bad_request", "must have an 'op' of 'authenticate', 'subscribe'")),
        ('{"op": "subscribe", "id": "x"}', ("x", "bad_request", "selector: is required")),
        ('{"op": "subscribe", "id": 7, "selector": "up"}', (None, "bad_request", "id: must be text (got 7)")),
        (
            '{"op": "subscribe", "id": "x", "selector": "up", "selectr": 1}',
            ("x", "bad_request", "selectr: no such field. Did you mean 'selector'?"),
        ),
        ('{"op": "subscribe", "id": "", "selector": "up"}', ("", "bad_request", "id: ")),
        (
            '{"op": "subscribe", "id": "x", "selector": "up[5m]"}',
            ("x", "bad_request", "selector: only plain selectors"),
        ),
        ('{"op": "subscribe", "id": "x", "selector": "up{a=~\\"(\\"}"}', ("x", "bad_request", "selector: ")),
        (
            '{"op": "subscribe", "id": "a", "selector": "up"}',
            ("a", "bad_request", "selector: there is a subscription 'a'"),
        ),
        ('{"op": "unsubscribe", "id": "x"}', ("x", "not_found", "there is no such subscription")),
        ('{"op": "authenticate", "token": "nmt_wrong"}', (None, "unauthenticated", "this token is not good")),
    ],
)
async def test_a_mistake_is_told_and_the_conversation_goes_on(
    lab: Lab, message: str, answer: tuple[str | None, str, str]
) -> None:
    async with subscribed(lab) as socket:
        await socket.send_str(message)
        error = await heard(socket)
        key, code, text = answer
        assert (error["type"], error["id"], error["error"]["code"]) == ("error", key, code)
        assert error["error"]["message"].startswith(text)
        assert error["error"]["message"]
        lab.publish({LOAD: 1.0})
        assert (await heard(socket))["type"] == "samples"


async def test_a_client_has_at_most_a_hundred_subscriptions(lab: Lab) -> None:
    async with subscribed(lab) as socket:
        for number in range(99):
            assert (await say(socket, op="subscribe", id=str(number), selector="load"))["type"] == "subscribed"
        error = await say(socket, op="subscribe", id="more", selector="load")
        assert (error["id"], error["error"]["code"]) == ("more", "too_many")


async def test_a_message_over_the_bound_ends_the_conversation(lab: Lab) -> None:
    async with subscribed(lab) as socket:
        await socket.send_str("x" * (65 << 10))
        message = await socket.receive(timeout=WAIT_S)
        assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
        assert socket.close_code == 1009
    await lab.get("/api/v1/status")


async def test_a_browser_authenticates_with_its_first_message(lab: Lab) -> None:
    async with lab.stranger.ws_connect("/api/v1/ws", headers={"Origin": lab.url}) as socket:
        assert await say(socket, op="authenticate", token=lab.token) == {"type": "authenticated"}
        assert (await say(socket, op="subscribe", id="a", selector="load"))["type"] == "subscribed"


@pytest.mark.parametrize(
    "first",
    [
        '{"op": "authenticate", "token": "nmt_wrong"}',
        '{"op": "subscribe", "id": "a", "selector": "load"}',
        "nonsense",
        None,
    ],
)
async def test_whoever_does_not_authenticate_first_is_shown_out(lab: Lab, first: str | None) -> None:
    async with lab.stranger.ws_connect("/api/v1/ws") as socket:
        if first is not None:
            await socket.send_str(first)
        assert (await heard(socket))["error"]["code"] == "unauthenticated"
        assert (await socket.receive(timeout=WAIT_S)).type is WSMsgType.CLOSE
        assert socket.close_code == 1008
    await everybody_left(lab)


async def test_a_wrong_token_in_the_header_opens_nothing(lab: Lab) -> None:
    with pytest.raises(WSServerHandshakeError) as error:
        await lab.stranger.ws_connect("/api/v1/ws", headers={"Authorization": "Bearer nmt_wrong"})
    assert error.value.status == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://"])
async def test_a_page_of_another_origin_opens_nothing(lab: Lab, origin: str) -> None:
    for client in (lab.client, lab.stranger):
        with pytest.raises(WSServerHandshakeError) as error:
            await client.ws_connect("/api/v1/ws", headers={"Origin": origin})
        assert error.value.status == 403


async def test_a_client_that_answers_no_ping_is_shown_out(lab: Lab) -> None:
    lab.sockets.heartbeat_s = 0.1
    async with lab.client.ws_connect("/api/v1/ws", autoping=False):
        assert len(lab.sockets.open) == 1
        await everybody_left(lab)


async def test_there_is_an_end_to_the_number_of_clients(lab: Lab) -> None:
    lab.sockets.most = 1
    async with subscribed(lab):
        with pytest.raises(WSServerHandshakeError) as error:
            await lab.client.ws_connect("/api/v1/ws")
        assert error.value.status == 503


async def test_clients_are_told_when_the_server_stops(lab: Lab) -> None:
    async with subscribed(lab) as socket, subscribed(lab) as other:
        stopping = asyncio.create_task(lab.server.stop())
        for one in (socket, other):
            message = await one.receive(timeout=WAIT_S)
            assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1001, "the collector is stopping")
        await asyncio.wait_for(stopping, WAIT_S)


async def test_a_client_that_is_gone_is_forgotten(lab: Lab) -> None:
    async with subscribed(lab) as socket:
        socket._response.connection.transport.abort()  # type: ignore[union-attr]
    await everybody_left(lab)
    assert not lab.feed._selections


async def test_a_slow_client_is_told_what_it_missed_and_ingest_goes_on(lab: Lab) -> None:
    series = {labels("load", instance=f"web{number:04}", text="x" * 600): float(number) for number in range(100)}
    async with subscribed(lab) as slow, subscribed(lab, 'load{instance="web0001"}') as quick:
        for number in range(600):  # 40 MB as JSON: far more than sockets hold
            lab.publish(series, NOW_MS + number)
            assert (await heard(quick))["seq"] == number + 1
        updates: list[Any] = []
        missed: list[Any] = []
        while not updates or updates[-1]["seq"] < 600:
            message = await heard(slow)
            (missed if message["type"] == "missed" else updates).append(message)
    assert missed
    assert all(message["id"] == "a" for message in missed)
    assert sum(message["frames"] for message in missed) + len(updates) == 600
    assert sum(message["samples"] for message in missed) == 100 * sum(message["frames"] for message in missed)
    assert [message["seq"] for message in updates] == sorted({message["seq"] for message in updates})


async def test_two_hundred_clients_hear_the_same(lab: Lab) -> None:
    series = {labels("load", instance=f"web{number}"): 1.0 for number in range(100)}
    unlimited = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(lab.url, headers=lab.client.headers, connector=unlimited) as client:
        sockets = [await client.ws_connect("/api/v1/ws") for _ in range(200)]
        for socket in sockets:
            await socket.send_json({"op": "subscribe", "id": "a", "selector": "load"})
        assert [(await heard(socket))["type"] for socket in sockets] == ["subscribed"] * 200
        lab.publish(series)
        answers = [(await socket.receive(timeout=WAIT_S)).data for socket in sockets]
        assert len(set(answers)) == 1
        assert len(orjson.loads(answers[0])["results"]) == 100
        for socket in sockets:
            await socket.close()


async def test_no_sample_comes_before_subscribed_nor_after_unsubscribed(lab: Lab) -> None:
    async def publish() -> None:
        while True:
            lab.publish({LOAD: 1.0})
            await asyncio.sleep(0)

    publishing = asyncio.create_task(publish())
    async with lab.client.ws_connect("/api/v1/ws") as socket:
        for _ in range(50):
            await socket.send_json({"op": "subscribe", "id": "a", "selector": "load"})
            assert (await heard(socket))["type"] == "subscribed"
            assert (await heard(socket))["seq"] == 1
            await socket.send_json({"op": "unsubscribe", "id": "a"})
            while (message := await heard(socket))["type"] == "samples":
                pass
            assert message == {"type": "unsubscribed", "id": "a"}
    publishing.cancel()


commands = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["subscribe", "unsubscribe", "ping", "authenticate", 1, None]),
        "id": st.one_of(st.text(max_size=5), st.integers(-(2**63), 2**64 - 1), st.none()),  # what orjson can write
        "selector": st.one_of(st.text(max_size=20), st.sampled_from(["load", "{a=~'('}", "up[5m]"]), st.none()),
        "token": st.text(max_size=5),
    },
)
frames = st.one_of(st.binary(max_size=200), st.text(max_size=200), commands.map(orjson.dumps))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(frames, max_size=8), st.booleans())
async def test_any_frames_are_answered_one_by_one(lab: Lab, sent: list[bytes | str], is_text: bool) -> None:
    async with lab.client.ws_connect("/api/v1/ws") as socket:
        for frame in sent:
            raw = frame.encode() if isinstance(frame, str) else frame
            if is_text:
                raw = raw.decode("utf-8", "replace").encode()
            await socket.send_frame(raw, WSMsgType.TEXT if is_text else WSMsgType.BINARY)
            assert (await heard(socket))["type"] in ("error", "subscribed", "unsubscribed", "pong")
        assert await say(socket, op="ping") == {"type": "pong"}


async def test_text_that_is_not_unicode_harms_nobody(lab: Lab) -> None:
    async with lab.client.ws_connect("/api/v1/ws") as socket:
        await socket.send_frame(b"\xff\xfe{", WSMsgType.TEXT)
        message = await socket.receive(timeout=WAIT_S)
        assert message.type in (WSMsgType.TEXT, WSMsgType.CLOSE)
    async with aiohttp.ClientSession(lab.url) as client, client.get("/healthz") as response:
        assert response.status == 200


@pytest.mark.parametrize("in_header", [True, False])
async def test_a_revoked_token_ends_the_conversation(lab: Lab, *, in_header: bool) -> None:
    lab.sockets.recheck_s = 0.05
    token = lab.tokens.issue("api")
    headers = {"Authorization": f"Bearer {token}"} if in_header else {}
    async with lab.stranger.ws_connect("/api/v1/ws", headers=headers) as socket:
        if not in_header:
            assert (await say(socket, op="authenticate", token=token))["type"] == "authenticated"
        assert (await say(socket, op="subscribe", id="a", selector="load"))["type"] == "subscribed"
        await asyncio.sleep(0.15)
        assert (await say(socket, op="ping"))["type"] == "pong"
        lab.tokens.revoke(token)
        message = await socket.receive(timeout=WAIT_S)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1008, "the token was revoked")
