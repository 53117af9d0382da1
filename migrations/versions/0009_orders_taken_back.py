"""Orders that were taken back count against the cap until they are off; what a vendor got in a day"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dispatches") as dispatches:
        dispatches.add_column(sa.Column("recalled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_dispatches_vendor", "dispatches", ["vendor_id", "authorized_at"])
