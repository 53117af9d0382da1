"""What the loop asks for, does, and is asked to do"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("asks", sa.Column("kind", sa.String(12), nullable=False, server_default="ask"))
    op.create_table(
        "loop_approvals",
        sa.Column("ask_id", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("more", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("output", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ask_id", name="pk_loop_approvals"),
    )
    op.create_index("ix_loop_approvals_sha256", "loop_approvals", ["sha256"])
    op.create_index("ix_loop_approvals_state", "loop_approvals", ["state"])
    op.create_table(
        "loop_requests",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("verb", sa.String(40), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("reply_to", sa.String(200), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("out", sa.Text(), nullable=False),
        sa.Column("err", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loop_requests"),
    )
    op.create_index("ix_loop_requests_state", "loop_requests", ["state"])
    op.create_table(
        "loop_events",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_loop_events"),
    )
    op.create_table(
        "loop_cursors",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("woken", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_loop_cursors"),
    )
    op.create_table(
        "loop_intents",
        sa.Column("id", sa.String(60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("within", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_loop_intents"),
    )
