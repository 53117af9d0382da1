"""What was asked, quoted and billed as people there said it; bills that feed no estimate yet"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dispatches") as dispatches:
        dispatches.add_column(sa.Column("cost_estimate_local", sa.JSON(), nullable=True))
        dispatches.add_column(sa.Column("actual_cost_local", sa.JSON(), nullable=True))
        dispatches.add_column(sa.Column("doubtful", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("offers") as offers:
        offers.add_column(sa.Column("amount_local", sa.JSON(), nullable=True))
    with op.batch_alter_table("tickets") as tickets:
        tickets.add_column(sa.Column("guest_credit_local", sa.JSON(), nullable=True))
