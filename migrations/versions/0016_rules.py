"""Rules that are in force, and the standing orders that let a dispatch go"""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rules") as rules:
        rules.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        rules.add_column(sa.Column("kind", sa.String(20), nullable=False, server_default="code"))
        rules.add_column(sa.Column("content", sa.JSON(), nullable=False, server_default="{}"))
        rules.add_column(sa.Column("digest", sa.String(64), nullable=False, server_default=""))
        rules.add_column(sa.Column("evidence", sa.JSON(), nullable=False, server_default="[]"))
        rules.add_column(sa.Column("uses", sa.Integer(), nullable=False, server_default="0"))
        rules.add_column(sa.Column("decided_by", sa.String(60), nullable=True))
        rules.add_column(sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
        rules.add_column(sa.Column("commit", sa.String(64), nullable=False, server_default=""))
        rules.add_column(sa.Column("branch", sa.String(120), nullable=False, server_default=""))
        rules.add_column(sa.Column("pull_request", sa.String(300), nullable=False, server_default=""))
        rules.add_column(sa.Column("history", sa.JSON(), nullable=False, server_default="[]"))
    _fill()
    op.create_index("ix_rules_status", "rules", ["status"])
    op.create_index("ix_rules_digest", "rules", ["digest"])
    with op.batch_alter_table("skill_versions") as skills:
        skills.add_column(sa.Column("branch", sa.String(120), nullable=False, server_default=""))
        skills.add_column(sa.Column("pull_request", sa.String(300), nullable=False, server_default=""))
    with op.batch_alter_table("dispatches") as dispatches:
        dispatches.add_column(sa.Column("rule_id", sa.String(60), nullable=True))


def _fill() -> None:
    """Rules that were proposed before were words alone: of the kind `code`."""
    rules = sa.table(
        "rules",
        *(sa.column(name, sa.String) for name in ("rule_id", "text", "property_id", "proposed_by", "digest")),
        sa.column("content", sa.JSON),
        sa.column("history", sa.JSON),
        sa.column("proposed_at", sa.DateTime(timezone=True)),
    )
    for row in op.get_bind().execute(sa.select(rules)).all():
        kept = {
            "rule_id": row.rule_id,
            "kind": "code",
            "when": {"property_id": row.property_id} if row.property_id else {},
            "then": {},
        }
        texts = dict.fromkeys(("en", "zh-TW", "ja", "id", "es"), row.text[:300])
        more = {
            "version": 1,
            "proposed_by": row.proposed_by,
            "approved_by": "",
            "evidence": [],
            "text": texts,
        }
        digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
        at = row.proposed_at.isoformat()
        history = [{"at": at, "event": "proposed", "by": row.proposed_by}]
        op.execute(
            rules.update()
            .where(rules.c.rule_id == row.rule_id)
            .values(content={**kept, **more}, digest=digest, history=history)
        )
