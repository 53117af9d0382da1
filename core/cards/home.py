"""A person's home page on a platform that has one: what waits for them, what is open, what today cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core import phrases
from core.cards.card import Fact, Section
from core.cards.view import CardDraft
from core.i18n import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeLine:
    ticket_id: str
    severity: int
    category: str
    status: str
    place: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSnapshot:
    company: str
    now: datetime
    waiting: tuple[HomeLine, ...]
    """What waits for this person."""
    open: tuple[HomeLine, ...]
    """The most urgent first, as many as are shown."""
    open_count: int
    authorised_today: Decimal | None
    """USD, of the whole company, since the person's midnight."""


def stranger(company: str, founder: str, words: Words) -> CardDraft:
    return CardDraft(
        title=company, lead=words("I do not know you yet. Please ask {who} to let you in.", who=founder)
    )


def home(seen: HomeSnapshot, words: Words) -> CardDraft:
    waiting = len(seen.waiting)
    lead = words("{count} waiting for you", count=waiting) if waiting else words("Nothing waits for you.")
    shown = _lines(seen.open, words)
    if seen.open_count > len(seen.open):
        shown += "\n" + words("… and {count} more.", count=seen.open_count - len(seen.open))
    mine = Section(title=words("Waiting for you"), text=_lines(seen.waiting, words))
    everything = Section(title=words("Open tickets"), text=shown or words("No open tickets. 🎉"))
    return CardDraft(
        title=seen.company,
        lead=lead,
        state="asking" if waiting else "open",
        facts=(
            Fact(label=words("Open tickets"), value=str(seen.open_count)),
            *(
                (Fact(label=words("Authorised today"), value=words.money(seen.authorised_today)),)
                if seen.authorised_today is not None
                else ()
            ),
            Fact(label=words("As of"), value=words.time(seen.now, seen.now)),
        ),
        sections=(mine, everything) if waiting else (everything,),
    )


def _lines(lines: tuple[HomeLine, ...], words: Words) -> str:
    return "\n".join(
        f"{one.ticket_id} · {one.severity} · {phrases.label(phrases.CATEGORY, one.category, words)}"
        f" · {one.place or '–'} · {phrases.label(phrases.STATUS, one.status, words)}"
        for one in lines
    )
