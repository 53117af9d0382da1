"""What somebody takes over: the open tickets of the properties that they are on for now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core import phrases
from core.cards.card import Section
from core.cards.view import ButtonDraft, CardDraft
from core.i18n import Words

MAX_LINES: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverLine:
    ticket_id: str
    severity: int
    category: str
    status: str
    owner: str | None
    """The name of who has it, or is to see to it, where it was dispatched."""
    acknowledged: bool
    deciders: tuple[str, ...]
    """The names of who is being asked."""
    next_at: datetime | None
    """When the next timer of it is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverSnapshot:
    property_ids: tuple[str, ...]
    places: tuple[str, ...]
    """Their names."""
    lines: tuple[HandoverLine, ...]
    """The most urgent of each property first."""
    can_take: bool
    """Some of it is in other hands."""
    now: datetime


def handover(seen: HandoverSnapshot, words: Words, *, taken: bool) -> CardDraft:
    """`taken`: they have taken it over."""
    count = len(seen.lines)
    lines = "\n".join(_line(one, words, seen.now) for one in seen.lines[:MAX_LINES])
    if count > MAX_LINES:
        lines += "\n" + words("… and {count} more.", count=count - MAX_LINES)
    lead = [
        words("You are on for {places} now.", places=words.join(list(seen.places))),
        words("Open tickets: {count}", count=count) if count else words("Nothing is open there."),
        *([words("You have taken them.")] if taken else []),
    ]
    take = ButtonDraft("take", words("Take all"), "primary", {"places": list(seen.property_ids)})
    return CardDraft(
        title=words("Hand-over"),
        lead=" ".join(lead),
        state="done" if taken or not count else "asking",
        sections=(Section(title=words("Open tickets"), text=lines),) if lines else (),
        buttons=(take,) if seen.can_take and not taken else (),
    )


def _line(one: HandoverLine, words: Words, now: datetime) -> str:
    """The ticket, who has it, and what comes next and when."""
    what = phrases.label(phrases.CATEGORY, one.category, words)
    parts = [f"{one.ticket_id} · {one.severity} · {what}"]
    if one.owner is not None:
        parts.append(one.owner)
        if not one.acknowledged:
            parts.append(words("nobody has taken it yet"))
    elif one.deciders:
        parts.append(words("{who} decides", who=", ".join(one.deciders)))
    else:
        parts.append(phrases.label(phrases.STATUS, one.status, words))
    if one.next_at is not None:
        parts.append(words("next: {at}", at=words.time(one.next_at, now)))
    return " · ".join(parts)
