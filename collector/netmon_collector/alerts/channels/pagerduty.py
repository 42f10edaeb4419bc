"""Pages people through PagerDuty.

See developer.pagerduty.com/docs/events-api-v2/overview: 202 means taken, 400 and 413 are final (an event has at most
512 KB), 429 and 5xx pass; `dedup_key` has at most 255 characters, `summary` 1,024.
"""

from hashlib import sha256
from typing import Any, Final

from pydantic import Field

from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.channels.base import (
    ChannelOptions,
    Surroundings,
    WebChannel,
    cut,
    cut_json,
    needed,
    secret_of,
)
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.payload import stamp, start_ms
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

LONGEST_SUMMARY: Final = 1024
LARGEST_DETAILS_BYTES: Final = 400_000
"""Of all details together, as JSON: an event may have 512 KB."""
LARGEST_DETAIL_BYTES: Final = 80_000
SEVERITIES: Final = frozenset({"critical", "error", "warning", "info"})
DETAILS: Final = {
    "firing": '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
    "resolved": '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
    "num_firing": "{{ .Alerts.Firing | len }}",
    "num_resolved": "{{ .Alerts.Resolved | len }}",
}


class PagerDutyOptions(ChannelOptions):
    """An event of the Events API, version 2. One group of alerts is one incident there."""

    routing_key: Secret | None = None
    routing_key_file: FilePath | None = None
    url: str | None = None
    client: str = '{{ template "pagerduty.default.client" . }}'
    client_url: str = '{{ template "pagerduty.default.clientURL" . }}'
    description: str = '{{ template "pagerduty.default.description" . }}'
    severity: str = "{{ .CommonLabels.severity }}"
    source: str = "{{ with .CommonLabels.instance }}{{ . }}{{ else }}{{ .Receiver }}{{ end }}"
    component: str = ""
    group: str = ""
    class_name: str = Field(default="", alias="class")
    details: dict[str, str] = Field(default_factory=dict)

    def open(self, surroundings: Surroundings) -> "PagerDuty":
        key = needed(secret_of((self.routing_key, self.routing_key_file)), "routing_key")
        names = ("client", "client_url", "description", "severity", "source", "component", "group", "class_name")
        texts = {name: surroundings.texts.text(getattr(self, name), name) for name in names}
        details = {
            name: surroundings.texts.text(text, f"details.{name}") for name, text in (DETAILS | self.details).items()
        }
        return PagerDuty(surroundings.http, self.url or surroundings.defaults.pagerduty_url, key, texts, details)


class PagerDuty(WebChannel):
    """See channel.Channel."""

    def __init__(self, http: Http, url: str, key: str, texts: dict[str, Written], details: dict[str, Written]) -> None:
        super().__init__(http)
        self._url = url
        self._key = key
        self._texts = texts
        self._details = details

    async def send(self, message: Message) -> str:
        news = message.notification
        body: dict[str, Any] = {
            "routing_key": self._key,
            "dedup_key": sha256(news.group_key.encode(errors="surrogateescape")).hexdigest(),
            "event_action": "trigger" if news.firing else "resolve",
        }
        if news.firing:
            texts = await write(message, **self._texts)
            details = await write(message, **self._details)
            body |= {"client": texts["client"], "payload": _payload(message, texts, details)}
            if texts["client_url"]:
                body["client_url"] = texts["client_url"]
        await self._http.deliver("POST", self._url, json=body)
        return ""


def _payload(message: Message, texts: dict[str, str], details: dict[str, str]) -> dict[str, Any]:
    severity = texts["severity"].strip().lower()
    largest = min(LARGEST_DETAIL_BYTES, LARGEST_DETAILS_BYTES // len(details))
    payload: dict[str, Any] = {
        "summary": cut(texts["description"].strip(), LONGEST_SUMMARY) or "alert",
        "source": cut(texts["source"], 255) or "netmon",
        "severity": severity if severity in SEVERITIES else "error",
        "timestamp": stamp(min(start_ms(alert) for alert in message.notification.firing)),
        "custom_details": {name: cut_json(text, largest) for name, text in details.items()},
    }
    optional = {"component": texts["component"], "group": texts["group"], "class": texts["class_name"]}
    return payload | {name: text for name, text in optional.items() if text}
