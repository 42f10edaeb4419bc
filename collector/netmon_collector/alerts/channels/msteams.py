"""Tells people in Microsoft Teams, through a workflow's webhook that takes Adaptive Cards.

See learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using: connectors of Office
365 retire, workflows take Adaptive Cards alone; a message has at most 28 KB.
"""

from typing import Any, Final

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import (
    ChannelOptions,
    Surroundings,
    WebChannel,
    cut,
    cut_json,
    secret_of,
    web_url,
)
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

LARGEST_BYTES: Final = 24_000
"""Of the text, as JSON: the whole card may have 28 KB."""
LARGEST_TITLE_BYTES: Final = 2000


class TeamsOptions(ChannelOptions):
    """A card in the channel of a workflow."""

    webhook_url: Secret | None = None
    webhook_url_file: FilePath | None = None
    title: str = '{{ template "msteamsv2.default.title" . }}'
    text: str = '{{ template "msteamsv2.default.text" . }}'

    def open(self, surroundings: Surroundings) -> "Teams":
        url = web_url(secret_of((self.webhook_url, self.webhook_url_file)), "webhook_url")
        texts = {name: surroundings.texts.text(getattr(self, name), name) for name in ("title", "text")}
        return Teams(surroundings.http, url, texts)


class Teams(WebChannel):
    """See channel.Channel."""

    def __init__(self, http: Http, url: str, texts: dict[str, Written]) -> None:
        super().__init__(http)
        self._url = url
        self._texts = texts

    async def send(self, message: Message) -> str:
        texts = await write(message, **self._texts)
        answer = await self._http.deliver("POST", self._url, json=_card(message, texts["title"], texts["text"]))
        if b"delivery failed with error" in answer.body:  # older webhooks say 200 and tell in words
            told = cut(answer.body.decode(errors="replace"), 200)
            raise NotDelivered(f"Teams did not take it: {told}")
        return ""


def _card(message: Message, title: str, text: str) -> dict[str, Any]:
    color = "Attention" if message.notification.firing else "Good"
    head = {
        "type": "TextBlock",
        "text": cut_json(title, LARGEST_TITLE_BYTES),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
    }
    shown = cut_json(text.strip().replace("\n", "\n\n"), LARGEST_BYTES)  # a single line's end is none in a card
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [{**head, "color": color}, {"type": "TextBlock", "text": shown, "wrap": True}],
    }
    if message.url:
        content["actions"] = [{"type": "Action.OpenUrl", "title": "Open netmon", "url": message.url}]
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [card]}
