"""What the core asks of a platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.cards.card import Card
from core.company.schema import Person
from core.inbound import Inbound

if TYPE_CHECKING:
    from core.store.engine import Tx


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do, as data: the core picks the fallback, no `if channel == ...` anywhere."""

    edits: bool
    """A posted card can be changed in place."""
    forms: bool
    """A button can ask for values before it is sent."""
    text_limit: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to bring to a conversation. `message_ref` is set for an edit."""

    id: str
    conversation_id: str
    card: Card | None
    text: str | None
    quiet: bool
    """A passing remark to one person, not part of a ticket's story."""
    message_ref: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the platform calls the message. `commit`, where the platform is our own database, writes it in
    the transaction that records the delivery: then it is exactly once."""

    message_ref: str
    commit: Callable[[Tx], None] | None = None


class Channel(Protocol):
    name: str
    capabilities: Capabilities

    def parse(self, payload: dict[str, Any]) -> Inbound | None:
        """A stored event as an Inbound; None for one that asks nothing of us."""

    def person_id(self, sender: str) -> str | None:
        """Which team member a proven sender is."""

    def conversations_of(self, person: Person) -> list[str]:
        """Where `person` can be reached directly; empty if not on this channel."""

    async def send(self, delivery: Delivery) -> Sent:
        """Raises TryLater, GiveUp or AskHuman, by what should happen next."""
