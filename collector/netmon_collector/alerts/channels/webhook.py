"""Tells a web server, with Alertmanager's payload."""

import hashlib
import hmac

import orjson
from pydantic import Field, model_validator

from netmon_collector.alerts.channel import Message
from netmon_collector.alerts.channels.base import ChannelOptions, Surroundings, read_secret, web_url
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.payload import payload_of
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

SIGNATURE = "X-Netmon-Signature"


class WebhookOptions(ChannelOptions):
    """A URL that takes POSTs. With a secret, each is signed: HMAC-SHA-256 over the body, in `X-Netmon-Signature`."""

    url: Secret | None = None
    url_file: FilePath | None = None
    max_alerts: int = Field(default=0, ge=0)
    secret: Secret | None = None
    secret_file: FilePath | None = None

    @model_validator(mode="after")
    def _one_url(self) -> "WebhookOptions":
        if (self.url is None) == (self.url_file is None):
            raise ValueError("needs either 'url' or 'url_file'")
        return self

    def open(self, surroundings: Surroundings) -> "Webhook":
        url = read_secret(self.url.get_secret_value() if self.url else None, self.url_file)
        secret = read_secret(self.secret.get_secret_value() if self.secret else None, self.secret_file)
        return Webhook(surroundings.http, web_url(url, "url"), secret, self.max_alerts)


class Webhook:
    """See channel.Channel."""

    def __init__(self, http: Http, url: str, secret: str | None, max_alerts: int) -> None:
        self._http = http
        self._url = url
        self._secret = secret
        self._max_alerts = max_alerts

    async def send(self, message: Message) -> str:
        body = orjson.dumps(payload_of(message, most_alerts=self._max_alerts))
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.notification.key}
        if self._secret is not None:
            headers[SIGNATURE] = f"sha256={signature(self._secret, body)}"
        await self._http.deliver("POST", self._url, headers=headers, body=body)
        return ""

    async def close(self) -> None:
        """The connections are those of all channels."""


def signature(secret: str, body: bytes) -> str:
    """What a receiver compares: the HMAC-SHA-256 (RFC 2104) of the body as hexadecimal digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
