"""What alerts, metrics and events are signs of, by their names and words. Pure."""

import re
from collections.abc import Mapping
from typing import Final

from netmon_analytics.cause import Change, Sign
from netmon_collector.changes import KIND as CHANGED
from netmon_collector.state.events import NewEvent

SIGN_LABEL: Final = "sign"
"""A rule says by this label what its alerts are a sign of, where its name does not tell."""

_SHIPPED: Final = {
    "Down": Sign.UNREACHABLE,
    "PollerBlind": Sign.LATE,
    "CheckFailed": Sign.SERVICE,
    "CheckHttpError": Sign.SERVICE,
    "CheckSlow": Sign.LATENCY,
    "AgentBehind": Sign.LATE,
    "AgentTooSlow": Sign.LATE,
    "CertificateExpired": Sign.SERVICE,
    "CertificateExpiresSoon": Sign.OTHER,
    "HostUnitFailed": Sign.SERVICE,
    "SensorCritical": Sign.OTHER,
}
_WORDS: Final = (
    (Sign.POWER, r"power|psu|\bups\b|battery|brownout"),
    (Sign.PEER_LOST, r"bgp|ospf|isis|eigrp|peer|adjacency|neighbou?r"),
    (Sign.NAMES, r"dns|resolver|nameserver"),
    (Sign.LOSS, r"loss|discard|drop"),
    (Sign.LATENCY, r"latency|rtt|slow|jitter|duration"),
    (Sign.BUSY_LINK, r"(port|link|if|interface|bandwidth).*(busy|util|full|satur|congest)|congestion"),
    (Sign.ERRORS, r"(port|link|if|interface|in|out).*err|crc|fcs"),
    (Sign.LINK_DOWN, r"(port|link|interface|oper).*(down|flap|status)"),
    (Sign.RESTART, r"reboot|restart|boot_?time|uptime|coldstart|warmstart"),
    (Sign.LOAD, r"cpu|processor|memory|swap|oom|disk|filesystem|inode|load|storage|raid"),
    (Sign.UNREACHABLE, r"down|unreachable|absent|offline"),
    (Sign.SERVICE, r"http|service|unit|probe_success|check|fail"),
)
"""The first that fits counts."""
_PATTERNS: Final = tuple((sign, re.compile(words, re.IGNORECASE)) for sign, words in _WORDS)

_EVENTS: Final = {
    "linkDown": Sign.LINK_DOWN,
    "coldStart": Sign.RESTART,
    "warmStart": Sign.RESTART,
    "device.down": Sign.UNREACHABLE,
    "device.unreachable": Sign.UNREACHABLE,
    "poller.blind": Sign.LATE,
    "bgpBackwardTransition": Sign.PEER_LOST,
    "bgpBackwardTransNotification": Sign.PEER_LOST,
    "ospfNbrStateChange": Sign.PEER_LOST,
}
_TEXTS: Final = (
    (Sign.POWER, re.compile(r"power (supply|loss|fail|outage)|psu.*fail|on battery|battery power", re.IGNORECASE)),
    (Sign.PEER_LOST, re.compile(r"(bgp|ospf|adjacency|neighbor).{0,80}\b(down|lost|idle)\b", re.IGNORECASE)),
    (Sign.LINK_DOWN, re.compile(r"(interface|link|lineproto|port)\b.{0,80}\bdown\b", re.IGNORECASE)),
    (Sign.LOAD, re.compile(r"out of memory|no space left|cpuhog", re.IGNORECASE)),
)
HOST_CHANGES: Final = {"package.changed": Change.SOFTWARE, "configuration.changed": Change.CONFIGURATION}
"""Kinds of events in which agents tell of changes to their hosts, by name."""
_CHANGES: Final = (
    (
        Change.CONFIGURATION,
        re.compile(
            r"configmanevent|entconfigchange|cmcfgchange|runningconfigchanged|config_i\b|ui_commit|configured from"
            r"|configuration (was )?(changed|committed|saved)|commit complete",
            re.IGNORECASE,
        ),
    ),
    (
        Change.SOFTWARE,
        re.compile(r"(software|firmware|image|package).{0,60}(upgrad|updat|install)", re.IGNORECASE),
    ),
    (Change.RESTART, re.compile(r"sys-5-reload|reload requested|shutting down for", re.IGNORECASE)),
)


def sign_of_alert(labels: Mapping[str, str]) -> Sign:
    """What an alert is a sign of: by the label `sign`, by what is known of shipped rules, by the words of its name."""
    named = labels.get(SIGN_LABEL, "").upper().replace(" ", "_")
    if named in Sign.__members__:
        return Sign[named]
    name = labels.get("alertname", "")
    if name.startswith("Sensor"):
        return _by_words(" ".join((labels.get("sensor", ""), labels.get("class", ""))), Sign.OTHER, {Sign.POWER})
    return _SHIPPED[name] if name in _SHIPPED else sign_of_name(name)


def sign_of_name(name: str) -> Sign:
    """What a metric that is odd, or an alert of a name, is a sign of; OTHER where its words do not tell."""
    return _by_words(name, Sign.OTHER)


def sign_of_event(event: NewEvent) -> Sign | None:
    """What an event of the log is a sign of; None: of nothing wrong."""
    if event.kind in _EVENTS:
        return _EVENTS[event.kind]
    if event.kind in HOST_CHANGES:
        return None
    return next((sign for sign, pattern in _TEXTS if pattern.search(event.text)), None)


def change_of_event(event: NewEvent) -> Change | None:
    """What an event tells that somebody changed."""
    if event.kind == CHANGED:
        return next((one for one in Change if one == event.fields.get("change", "")), None)
    if event.kind in HOST_CHANGES:
        return HOST_CHANGES[event.kind]
    text = f"{event.kind} {event.fields.get('msgid', '')} {event.text}"
    return next((change for change, pattern in _CHANGES if pattern.search(text)), None)


def _by_words(text: str, otherwise: Sign, only: set[Sign] | None = None) -> Sign:
    found = (sign for sign, pattern in _PATTERNS if (only is None or sign in only) and pattern.search(text))
    return next(found, otherwise)
