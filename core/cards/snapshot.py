"""What a card may look at: a ticket as it stands at one moment, frozen.

core.outbox.ticket_snapshot loads it from the rows in one place; whatever draws can then neither ask the database for
more nor change a row by accident, and a table test builds it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.model import ApprovalStatus, OfferStatus, QuestionKind, Status
from core.money import Amount, Local
from core.stored_values import Basis, Change, Judgement, ModelText, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSnapshot:
    """One person's own words."""

    id: int
    reporter: str
    source: Mapping[str, Any]
    raw_input: str
    transcript_native: str
    language: str
    triage: Judgement
    heard: Mapping[str, Any] | None
    split_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentSnapshot:
    kind: str
    media_type: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSnapshot:
    """A line of the history."""

    at: datetime
    event: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSnapshot:
    id: str
    kind: QuestionKind
    person_id: str
    conversation_id: str
    text: str
    options: tuple[str, ...]
    answer: str | None
    """None: not answered yet; "": it ended with its ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSnapshot:
    id: str
    digest: str
    reasons: tuple[Reason, ...]
    deciders: tuple[str, ...]
    unreached: tuple[str, ...]
    status: ApprovalStatus
    decided_by: str | None
    decided_at: datetime | None
    decided_on: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSnapshot:
    dispatch_id: str
    vendor_id: str | None
    cost_estimate_usd: Decimal
    cap_usd: Decimal
    actual_cost_usd: Decimal | None
    changes: tuple[Change, ...]
    texts: Mapping[str, ModelText]
    eta_iso: datetime | None
    assignee: str | None
    paged: tuple[str, ...]
    acknowledged: bool
    acknowledged_by: str | None
    cost_estimate_local: Local | None = None
    actual_cost_local: Local | None = None

    @property
    def estimate(self) -> Amount:
        return Amount(self.cost_estimate_usd, self.cost_estimate_local)

    @property
    def bill(self) -> Amount | None:
        return None if self.actual_cost_usd is None else Amount(self.actual_cost_usd, self.actual_cost_local)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferSnapshot:
    """What the vendor was asked."""

    status: OfferStatus
    eta_at: datetime | None
    opened_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSnapshot:
    ticket_id: str
    property_id: str | None
    status: Status
    category: str
    severity: int
    risk_tags: tuple[str, ...]
    language: str
    reporter: str
    triage: Judgement
    knowledge: Basis | None
    matched_sop_id: str | None
    outcome: str | None
    guest_credit_usd: Decimal | None
    staff_minutes: int | None
    merged_into: str | None
    resolved_at: datetime | None
    reports: tuple[ReportSnapshot, ...]
    attachments: tuple[AttachmentSnapshot, ...]
    questions: tuple[QuestionSnapshot, ...]
    skill_artifact: Mapping[str, Any] | None = None
    """The skill that works or worked on it: `{skill_id, version, name, run, reason}`."""
    history: tuple[EventSnapshot, ...] = ()
    """The last of it, oldest first; empty where no card shows it."""
    guest_credit_local: Local | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was answered, and under `guest` what the reservations say."""
    dispatch: DispatchSnapshot | None = None
    approval: ApprovalSnapshot | None = None
    offer: OfferSnapshot | None = None
