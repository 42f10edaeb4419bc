"""Sweeps of networks, and what they found."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sweeps"),
    )
    op.create_table(
        "sweep_finds",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sweep", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sweep_finds"),
        sa.ForeignKeyConstraint(["sweep"], ["sweeps.number"], name="fk_sweep_finds_sweep_sweeps", ondelete="CASCADE"),
    )
    op.create_index("ix_sweep_finds_sweep", "sweep_finds", ["sweep"])
