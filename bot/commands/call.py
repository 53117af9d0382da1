"""One command as it was typed."""

from __future__ import annotations

from dataclasses import dataclass

from core.actors import Actor, Reader
from core.company.schema import Person
from core.context import Tx
from core.model import Address
from core.outbox import card_publisher
from core.tickets.records import find_ticket


@dataclass(frozen=True)
class Call:
    tx: Tx
    person: Person
    address: Address
    reader: Reader
    words_after: str
    room: str | None = None
    """The group it was typed in."""

    @property
    def actor(self) -> Actor:
        return Actor(self.person.id, self.address.channel)

    def reply(self, text: str) -> None:
        card_publisher.say(self.tx, self.address, text)

    def reply_alone(self, text: str) -> None:
        """What others in a group must not read: to the person's own conversation on the same channel."""
        if self.room is None:
            self.reply(text)
            return
        for address in self.tx.services.addresses_of(self.person):
            if address.channel == self.address.channel:
                card_publisher.say(self.tx, address, text)

    def show(self, kind: str, ticket_id: str) -> None:
        ticket = find_ticket(self.tx, ticket_id)
        card_publisher.show(self.tx, kind, ticket, [(self.address, self.reader)], again=True)
