"""What came in is let go after a while, by setting"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("inbox") as inbox:
        inbox.add_column(sa.Column("kept", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_index("ix_attachments_sha256", "attachments", ["sha256"])
    op.create_index("ix_inbox_kept", "inbox", ["kept", "received_at"])
