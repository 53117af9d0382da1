"""What the control loop keeps: what it remembers between beats, and its journal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import Base


class LoopGuard(Base):
    """One thing that is remembered from beat to beat. As text: what is damaged is damaged alone (core.loop.remembering)."""

    __tablename__ = "loop_guards"
    name: Mapped[str] = mapped_column(String(24), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class LoopLine(Base):
    """A line of the journal. Never changed; journal.md mirrors them."""

    __tablename__ = "loop_journal"
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(60))
    """A person, a worker, or the loop itself."""
    text: Mapped[str] = mapped_column(String(1000))
    run_id: Mapped[str] = mapped_column(String(60), default="")
    failed: Mapped[bool] = mapped_column(Boolean, default=False)
    mirrored: Mapped[bool] = mapped_column(Boolean, default=False, index=True)
    """It stands in journal.md."""


class AskRow(Base):
    """A question to a person, and its answer. Never deleted: an id is never used again."""

    __tablename__ = "asks"
    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    worker: Mapped[str] = mapped_column(String(80), index=True)
    """Whose question; "pulse": the loop's own, "cli": the shell's."""
    number: Mapped[int] = mapped_column(Integer)
    """Of this worker's."""
    prompt: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the prompt: the same question is asked once."""
    reference: Mapped[str] = mapped_column(Text, default="")
    options: Mapped[list[str]]
    to: Mapped[list[str]]
    """Ids of the people it was put to."""
    irreversible: Mapped[bool] = mapped_column(Boolean, default=False)
    """The founder's alone: no deputy, and silence is no yes."""
    channel: Mapped[str] = mapped_column(String(40))
    """Where it was asked from."""
    asked_at: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text)
    answered_by: Mapped[str | None] = mapped_column(String(60))
    answered_on: Mapped[str | None] = mapped_column(String(40))
    answered_at: Mapped[datetime | None] = mapped_column(index=True)
    read_at: Mapped[datetime | None]
    """Who asked has the answer."""
