"""What is polled: credentials, devices, and which agent polls which device."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "credentials",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("version", sa.String(2), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_credentials"),
    )
    texts = ("profile", "vendor", "os", "model", "version", "serial", "object_id", "sys_name", "descr", "location")
    op.create_table(
        "devices",
        sa.Column("instance", sa.String(100), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("identified_ms", sa.BigInteger()),
        *(sa.Column(name, sa.String(1024), nullable=False) for name in texts),
        sa.PrimaryKeyConstraint("instance", name="pk_devices"),
        sa.UniqueConstraint("host", "port", name="uq_devices_host"),
    )
    op.create_table(
        "jobs",
        sa.Column("instance", sa.String(100), nullable=False),
        sa.Column("agent_id", sa.String(36), nullable=False),
        sa.Column("credential", sa.String(128), nullable=False),
        sa.Column("interval_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("instance", name="pk_jobs"),
        sa.ForeignKeyConstraint(["instance"], ["devices.instance"], name="fk_jobs_instance", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.agent_id"], name="fk_jobs_agent_id"),
        sa.ForeignKeyConstraint(["credential"], ["credentials.name"], name="fk_jobs_credential"),
    )
