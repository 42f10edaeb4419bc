"""Pings a service that raises an alarm when the pings stay away, such as healthchecks.io: who watches the watcher."""

from typing import Final, Literal

from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, Surroundings, WebChannel, secret_of, web_url
from netmon_collector.alerts.channels.http import Http
from netmon_configs.options import FilePath
from netmon_configs.secrets import Secret

MOST_ATTEMPTS: Final = 3
"""A ping that is late says nothing: the next one follows."""


class DeadManOptions(ChannelOptions):
    """A URL that is asked whenever the receiver is told that something fires. An alert that always fires, on a route
    with a short `repeat_interval`, makes that a heartbeat of the whole way from rule to delivery."""

    send_resolved: bool = False
    url: Secret | None = None
    url_file: FilePath | None = None
    method: Literal["GET", "POST", "HEAD"] = "GET"

    def open(self, surroundings: Surroundings) -> "DeadMan":
        url = web_url(secret_of((self.url, self.url_file)), "url")
        return DeadMan(surroundings.http, url, self.method)


class DeadMan(WebChannel):
    """See channel.Channel."""

    def __init__(self, http: Http, url: str, method: str) -> None:
        super().__init__(http)
        self._url = url
        self._method = method

    async def send(self, message: Message) -> str:
        if not message.notification.firing:
            return ""  # to stay silent is how an end is told
        try:
            await self._http.deliver(self._method, self._url)
        except NotDelivered as error:
            given_up = error.permanent or message.attempt >= MOST_ATTEMPTS
            raise NotDelivered(str(error), permanent=given_up, retry_after_s=error.retry_after_s) from None
        return ""
