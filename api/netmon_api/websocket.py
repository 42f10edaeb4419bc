"""The WebSocket: a client subscribes to samples as they are stored, and to events as they are kept."""

import asyncio
import contextlib
import traceback
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from pydantic import BaseModel, ValidationError

from netmon_api.auth import Doorkeeper, token_of, unauthenticated
from netmon_api.complaints import explain
from netmon_api.envelope import ApiError
from netmon_api.following import Following
from netmon_api.messages import (
    Authenticate,
    ClientMessage,
    Command,
    Done,
    Failure,
    Follow,
    MissedSamples,
    Ping,
    Problem,
    Subscribe,
    SubscriptionDone,
    Unsubscribe,
)
from netmon_api.models import NoQuery
from netmon_api.routes import Call
from netmon_api.services import Services
from netmon_api.sockets import Sockets
from netmon_collector.feed import Missed, Update
from netmon_collector.query.selector import parse_selector
from netmon_configs.logs import EventLog

log = EventLog("netmon.api.websocket")

LARGEST_MESSAGE_BYTES = 64 << 10
MOST_SUBSCRIPTIONS = 100

_COMMANDS: dict[str, type[BaseModel]] = {
    "authenticate": Authenticate,
    "subscribe": Subscribe,
    "follow": Follow,
    "unsubscribe": Unsubscribe,
    "ping": Ping,
}


async def converse(call: Call[NoQuery]) -> web.StreamResponse:
    """Serves one client for as long as it stays."""
    sockets = call.services.sockets
    socket = web.WebSocketResponse(
        timeout=1.0,
        heartbeat=sockets.heartbeat_s,
        compress=False,  # costs more than it saves on a local network, and per client
        max_msg_size=LARGEST_MESSAGE_BYTES,
        decode_text=False,
    )
    if not socket.can_prepare(call.request).ok:
        raise ApiError("bad_request", "this is a WebSocket: send a GET with 'Upgrade: websocket'")
    if len(sockets.open) >= sockets.most:
        raise ApiError("unavailable", f"{sockets.most} WebSockets are open already")
    sockets.open.add(socket)
    try:
        await socket.prepare(call.request)
        await _Conversation(socket, call.services).run(call.request)
    except ConnectionError:  # the client is gone
        pass
    except Exception as error:  # noqa: BLE001 - the upgrade is answered: nobody above could tell the client
        log.error("socket.failed", error=repr(error), traceback=traceback.format_exc())
        await socket.close(code=WSCloseCode.INTERNAL_ERROR)
    finally:
        sockets.open.discard(socket)
    return socket


class _Conversation:
    def __init__(self, socket: web.WebSocketResponse, services: Services) -> None:
        self._socket = socket
        self._sockets: Sockets = services.sockets
        self._doorkeeper = Doorkeeper(services.tokens)
        self._listener = services.feed.listen()
        self._events = Following(services.events, services.event_feed.listen(), self._say)
        # Held while a subscription begins or ends and its answer is sent: no sample comes before "subscribed",
        # none after "unsubscribed", and none is lost in between.
        self._order = asyncio.Lock()

    async def run(self, request: web.Request) -> None:
        token = token_of(request.headers)
        if not self._doorkeeper.knows(token):
            token = await self._authenticate()
        if token is None:
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not authenticated")
            return
        tasks = [asyncio.create_task(work) for work in (self._hear(), self._tell(), self._follow(), self._watch(token))]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._listener.close()
            self._events.close()

    async def _authenticate(self) -> str | None:
        """Waits for the token in the first message; None where it is not good."""
        try:
            async with asyncio.timeout(self._sockets.authenticate_within_s):
                message = await self._socket.receive()
        except TimeoutError:
            message = WSMessage(WSMsgType.TEXT, b"", None)
        command = None
        if message.type is WSMsgType.TEXT:
            with contextlib.suppress(_Misunderstood):
                command = _parse(message.data)
        if isinstance(command, Authenticate) and self._doorkeeper.knows(command.token):
            await self._say(Done(type="authenticated"))
            return command.token
        if not self._socket.closed:
            await self._complain(
                None, unauthenticated().code, "the first message must be authenticate, with a good token"
            )
        return None

    async def _watch(self, token: str) -> None:
        """Ends the conversation when the token that it was begun with is revoked."""
        while self._doorkeeper.knows(token):  # noqa: ASYNC110 - another process may revoke it
            await asyncio.sleep(self._sockets.recheck_s)
        await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the token was revoked")

    async def _hear(self) -> None:
        async for message in self._socket:
            try:
                await self._obey(_parse(message.data))
            except _Misunderstood as error:
                await self._complain(error.key, error.code, str(error))

    async def _tell(self) -> None:
        while True:
            await self._listener.wait()
            async with self._order:
                event = self._listener.take()
                if event is not None:
                    await self._send(self._event_json(*event))

    async def _follow(self) -> None:
        while True:
            await self._events.wait()
            async with self._order:
                await self._events.tell()

    async def _obey(self, command: Command) -> None:
        match command:
            case Subscribe():
                await self._subscribe(command)
            case Follow():
                await self._follow_events(command)
            case Unsubscribe(id=key):
                await self._unsubscribe(key)
            case Authenticate(token=token):
                if not self._doorkeeper.knows(token):
                    raise _Misunderstood("this token is not good", code="unauthenticated")
                await self._say(Done(type="authenticated"))
            case Ping():
                await self._say(Done(type="pong"))

    async def _subscribe(self, command: Subscribe) -> None:
        key = command.id
        self._has_room(key)
        async with self._order:
            try:
                self._listener.subscribe(key, parse_selector(command.selector))
            except ValueError as error:
                raise _Misunderstood(f"selector: {error}", key) from error
            await self._say(SubscriptionDone(type="subscribed", id=key))

    async def _follow_events(self, command: Follow) -> None:
        key = command.id
        self._has_room(key)
        if key in self._listener:
            raise _Misunderstood(f"there is a subscription {key!r} already", key)
        async with self._order:
            self._events.begin(key, command)
            await self._say(SubscriptionDone(type="subscribed", id=key))
            if command.after is not None:
                await self._events.catch_up(key, command, command.after)

    def _has_room(self, key: str) -> None:
        if len(self._listener) + len(self._events) >= MOST_SUBSCRIPTIONS:
            raise _Misunderstood(f"at most {MOST_SUBSCRIPTIONS} subscriptions a client", key, "too_many")
        if key in self._events:
            raise _Misunderstood(f"there is a subscription {key!r} already", key)

    async def _unsubscribe(self, key: str) -> None:
        async with self._order:
            if key in self._events:
                self._events.end(key)
            elif key in self._listener:
                self._listener.unsubscribe(key)
            else:
                raise _Misunderstood("there is no such subscription", key, "not_found")
            await self._say(SubscriptionDone(type="unsubscribed", id=key))

    def _event_json(self, key: str, event: Update | Missed) -> bytes:
        if isinstance(event, Missed):
            missed = MissedSamples(type="missed", id=key, samples=event.samples, frames=event.frames)
            return missed.model_dump_json().encode()
        results = orjson.Fragment(self._sockets.json_of(event.results))
        return orjson.dumps({"type": "samples", "id": key, "seq": event.seq, "results": results})

    async def _complain(self, key: str | None, code: str, message: str) -> None:
        await self._say(Failure(type="error", id=key, error=Problem(code=code, message=message)))

    async def _say(self, message: BaseModel) -> None:
        await self._send(message.model_dump_json().encode())

    async def _send(self, frame: bytes) -> None:
        await self._socket.send_frame(frame, WSMsgType.TEXT)


class _Misunderstood(Exception):
    """A command that can't be carried out; the message is for the client."""

    def __init__(self, message: str, key: str | None = None, code: str = "bad_request") -> None:
        super().__init__(message)
        self.key = key
        self.code = code


def _parse(data: Any) -> Command:
    """The command in a message. Raises _Misunderstood."""
    try:
        raw = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _Misunderstood(f"not JSON: {error}") from error
    key = raw.get("id") if isinstance(raw, dict) else None
    try:
        return ClientMessage.model_validate(raw).root
    except ValidationError as error:
        op = raw.get("op") if isinstance(raw, dict) else None
        complaints = explain(error, _COMMANDS.get(op) if isinstance(op, str) else None, "field")
        text = "; ".join(f"{field}: {complaint}" if field else complaint for field, complaint in complaints.items())
        raise _Misunderstood(text, key if isinstance(key, str) else None) from error
