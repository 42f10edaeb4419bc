"""All channels, by the names that receivers give them: Alertmanager's, and ours beside them."""

from typing import Final

from netmon_collector.alerts.channels.alertmanager import AlertmanagerOptions
from netmon_collector.alerts.channels.apprise import AppriseOptions
from netmon_collector.alerts.channels.base import ChannelOptions
from netmon_collector.alerts.channels.dead_man import DeadManOptions
from netmon_collector.alerts.channels.email import EmailOptions
from netmon_collector.alerts.channels.jira import JiraOptions
from netmon_collector.alerts.channels.matrix import MatrixOptions
from netmon_collector.alerts.channels.msteams import TeamsOptions
from netmon_collector.alerts.channels.ntfy import NtfyOptions
from netmon_collector.alerts.channels.opsgenie import OpsgenieOptions
from netmon_collector.alerts.channels.pagerduty import PagerDutyOptions
from netmon_collector.alerts.channels.script import ScriptOptions
from netmon_collector.alerts.channels.slack import SlackOptions
from netmon_collector.alerts.channels.telegram import TelegramOptions
from netmon_collector.alerts.channels.webhook import WebhookOptions

CHANNELS: Final[dict[str, type[ChannelOptions]]] = {
    "email": EmailOptions,
    "webhook": WebhookOptions,
    "slack": SlackOptions,
    "msteamsv2": TeamsOptions,
    "telegram": TelegramOptions,
    "pagerduty": PagerDutyOptions,
    "opsgenie": OpsgenieOptions,
    "jira": JiraOptions,
    "ntfy": NtfyOptions,
    "matrix": MatrixOptions,
    "alertmanager": AlertmanagerOptions,
    "script": ScriptOptions,
    "apprise": AppriseOptions,
    "dead_man": DeadManOptions,
}
