"""Which handles are one device, what people were asked about that, and the map over time."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    _identity()
    op.create_table(
        "map_links",
        sa.Column("number", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("a_node", "a_port", "b_node", "b_port")),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("gone_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", name="pk_map_links"),
    )
    op.create_index("ix_map_links_first_seen_ms", "map_links", ["first_seen_ms"])
    op.create_index("ix_map_links_gone_ms", "map_links", ["gone_ms"])
    op.create_table(
        "map_stays",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("mac", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(253), nullable=False),
        sa.Column("port", sa.Text(), nullable=False),
        sa.Column("is_sure", sa.Boolean(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_map_stays"),
    )
    op.create_index("ix_map_stays_mac", "map_stays", ["mac"])


def _identity() -> None:
    op.create_table(
        "identity_sources",
        *(sa.Column(name, sa.String(253), nullable=False) for name in ("handle", "record", "site")),
        sa.Column("witnesses", sa.Text(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handle", name="pk_identity_sources"),
    )
    op.create_table(
        "identity_apart",
        sa.Column("one", sa.String(253), nullable=False),
        sa.Column("another", sa.String(253), nullable=False),
        sa.PrimaryKeyConstraint("one", "another", name="pk_identity_apart"),
    )
    op.create_table(
        "identity_proposals",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(253), nullable=False),
        sa.Column("other", sa.String(253), nullable=False),
        sa.Column("sureness", sa.Float(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_ms", sa.BigInteger()),
        sa.Column("decided_by", sa.String(253), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_identity_proposals"),
    )
    op.create_table(
        "identity_log",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("handle", sa.String(253), nullable=False),
        sa.Column("record", sa.String(253), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("by", sa.String(253), nullable=False),
        sa.Column("came_with", sa.Text(), nullable=False),
        sa.Column("undone_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number", name="pk_identity_log"),
    )
    op.create_table(
        "identity_ports",
        sa.Column("handle", sa.String(253), nullable=False),
        sa.Column("key", sa.String(253), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handle", "key", name="pk_identity_ports"),
    )
