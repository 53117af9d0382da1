"""What people corrected, kept with who, when and what it was read as before"""

import sqlalchemy as sa
from alembic import op

from core.store.types import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("person_id", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=True),
        sa.Column("ticket_id", sa.String(length=20), nullable=True),
        sa.Column("field", sa.String(length=12), nullable=False),
        sa.Column("old", sa.String(length=60), nullable=False),
        sa.Column("new", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
