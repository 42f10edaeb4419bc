"""What people say of polled devices: their profile, speeds of their ports, credentials to try after the first."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("profile", sa.String(64), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("speeds_bps", sa.JSON(), nullable=False, server_default="{}"))
    op.create_table(
        "further_credentials",
        sa.Column("instance", sa.String(100), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("credential", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("instance", "place", name="pk_further_credentials"),
        sa.ForeignKeyConstraint(
            ["instance"], ["jobs.instance"], name="fk_further_credentials_instance", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["credential"], ["credentials.name"], name="fk_further_credentials_credential"),
    )
