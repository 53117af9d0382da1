"""Platforms: who is who there, codes to join, forms asked in words, offers to vendors, sends whose outcome is open"""

import sqlalchemy as sa
from alembic import op

from core.store.types import Money, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bindings",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("room", sa.String(length=200), nullable=False),
        sa.Column("property_id", sa.String(length=60), nullable=False),
        sa.Column("bound_by", sa.String(length=60), nullable=False),
        sa.Column("bound_at", UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "room", name=op.f("pk_bindings")),
    )
    op.create_table(
        "codes",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=60), nullable=True),
        sa.Column("person", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_by", sa.String(length=60), nullable=False),
        sa.Column("created_at", UtcTime(timezone=True), nullable=False),
        sa.Column("expires_at", UtcTime(timezone=True), nullable=False),
        sa.Column("used_at", UtcTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_codes")),
    )
    op.create_table(
        "covers",
        sa.Column("property_id", sa.String(length=60), nullable=False),
        sa.Column("person_id", sa.String(length=60), nullable=False),
        sa.Column("set_by", sa.String(length=60), nullable=False),
        sa.Column("since", UtcTime(timezone=True), nullable=False),
        sa.Column("until", UtcTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("property_id", name=op.f("pk_covers")),
    )
    op.create_table(
        "identities",
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("platform_id", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.String(length=60), nullable=False),
        sa.Column("added_by", sa.String(length=60), nullable=False),
        sa.Column("added_at", UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "platform_id", name=op.f("pk_identities")),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identities_person_id"), ["person_id"], unique=False)

    op.create_table(
        "members",
        sa.Column("person_id", sa.String(length=60), nullable=False),
        sa.Column("person", sa.JSON(), nullable=False),
        sa.Column("added_by", sa.String(length=60), nullable=False),
        sa.Column("added_at", UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_members")),
    )
    op.create_table(
        "notices",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("at", UtcTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notices")),
    )
    op.create_table(
        "prompts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("conversation_id", sa.String(length=200), nullable=False),
        sa.Column("sender", sa.String(length=200), nullable=False),
        sa.Column("button", sa.JSON(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=10), nullable=False),
        sa.Column("created_at", UtcTime(timezone=True), nullable=False),
        sa.Column("done_at", UtcTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
    )
    with op.batch_alter_table("prompts", schema=None) as batch_op:
        batch_op.create_index("ix_prompts_open", ["channel", "conversation_id", "done_at"], unique=False)

    op.create_table(
        "offers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("dispatch_id", sa.String(length=32), nullable=False),
        sa.Column("vendor_id", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("amount_usd", Money(length=32), nullable=True),
        sa.Column("eta_at", UtcTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", UtcTime(timezone=True), nullable=False),
        sa.Column("opened_at", UtcTime(timezone=True), nullable=True),
        sa.Column("answered_at", UtcTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["dispatch_id"], ["dispatches.dispatch_id"], name=op.f("fk_offers_dispatch_id_dispatches")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
    )
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_offers_dispatch_id"), ["dispatch_id"], unique=False)

    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("message_id", sa.String(length=200), nullable=True))

    with op.batch_alter_table("card_copies", schema=None) as batch_op:
        batch_op.create_index("ix_card_copies_conversation", ["channel", "conversation_id"], unique=False)

    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("album", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("message_id", sa.String(length=200), nullable=True))
        batch_op.create_index("ix_inbox_album", ["album"], unique=False)
        batch_op.create_index("ix_inbox_message", ["channel", "message_id"], unique=False)

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("urgency", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("attempt_key", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("attempted_at", UtcTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("only_once", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(batch_op.f("ix_outbox_attempt_key"), ["attempt_key"], unique=False)
        batch_op.create_index("ix_outbox_owed", ["channel", "conversation_id", "status"], unique=False)
