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
