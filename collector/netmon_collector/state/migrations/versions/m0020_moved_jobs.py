"""Which agent polled a device before the one that does, until when, and why another one does now."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("former_agent_id", sa.String(36)))
    op.add_column("jobs", sa.Column("moved_ms", sa.BigInteger()))
    op.add_column("jobs", sa.Column("moved_because", sa.String(16), nullable=False, server_default=""))
