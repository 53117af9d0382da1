"""Flat at a million tickets: indices for every question that is asked often, months that are over added up once; jobs for
later become timers"""

import json
import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from core.store.types import UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = "status IN ('NEW', 'TRIAGED', 'AWAITING_HUMAN', 'DISPATCHED')"
GONE = {
    "tickets": ("ix_tickets_match", "ix_tickets_status"),
    "dispatches": ("ix_dispatches_ticket_id", "ix_dispatches_month"),
    "approvals": ("ix_approvals_ticket_id",),
    "questions": ("ix_questions_open", "ix_questions_ticket_id"),
    "offers": ("ix_offers_dispatch_id",),
    "usage": ("ix_usage_month", "ix_usage_exported"),
    "jobs": ("ix_jobs_run_at",),
    "prompts": ("ix_prompts_open",),
}
NEW = (
    ("ix_tickets_kind", "tickets", ["property_id", "category", "number"], None),
    ("ix_tickets_resolved", "tickets", ["property_id", "category", "status", "resolved_at"], None),
    ("ix_tickets_created_at", "tickets", ["created_at"], None),
    ("ix_tickets_status_number", "tickets", ["status", "number"], None),
    ("ix_tickets_place_number", "tickets", ["property_id", "number"], None),
    ("ix_tickets_ended", "tickets", ["property_id", "resolved_at"], None),
    ("ix_tickets_begun", "tickets", ["property_id", "created_at"], None),
    ("ix_tickets_open", "tickets", ["number"], OPEN),
    ("ix_tickets_open_here", "tickets", ["property_id", "number"], OPEN),
    ("ix_reports_by", "reports", ["reporter", "at"], None),
    ("ix_reports_message", "reports", ["message_id"], None),
    ("ix_dispatches_ticket", "dispatches", ["ticket_id", "created_at"], None),
    ("ix_dispatches_taken", "dispatches", ["acknowledged_by", "created_at"], None),
    (
        "ix_dispatches_money",
        "dispatches",
        ["property_id", "month", "authorized", "void", "actual_cost_usd", "cost_estimate_usd"],
        None,
    ),
    ("ix_dispatches_authorized_at", "dispatches", ["authorized_at"], None),
    ("ix_approvals_ticket", "approvals", ["ticket_id", "created_at"], None),
    ("ix_questions_ticket", "questions", ["ticket_id", "created_at"], None),
    (
        "ix_questions_waiting",
        "questions",
        ["person_id", "channel", "conversation_id", "kind"],
        "answer IS NULL",
    ),
    ("ix_outbox_kept", "outbox", ["kept", "created_at"], None),
    ("ix_deadlines_cancelled", "deadlines", ["cancelled_at"], None),
    ("ix_offers_dispatch", "offers", ["dispatch_id", "created_at"], None),
    ("ix_offers_vendor", "offers", ["vendor_id", "created_at"], None),
    ("ix_usage_month", "usage", ["at", "usd"], None),
    ("ix_usage_place", "usage", ["property_id", "at", "usd"], None),
    ("ix_usage_exported", "usage", ["exported", "at", "id"], None),
    ("ix_usage_open", "usage", ["settled_at"], "settled_at IS NULL"),
    (
        "ix_form_requests_open",
        "form_requests",
        ["channel", "conversation_id", "done_at", "created_at"],
        None,
    ),
)


def upgrade() -> None:
    for table, names in GONE.items():
        for name in names:
            op.drop_index(name, table_name=table)
    op.rename_table("prompts", "form_requests")
    with op.batch_alter_table("outbox") as batch:
        batch.add_column(sa.Column("kept", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("reports") as batch:
        batch.add_column(sa.Column("message_id", sa.String(length=200), nullable=True))
    op.create_table(
        "totals",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("property_id", sa.String(length=60), nullable=False),
        sa.Column("tier", sa.String(length=10), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "month", "property_id", "tier", "model", name=op.f("pk_totals")),
    )
    for name, table, columns, where in NEW:
        only = None if where is None else sa.text(where)
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)
    connection = op.get_bind()
    _name_messages(connection)
    _end_questions(connection)
    _jobs_to_timers(connection)


def _name_messages(connection: sa.Connection) -> None:
    reports = sa.table("reports", sa.column("source", sa.JSON()), sa.column("message_id", sa.String()))
    connection.execute(reports.update().values(message_id=reports.c.source["message_id"].as_string()))


def _end_questions(connection: sa.Connection) -> None:
    """What nobody answered before its ticket ended is asked no more."""
    connection.execute(
        sa.text(
            f"""UPDATE questions SET answer = '', answered_by = 'loopos', answered_at = created_at
            WHERE answer IS NULL AND kind != 'charge_to'
              AND ticket_id IN (SELECT ticket_id FROM tickets WHERE NOT ({OPEN}))"""  # noqa: S608
        )
    )


def _jobs_to_timers(connection: sa.Connection) -> None:
    """Jobs that waited in their lane for a later moment."""
    jobs = sa.table(
        "jobs",
        sa.column("id", sa.Integer()),
        sa.column("task", sa.String()),
        sa.column("args", sa.JSON()),
        sa.column("lane", sa.String()),
        sa.column("run_at", UtcTime()),
        sa.column("attempts", sa.Integer()),
    )
    deadlines = sa.table(
        "deadlines",
        *(sa.column(name, sa.String()) for name in ("id", "kind", "subject")),
        sa.column("args", sa.JSON()),
        *(sa.column(name, UtcTime()) for name in ("due_at", "created_at")),
        sa.column("attempts", sa.Integer()),
    )
    now = datetime.now(UTC)
    waiting = sa.select(jobs).where(jobs.c.attempts == 0, jobs.c.run_at > now)
    for job in connection.execute(waiting).all():
        args = job.args if isinstance(job.args, dict) else json.loads(job.args)
        subject = str(next(iter(args.values()), job.id))[:40]
        connection.execute(
            deadlines.insert().values(
                id=uuid.uuid4().hex,
                kind="job",
                subject=subject,
                args={"task": job.task, "args": args, "lane": job.lane},
                due_at=job.run_at,
                created_at=now,
                attempts=0,
            )
        )
        connection.execute(jobs.delete().where(jobs.c.id == job.id))
