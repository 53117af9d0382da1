"""Workers, what they are told, their leases, and what they cost"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("run", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("runner", sa.String(40), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("verify_command", sa.Text(), nullable=False),
        sa.Column("verify", sa.String(4), nullable=True),
        sa.Column("started_by", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("launches", sa.Integer(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("began", sa.String(40), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("waits_for", sa.String(120), nullable=False),
        sa.Column("ticket_id", sa.String(20), nullable=True),
        sa.Column("property_id", sa.String(60), nullable=True),
        sa.Column("memory", sa.JSON(), nullable=False),
        sa.Column("pruned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run", name="pk_workers"),
    )
    op.create_index("ix_workers_id", "workers", ["id"])
    op.create_index("ix_workers_state", "workers", ["state"])
    op.create_table(
        "tells",
        sa.Column("id", sa.String(120), nullable=False),
        sa.Column("worker", sa.String(80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tells"),
    )
    op.create_index("ix_tells_worker", "tells", ["worker"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("session", sa.String(80), nullable=False),
        sa.Column("nonce", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mirrored", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_index("ix_leases_session", "leases", ["session"])
    op.add_column("usage", sa.Column("worker_id", sa.String(80), nullable=True))
    op.add_column("usage", sa.Column("run_id", sa.String(60), nullable=True))
    op.create_index("ix_usage_worker_id", "usage", ["worker_id"])
    op.add_column("asks", sa.Column("asked_by", sa.String(60), nullable=True))
    op.add_column("asks", sa.Column("attachment", sa.JSON(), nullable=True))
