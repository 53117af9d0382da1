"""What a property's vendors cost in a span is found without its whole past: a lead's `/cost month` read every dispatch of theirs."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_dispatches_spent_here", "dispatches", ["property_id", "authorized_at"])
