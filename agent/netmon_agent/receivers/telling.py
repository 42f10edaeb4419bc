"""What a notification tells, as an event."""

from typing import Final

from netmon_agent.receivers.names import Names, meaning
from netmon_agent.receivers.notification import Notification
from netmon_agent.snmp.session import Value
from netmon_agent.snmp.values import as_text
from netmon_proto.model import Event

SOURCE: Final = "trap"
MOST_FIELDS: Final = 90
LONGEST_FIELD: Final = 1024
LONGEST_TEXT: Final = 4096


def event_of(told: Notification, address: str, names: Names, now_ms: int) -> Event:
    """The event that a notification from an address is."""
    kind, severity = names.notification(told.oid)
    fields: dict[str, str] = {}
    for oid, value in told.bindings[:MOST_FIELDS]:
        name, index = names.named(oid)
        if name in fields:
            name = f"{name}.{index}" if index else oid
        fields[name[:256]] = _shown(name, value)
    text = " ".join([kind, *(f"{name}={value}" for name, value in fields.items())])
    if told.uptime_cs is not None:
        fields["sysUpTime"] = str(told.uptime_cs)
    fields["version"] = told.version
    if kind != told.oid:
        fields["oid"] = told.oid
    if told.agent_address:
        fields["agent_address"] = told.agent_address
    if told.engine_id:
        fields["engine_id"] = told.engine_id.hex()
    return Event(now_ms, SOURCE, kind[:128], severity, text[:LONGEST_TEXT], 1, "", address, fields)


def _shown(name: str, value: Value) -> str:
    if isinstance(value, bytes):
        return as_text(value)[:LONGEST_FIELD]
    return meaning(name, value) or str(value)
