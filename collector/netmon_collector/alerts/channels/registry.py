"""All channels, by the names that receivers give them: Alertmanager's, and ours beside them."""

from typing import Final

from netmon_collector.alerts.channels.base import ChannelOptions
from netmon_collector.alerts.channels.email import EmailOptions
from netmon_collector.alerts.channels.webhook import WebhookOptions

CHANNELS: Final[dict[str, type[ChannelOptions]]] = {
    "email": EmailOptions,
    "webhook": WebhookOptions,
}
