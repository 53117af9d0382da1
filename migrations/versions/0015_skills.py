"""Versions of skills, and skills at work on tickets"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "skill_versions",
        sa.Column("skill_id", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("proposed_by", sa.String(60), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(60), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("skill_id", "version", name="pk_skill_versions"),
    )
    op.create_index("ix_skill_versions_status", "skill_versions", ["status"])
    op.create_table(
        "skill_runs",
        sa.Column("ticket_id", sa.String(20), nullable=False),
        sa.Column("skill_id", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("following", sa.Integer(), nullable=False),
        sa.Column("waited_out", sa.Boolean(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.ticket_id"], name="fk_skill_runs_ticket_id_tickets"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_skill_runs"),
    )
    op.create_index("ix_skill_runs_skill", "skill_runs", ["skill_id", "version", "begun_at"])
    tickets = sa.table("tickets", sa.column("ticket_id", sa.String), sa.column("skill_artifact", sa.JSON))
    rows = op.get_bind().execute(sa.select(tickets).where(tickets.c.skill_artifact.is_not(None))).all()
    for ticket_id, kept in rows:
        if not kept or "run" in kept:
            continue
        # Until now the whole skill stood here, and its steps were not run.
        shown = {**{key: kept[key] for key in ("skill_id", "version", "name")}, "run": "done", "reason": ""}
        op.execute(tickets.update().where(tickets.c.ticket_id == ticket_id).values(skill_artifact=shown))
