"""Sites, each with addresses of its own; and what links carry: VLANs, and how spanning tree stands at their ends."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_HANGING = ("jobs", "further_credentials", "device_facts")
"""What goes with a device, parents first."""


def upgrade() -> None:
    op.create_table(
        "sites",
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("agents", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sites"),
    )
    op.add_column("devices", sa.Column("site", sa.String(253), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "sqlite":
        _make_devices_anew()
    else:
        op.drop_constraint("uq_devices_host", "devices")
    op.create_index("ix_devices_host", "devices", ["host"])
    for name in ("vlans", "a_state", "b_state"):
        op.add_column("map_links", sa.Column(name, sa.Text(), nullable=False, server_default=""))


def _make_devices_anew() -> None:
    """SQLite drops no constraint, and dropping a table drops what hangs on its rows: that is put by meanwhile."""
    for table in _HANGING:
        op.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")  # noqa: S608 - names of ours
    with op.batch_alter_table("devices", recreate="always") as devices:
        devices.drop_constraint("uq_devices_host", type_="unique")
    for table in _HANGING:
        op.execute(f"DELETE FROM {table}")  # noqa: S608
        op.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")  # noqa: S608
        op.execute(f"DROP TABLE kept_{table}")
