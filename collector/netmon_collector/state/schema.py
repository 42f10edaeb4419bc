"""The tables as the newest migration leaves them. Times are Unix milliseconds."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    true,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _documents(name: str, key: Column[Any], *others: Column[Any]) -> Table:
    """A table of things that are read and written whole, by their key."""
    return Table(name, metadata, key, Column("content", LargeBinary, nullable=False), *others)


tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_used_ms", BigInteger),
)

agents = Table(
    "agents",
    metadata,
    Column("agent_id", String(36), primary_key=True),
    Column("instance", String(253), nullable=False, unique=True),
    Column("key_hash", LargeBinary(32), nullable=False),
    Column("hostname", String(253), nullable=False),
    Column("name", String(253), nullable=False),
    Column("version", String(64), nullable=False),
    Column("platform", String(128), nullable=False),
    Column("interval_ms", Integer, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("version", String(2), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

FACTS = ("profile", "vendor", "os", "model", "version", "serial", "object_id", "sys_name", "descr", "location")

devices = Table(
    "devices",
    metadata,
    Column("instance", String(100), primary_key=True),
    Column("name", String(253), nullable=False),
    Column("host", String(253), nullable=False, index=True),
    Column("port", Integer, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("identified_ms", BigInteger),
    *(Column(name, String(1024), nullable=False) for name in FACTS),
    Column("site", String(253), nullable=False, server_default=""),
)
"""`site` is what people say; an address is polled once within a site (polling.py)."""

sites = Table(
    "sites",
    metadata,
    Column("name", String(253), primary_key=True),
    Column("networks", Text, nullable=False),
    Column("agents", Text, nullable=False),
)
"""Sites that people make; `networks` and `agents` are JSON lists of texts."""

jobs = Table(
    "jobs",
    metadata,
    Column("instance", ForeignKey("devices.instance", ondelete="CASCADE"), primary_key=True),
    Column("agent_id", ForeignKey("agents.agent_id"), nullable=False),
    Column("credential", ForeignKey("credentials.name"), nullable=False),
    Column("interval_ms", Integer, nullable=False),
    Column("profile", String(64), nullable=False, server_default=""),
    Column("speeds_bps", JSON, nullable=False, server_default="{}"),
    Column("is_pinned", Boolean, nullable=False, server_default=true()),
    Column("former_agent_id", String(36)),
    Column("moved_ms", BigInteger),
    Column("moved_because", String(16), nullable=False, server_default=""),
)
"""A device has one job, and a job one agent: no two agents poll the same device. `profile` and `speeds_bps` are what
people say, by a port's name; without a profile the poller finds the best one. `is_pinned`: people said which agent.
`former_agent_id` polled it until `moved_ms`."""

further_credentials = Table(
    "further_credentials",
    metadata,
    Column("instance", ForeignKey("jobs.instance", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("credential", ForeignKey("credentials.name"), nullable=False),
)
"""What is tried, in order, where a job's first credential does not work."""

device_facts = Table(
    "device_facts",
    metadata,
    Column("instance", ForeignKey("devices.instance", ondelete="CASCADE"), primary_key=True),
    Column("told_ms", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The newest facts of a device, encoded and compressed (facts.py)."""

rule_files = Table(
    "rule_files",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("text", Text, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

kept_alerts = Table(
    "kept_alerts",
    metadata,
    Column("rule", String(2048), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("content", Text, nullable=False),
)
"""Alerts between two evaluations, so that a restart forgets none; `content` is JSON."""

rules_seen = Table(
    "rules_seen",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("evaluated_ms", BigInteger, nullable=False),
)
"""One row: until when rules were evaluated."""

alerts = _documents("alerts", Column("fingerprint", String(16), primary_key=True))
"""The alerts of which somebody may still have to be told, as alerts/packing.py packs them."""

silences = Table(
    "silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("matchers", Text, nullable=False),
    Column("starts_at_ms", BigInteger, nullable=False),
    Column("ends_at_ms", BigInteger, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("comment", Text, nullable=False),
)

told = Table(
    "told",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("group_key", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("firing", Text, nullable=False),
    Column("resolved", Text, nullable=False),
)
"""What each endpoint was last told of each group, or will have been when the outbox is empty."""

notifications = Table(
    "notifications",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key", String(32), nullable=False, unique=True),
    Column("receiver", Text, nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("group_key", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("state", String(9), nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("settled_ms", BigInteger, index=True),
    Column("error", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The outbox: each is pending until it is delivered or dead."""

incidents = _documents("incidents", Column("number", Integer, primary_key=True, autoincrement=False))

incident_causes = _documents("incident_causes", Column("number", Integer, primary_key=True, autoincrement=False))

LARGE = BigInteger().with_variant(Integer, "sqlite")
"""A number that a database counts up by itself; SQLite does so for INTEGER alone."""

events = Table(
    "events",
    metadata,
    Column("id", LARGE, primary_key=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("device", String(253), nullable=False),
    Column("source", String(32), nullable=False),
    Column("kind", String(128), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("address", String(45), nullable=False),
    Column("fields", Text, nullable=False),
    Index("ix_events_time", "time_ms", "id"),
    Index("ix_events_device", "device", "time_ms", "id"),
)
"""What happened; `fields` is a JSON object of texts, `device` empty where nobody knows whose it is."""

event_runs = Table(
    "event_runs",
    metadata,
    Column("agent_id", String(36), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False),
)
"""The batches of events that are kept, as runs of their sequences: a batch is taken once, however often it is sent."""

identity_sources = Table(
    "identity_sources",
    metadata,
    Column("handle", String(253), primary_key=True),
    Column("record", String(253), nullable=False),
    Column("site", String(253), nullable=False),
    Column("witnesses", Text, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
)
"""Handles with what they said of themselves last (JSON). Those of the same record are one device."""

identity_apart = Table(
    "identity_apart",
    metadata,
    Column("one", String(253), primary_key=True),
    Column("another", String(253), primary_key=True),
)
"""Pairs of handles that people have said are two devices."""

identity_proposals = Table(
    "identity_proposals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("subject", String(253), nullable=False),
    Column("other", String(253), nullable=False),
    Column("sureness", Float, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_ms", BigInteger),
    Column("decided_by", String(253), nullable=False),
)

identity_log = Table(
    "identity_log",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("action", String(16), nullable=False),
    Column("handle", String(253), nullable=False),
    Column("record", String(253), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("by", String(253), nullable=False),
    Column("came_with", Text, nullable=False),
    Column("undone_ms", BigInteger),
)

identity_ports = Table(
    "identity_ports",
    metadata,
    Column("handle", String(253), primary_key=True),
    Column("key", String(253), primary_key=True),
    Column("facts", Text, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
)
"""The ports of each device, also those that are gone; `facts` is what was told of it last (JSON)."""

map_links = Table(
    "map_links",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("a_node", Text, nullable=False),
    Column("a_port", Text, nullable=False),
    Column("b_node", Text, nullable=False),
    Column("b_port", Text, nullable=False),
    Column("layer", Integer, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("is_blocked", Boolean, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False, index=True),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("gone_ms", BigInteger, index=True),
    Column("vlans", Text, nullable=False, server_default=""),
    Column("a_state", Text, nullable=False, server_default=""),
    Column("b_state", Text, nullable=False, server_default=""),
)
"""A row for each time that a link was there; `gone_ms` is empty while it is."""

map_stays = Table(
    "map_stays",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("mac", BigInteger, nullable=False, index=True),
    Column("device", String(253), nullable=False),
    Column("port", Text, nullable=False),
    Column("is_sure", Boolean, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
)
"""A row for each time that a host was at a port."""

maintenance = _documents("maintenance", Column("id", String(36), primary_key=True))
"""Windows of maintenance; `content` is JSON."""

sweeps = _documents("sweeps", Column("number", Integer, primary_key=True))
"""Sweeps of networks; `content` is JSON."""

sweep_finds = Table(
    "sweep_finds",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("sweep", Integer, ForeignKey("sweeps.number", ondelete="CASCADE"), nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
)
"""What sweeps found, and what became of it; `content` is JSON."""

checks = _documents(
    "checks", Column("name", String(100), primary_key=True), Column("sealed", LargeBinary, nullable=False)
)
"""Checks that agents make for the collector; `content` is JSON, `sealed` their options, which may hold secrets."""

heartbeats = _documents("heartbeats", Column("name", String(100), primary_key=True))
"""Heartbeats that others send; `content` is JSON."""

standings = _documents("standings", Column("device", String(253), primary_key=True))
"""How devices stood that were in trouble; `content` is JSON."""

on_call_overrides = _documents("on_call_overrides", Column("id", String(36), primary_key=True))
"""Who stands in for whom is on call; `content` is JSON."""

models = _documents(
    "models", Column("name", String(63), primary_key=True), Column("sealed", LargeBinary, nullable=False)
)
"""Models of expressions; `content` is JSON, `sealed` the key for the server that has the model."""
