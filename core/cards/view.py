"""What a card may look at, and what it looks like before its buttons have ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from core import phrases
from core.cards.card import Fact, Field, Section
from core.cards.snapshot import ApprovalSnapshot, DispatchSnapshot, OfferSnapshot, TicketSnapshot
from core.company.company import Company
from core.company.reading import brain_places
from core.company.schema import Person, Vendor
from core.i18n import Words
from core.money import Rate

Action = Literal[
    "accept",
    "ack",
    "admit",
    "adopt",
    "again",
    "allow",
    "always",
    "answer",
    "approve",
    "arrived",
    "ask",
    "bill",
    "block",
    "cancel",
    "change",
    "check",
    "choose",
    "confirm",
    "correct",
    "counter",
    "decline",
    "deny",
    "discard",
    "dismiss",
    "drop",
    "edit",
    "flag",
    "keep",
    "kill",
    "known",
    "later",
    "leave",
    "merge",
    "off",
    "reject",
    "remove",
    "reopen",
    "resolve",
    "restore",
    "retire",
    "retry",
    "revoke",
    "rollback",
    "split",
    "take",
    "tell",
    "try",
    "unack",
    "unlink",
    "unmerge",
    "vendor",
]
"""What a button does: each has a reader in core.buttons.readers."""
State = Literal["open", "asking", "done", "refused", "danger"]


@dataclass(frozen=True)
class ButtonDraft:
    """A button before it has an id."""

    action: Action
    label: str
    style: Literal["primary", "danger", "plain"] = "plain"
    args: dict[str, Any] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class CardDraft:
    title: str
    lead: str
    state: State = "open"
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    questions: tuple[tuple[str, tuple[ButtonDraft, ...]], ...] = ()
    buttons: tuple[ButtonDraft, ...] = ()
    expects: Literal["", "amount", "text"] = ""


@dataclass(frozen=True)
class View:
    """What a card may look at."""

    company: Company
    ticket: TicketSnapshot
    words: Words
    reader_id: str | None
    conversation_id: str
    now: datetime
    others: tuple[tuple[str, str], ...] = ()
    """Other open tickets of the same property: (ticket id, category)."""
    translations: dict[int, str] = field(default_factory=dict)
    """report id -> its words in the reader's language, where they do not read the original."""
    quotes: dict[str, str] = field(default_factory=dict)
    """memo id -> its words in the reader's language, where they do not read the original."""
    offer_link: str | None = None
    """The page on which they answer, for whoever passes it on."""
    offer_reached: bool = False
    """They were written to directly."""
    alone: bool = True
    """Nobody but the reader sees the card: what is theirs alone to know may stand on it."""

    @property
    def dispatch(self) -> DispatchSnapshot | None:
        return self.ticket.dispatch

    @property
    def approval(self) -> ApprovalSnapshot | None:
        return self.ticket.approval

    @property
    def offer(self) -> OfferSnapshot | None:
        return self.ticket.offer

    @property
    def place_name(self) -> str:
        place = self.company.place(self.ticket.property_id)
        return place.name if place else self.words("property unknown")

    @property
    def category(self) -> str:
        return phrases.label(phrases.CATEGORY, self.ticket.category, self.words)

    @property
    def vendor(self) -> Vendor | None:
        return self.company.vendor(self.dispatch.vendor_id) if self.dispatch else None

    @property
    def rate(self) -> Rate:
        """The money in which this vendor bills here."""
        return self.company.rate_for(
            self.ticket.property_id, self.dispatch.vendor_id if self.dispatch else None
        )

    @property
    def may_know(self) -> bool:
        """What the company knows about this property is the reader's to read."""
        readable = brain_places(self.company, self.reader)
        return self.alone and (readable is None or self.ticket.property_id in readable)

    @property
    def vendor_name(self) -> str:
        return self.vendor.name if self.vendor else self.words("nobody yet")

    @property
    def reader(self) -> Person | None:
        return self.company.person(self.reader_id)

    def name(self, person_id: str | None) -> str:
        if person_id == self.reader_id:
            return self.words("you")
        return self.company.name_of(person_id)

    def time(self, moment: datetime) -> str:
        return self.words.time(moment, self.now)
