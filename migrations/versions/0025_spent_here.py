"""What was spent in a span is read from indices alone, of a property without its whole past: a lead's `/cost month` read every
dispatch of theirs, and sums over two months fetched each row."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

WIDER = (
    ("ix_usage_month", "usage", ["at", "property_id", "tier", "model", "usd"]),
    ("ix_tickets_created_at", "tickets", ["created_at", "property_id"]),
    (
        "ix_dispatches_authorized_at",
        "dispatches",
        ["authorized_at", "authorized", "void", "property_id", "actual_cost_usd", "cost_estimate_usd"],
    ),
)


def upgrade() -> None:
    for name, table, columns in WIDER:
        op.drop_index(name, table_name=table)
        op.create_index(name, table, columns)
    op.create_index("ix_dispatches_spent_here", "dispatches", ["property_id", "authorized_at"])
