"""The closed sets and small values that every part of the house speaks in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

LANGUAGES: Final = ("en", "zh-TW", "ja", "id", "es")


class Category(StrEnum):
    HVAC_LEAK = "hvac_leak"
    HVAC_FAILURE = "hvac_failure"
    PLUMBING_LEAK = "plumbing_leak"
    PLUMBING_BLOCKAGE = "plumbing_blockage"
    ELECTRICAL = "electrical"
    LOCKOUT = "lockout"
    WIFI_INTERNET = "wifi_internet"
    APPLIANCE = "appliance"
    CLEANING = "cleaning"
    LINEN_SUPPLIES = "linen_supplies"
    PEST = "pest"
    NOISE_COMPLAINT = "noise_complaint"
    SAFETY_SECURITY = "safety_security"
    GAS_FIRE = "gas_fire"
    GUEST_REQUEST = "guest_request"
    BOOKING_PAYMENT = "booking_payment"
    DAMAGE_REPORT = "damage_report"
    OTHER = "other"


class RiskTag(StrEnum):
    ELECTRICAL_RISK = "electrical_risk"
    WATER_DAMAGE = "water_damage"
    FIRE_RISK = "fire_risk"
    GAS_RISK = "gas_risk"
    INJURY = "injury"
    CHILD_OR_VULNERABLE = "child_or_vulnerable"
    GUEST_ANGRY = "guest_angry"
    CHECKIN_IMMINENT = "checkin_imminent"
    SECURITY_RISK = "security_risk"
    RECURRENCE = "recurrence"
    VIP_OR_REVIEW_THREAT = "vip_or_review_threat"


class Intent(StrEnum):
    NEW_ISSUE = "new_issue"
    FOLLOW_UP = "follow_up"
    QUESTION = "question"
    RESOLUTION_REPORT = "resolution_report"
    CHIT_CHAT = "chit_chat"


class Status(StrEnum):
    NEW = "NEW"
    TRIAGED = "TRIAGED"
    AWAITING_HUMAN = "AWAITING_HUMAN"
    DISPATCHED = "DISPATCHED"
    RESOLVED = "RESOLVED"
    REJECTED = "REJECTED"
    LAPSED = "LAPSED"
    CANCELLED = "CANCELLED"
    MERGED = "MERGED"


URGENT: Final = 4
"""From this severity on it is urgent: quiet hours hold no page back, a person is always asked, nothing waits."""

OPEN: Final = frozenset({Status.NEW, Status.TRIAGED, Status.AWAITING_HUMAN, Status.DISPATCHED})


class Event(StrEnum):
    """What a history row can say; other programs read these names."""

    RECEIVED = "received"
    FILED = "filed"
    TRIAGED = "triaged"
    GATED = "gated"
    APPROVED = "approved"
    CHANGED = "changed"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    DISPATCHED = "dispatched"
    NOTIFIED = "notified"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    FOLLOW_UP = "follow_up"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    MERGED = "merged"
    SPLIT = "split"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"
    CHANGED_BILL = "changed_bill"
    SKILL_STEP = "skill_step"
    FALLBACK = "fallback"
    RULED = "ruled"
    """A rule changed what was drafted."""


class InboxStatus(StrEnum):
    """Of an event that came in."""

    ACCEPTED = "accepted"
    """Kept, not worked on yet."""
    PROCESSED = "processed"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    HELD = "held"
    """From an unknown person."""


class OutboxStatus(StrEnum):
    """Of a message that is owed."""

    PENDING = "pending"
    SENDING = "sending"
    """An attempt whose outcome is not known yet."""
    SENT = "sent"
    CANCELLED = "cancelled"
    DEAD = "dead"


class ApprovalStatus(StrEnum):
    """Of a question to the deciders."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    """By a later question, or the end of the ticket."""
    LAPSED = "lapsed"
    """Nobody decided: never the same as no."""


class OfferStatus(StrEnum):
    """Of what a vendor was asked."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    COUNTERED = "countered"
    DECLINED = "declined"
    SILENT = "silent"
    """No word within the time."""
    WITHDRAWN = "withdrawn"


class QuestionKind(StrEnum):
    """What is asked of one person: by a tap, or for ASK in words."""

    PROPERTY = "property"
    NEAR_POWER = "near_power"
    GUEST_INSIDE = "guest_inside"
    DANGER = "danger"
    DOOR = "door"
    CHARGE_TO = "charge_to"
    REOPEN = "reopen"
    ASK = "ask"


class Role(StrEnum):
    FOUNDER = "founder"
    LEAD = "lead"
    OPS = "ops"


Rank = Literal["assignee", "backup", "lead", "founder"]
"""Whom a step of the escalation policy means."""

Layer = Literal["memo", "sop", "history", "skill", "rule"]
"""Where a piece of what the company knows comes from."""


class SkillStatus(StrEnum):
    """Of one version of a skill."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    REPLACED = "replaced"
    """By a later version."""
    ROLLED_BACK = "rolled_back"
    DEMOTED = "demoted"
    """It did worse than drafting."""


class MemoStatus(StrEnum):
    """Of a memo that was said here."""

    EXPECTED = "expected"
    """Somebody wrote /memo alone: their next message is one."""
    PROPOSED = "proposed"
    KEPT = "kept"
    DROPPED = "dropped"
    RETIRED = "retired"


class RuleStatus(StrEnum):
    """Of a rule."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    """Its term is over, or it was used as often as it may be."""
    ROLLED_BACK = "rolled_back"


class RunState(StrEnum):
    """Of a skill at work on a ticket."""

    RUNNING = "running"
    DONE = "done"
    FELL_BACK = "fell_back"
    """Something was not as it expects: the ticket goes on as without it."""
    STOPPED = "stopped"
    """The ticket ended before it did."""


class SkillText(StrEnum):
    """What a routine can say without words of its own: core.phrases.SKILL_TEXT says it in each language."""

    MEANWHILE = "meanwhile"
    """What to do until somebody comes, by the kind of problem."""
    SORRY = "sorry"
    HOLDS = "holds"
    """Whether the repair held."""


class SourceKind(StrEnum):
    TEXT = "text"
    VOICE = "voice"
    PHOTO = "photo"


class Scope(StrEnum):
    """What a program may do for a person; each includes those before it. None widens the person's own rights."""

    READ = "read"
    WRITE = "write"
    DECIDE = "decide"


class Audience(StrEnum):
    """What a token is for: one door, never both."""

    MCP = "mcp"
    API = "api"


class GrantKind(StrEnum):
    OAUTH = "oauth"
    STATIC = "static"
    """A token that was made by hand."""
    SESSION = "session"
    """A browser."""


class SecretKind(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"
    STATIC = "static"
    SESSION = "session"
    CODE = "code"
    """Of an OAuth authorization."""
    SIGN_IN = "sign_in"
    """Written into chat, typed into a browser."""
    WAITING = "waiting"
    """A browser that waits until its person allows it in chat."""
    CONSENT = "consent"
    """An OAuth client that waits for its person's yes."""


SYSTEM: Final = "loopos"
"""The actor of what the service does by itself."""


@dataclass(frozen=True, slots=True)
class Address:
    """A conversation on a channel: where something can be sent."""

    channel: str
    conversation_id: str

    def __str__(self) -> str:
        return f"{self.channel}:{self.conversation_id}"


@dataclass(frozen=True, slots=True)
class Triage:
    """What an understanding engine made of one message.

    `confidence` holds one number in 0..1 per field it judged, `evidence` the words each judgement was read
    from, `steering` the words that try to order the bot about (they never change a label)."""

    intent: Intent
    language: str
    property_id: str | None
    category: Category
    severity: int
    risk_tags: tuple[RiskTag, ...] = ()
    confidence: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, list[str]] = field(default_factory=dict)
    steering: tuple[str, ...] = ()
    engine: str = "offline"
    english: str = ""
    """The text in English, where a model told."""
    fallback: tuple[str, ...] = ()
    """A model was asked and did not answer: why, then what was tried."""
    maybe_danger: bool = False
    """It looks like a danger to life, and no word says so: one tap tells."""

    @property
    def dangerous(self) -> bool:
        return self.severity >= 5


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as it is shown to a model: made small, without its metadata."""

    media_type: str
    data: bytes


# --- closed sets of what is only compared: the type checker knows a word that is none of them, and so does the database

CardKind = Literal[
    "receipt", "approval", "job", "ticket", "follow_up",
    "ask", "brought", "check", "clients", "company", "handover", "home", "join", "joined", "left", "memo", "offer",
    "order", "outlier", "prompt", "quarantine", "really", "recalled", "rule", "signin", "skill", "sop", "standing",
    "unsure", "workers",
]  # fmt: skip
"""The first five belong to a ticket."""
OutboxKind = Literal["post", "edit", "text", "file"]
"""A card, a card that is there already, words, a file."""
TimerKind = Literal[
    "approval_deputy", "approval_lapse", "approval_remind", "ask_deputy", "ask_remind", "cover_ends", "escalate",
    "follow_up", "follow_up_silent", "housekeeping", "job", "learn_nightly", "loop_approval_lapse", "memo_lapse",
    "offer_silent", "place_lapse", "place_remind", "question_silent", "skill_wait",
]  # fmt: skip
RuleKind = Literal[
    "prefer_vendor", "avoid_vendor", "lower_cap", "raise_cap", "estimate", "escalation_wait", "sop_step", "retire_memo",
    "recurring_fault", "standing_order", "code",
]  # fmt: skip
StayKind = Literal["guest", "perhaps", "blocked"]
AskKind = Literal["ask", "approval", "setup", "flag"]
"""approval: of a payload that is kept beside it; setup: of the interview; flag: a worker wants to be looked at, its answer is told to it."""
LoopActionKind = Literal["shell", "act", "playbook", "sensor", "verify", "command"]
LoopActionState = Literal["pending", "approved", "rejected", "lapsed", "running", "done", "failed", "unknown"]
"""unknown: it died in the middle."""
LoopNews = Literal["asks", "journal", "playbook", "goals", "snapshots", "workers"]
RequestState = Literal["new", "running", "done"]
WorkerState = Literal["starting", "running", "exited", "killed"]
Verdict = Literal["pass", "fail"]
"""Whether a worker did what it was to do."""
