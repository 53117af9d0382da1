"""What programs send and get, once: the API checks and describes itself by these models, and so do the MCP tools.

Requests are closed and strict. Results may grow: who reads them passes over what it does not know."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

MAX_WORDS: Final = 40_000
MAX_AUDIO: Final = 3 * 1024 * 1024
"""Bytes of a voice note inside a call."""


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Result(BaseModel):
    model_config = ConfigDict(extra="allow")


def _dollars(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError("an amount in US dollars")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("an amount in US dollars") from None
    if not amount.is_finite() or amount < 0 or amount >= 10**7 or amount != round(amount, 2):
        raise ValueError("an amount in US dollars")
    return round(amount, 2)


Usd = Annotated[
    Decimal,
    BeforeValidator(_dollars),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "pattern": r"^[0-9]{1,7}(\.[0-9]{1,2})?$",
            "minimum": 0,
            "description": "US dollars, at most two places",
        }
    ),
]


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("a moment as ISO 8601 with its time zone")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a moment as ISO 8601 with its time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment of the years 1 to 9999") from None


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "ISO 8601 with a time zone"}),
]


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("empty")
    return text


Text = Annotated[str, Field(min_length=1, max_length=MAX_WORDS), AfterValidator(_said)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
TicketId = Annotated[
    str, Field(min_length=1, max_length=20, description="as people write it: T-1042 or 1042")
]
OwnId = Annotated[
    str,
    Field(
        min_length=8,
        max_length=64,
        description="the caller's own id: a repeat is answered with the same ticket",
    ),
]
Period = Literal["today", "week", "month", "all"]
Status = Literal[
    "NEW", "TRIAGED", "AWAITING_HUMAN", "DISPATCHED", "RESOLVED", "REJECTED", "LAPSED", "CANCELLED", "MERGED"
]


# --- requests


class Nothing(Request):
    pass


class IngestText(Request):
    text: Text
    property_id: Name | None = None
    reporter: Annotated[Name, Field(description="whose words they are; founder and leads only")] | None = None
    client_message_id: OwnId | None = None


class IngestVoice(Request):
    audio: (
        Annotated[str, Field(max_length=MAX_AUDIO * 4 // 3 + 4, description="base64, at most 3 MB")] | None
    ) = None
    sha256: (
        Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="of a file sent to /api/v1/media")] | None
    ) = None
    media_type: Annotated[str, Field(min_length=3, max_length=80)]
    property_id: Name | None = None
    reporter: Name | None = None
    client_message_id: OwnId | None = None


class ListTickets(Request):
    status: Annotated[list[Status], Field(max_length=9)] | None = None
    property_id: Name | None = None
    open: bool | None = None
    query: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: (
        Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,40}$", description="next_cursor of the page before")]
        | None
    ) = None


class QueryBrain(Request):
    question: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_said)]
    property_id: Name | None = None
    limit: Annotated[int, Field(ge=1, le=20)] = 5


class LiveState(Request):
    after: Annotated[str, Field(pattern="^[0-9]{1,18}$", description="a cursor")] | None = None


class CostSummary(Request):
    period: Period = "month"
    property_id: Name | None = None


class ShowDashboard(Request):
    view: Literal["board", "costs", "skills", "ticket"] = "board"
    ticket_id: TicketId | None = None


class TriageAgain(Request):
    text: Text | None = None
    ticket_id: TicketId | None = None


class DispatchRequest(Request):
    ticket_id: TicketId
    approval_id: Annotated[str, Field(min_length=1, max_length=64)]
    vendor_id: Name | None = None
    cost_estimate_usd: Usd | None = None
    auto_escalate_after_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    wait_seconds: Annotated[int, Field(ge=0, le=60)] = 0


class AcknowledgeRequest(Request):
    ticket_id: TicketId
    eta_iso: Moment | None = None


class ProposeRule(Request):
    text: Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_said)]
    ticket_id: TicketId | None = None
    property_id: Name | None = None


class OfTicket(Request):
    ticket_id: TicketId


class ResolveRequest(Request):
    ticket_id: TicketId
    actual_cost_usd: Usd
    note: Annotated[str, Field(max_length=1000)] | None = None


class RejectRequest(Request):
    ticket_id: TicketId
    approval_id: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_said)]


class AnswerAsk(Request):
    ask_id: Annotated[str, Field(min_length=1, max_length=120)]
    text: Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_said)]


# --- results


class Brief(Result):
    ticket_id: str
    property_id: str | None
    status: str
    category: str
    severity: int
    risk_tags: list[str]
    reporter: str
    vendor_id: str | None
    cost_estimate_usd: str | None
    created_at: str
    resolved_at: str | None
    cost_usd: str
    summary: str
    url: str


class Ticket(Result):
    ticket_id: str
    property_id: str | None
    status: str
    category: str
    severity: int
    risk_tags: list[str]
    language: str
    source: dict[str, Any]
    reporter: str
    raw_input: str
    transcript_native: str
    transcript_en: str
    dispatches: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    history: list[dict[str, Any]]
    approvals: list[dict[str, Any]]
    cost_usd: str
    created_at: str
    resolved_at: str | None


class Change(Result):
    cursor: str
    at: str
    event: str
    actor: str
    channel: str | None
    ticket: Brief


class Ingested(Result):
    ticket: Ticket | None
    duplicate_of: str | None


class Heard(Ingested):
    language: str | None
    transcript_native: str
    transcript_en: str


class Tickets(Result):
    tickets: list[Brief]
    total: int
    next_cursor: str | None


class Answer(Result):
    query: str
    property_id: str | None
    category: str
    language: str
    engine: str
    model: str | None
    fallback: str | None
    answer: str
    sources: list[dict[str, Any]]


class Timer(Result):
    ticket_id: str
    who: str | None
    step: str
    due_at: str


class OnCall(Result):
    property_id: str
    person: str


class State(Result):
    now: str
    cursor: str
    by_status: dict[str, int]
    awaiting: list[Brief]
    timers: list[Timer]
    on_call: list[OnCall]
    channels: dict[str, Any]
    changes: list[Change]


class Cost(Result):
    period: str
    total_usd: str
    budget_usd: str
    remaining_usd: str
    forecast_usd: str
    by_property: dict[str, Any]
    by_tier: dict[str, Any]
    by_model: dict[str, Any]
    vendor_usd: str
    tickets: int


class DashboardView(Result):
    view: str
    url: str
    state: State | None
    cost: Cost | None
    ticket: Ticket | None
    skills: list[dict[str, Any]] | None


class Judged(Result):
    judgement: dict[str, Any]
    ticket: Ticket | None


class Dispatched(Result):
    ticket: Ticket
    dispatch: dict[str, Any] | None
    timers: list[Timer]


class Acknowledged(Result):
    ticket: Ticket
    dispatch: dict[str, Any] | None


class Rule(Result):
    rule_id: str
    status: str
    text: str
    """In the language of who asks."""
    diff: str
    lightsprint_prompt: str
    version: int = 1
    kind: str = "code"
    when: dict[str, Any] = Field(default_factory=dict)
    then: dict[str, Any] = Field(default_factory=dict)
    until: str | None = None
    max_uses: int | None = None
    uses: int = 0
    proposed_by: str = ""
    proposed_at: str = ""
    approved_by: str | None = None
    evidence: list[dict[str, Any]] = Field(default_factory=list)
    commit: str | None = None
    branch: str | None = None
    pull_request: str | None = None
    history: list[dict[str, Any]] = Field(default_factory=list)


class BrainSources(Result):
    ticket_id: str
    sources: list[dict[str, Any]]
    skill_artifact: dict[str, Any] | None


class OneTicket(Result):
    ticket: Ticket


class Asks(Result):
    asks: list[dict[str, Any]]


class Ask(Result):
    ask: dict[str, Any] | None


class Whoami(Result):
    person: str
    role: str
    client_id: str
    scope: str


# --- as plain JSON schema


def plain_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of `model` without $ref, anyOf, oneOf and allOf: a host drops a whole server for one of them. Null is one of
    several types."""
    schema = model.model_json_schema(mode="validation")
    plain: dict[str, Any] = _plain(schema, schema.get("$defs", {}))
    return plain


def _plain(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(one, definitions) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        named = definitions[str(node["$ref"]).rpartition("/")[2]]
        return _plain({**named, **{key: value for key, value in node.items() if key != "$ref"}}, definitions)
    if "anyOf" in node:
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        every = [_plain(one, definitions) for one in node["anyOf"]]
        (kept,) = [one for one in every if one.get("type") != "null"]
        types = kept["type"] if isinstance(kept["type"], list) else [kept["type"]]
        merged = {**kept, **_plain(rest, definitions), "type": [*types, "null"]}
        if "enum" in merged:
            merged["enum"] = [*merged["enum"], None]
        return merged
    return {
        key: _plain(value, definitions)
        for key, value in node.items()
        if key not in {"$defs", "title"} or (key == "title" and isinstance(value, dict))
    }
