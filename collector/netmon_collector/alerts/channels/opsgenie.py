"""Pages people through Opsgenie, or Jira Service Management.

See docs.opsgenie.com/docs/alert-api (fields and their limits) and docs.opsgenie.com/docs/response: 202 means taken, 429
that there were too many requests, any other 4xx is final.
"""

from hashlib import sha256
from typing import Any, Final, Literal

from pydantic import Field

from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.channels.base import ChannelOptions, Surroundings, WebChannel, cut, needed, secret_of
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.options import FilePath, OptionsAsWritten
from netmon_configs.secrets import Secret

MOST_TAGS: Final = 20
LONGEST_TAG: Final = 50
LONGEST_DETAILS: Final = 8000
"""Characters of all names and values together."""
PRIORITIES: Final = frozenset({"P1", "P2", "P3", "P4", "P5"})
LONGEST: Final = {"message": 130, "description": 15_000, "source": 100, "entity": 512, "note": 25_000}


class Responder(OptionsAsWritten):
    """Who is told there, by one of three names."""

    id: str | None = None
    name: str | None = None
    username: str | None = None
    type: Literal["team", "teams", "user", "escalation", "schedule"]


class OpsgenieOptions(ChannelOptions):
    """An alert there for each group of alerts here."""

    api_key: Secret | None = None
    api_key_file: FilePath | None = None
    api_url: str | None = None
    message: str = '{{ template "opsgenie.default.message" . }}'
    description: str = '{{ template "opsgenie.default.description" . }}'
    source: str = '{{ template "opsgenie.default.source" . }}'
    priority: str = (
        '{{ if eq .CommonLabels.severity "critical" }}P1{{ else if eq .CommonLabels.severity "warning" }}P3'
        "{{ else }}P4{{ end }}"
    )
    tags: str = ""
    note: str = ""
    entity: str = ""
    details: dict[str, str] = Field(default_factory=dict)
    responders: tuple[Responder, ...] = ()

    def open(self, surroundings: Surroundings) -> "Opsgenie":
        defaults = surroundings.defaults
        key = secret_of((self.api_key, self.api_key_file), (defaults.opsgenie_api_key, defaults.opsgenie_api_key_file))
        names = ("message", "description", "source", "priority", "tags", "note", "entity")
        texts = {name: surroundings.texts.text(getattr(self, name), name) for name in names}
        details = {name: surroundings.texts.text(text, f"details.{name}") for name, text in self.details.items()}
        responders = [one.model_dump(exclude_none=True) for one in self.responders]
        url = (self.api_url or defaults.opsgenie_api_url).rstrip("/") + "/v2/alerts"
        key = needed(key, "api_key", "opsgenie_api_key")
        return Opsgenie(surroundings.http, url, key, texts, details, responders)


class Opsgenie(WebChannel):
    """See channel.Channel."""

    def __init__(
        self,
        http: Http,
        url: str,
        key: str,
        texts: dict[str, Written],
        details: dict[str, Written],
        responders: list[dict[str, Any]],
    ) -> None:
        super().__init__(http)
        self._url = url
        self._headers = {"Authorization": f"GenieKey {key}"}
        self._texts = texts
        self._details = details
        self._responders = responders

    async def send(self, message: Message) -> str:
        news = message.notification
        alias = sha256(news.group_key.encode(errors="surrogateescape")).hexdigest()
        texts = await write(message, **self._texts)
        if not news.firing:
            url = f"{self._url}/{alias}/close?identifierType=alias"
            await self._http.deliver("POST", url, headers=self._headers, json={"source": cut(texts["source"], 100)})
            return ""
        body: dict[str, Any] = {name: cut(texts[name].strip(), most) for name, most in LONGEST.items() if texts[name]}
        labels = {name: value for name, value in news.group_labels if name}
        body |= {"alias": alias, "message": body.get("message") or "alert"}
        if (priority := texts["priority"].strip().upper()) in PRIORITIES:
            body["priority"] = priority
        body["details"] = _bounded(labels | await write(message, **self._details))
        tags = [cut(tag.strip(), LONGEST_TAG) for tag in texts["tags"].split(",") if tag.strip()]
        body["tags"] = list(dict.fromkeys(tags))[:MOST_TAGS]
        if self._responders:
            body["responders"] = self._responders
        await self._http.deliver("POST", self._url, headers=self._headers, json=body)
        return ""


def _bounded(details: dict[str, str]) -> dict[str, str]:
    """As many details as there may be, the last one cut."""
    room, taken = LONGEST_DETAILS, {}
    for name, text in details.items():
        left = room - len(name)
        if left <= 0:
            break
        taken[name] = cut(text, left)
        room = left - len(taken[name])
    return taken
