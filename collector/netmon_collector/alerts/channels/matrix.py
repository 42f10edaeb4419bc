"""Tells people in a Matrix room.

See spec.matrix.org/latest/client-server-api: sending events (the transaction's id makes it once), threading, size
limits (65,536 bytes), rate limiting (`Retry-After`; `retry_after_ms` before version 1.10).
"""

from typing import Any, Final
from urllib.parse import quote

import orjson
from pydantic import Field

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import (
    ChannelOptions,
    Surroundings,
    WebChannel,
    cut,
    cut_json,
    needed,
    secret_of,
)
from netmon_collector.alerts.channels.http import Answer, Http, wait_s
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

LONGEST_BYTES: Final = 28_000
"""Of each of text and HTML, as JSON: an event may have 65,536 bytes in all."""


class MatrixOptions(ChannelOptions):
    """A message in a room that the user of the token is in; what follows in a group is a thread."""

    homeserver_url: str = Field(pattern=r"^https?://\S+$")
    room_id: str = Field(pattern=r"^!\S+$")
    access_token: Secret | None = None
    access_token_file: FilePath | None = None
    text: str = '{{ template "netmon.text" . }}'
    html: str = '{{ template "netmon.html" . }}'

    def open(self, surroundings: Surroundings) -> "Matrix":
        token = needed(secret_of((self.access_token, self.access_token_file)), "access_token")
        room = quote(self.room_id, safe="")
        url = f"{self.homeserver_url.rstrip('/')}/_matrix/client/v3/rooms/{room}/send/m.room.message/"
        texts = {
            "title": surroundings.texts.text('{{ template "netmon.title" . }}', "title"),
            "text": surroundings.texts.text(self.text, "text"),
            "html": surroundings.texts.text(self.html, "html", html=True),
        }
        return Matrix(surroundings.http, url, token, texts)


class Matrix(WebChannel):
    """See channel.Channel. The key is the transaction's id: the server itself drops doubles. The reference is the
    event that began the thread."""

    def __init__(self, http: Http, url: str, token: str, texts: dict[str, Written]) -> None:
        super().__init__(http)
        self._url = url
        self._token = token
        self._texts = texts

    async def send(self, message: Message) -> str:
        texts = await write(message, **self._texts)
        plain = cut_json(f"{texts['title']}\n\n{texts['text']}", LONGEST_BYTES)
        body: dict[str, Any] = {"msgtype": "m.text", "body": plain}
        if len(orjson.dumps(texts["html"])) <= LONGEST_BYTES:
            body |= {"format": "org.matrix.custom.html", "formatted_body": texts["html"]}
        if message.reference:
            body["m.relates_to"] = {
                "rel_type": "m.thread",
                "event_id": message.reference,
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": message.reference},
            }
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = await self._http.request("PUT", self._url + message.notification.key, headers=headers, json=body)
        event = _event_of(answer)
        return message.reference or event


def _event_of(answer: Answer) -> str:
    """The id of an event that was taken. Raises NotDelivered."""
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        told = None
    told = told if isinstance(told, dict) else {}
    if answer.status == 200 and told.get("event_id"):
        return str(told["event_id"])
    wait_ms = told.get("retry_after_ms")
    rest_s = wait_ms / 1000 if isinstance(wait_ms, int) else wait_s(answer)
    what = cut(f"{told.get('errcode', '')} {told.get('error', '')}".strip(), 200)
    permanent = 300 <= answer.status < 500 and answer.status not in (408, 429)
    raise NotDelivered(f"the homeserver answered {answer.status}: {what}", permanent=permanent, retry_after_s=rest_s)
