"""What the Brain keeps beside the company's files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from core.model import MemoStatus, RuleKind, RuleStatus, RunState, SkillStatus
from core.store.tables import Base, Json
from core.store.types import Named, OneOf


class Embedding(Base):
    """The vector of a text by one model. Those of two models never meet."""

    __tablename__ = "embeddings"
    model: Mapped[str] = mapped_column(String(120), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the text."""
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """core.knowledge.vectors.KIND, at length one."""


class SkillVersion(Base):
    """One version of a skill, and what was decided about it. What runs is the content here, while its file is there."""

    __tablename__ = "skill_versions"
    skill_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    content: Mapped[Json]
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[SkillStatus] = mapped_column(Named(SkillStatus, 12), index=True)
    evidence: Mapped[Json]
    """What it was made of, and what it would have saved: core.brain.distilling."""
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]
    commit: Mapped[str] = mapped_column(String(64), default="")
    branch: Mapped[str] = mapped_column(String(120), default="")
    pull_request: Mapped[str] = mapped_column(String(300), default="")


class RuleRow(Base):
    """A rule: proposed, in force, over. In force is what the founder adopted, while its file is there."""

    __tablename__ = "rules"
    rule_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    kind: Mapped[RuleKind] = mapped_column(OneOf(RuleKind, 20), default="code")
    content: Mapped[Json]
    """A core.company.rules.Rule."""
    digest: Mapped[str] = mapped_column(String(64), default="", index=True)
    text: Mapped[str]
    """As whoever proposed it said it; "" where LoopOS did."""
    ticket_id: Mapped[str | None] = mapped_column(String(20))
    property_id: Mapped[str | None] = mapped_column(String(60))
    evidence: Mapped[list[Json]] = mapped_column(JSON, default=list)
    uses: Mapped[int] = mapped_column(Integer, default=0)
    proposed_by: Mapped[str] = mapped_column(String(60))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]
    status: Mapped[RuleStatus] = mapped_column(Named(RuleStatus, 12), index=True)
    commit: Mapped[str] = mapped_column(String(64), default="")
    branch: Mapped[str] = mapped_column(String(120), default="")
    pull_request: Mapped[str] = mapped_column(String(300), default="")
    history: Mapped[list[Json]] = mapped_column(JSON, default=list)
    """`{at, event, by?, why?}`, oldest first."""


class AcceptedRow(Base):
    """What the company's files may let through: as they were at the first start, and as the founder said yes since."""

    __tablename__ = "accepted"
    entry: Mapped[str] = mapped_column(String(80), primary_key=True)
    """`kind:id`, as core.company.widening names it."""
    value: Mapped[Json]
    by: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]


class MemoRow(Base):
    """A memo that was said here, until the company's file holds it, and what was decided about it."""

    __tablename__ = "memos"
    __table_args__ = (Index("ix_memos_said", "status", "person_id"),)
    memo_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    status: Mapped[MemoStatus] = mapped_column(Named(MemoStatus, 12))
    content: Mapped[Json]
    """A core.company.schema.Memo."""
    person_id: Mapped[str] = mapped_column(String(60))
    """Who said it."""
    channel: Mapped[str] = mapped_column(String(20))
    conversation_id: Mapped[str] = mapped_column(String(200))
    """Where the next message is expected."""
    at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]


class SkillRun(Base):
    """A skill at work on a ticket: one for each ticket at most."""

    __tablename__ = "skill_runs"
    __table_args__ = (Index("ix_skill_runs_skill", "skill_id", "version", "begun_at"),)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.ticket_id"), primary_key=True)
    skill_id: Mapped[str] = mapped_column(String(60))
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[RunState] = mapped_column(Named(RunState, 12))
    reason: Mapped[str] = mapped_column(String(80), default="")
    following: Mapped[int] = mapped_column(Integer, default=0)
    """The step that comes next."""
    waited_out: Mapped[bool] = mapped_column(Boolean, default=False)
    """Nobody took the job in the time that it gives."""
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
