"""Events over the WebSocket: those of the log first, then those that come, none twice and none left out untold."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse

from netmon_api import following
from netmon_cli.access import Access
from netmon_cli.listening import Listening, NotListening, listening
from netmon_collector.state.events import NewEvent, Wanted
from tests.api.lab import NOW_MS, Lab
from tests.api.test_websocket import heard, say


def event(kind: str, device: str = "sw1", severity: int = 4) -> NewEvent:
    return NewEvent(NOW_MS, device, "trap", kind, severity, 1, f"{kind} ifIndex=2", "192.0.2.1", {"ifIndex": "2"})


def happen(lab: Lab, *new: NewEvent) -> None:
    """Has events kept and told, as the event book does."""
    before = lab.events.newest_id()
    lab.events.note(new, NOW_MS)
    lab.event_feed.publish(lab.events.after(Wanted(), len(new), before))


async def kinds(socket: ClientWebSocketResponse) -> Sequence[str]:
    message = await heard(socket)
    assert message["type"] == "events", message
    return [one["kind"] for one in message["results"]]


async def follow(socket: ClientWebSocketResponse, **more: Any) -> None:
    assert await say(socket, op="follow", id="e", **more) == {"type": "subscribed", "id": "e"}


async def test_events_come_as_they_are_kept_and_as_they_are_asked_for(lab: Lab) -> None:
    async with lab.client.ws_connect("/api/v1/ws") as socket:
        await follow(socket, least="error", device=["sw1", "sw2"])
        happen(lab, event("linkDown"), event("linkUp", severity=6), event("other", device="sw3"))
        message = await heard(socket)
        assert message["id"] == "e"
        (told,) = message["results"]
        assert told == (await lab.get("/api/v1/events", ("kind", "linkDown")))["results"][0]
        assert await say(socket, op="unsubscribe", id="e") == {"type": "unsubscribed", "id": "e"}
        happen(lab, event("linkDown"))
        assert await say(socket, op="ping") == {"type": "pong"}


async def test_what_came_after_an_event_comes_first_and_nothing_twice(lab: Lab) -> None:
    happen(lab, *(event(f"k{number}") for number in range(1, 5)))
    async with lab.client.ws_connect("/api/v1/ws") as socket:
        await follow(socket, after=2)
        assert await kinds(socket) == ["k3", "k4"]
        happen(lab, event("k5"))
        assert await kinds(socket) == ["k5"]


async def test_of_a_long_log_the_rest_is_told_to_be_missed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_CAUGHT_UP", 3)
    monkeypatch.setattr(following, "MOST_TAKEN", 2)
    happen(lab, *(event(f"k{number}") for number in range(1, 8)))
    async with lab.client.ws_connect("/api/v1/ws") as socket:
        await follow(socket, after=0)
        assert [await kinds(socket) for _ in range(2)] == [["k1", "k2"], ["k3", "k4"]]
        assert await heard(socket) == {"type": "missed", "id": "e", "events": 3}
        happen(lab, event("k8"))
        assert await kinds(socket) == ["k8"]


async def test_mistakes_are_told(lab: Lab) -> None:
    async with lab.client.ws_connect("/api/v1/ws") as socket:
        error = await say(socket, op="follow", id="e", kynd=["linkDown"])
        assert error["error"]["message"].startswith("kynd: no such field. Did you mean 'kind'?")
        await follow(socket)
        error = await say(socket, op="follow", id="e")
        assert error["error"]["message"] == "there is a subscription 'e' already"
        error = await say(socket, op="subscribe", id="e", selector="up")
        assert error["error"]["message"] == "there is a subscription 'e' already"


async def test_the_command_lines_own_socket_hears_them_too(lab: Lab) -> None:
    def listen(told: list[str]) -> None:
        with listening(Access(lab.url, lab.token, "a test")) as feed:
            feed.say({"op": "follow", "id": "e", "text": "ü" * 200, "after": 0})
            feed.say({"op": "follow", "id": "f", "after": 0})
            for message in feed.messages():
                told.extend(one["kind"] for one in message.get("results", ()))
                if told[-1:] == ["last"]:
                    return

    told: list[str] = []
    happen(lab, *(event("first") for _ in range(300)))
    hearing = asyncio.create_task(asyncio.to_thread(listen, told))
    while len(told) < 300:  # noqa: ASYNC110 - the other side is a thread
        await asyncio.sleep(0.01)
    happen(lab, event("last"))
    await asyncio.wait_for(hearing, 10)
    assert told == ["first"] * 300 + ["last"]


@pytest.mark.parametrize("token", ["nmt_wrong", None])
async def test_who_has_no_token_is_told(lab: Lab, token: str | None) -> None:
    def listen() -> None:
        with listening(Access(lab.url, token, "a test")) as feed:
            read(feed)

    def read(feed: Listening) -> None:
        feed.say({"op": "follow", "id": "e"})
        for message in feed.messages():
            assert message["type"] == "error"

    with pytest.raises(NotListening):
        await asyncio.to_thread(listen)


async def test_what_is_no_collector_is_told(lab: Lab) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: nonsense\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def listen() -> None:
        with listening(Access(f"http://127.0.0.1:{port}", None, "")):
            raise AssertionError("it is no WebSocket")

    with pytest.raises(NotListening):
        await asyncio.to_thread(listen)
    server.close()
