"""What attack and real use asked for: who could not be reached for a decision, what an answer is to"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("approvals") as approvals:
        approvals.add_column(sa.Column("unreached", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("corrections") as corrections:
        corrections.add_column(sa.Column("reviewed_by", sa.String(60), nullable=True))
    # What was taught until now stays taught.
    op.execute("UPDATE corrections SET reviewed_by = person_id")
    op.create_index("ix_outbox_ref", "outbox", ["message_ref"])
    held = sa.text("status = 'held'")
    op.create_index("ix_inbox_held", "inbox", ["digest"], sqlite_where=held, postgresql_where=held)
