"""A message of a team member as its steps see it: one value that is carried through."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Actor, Reader
from core.company.schema import Person
from core.context import Services
from core.inbound import Message, heard_in
from core.model import Address, Triage
from core.store.tables import InboxRow, OutboxRow


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

    @property
    def own_words(self) -> bool:
        """They are its sender's, not passed on."""
        return self.has_words and not self.message.foreign


def said_by_us(session: Session, message: Message) -> OutboxRow | None:
    """Our own words that `message` answers."""
    if not message.reply_to:
        return None
    return session.scalar(
        select(OutboxRow)
        .where(
            OutboxRow.message_ref == message.reply_to,
            OutboxRow.channel == message.channel,
            OutboxRow.conversation_id.in_(heard_in(message)),
        )
        .limit(1)
    )


def message_of(services: Services, row: InboxRow | None) -> Message | None:
    """The words of an inbox row, for who looks at them again. None: they were taken back meanwhile. Raises TryLater."""
    if row is None:
        return None
    inbound = services.channel(row.channel).parse(row.payload)
    return inbound if isinstance(inbound, Message) else None
