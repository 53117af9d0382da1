"""Models, voice and money: the ledger, translations, what a model wrote, what was heard, what a ticket cost besides"""

import sqlalchemy as sa
from alembic import op

from core.store.types import Money, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", UtcTime(timezone=True), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("tier", sa.String(length=10), nullable=False),
        sa.Column("property_id", sa.String(length=60), nullable=True),
        sa.Column("ticket_id", sa.String(length=20), nullable=True),
        sa.Column("inbox_id", sa.String(length=32), nullable=True),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cache_read_tokens", sa.Integer(), nullable=False),
        sa.Column("cache_write_tokens", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("usd", Money(length=32), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("settled_at", UtcTime(timezone=True), nullable=True),
        sa.Column("exported", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage")),
    )
    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usage_ticket_id"), ["ticket_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_usage_inbox_id"), ["inbox_id"], unique=False)
        batch_op.create_index("ix_usage_month", ["at"], unique=False)
        batch_op.create_index("ix_usage_exported", ["exported", "at"], unique=False)
    op.create_table(
        "translations",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("engine", sa.String(length=120), nullable=False),
        sa.Column("at", UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", "language", name=op.f("pk_translations")),
    )
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("guest_credit_usd", Money(length=32), nullable=True))
        batch_op.add_column(sa.Column("staff_minutes", sa.Integer(), nullable=True))
    with op.batch_alter_table("reports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("heard", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("dispatches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("texts", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(
            sa.Column("drafted_by", sa.String(length=120), nullable=False, server_default="rules")
        )
