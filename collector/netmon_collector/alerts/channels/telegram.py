"""Tells people in Telegram, as a bot.

See core.telegram.org/bots/api#sendmessage (4,096 characters after entities are parsed) and #responseparameters: when to
try again, and where a group has gone that became a supergroup.
"""

import re
from html import unescape
from typing import Any, Final, Literal

import orjson

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, Surroundings, WebChannel, cut, needed, secret_of
from netmon_collector.alerts.channels.http import Answer, Http
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

LONGEST: Final = 4096
"""UTF-16 code units, as Telegram counts; the least that can be meant by characters."""
_TAG: Final = re.compile(r"<[^>]*>")


class TelegramOptions(ChannelOptions):
    """A message to a chat in which the bot is; `message_thread_id` is a topic of it."""

    bot_token: Secret | None = None
    bot_token_file: FilePath | None = None
    api_url: str | None = None
    chat_id: int
    message_thread_id: int | None = None
    message: str = '{{ template "telegram.default.message" . }}'
    parse_mode: Literal["HTML", "Markdown", "MarkdownV2", ""] = "HTML"
    disable_notifications: bool = False

    def open(self, surroundings: Surroundings) -> "Telegram":
        defaults = surroundings.defaults
        token = secret_of(
            (self.bot_token, self.bot_token_file), (defaults.telegram_bot_token, defaults.telegram_bot_token_file)
        )
        base = (self.api_url or defaults.telegram_api_url).rstrip("/")
        url = f"{base}/bot{needed(token, 'bot_token', 'telegram_bot_token')}/sendMessage"
        text = surroundings.texts.text(self.message, "message", html=self.parse_mode == "HTML")
        fixed: dict[str, Any] = {
            "chat_id": self.chat_id,
            "disable_notification": self.disable_notifications,
            "link_preview_options": {"is_disabled": True},
        }
        if self.message_thread_id is not None:
            fixed["message_thread_id"] = self.message_thread_id
        return Telegram(surroundings.http, url, text, self.parse_mode, fixed)


class Telegram(WebChannel):
    """See channel.Channel. The reference is the id of the first message, to which what follows replies."""

    def __init__(self, http: Http, url: str, text: Written, parse_mode: str, fixed: dict[str, Any]) -> None:
        super().__init__(http)
        self._url = url
        self._text = text
        self._parse_mode = parse_mode
        self._fixed = fixed

    async def send(self, message: Message) -> str:
        text = (await write(message, it=self._text))["it"].strip() or "alert"
        body = dict(self._fixed)
        if message.reference.isdecimal():
            first = int(message.reference)
            body["reply_parameters"] = {"message_id": first, "allow_sending_without_reply": True}
        if self._parse_mode and _units(text) <= LONGEST:
            body |= {"text": text, "parse_mode": self._parse_mode}
            answer = await self._ask(body)
            if not _cannot_be_parsed(answer):
                number = _number_of(answer)
                return message.reference or number
        body |= {"text": _cut_units(self._plain(text), LONGEST)}
        body.pop("parse_mode", None)
        number = _number_of(await self._ask(body))
        return message.reference or number

    async def _ask(self, body: dict[str, Any]) -> Answer:
        """Sends a message; to where the group has gone, if it has."""
        answer = await self._http.request("POST", self._url, json=body)
        moved = _parameters(answer).get("migrate_to_chat_id")
        if answer.status == 400 and isinstance(moved, int) and moved != self._fixed["chat_id"]:
            self._fixed["chat_id"] = moved
            return await self._http.request("POST", self._url, json={**body, "chat_id": moved})
        return answer

    def _plain(self, text: str) -> str:
        """Text that cannot be misread. Cut off somewhere, marked-up text could."""
        return unescape(_TAG.sub("", text)) if self._parse_mode == "HTML" else text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut_units(text: str, most: int) -> str:
    if _units(text) <= most:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * (most - 1)].decode("utf-16-le", "ignore") + "…"


def _cannot_be_parsed(answer: Answer) -> bool:
    return answer.status == 400 and b"parse" in answer.body


def _number_of(answer: Answer) -> str:
    """The id of a message that was taken. Raises NotDelivered."""
    told = _told(answer)
    if answer.status == 200 and told.get("ok") is True and isinstance(told.get("result"), dict):
        return str(told["result"].get("message_id", ""))
    wait_s = _parameters(answer).get("retry_after")
    raise NotDelivered(
        f"Telegram answered {answer.status}: {cut(str(told.get('description', '')), 200)}",
        permanent=400 <= answer.status < 500 and answer.status != 429,
        retry_after_s=float(wait_s) if isinstance(wait_s, int) else None,
    )


def _told(answer: Answer) -> dict[str, Any]:
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _parameters(answer: Answer) -> dict[str, Any]:
    parameters = _told(answer).get("parameters")
    return parameters if isinstance(parameters, dict) else {}
