"""Rules: files that were saved, alerts that a restart must not forget, and until when rules were evaluated."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "rule_files",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_rule_files"),
    )
    op.create_table(
        "kept_alerts",
        sa.Column("rule", sa.String(2048), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "fingerprint", name="pk_kept_alerts"),
    )
    op.create_table(
        "rules_seen",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("evaluated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rules_seen"),
    )
