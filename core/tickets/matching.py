"""Is this message about a problem that already has a ticket? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from core.model import Category
from core.text import tokens
from core.tickets.things import of_another_thing

SURE_WITHIN: Final = timedelta(hours=48)
# Of these there are several at a time in one house: the category alone does not make two reports one.
MANY_AT_ONCE: Final = frozenset(
    {
        Category.OTHER,
        Category.GUEST_REQUEST,
        Category.BOOKING_PAYMENT,
        Category.LINEN_SUPPLIES,
        Category.DAMAGE_REPORT,
        Category.CLEANING,
        Category.APPLIANCE,
    }
)
ALIKE: Final = 0.5
MILDER: Final = 2
"""By so much less grave, and about another thing, a report is no news of a grave one: a dead bulb is none of a wet socket."""


@dataclass(frozen=True)
class Candidate:
    ticket_id: str
    property_id: str | None
    category: str
    open: bool
    last_report_at: datetime
    resolved_at: datetime | None
    text: str
    severity: int


@dataclass(frozen=True)
class Match:
    kind: Literal["same", "reopen"]
    ticket_id: str


def likeness(one: str, other: str) -> float:
    """The share of words that two texts have in common, 0..1."""
    a, b = set(tokens(one)), set(tokens(other))
    return len(a & b) / len(a | b) if a and b else 0.0


def is_beside(text: str, severity: int, known: str, known_severity: int) -> bool:
    """`text` is about another thing than what is `known`, and much less grave: a problem beside it, whatever its kind."""
    return severity <= known_severity - MILDER and of_another_thing(text, known)


def match(
    property_id: str | None,
    category: Category,
    text: str,
    severity: int,
    candidates: Sequence[Candidate],
    now: datetime,
    reopen_within: timedelta,
) -> Match | None:
    """The ticket that `text` belongs to: an open one for the same fault at the same property ("same"), or one
    resolved lately ("reopen": the person is asked). None: a new problem."""
    if property_id is None:
        return None
    fitting = [
        c
        for c in candidates
        if c.property_id == property_id
        and c.category == category
        and (category not in MANY_AT_ONCE or likeness(c.text, text) >= ALIKE)
    ]
    still_open = [
        c
        for c in fitting
        if c.open
        and now - c.last_report_at <= SURE_WITHIN
        and not is_beside(text, severity, c.text, c.severity)
    ]
    if still_open:
        return Match("same", max(still_open, key=lambda c: c.last_report_at).ticket_id)
    lately = [c for c in fitting if c.resolved_at is not None and now - c.resolved_at <= reopen_within]
    if lately:
        return Match("reopen", max(lately, key=lambda c: c.resolved_at or now).ticket_id)
    return None
