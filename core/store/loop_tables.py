"""What the control loop keeps: what it remembers between beats, and its journal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Boolean, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.model import AskKind, LoopActionKind, LoopActionState, LoopNews, RequestState, StayKind
from core.store.tables import Base, Json
from core.store.types import OneOf


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
    kind: Mapped[AskKind] = mapped_column(OneOf(AskKind, 12), default="ask")
    worker: Mapped[str] = mapped_column(String(80), index=True)
    """Whose question; "pulse": the loop's own, "cli": the shell's."""
    number: Mapped[int] = mapped_column(Integer)
    """Of this worker's."""
    prompt: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the prompt and whom it was meant for: the same question is asked once."""
    reference: Mapped[str] = mapped_column(Text, default="")
    attachment: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    """{path, name, media_type} of the file that goes with it, as it was when it was asked."""
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
    asked_by: Mapped[str | None] = mapped_column(String(60))
    """The person who put it in chat, and is told the answer; None: a program waits for it."""


class LoopApproval(Base):
    """Something that cannot be undone, as it would be done: kept to the byte, done once after the founder's yes."""

    __tablename__ = "loop_approvals"
    ask_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    kind: Mapped[LoopActionKind] = mapped_column(OneOf(LoopActionKind, 20))
    worker: Mapped[str] = mapped_column(String(80))
    payload: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    more: Mapped[Json]
    """What belongs to it: {reason, journal, name}."""
    state: Mapped[LoopActionState] = mapped_column(OneOf(LoopActionState, 10), index=True)
    at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    code: Mapped[int | None] = mapped_column(Integer)
    """It ended with."""
    output: Mapped[str] = mapped_column(Text, default="")


class LoopRequest(Base):
    """What a verb beside the service wants done: the owner of the home carries it out and answers here."""

    __tablename__ = "loop_requests"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    verb: Mapped[str] = mapped_column(String(40))
    args: Mapped[Json]
    actor: Mapped[str] = mapped_column(String(80))
    """A person's id, or cli: whoever has the home."""
    worker: Mapped[str] = mapped_column(String(80), default="")
    """The worker that calls; "": none does."""
    channel: Mapped[str] = mapped_column(String(40))
    reply_to: Mapped[str | None] = mapped_column(String(200))
    """The conversation that is answered; None: whoever asked looks here."""
    state: Mapped[RequestState] = mapped_column(OneOf(RequestState, 10), index=True)
    at: Mapped[datetime]
    code: Mapped[int | None] = mapped_column(Integer)
    out: Mapped[str] = mapped_column(Text, default="")
    err: Mapped[str] = mapped_column(Text, default="")


class LoopEvent(Base):
    """Something that whoever waits may want to know: the cursor of `wait` counts these."""

    __tablename__ = "loop_events"
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    kind: Mapped[LoopNews] = mapped_column(OneOf(LoopNews, 12))
    at: Mapped[datetime]


class LoopCursor(Base):
    """How far a client that waits has been told."""

    __tablename__ = "loop_cursors"
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)
    woken: Mapped[Json]
    """Id of a pending ask -> when it last woke this one."""


class StayRow(Base):
    """A reservation, or a block, as a feed says it now."""

    __tablename__ = "stays"
    __table_args__ = (Index("ix_stays_place", "property_id", "feed"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    property_id: Mapped[str] = mapped_column(String(60))
    feed: Mapped[int] = mapped_column(Integer)
    """Which of the property's."""
    starts: Mapped[datetime]
    ends: Mapped[datetime]
    kind: Mapped[StayKind] = mapped_column(OneOf(StayKind, 10))


class LoopIntent(Base):
    """A command that is running: one that is found long after its time died in the middle."""

    __tablename__ = "loop_intents"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    within: Mapped[int] = mapped_column(Integer)
    """Seconds."""
