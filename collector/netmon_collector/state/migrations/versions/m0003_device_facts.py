"""What polled devices have and whom they know."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "device_facts",
        sa.Column("instance", sa.String(100), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("instance", name="pk_device_facts"),
        sa.ForeignKeyConstraint(
            ["instance"], ["devices.instance"], name="fk_device_facts_instance", ondelete="CASCADE"
        ),
    )
