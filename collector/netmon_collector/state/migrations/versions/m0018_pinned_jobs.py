"""Whether people have said which agent polls a device. Of devices that are there already nobody knows: they stay."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("is_pinned", sa.Boolean(), nullable=False, server_default=sa.true()))
