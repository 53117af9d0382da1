"""Commands that only read: looked up on a snapshot beside the writers, so that nobody outside waits for them; what they
found is said in a short write. In the lane of its conversation: an answer shows what was done before it was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from core import lanes, phrases
from core.context import Commit, Services, Store, Task, Tx, Typed
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message
from core.intake.incoming import message_of
from core.intake.job import Intake
from core.knowledge.questions import NOTHING_NEAR, Near
from core.model import Address
from core.outbox import card_publisher
from core.store.tables import InboxRow
from core.team.people import reader_for
from core.text import command_in


class Looking:
    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store

    def task(self) -> Task:
        return Task(lanes.LOOK, find=Intake.find, run=self.run, exhausted=self._failed)

    async def run(self, args: dict[str, Any], row: InboxRow | None) -> Commit | None:
        message = message_of(self._services, row)
        if message is None:
            return None
        asked, services = command_in(message.text) or message.text, self._services
        near = NOTHING_NEAR
        if services.vectors is not None and (question := services.commands.question_in(asked)):
            near = await services.vectors.near(question)
        return await self._store.read(lambda session: self._look(session, message, near))

    def _look(self, session: Session, message: Message, near: Near) -> Commit | None:
        tx = self._services.unit(session, self._services.clock.now())
        typed = _typed(tx, message, near)
        if typed is None:
            return None
        try:
            return self._services.commands.look(tx, typed)
        except Refused as refused:
            return _say(typed.address, phrases.refusal(refused, typed.reader.words, tx.now))

    def _failed(self, tx: Tx, args: dict[str, Any], _why: str) -> None:
        message = message_of(self._services, tx.get(InboxRow, args["inbox"]))
        typed = _typed(tx, message) if message is not None else None
        if typed is not None:
            text = typed.reader.words(N_("That did not work. Please try again."))
            card_publisher.say(tx, typed.address, text)


def _typed(tx: Tx, message: Message, near: Near = NOTHING_NEAR) -> Typed | None:
    """None where its writer is no member of the team any more."""
    person = tx.services.person_at(message.channel, message.sender)
    if person is None:
        return None
    address = tx.services.answered_at(message.address, message.sender)
    text = command_in(message.text) or message.text
    return Typed(person, address, reader_for(tx, person), text, message.room, near)


def _say(address: Address, text: str) -> Callable[[Tx], None]:
    return lambda tx: card_publisher.say(tx, address, text)
