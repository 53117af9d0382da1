"""A message of a team member as its steps see it: one value that is carried through."""

from __future__ import annotations

from dataclasses import dataclass

from core.actors import Actor, Reader
from core.company.schema import Person
from core.inbound import Message
from core.model import Address, Triage


@dataclass(frozen=True, slots=True)
class Incoming:
    row_id: str
    """Of its inbox row."""
    message: Message
    triage: Triage
    """Of its words, at the property that its group is about where they name none."""
    person: Person
    reader: Reader
    """How its writer is answered."""

    @property
    def address(self) -> Address:
        return Address(self.message.channel, self.message.conversation_id)

    @property
    def actor(self) -> Actor:
        return Actor(self.person.id, self.message.channel)

    @property
    def has_words(self) -> bool:
        return bool(self.message.text.strip())
