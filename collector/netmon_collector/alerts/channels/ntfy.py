"""Tells people's phones through ntfy.

See docs.ntfy.sh/publish/#publish-as-json (fields) and docs.ntfy.sh/publish/#limitations: a message has at most 4,096
bytes, 429 is the answer to too many; for titles and tags github.com/binwiederhier/ntfy/releases/tag/v2.28.0.
"""

from typing import Any, Final

from pydantic import Field

from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.channels.base import (
    ChannelOptions,
    HttpConfig,
    Surroundings,
    WebChannel,
    cut,
    secret_of,
    web_url,
)
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

LONGEST_BYTES: Final = 4096
"""Beyond it a server makes an attachment of the text."""
LONGEST_TITLE: Final = 250
LONGEST_TAGS: Final = 120
"""Characters of four bytes at most: from 2.28 on a server refuses titles above 1 KB and tags above 512 bytes."""
PRIORITIES: Final = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5, "urgent": 5}


class NtfyOptions(ChannelOptions):
    """A message in a topic. `priority` is from 1 to 5, or ntfy's name for it."""

    url: str = "https://ntfy.sh"
    topic: str = Field(min_length=1, pattern=r"^[-_A-Za-z0-9]{1,64}$")
    token: Secret | None = None
    token_file: FilePath | None = None
    http_config: HttpConfig = Field(default_factory=HttpConfig)
    title: str = '{{ template "netmon.title" . }}'
    message: str = '{{ template "netmon.text" . }}'
    priority: str = (
        '{{ if eq .Status "resolved" }}low{{ else if eq .CommonLabels.severity "critical" }}urgent'
        '{{ else if eq .CommonLabels.severity "info" }}low{{ else }}high{{ end }}'
    )
    tags: str = '{{ if eq .Status "firing" }}rotating_light{{ else }}white_check_mark{{ end }}'
    click: str = "{{ .ExternalURL }}"

    def open(self, surroundings: Surroundings) -> "Ntfy":
        token = secret_of((self.token, self.token_file))
        headers = self.http_config.headers() | ({"Authorization": f"Bearer {token}"} if token else {})
        names = ("title", "message", "priority", "tags", "click")
        texts = {name: surroundings.texts.text(getattr(self, name), name) for name in names}
        return Ntfy(surroundings.http, web_url(self.url, "url"), self.topic, headers, texts)


class Ntfy(WebChannel):
    """See channel.Channel."""

    def __init__(self, http: Http, url: str, topic: str, headers: dict[str, str], texts: dict[str, Written]) -> None:
        super().__init__(http)
        self._url = url
        self._topic = topic
        self._headers = headers
        self._texts = texts

    async def send(self, message: Message) -> str:
        texts = await write(message, **self._texts)
        priority = texts["priority"].strip().lower()
        body: dict[str, Any] = {
            "topic": self._topic,
            "title": cut(texts["title"].strip(), LONGEST_TITLE),
            "message": texts["message"].strip().encode()[:LONGEST_BYTES].decode(errors="ignore"),
            "priority": PRIORITIES.get(priority) or (int(priority) if priority in set("12345") else 3),
            "tags": [tag.strip() for tag in texts["tags"][:LONGEST_TAGS].split(",") if tag.strip()],
        }
        if texts["click"]:
            body["click"] = texts["click"]
        await self._http.deliver("POST", self._url, headers=self._headers, json=body)
        return ""
