"""Tells whomever apprise can: more than a hundred services by their URLs. See github.com/caronc/apprise/wiki."""

import logging
from typing import Any, Final

from pydantic import model_validator

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, Surroundings, cut, needed, secret_of
from netmon_collector.alerts.texts.library import Written, write
from netmon_configs.mistakes import ConfigError, Mistake
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

LONGEST: Final = 8000


class AppriseOptions(ChannelOptions):
    """A URL of apprise's. Needs the extra `apprise`. Its requests are its own: the guard of addresses is not asked."""

    url: Secret | None = None
    url_file: FilePath | None = None
    title: str = '{{ template "netmon.title" . }}'
    text: str = '{{ template "netmon.text" . }}'

    @model_validator(mode="after")
    def _one_url(self) -> "AppriseOptions":
        if (self.url is None) == (self.url_file is None):
            raise ValueError("needs either 'url' or 'url_file'")
        return self

    def open(self, surroundings: Surroundings) -> "AppriseChannel":
        try:
            import apprise
        except ImportError:
            raise ConfigError([Mistake("alerting", 0, "", "needs apprise: install netmon[apprise]")]) from None
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it writes URLs with their secrets
        desk = apprise.Apprise()
        if not desk.add(needed(secret_of((self.url, self.url_file)), "url")):
            raise ConfigError([Mistake("alerting", 0, "url", "is none that apprise knows")])
        texts = {name: surroundings.texts.text(getattr(self, name), name) for name in ("title", "text")}
        return AppriseChannel(desk, texts)


class AppriseChannel:
    """See channel.Channel. Apprise does not say why something failed, so all of it may pass."""

    def __init__(self, desk: Any, texts: dict[str, Written]) -> None:
        self._desk = desk
        self._texts = texts

    async def send(self, message: Message) -> str:
        texts = await write(message, **self._texts)
        kind = "failure" if message.notification.firing else "success"
        told = await self._desk.async_notify(
            title=cut(texts["title"].strip(), 250), body=cut(texts["text"].strip(), LONGEST), notify_type=kind
        )
        if not told:
            raise NotDelivered("apprise could not deliver it, and does not say why")
        return ""

    async def close(self) -> None:
        """Apprise has a connection for each message."""
