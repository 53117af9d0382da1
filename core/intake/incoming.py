"""A message of a team member as its steps see it: one value that is carried through."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Actor, Reader
from core.company.schema import Person
from core.context import Services
from core.inbound import Edited, Message, Unsent, heard_in, room_of
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
    address: Address
    """Where they are."""

    @property
    def actor(self) -> Actor:
        return Actor(self.person.id, self.message.channel)

    @property
    def has_words(self) -> bool:
        """Something that can be read: spaces, control characters and marks of no width are none."""
        return any(unicodedata.category(one)[0] not in "CZ" for one in self.message.text)

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


def rows_of(session: Session, said: Message | Edited | Unsent, message_id: str) -> list[InboxRow]:
    """The rows that were worked on as the message of that name, where `said` was said."""
    named = select(InboxRow).where(InboxRow.channel == said.channel, InboxRow.message_id == message_id)
    room = room_of(said.conversation_id)
    return [row for row in session.scalars(named) if room_of(row.conversation_id) == room]


def message_of(services: Services, row: InboxRow | None) -> Message | None:
    """The words of an inbox row, for who looks at them again. None: they were taken back meanwhile. Raises TryLater."""
    if row is None:
        return None
    inbound = services.channel(row.channel).parse(row.payload)
    return inbound if isinstance(inbound, Message) else None
