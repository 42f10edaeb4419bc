"""Hands alerts on to Alertmanager itself, by its API v2 (POST /api/v2/alerts)."""

from typing import Any, Final

from pydantic import Field, SecretStr

from netmon_collector.alerts.base import Alert
from netmon_collector.alerts.channel import Message, NotDelivered
from netmon_collector.alerts.channels.base import ChannelOptions, HttpConfig, Surroundings, WebChannel
from netmon_collector.alerts.channels.http import Http
from netmon_collector.alerts.payload import generator_url, stamp, start_ms
from netmon_configs.options import Duration

MOST_AT_ONCE: Final = 500


class AlertmanagerOptions(ChannelOptions):
    """All members of one cluster; the alerts count as delivered when one of them has them. `lasts` is for how long they
    hold without news: longer than the route's `repeat_interval`, or they would end there meanwhile."""

    urls: tuple[SecretStr, ...] = Field(min_length=1, max_length=16)
    lasts_s: Duration = Field(default=12 * 3600.0, alias="lasts", gt=0)
    http_config: HttpConfig = Field(default_factory=HttpConfig)

    def open(self, surroundings: Surroundings) -> "Alertmanager":
        urls = [one.get_secret_value().rstrip("/") + "/api/v2/alerts" for one in self.urls]
        return Alertmanager(surroundings.http, urls, self.http_config.headers(), round(self.lasts_s * 1000))


class Alertmanager(WebChannel):
    """See channel.Channel."""

    def __init__(self, http: Http, urls: list[str], headers: dict[str, str], lasts_ms: int) -> None:
        super().__init__(http)
        self._urls = urls
        self._headers = headers
        self._lasts_ms = lasts_ms

    async def send(self, message: Message) -> str:
        news = message.notification
        until_ms = news.at_ms + self._lasts_ms
        alerts = [_alert(alert, message.url, until_ms) for alert in news.alerts]
        failures = [failure for url in self._urls if (failure := await self._tell(url, alerts)) is not None]
        if len(failures) == len(self._urls):
            permanent = all(failure.permanent for failure in failures)
            raise NotDelivered("; ".join(map(str, failures)), permanent=permanent)
        return ""

    async def _tell(self, url: str, alerts: list[dict[str, Any]]) -> NotDelivered | None:
        """Why one member does not have all of them, if so."""
        try:
            for at in range(0, len(alerts), MOST_AT_ONCE):
                await self._http.deliver("POST", url, headers=self._headers, json=alerts[at : at + MOST_AT_ONCE])
        except NotDelivered as error:
            return error
        return None


def _alert(alert: Alert, url: str, until_ms: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": stamp(start_ms(alert)),
        "endsAt": stamp(until_ms if alert.resolved_at_ms is None else alert.resolved_at_ms),
    }
    generator = generator_url(alert, url)
    return told | ({"generatorURL": generator} if "://" in generator else {})
