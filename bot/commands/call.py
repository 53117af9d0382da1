"""One command as it was typed, and what is to be said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.actors import Actor, Reader
from core.acts.commands import Command
from core.acts.table import perform
from core.company.schema import Person
from core.context import Tx
from core.knowledge.questions import NOTHING_NEAR, Near
from core.model import Address, CardKind
from core.outbox import card_publisher
from core.team.rights import Right, Subject, require
from core.tickets.records import find_ticket


@dataclass(frozen=True)
class Call:
    """`tx` may be a snapshot that cannot be written to: what is said or owed waits in `owed` for a write."""

    tx: Tx
    person: Person
    address: Address
    reader: Reader
    words_after: str
    room: str | None = None
    """The group it was typed in."""
    acts: tuple[type[Command], ...] = ()
    """What the typed command may do."""
    near: Near = NOTHING_NEAR
    """What the company knows, to what is asked."""
    said: str = ""
    """`words_after` as they were typed, with their lines."""
    owed: list[Callable[[Tx], None]] = field(default_factory=list)

    @property
    def actor(self) -> Actor:
        return Actor(self.person.id, self.address.channel)

    def finish(self, tx: Tx) -> None:
        """Say what is to be said."""
        for work in self.owed:
            work(tx)

    def reply(self, text: str) -> None:
        self.later(lambda tx: card_publisher.say(tx, self.address, text))

    def reply_alone(self, text: str) -> None:
        """What others in a group must not read: to the person's own conversation on the same channel."""
        for address in self.alone():
            self.later(lambda tx, to=address: card_publisher.say(tx, to, text))  # type: ignore[misc]

    def alone(self) -> list[Address]:
        """Where nobody else reads along."""
        if self.room is None:
            return [self.address]
        every = self.tx.services.addresses_of(self.person)
        return [one for one in every if one.channel == self.address.channel]

    def later(self, work: Callable[[Tx], None]) -> None:
        """In the write in which the answer is said."""
        self.owed.append(work)

    def do(self, command: Command) -> Any:
        """Do it with the rights of who typed it. Raises Refused."""
        assert type(command) in self.acts, f"a chat command that does {command} without saying so"
        return perform(self.tx, self.actor, command)

    def require(self, right: Right, about: Subject = Subject()) -> None:  # noqa: B008  (frozen)
        """Of what is only read. Raises Refused."""
        require(self.tx, self.actor, right, about)

    def show(self, kind: CardKind, ticket_id: str) -> None:
        """Show the card `kind` of a ticket here once more. Raises Refused("unknown_ticket")."""
        name = find_ticket(self.tx, ticket_id).ticket_id
        to = [(self.address, self.reader)]
        self.later(lambda tx: card_publisher.show(tx, kind, find_ticket(tx, name), to, again=True))
