"""What is kept of workers: each run of one, what it is told, and what it has taken for itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.model import Verdict, WorkerState
from core.store.tables import Base, Json
from core.store.types import OneOf


class WorkerRow(Base):
    """One run of a worker. An id that is used again is another row; the newest of an id is that worker."""

    __tablename__ = "workers"
    run: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(80), index=True)
    state: Mapped[WorkerState] = mapped_column(OneOf(WorkerState, 10), index=True)
    runner: Mapped[str] = mapped_column(String(40))
    """builtin, command (by a template), or a runner's name."""
    prompt: Mapped[str] = mapped_column(Text)
    """What it is to do."""
    command: Mapped[str] = mapped_column(Text, default="")
    """In the place of the configured template."""
    verify_command: Mapped[str] = mapped_column(Text, default="")
    """Run once after its end: whether it did what it was to do."""
    verify: Mapped[Verdict | None] = mapped_column(OneOf(Verdict, 4))
    """None: not judged."""
    started_by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    launches: Mapped[int] = mapped_column(Integer, default=0)
    """How often a process was started for it: one that rests is started again by an answer."""
    pid: Mapped[int | None] = mapped_column(Integer)
    """Its supervisor."""
    began: Mapped[str | None] = mapped_column(String(40))
    """When that began, as the system counts: with `pid` it names one process for good."""
    exit_code: Mapped[int | None] = mapped_column(Integer)
    flagged: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str] = mapped_column(Text, default="")
    waits_for: Mapped[str] = mapped_column(String(120), default="")
    """The ask whose answer starts its process again; "": it has one."""
    ticket_id: Mapped[str | None] = mapped_column(String(20))
    property_id: Mapped[str | None] = mapped_column(String(60))
    memory: Mapped[Json]
    """What the built-in worker did so far (core.workers.builtin)."""
    pruned: Mapped[bool] = mapped_column(Boolean, default=False)


class TellRow(Base):
    """Something a worker is told, until it takes it."""

    __tablename__ = "tells"
    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    worker: Mapped[str] = mapped_column(String(80), index=True)
    number: Mapped[int] = mapped_column(Integer)
    run: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    """Delivered, or dropped with its worker."""


class LeaseRow(Base):
    """A name that a worker has for itself while it lives."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    session: Mapped[str] = mapped_column(String(80), index=True)
    nonce: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    mirrored: Mapped[bool] = mapped_column(Boolean, default=False)
    """claims/NAME.json says so; its removal by hand is a release."""
