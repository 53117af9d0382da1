"""All the tables. JSON columns are replaced whole, never changed in place (SQLAlchemy would not notice)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from core.model import (
    ApprovalStatus,
    CardKind,
    InboxStatus,
    OfferStatus,
    OutboxKind,
    OutboxStatus,
    QuestionKind,
    SourceKind,
    Status,
    TimerKind,
)
from core.money import Amount, Local
from core.store.types import Money, Named, OneOf, Stored, UtcTime
from core.stored_values import ApprovedAction, Basis, Change, Judgement, ModelText, PlannedStep, Reason

Json = dict[str, Any]
IS_OPEN = "status IN ('NEW', 'TRIAGED', 'AWAITING_HUMAN', 'DISPATCHED')"
"""core.model.OPEN, as the partial indices know it: a query uses them only where it says just that."""

IS_HELD = "status = 'held'"
"""The same for what strangers wrote."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads it off the class)
        datetime: UtcTime,
        Decimal: Money,
        Json: JSON,
        list[str]: JSON,
        Judgement: Stored(Judgement),
        ApprovedAction: Stored(ApprovedAction),
        tuple[Reason, ...]: Stored(tuple[Reason, ...]),
        tuple[Change, ...]: Stored(tuple[Change, ...]),
        tuple[PlannedStep, ...]: Stored(tuple[PlannedStep, ...]),
        Mapping[str, ModelText]: Stored(Mapping[str, ModelText]),
        Local: Stored(Local | None),
        str: Text,
    }


# --- what keeps the house alive: lease, counters, inbox, jobs, outbox, deadlines -------------------------


class Owner(Base):
    """The one process that may write. `fence` grows with each owner; a stale owner's batch is refused."""

    __tablename__ = "owner"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    fence: Mapped[int] = mapped_column(Integer)
    holder: Mapped[str]
    beat_at: Mapped[datetime]


class Counter(Base):
    __tablename__ = "counters"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int] = mapped_column(Integer)


class InboxRow(Base):
    """One event as it came in. Kept for ever: (channel, event_id) is what makes a redelivery a no-op."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("channel", "event_id"),
        Index("ix_inbox_double", "person_id", "digest", "processed_at"),
        Index("ix_inbox_message", "channel", "message_id"),
        Index("ix_inbox_album", "album"),
        Index("ix_inbox_kept", "kept", "received_at"),
        # Of strangers: the few that wait to be let in.
        Index("ix_inbox_held", "digest", sqlite_where=sql(IS_HELD), postgresql_where=sql(IS_HELD)),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(200))
    conversation_id: Mapped[str] = mapped_column(String(200))
    payload: Mapped[Json]
    received_at: Mapped[datetime]
    status: Mapped[InboxStatus] = mapped_column(
        Named(InboxStatus, 12), default=InboxStatus.ACCEPTED, index=True
    )
    error: Mapped[str | None]
    person_id: Mapped[str | None] = mapped_column(String(60))
    digest: Mapped[str | None] = mapped_column(String(64))
    album: Mapped[str | None] = mapped_column(String(120))
    """Photos that were sent together."""
    message_id: Mapped[str | None] = mapped_column(String(200))
    """The platform's name of the message, once it was worked on: what an edit or an unsend refers to."""
    ticket_id: Mapped[str | None] = mapped_column(String(20))
    kept: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    """`payload` still says what came in: it is let go after a while (core.housekeeping)."""
    processed_at: Mapped[datetime | None]


class JobRow(Base):
    """Work owed. The embedded queue: a row is deleted in the transaction that commits the work's effect."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_lane_id", "lane", "id"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    task: Mapped[str] = mapped_column(String(40))
    args: Mapped[Json]
    lane: Mapped[str] = mapped_column(String(240))
    """Jobs of one lane run one at a time, in the order of their ids."""
    run_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    deaths: Mapped[int] = mapped_column(Integer, default=0)
    """How often the process died after it had begun to work on this, the first time not counted."""
    error: Mapped[str | None]


class OutboxRow(Base):
    """A message owed to a conversation, written with the change that owes it."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_page", "cancel_key", "status"),
        Index("ix_outbox_owed", "channel", "conversation_id", "status"),
        Index("ix_outbox_kept", "kept", "created_at"),
        Index("ix_outbox_ref", "message_ref"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    conversation_id: Mapped[str] = mapped_column(String(200))
    kind: Mapped[OutboxKind] = mapped_column(OneOf(OutboxKind, 12))
    copy_id: Mapped[str | None] = mapped_column(ForeignKey("card_copies.id"), index=True)
    payload: Mapped[Json]
    kept: Mapped[bool] = mapped_column(Boolean, default=True)
    """False: it went out long ago, and what it said was let go."""
    not_before: Mapped[datetime]
    cancel_key: Mapped[str | None] = mapped_column(String(60))
    """What an acknowledgement cancels: every page of one dispatch shares it."""
    status: Mapped[OutboxStatus] = mapped_column(
        Named(OutboxStatus, 12), default=OutboxStatus.PENDING, index=True
    )
    urgency: Mapped[int] = mapped_column(Integer, default=1)
    """2 overtakes 1 in a conversation that has to wait, 1 overtakes 0."""
    attempt_key: Mapped[str | None] = mapped_column(String(36), index=True)
    """Shared by rows that go out in one call, kept until its outcome is known."""
    attempted_at: Mapped[datetime | None]
    only_once: Mapped[bool] = mapped_column(Boolean, default=False)
    """An order to somebody outside: where its outcome stays unknown a person decides, never a blind retry."""
    message_ref: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    copy: Mapped[CardCopy | None] = relationship()


class Deadline(Base):
    """A durable timer. The row is the truth; the scheduler only wakes somebody to look (P12)."""

    __tablename__ = "deadlines"
    __table_args__ = (
        Index("ix_deadlines_due", "fired_at", "cancelled_at", "due_at"),
        Index("ix_deadlines_cancelled", "cancelled_at"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[TimerKind] = mapped_column(OneOf(TimerKind, 30))
    subject: Mapped[str] = mapped_column(String(40), index=True)
    """The id of what it is about: a dispatch, an approval, a question."""
    args: Mapped[Json]
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None]


def table(model: type[Base]) -> Table:
    """The plain table of `model`, for a statement that is to pass by the session's bookkeeping."""
    return cast(Table, model.__table__)


# --- tickets ---------------------------------------------------------------------------------------------


class Ticket(Base):
    __tablename__ = "tickets"
    __table_args__ = (
        Index("ix_tickets_kind", "property_id", "category", "number"),
        Index("ix_tickets_resolved", "property_id", "category", "status", "resolved_at"),
        Index("ix_tickets_created_at", "created_at", "property_id"),
        Index("ix_tickets_status_number", "status", "number"),
        Index("ix_tickets_place_number", "property_id", "number"),
        Index("ix_tickets_ended", "property_id", "resolved_at"),
        Index("ix_tickets_begun", "property_id", "created_at"),
        # The few that are open: they never grow with the history.
        Index(
            "ix_tickets_open",
            "number",
            sqlite_where=sql(IS_OPEN),
            postgresql_where=sql(IS_OPEN),
        ),
        Index(
            "ix_tickets_open_here",
            "property_id",
            "number",
            sqlite_where=sql(IS_OPEN),
            postgresql_where=sql(IS_OPEN),
        ),
    )
    ticket_id: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    property_id: Mapped[str | None] = mapped_column(String(60))
    status: Mapped[Status] = mapped_column(Named(Status, 20))
    category: Mapped[str] = mapped_column(String(30))
    severity: Mapped[int] = mapped_column(Integer)
    risk_tags: Mapped[list[str]]
    language: Mapped[str] = mapped_column(String(10))
    source: Mapped[Json]
    reporter: Mapped[str] = mapped_column(String(60))
    raw_input: Mapped[str]
    transcript_native: Mapped[str]
    transcript_en: Mapped[str]
    triage: Mapped[Judgement]
    knowledge: Mapped[Basis | None] = mapped_column(Stored(Basis | None), nullable=False)
    """None until something is drafted."""
    matched_voice_memo_ids: Mapped[list[str]]
    matched_sop_id: Mapped[str | None]
    matched_historical_ids: Mapped[list[str]]
    skill_artifact: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    facts: Mapped[Json]
    """Answers to one-tap questions: near_power, guest_inside, door."""
    outcome: Mapped[str | None]
    rating: Mapped[int | None] = mapped_column(Integer)
    charge_to: Mapped[str | None] = mapped_column(String(10))
    """owner, guest or us"""
    guest_credit_usd: Mapped[Decimal | None]
    guest_credit_local: Mapped[Local | None]
    """What the guest was given for the trouble."""
    staff_minutes: Mapped[int | None] = mapped_column(Integer)
    """Working time of the team, as whoever closed it says."""
    merged_into: Mapped[str | None] = mapped_column(String(20), index=True)
    cost_usd: Mapped[Decimal]
    created_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]

    dispatches: Mapped[list[Dispatch]] = relationship(order_by="Dispatch.created_at", back_populates="ticket")
    reports: Mapped[list[Report]] = relationship(order_by="Report.id")
    attachments: Mapped[list[Attachment]] = relationship(order_by="Attachment.id")
    history: Mapped[list[HistoryRow]] = relationship(order_by="HistoryRow.id", back_populates="ticket")
    approvals: Mapped[list[Approval]] = relationship(order_by="Approval.created_at")
    questions: Mapped[list[Question]] = relationship(order_by="Question.created_at")


class Report(Base):
    """One person's own words about a ticket."""

    __tablename__ = "reports"
    __table_args__ = (Index("ix_reports_by", "reporter", "at"), Index("ix_reports_message", "message_id"))
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.ticket_id"), index=True)
    reporter: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
    source: Mapped[Json]
    message_id: Mapped[str | None] = mapped_column(String(200))
    """As in `source`: what an edit or an unsend refers to."""
    raw_input: Mapped[str]
    transcript_native: Mapped[str]
    transcript_en: Mapped[str]
    language: Mapped[str] = mapped_column(String(10))
    triage: Mapped[Judgement]
    heard: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    """Of a voice note: {engine, seconds}; {error} where nothing could be made of it; {corrected_by} afterwards."""
    split_to: Mapped[str | None] = mapped_column(String(20))


class Attachment(Base):
    __tablename__ = "attachments"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.ticket_id"), index=True)
    kind: Mapped[SourceKind] = mapped_column(Named(SourceKind, 12))
    media_type: Mapped[str] = mapped_column(String(80))
    bytes: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    path: Mapped[str]
    message_id: Mapped[str | None] = mapped_column(String(200))
    """The message it came with: who takes that back takes this back."""


class HistoryRow(Base):
    """Insert-only: who did what to a ticket, when, and from which channel."""

    __tablename__ = "history"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.ticket_id"), index=True)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(60))
    channel: Mapped[str | None] = mapped_column(String(20))
    from_status: Mapped[str | None] = mapped_column(String(20))
    to_status: Mapped[str | None] = mapped_column(String(20))
    detail: Mapped[Json]

    ticket: Mapped[Ticket] = relationship(back_populates="history")


class Dispatch(Base):
    """Giving a ticket to a vendor, through the person on site who has to get it done."""

    __tablename__ = "dispatches"
    __table_args__ = (
        Index("ix_dispatches_ticket", "ticket_id", "created_at"),
        Index("ix_dispatches_taken", "acknowledged_by", "created_at"),
        Index("ix_dispatches_spent_here", "property_id", "authorized_at"),
        # Covering: a month's money is added up without touching the rows.
        Index(
            "ix_dispatches_money",
            "property_id",
            "month",
            "authorized",
            "void",
            "actual_cost_usd",
            "cost_estimate_usd",
        ),
        Index(
            "ix_dispatches_authorized_at",
            "authorized_at",
            "authorized",
            "void",
            "property_id",
            "actual_cost_usd",
            "cost_estimate_usd",
        ),
        Index("ix_dispatches_vendor", "vendor_id", "authorized_at"),
    )
    dispatch_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.ticket_id"))
    vendor_id: Mapped[str | None] = mapped_column(String(60))
    cost_estimate_usd: Mapped[Decimal]
    cap_usd: Mapped[Decimal]
    reasons: Mapped[tuple[Reason, ...]]
    """Why the gate asked; empty when it did not."""
    changes: Mapped[tuple[Change, ...]]
    """Edits by a person."""
    texts: Mapped[Mapping[str, ModelText]]
    """What a model wrote for it, to vendor, guest and reporter; {} where the catalogue speaks."""
    drafted_by: Mapped[str] = mapped_column(String(120), default="rules")
    rule_id: Mapped[str | None] = mapped_column(String(60))
    """The standing order that let it go."""
    """`rules`, or `provider/model`."""
    authorized: Mapped[bool] = mapped_column(Boolean, default=False)
    authorized_by: Mapped[str | None] = mapped_column(String(60))
    authorized_at: Mapped[datetime | None]
    month: Mapped[str | None] = mapped_column(String(7))
    """Local month of the property in which the money was authorised, for its budget."""
    property_id: Mapped[str | None] = mapped_column(String(60))
    eta_iso: Mapped[datetime | None]
    assignee: Mapped[str | None] = mapped_column(String(60))
    steps: Mapped[tuple[PlannedStep, ...]]
    """The escalation steps it began with: a later edit of the policy does not change a running one."""
    auto_escalate_after_seconds: Mapped[int] = mapped_column(Integer, default=0)
    paged: Mapped[list[str]]
    acknowledged: Mapped[bool] = mapped_column(Boolean, default=False)
    acknowledged_by: Mapped[str | None] = mapped_column(String(60))
    acknowledged_at: Mapped[datetime | None]
    acknowledged_on: Mapped[str | None] = mapped_column(String(20))
    escalated: Mapped[bool] = mapped_column(Boolean, default=False)
    escalation_level: Mapped[int] = mapped_column(Integer, default=0)
    actual_cost_usd: Mapped[Decimal | None]
    cost_estimate_local: Mapped[Local | None]
    """As it was said, where that was no dollars; null otherwise. The same for the bill."""
    actual_cost_local: Mapped[Local | None]
    recalled: Mapped[bool] = mapped_column(Boolean, default=False)
    """Void after the vendor was sent for: it counts against the cap until somebody says that it is off."""
    doubtful: Mapped[bool] = mapped_column(Boolean, default=False)
    """The bill is far from what this vendor usually takes: no estimate is made of it before the founder says that it is
    right."""
    void: Mapped[bool] = mapped_column(Boolean, default=False)
    """Replaced by a later draft, or the ticket ended without it."""
    created_at: Mapped[datetime]

    ticket: Mapped[Ticket] = relationship(back_populates="dispatches")
    offers: Mapped[list[Offer]] = relationship(order_by="Offer.created_at", back_populates="dispatch")

    @property
    def estimate(self) -> Amount:
        return Amount(self.cost_estimate_usd, self.cost_estimate_local)

    @estimate.setter
    def estimate(self, amount: Amount) -> None:
        self.cost_estimate_usd, self.cost_estimate_local = amount.usd, amount.local

    @property
    def bill(self) -> Amount | None:
        return None if self.actual_cost_usd is None else Amount(self.actual_cost_usd, self.actual_cost_local)

    @bill.setter
    def bill(self, amount: Amount) -> None:
        self.actual_cost_usd, self.actual_cost_local = amount.usd, amount.local


class Approval(Base):
    """A question with named deciders, an expiry and one answer, bound to exactly one action."""

    __tablename__ = "approvals"
    __table_args__ = (Index("ix_approvals_ticket", "ticket_id", "created_at"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.ticket_id"))
    dispatch_id: Mapped[str] = mapped_column(ForeignKey("dispatches.dispatch_id"))
    action: Mapped[ApprovedAction]
    digest: Mapped[str] = mapped_column(String(64))
    reasons: Mapped[tuple[Reason, ...]]
    deciders: Mapped[list[str]]
    status: Mapped[ApprovalStatus] = mapped_column(Named(ApprovalStatus, 12), default=ApprovalStatus.PENDING)
    decided_by: Mapped[str | None] = mapped_column(String(60))
    decided_at: Mapped[datetime | None]
    decided_on: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None]
    unreached: Mapped[list[str]] = mapped_column(default=list)
    """Deciders to whom no card could be brought."""
    created_at: Mapped[datetime]


class Question(Base):
    """One fact asked of one person: answered by a tap, or for `ask` by the next words."""

    __tablename__ = "questions"
    __table_args__ = (
        Index("ix_questions_ticket", "ticket_id", "created_at"),
        Index(
            "ix_questions_waiting",
            "person_id",
            "channel",
            "conversation_id",
            # "Who pays?" outlives its ticket: of those there are ever more.
            "kind",
            sqlite_where=sql("answer IS NULL"),
            postgresql_where=sql("answer IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.ticket_id"))
    kind: Mapped[QuestionKind] = mapped_column(Named(QuestionKind, 16))
    person_id: Mapped[str] = mapped_column(String(60))
    channel: Mapped[str] = mapped_column(String(20))
    conversation_id: Mapped[str] = mapped_column(String(200))
    text: Mapped[str]
    options: Mapped[list[str]]
    answer: Mapped[str | None]
    answered_by: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class CorrectionRow(Base):
    """A person's word on what a message was about. Kept for ever; `undone_at` takes it out of what is learnt."""

    __tablename__ = "corrections"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
    person_id: Mapped[str] = mapped_column(String(60))
    channel: Mapped[str | None] = mapped_column(String(20))
    ticket_id: Mapped[str | None] = mapped_column(String(20))
    field: Mapped[str] = mapped_column(String(12))
    """category, severity, property or language"""
    old: Mapped[str] = mapped_column(String(60))
    new: Mapped[str] = mapped_column(String(60))
    text: Mapped[str]
    """The words it was read from, as they came in."""
    reviewed_by: Mapped[str | None] = mapped_column(String(60))
    """The lead or founder who looked at it: until then it counts for its ticket, and teaches nobody."""
    undone_at: Mapped[datetime | None]


# --- cards -----------------------------------------------------------------------------------------------


class CardRow(Base):
    """One thing shown to people. Its copies on every channel are drawn from the state it is about."""

    __tablename__ = "cards"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[CardKind] = mapped_column(OneOf(CardKind, 16))
    ticket_id: Mapped[str | None] = mapped_column(String(20), index=True)
    subject: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]


class CardCopy(Base):
    __tablename__ = "card_copies"
    __table_args__ = (Index("ix_card_copies_conversation", "channel", "conversation_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("cards.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    conversation_id: Mapped[str] = mapped_column(String(200))
    person_id: Mapped[str | None] = mapped_column(String(60))
    language: Mapped[str] = mapped_column(String(10))
    content: Mapped[Json]
    """What the copy shows now, or will once the outbox has caught up."""
    message_ref: Mapped[str | None] = mapped_column(String(200), index=True)
    created_at: Mapped[datetime]

    card: Mapped[CardRow] = relationship()


class ButtonRow(Base):
    """What an opaque button id stands for. Rows outlive the card's liveness: a late tap gets an answer."""

    __tablename__ = "buttons"
    __table_args__ = (Index("ix_buttons_copy", "copy_id"),)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    copy_id: Mapped[str] = mapped_column(ForeignKey("card_copies.id"))
    action: Mapped[str] = mapped_column(String(20))
    args: Mapped[Json]
    live: Mapped[bool] = mapped_column(Boolean, default=True)

    copy: Mapped[CardCopy] = relationship()


# --- people and the web channel --------------------------------------------------------------------------


class PersonState(Base):
    """What a person chose in chat, beside what team.json says."""

    __tablename__ = "person_states"
    person_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    language: Mapped[str | None] = mapped_column(String(10))


class Member(Base):
    """Somebody who joined through chat; team.json holds the others."""

    __tablename__ = "members"
    person_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    person: Mapped[Json]
    """As core.company.schema.Person."""
    added_by: Mapped[str] = mapped_column(String(60))
    added_at: Mapped[datetime]


class Departure(Base):
    """Somebody of team.json who left: whatever the file says, they are of the team no more."""

    __tablename__ = "departures"
    person_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    by: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]


class IdentityRow(Base):
    """One account of a person on a platform, proven by a code or admitted by the founder."""

    __tablename__ = "identities"
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    platform_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(60), index=True)
    added_by: Mapped[str] = mapped_column(String(60))
    added_at: Mapped[datetime]


class CodeRow(Base):
    """A code that lets one account in, once, for a while. Only its hash is kept."""

    __tablename__ = "codes"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[str | None] = mapped_column(String(60))
    """Whose account it will be; None: a new member's, described by `person`."""
    person: Mapped[Json | None] = mapped_column(JSON(none_as_null=True))
    created_by: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None]


class Binding(Base):
    """A group that is about one property: there the bot listens to every message."""

    __tablename__ = "bindings"
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    room: Mapped[str] = mapped_column(String(200), primary_key=True)
    property_id: Mapped[str] = mapped_column(String(60))
    bound_by: Mapped[str] = mapped_column(String(60))
    bound_at: Mapped[datetime]


class Cover(Base):
    """Somebody is on for a property instead of whom team.json names."""

    __tablename__ = "covers"
    property_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(60))
    set_by: Mapped[str] = mapped_column(String(60))
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class FormRequest(Base):
    """A form asked field by field in a chat that has none: the button, what was said so far, what is asked."""

    __tablename__ = "form_requests"
    __table_args__ = (Index("ix_form_requests_open", "channel", "conversation_id", "done_at", "created_at"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20))
    conversation_id: Mapped[str] = mapped_column(String(200))
    sender: Mapped[str] = mapped_column(String(200))
    button: Mapped[Json]
    """As core.cards.card.Button."""
    said: Mapped[Json]
    field: Mapped[str] = mapped_column(String(40))
    """The field that is asked now; "" while the person picks which to change."""
    language: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class Offer(Base):
    """What a vendor was asked, and what they said."""

    __tablename__ = "offers"
    __table_args__ = (
        Index("ix_offers_dispatch", "dispatch_id", "created_at"),
        Index("ix_offers_vendor", "vendor_id", "created_at"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    dispatch_id: Mapped[str] = mapped_column(ForeignKey("dispatches.dispatch_id"))
    vendor_id: Mapped[str] = mapped_column(String(60))
    status: Mapped[OfferStatus] = mapped_column(Named(OfferStatus, 12), default=OfferStatus.ASKED)
    amount_usd: Mapped[Decimal | None]
    amount_local: Mapped[Local | None]
    eta_at: Mapped[datetime | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]

    dispatch: Mapped[Dispatch] = relationship(back_populates="offers")


class Notice(Base):
    """What was said once and is not said again: `key` names the episode."""

    __tablename__ = "notices"
    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    at: Mapped[datetime]
    count: Mapped[int] = mapped_column(Integer, default=1)


class UsageRow(Base):
    """The ledger: one row per call to a model, an embedding or a speech engine, failed ones too."""

    __tablename__ = "usage"
    __table_args__ = (
        # Covering: a span is added up without touching the rows.
        Index("ix_usage_month", "at", "property_id", "tier", "model", "usd"),
        Index("ix_usage_place", "property_id", "at", "usd"),
        Index("ix_usage_exported", "exported", "at", "id"),
        Index(
            "ix_usage_open",
            "settled_at",
            sqlite_where=sql("settled_at IS NULL"),
            postgresql_where=sql("settled_at IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
    model: Mapped[str] = mapped_column(String(120))
    provider: Mapped[str] = mapped_column(String(40))
    tier: Mapped[str] = mapped_column(String(10))
    """fast, strong, embed, speech"""
    property_id: Mapped[str | None] = mapped_column(String(60))
    ticket_id: Mapped[str | None] = mapped_column(String(20), index=True)
    inbox_id: Mapped[str | None] = mapped_column(String(32), index=True)
    """The message it was made for, where the ticket was not known yet."""
    purpose: Mapped[str] = mapped_column(String(30))
    input_tokens: Mapped[int] = mapped_column(Integer, default=0)
    output_tokens: Mapped[int] = mapped_column(Integer, default=0)
    cache_read_tokens: Mapped[int] = mapped_column(Integer, default=0)
    cache_write_tokens: Mapped[int] = mapped_column(Integer, default=0)
    seconds: Mapped[float] = mapped_column(Float, default=0.0)
    """Of sound."""
    usd: Mapped[Decimal]
    """Full precision; while it is reserved the most it can cost."""
    estimated: Mapped[bool] = mapped_column(Boolean, default=False)
    """The model has no price of its own, or its vendor never said what was used."""
    ms: Mapped[int] = mapped_column(Integer, default=0)
    ok: Mapped[bool] = mapped_column(Boolean, default=False)
    error: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    """None: set aside, the call is under way (or the process died in it)."""
    exported: Mapped[bool] = mapped_column(Boolean, default=False)
    """A line of usage.jsonl bears it."""
    worker_id: Mapped[str | None] = mapped_column(String(80), index=True)
    """The worker that it was for."""
    run_id: Mapped[str | None] = mapped_column(String(60))
    """The beat that it was for, or which run of the worker."""


class Total(Base):
    """A month that is over, added up once: what it holds is not read row by row again (core.cost.totals)."""

    __tablename__ = "totals"
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    """models, vendors, tickets"""
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    """UTC."""
    property_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    """"" for none."""
    tier: Mapped[str] = mapped_column(String(10), primary_key=True)
    """Of models; "" for the others."""
    model: Mapped[str] = mapped_column(String(120), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    """Grains of a dollar (core.cost.ledger) for models, cents for vendors, a count for tickets."""


class Translation(Base):
    """What somebody wrote, in another language. Kept by the text itself: the same words are translated once."""

    __tablename__ = "translations"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the original."""
    language: Mapped[str] = mapped_column(String(10), primary_key=True)
    text: Mapped[str]
    engine: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]


class WebMessage(Base):
    """The web channel's side of a conversation: what its platform would keep. `seq` moves on each edit, so a
    page that reconnects asks for what is newer than the last it saw."""

    __tablename__ = "web_messages"
    __table_args__ = (Index("ix_web_messages_stream", "conversation_id", "seq"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(String(200))
    seq: Mapped[int] = mapped_column(Integer)
    position: Mapped[int] = mapped_column(Integer)
    author: Mapped[str] = mapped_column(String(60))
    body: Mapped[Json]
    at: Mapped[datetime]
