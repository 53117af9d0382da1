"""One command as it was typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.actors import Actor, Reader
from core.acts.commands import Command
from core.acts.table import perform
from core.company.schema import Person
from core.context import Tx
from core.model import Address
from core.outbox import card_publisher
from core.team.rights import Right, Subject, require
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
    acts: tuple[type[Command], ...] = ()
    """What the typed command may do."""

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

    def do(self, command: Command) -> Any:
        """Do it with the rights of who typed it. Raises Refused."""
        assert type(command) in self.acts, f"a chat command that does {command} without saying so"
        return perform(self.tx, self.actor, command)

    def require(self, right: Right, about: Subject = Subject()) -> None:  # noqa: B008  (frozen)
        """Of what is only read. Raises Refused."""
        require(self.tx, self.actor, right, about)

    def show(self, kind: str, ticket_id: str) -> None:
        ticket = find_ticket(self.tx, ticket_id)
        card_publisher.show(self.tx, kind, ticket, [(self.address, self.reader)], again=True)
