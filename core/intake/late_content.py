"""What comes after its message was worked on: a file that its platform held back, the words of a long voice note."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.context import Commit, Services, Task, Tx
from core.errors import TryLater
from core.inbound import File, RemoteFile
from core.intake import transcription
from core.intake.attachments import FETCH, LATEST, again_after, fetch
from core.intake.incoming import message_of
from core.intake.job import Intake, with_files, with_words
from core.intake.messages import take_late
from core.metering import About
from core.model import SourceKind
from core.outbox import card_publisher
from core.phrases import NO_FILE
from core.store.tables import InboxRow
from core.team.people import reader_for


class LateContent:
    def __init__(self, services: Services, intake: Intake) -> None:
        self._services = services
        self._intake = intake

    def tasks(self) -> list[Task]:
        find = self._intake.find
        return [
            Task(FETCH, find=find, run=self.fetch, exhausted=self._given_up),
            Task(transcription.LISTEN, find=find, run=self.listen, exhausted=_left_to_a_person),
        ]

    async def fetch(self, args: dict[str, Any], row: InboxRow | None) -> Commit | None:
        message = message_of(self._services, row)
        if row is None or message is None:
            return None
        channel = self._services.channels[row.channel]
        waited = self._services.clock.now() - row.received_at
        try:
            found = await fetch(self._services, channel, RemoteFile(**args["file"]))
        except TryLater as later:
            if waited < LATEST:
                raise TryLater(str(later), max(later.after, again_after(waited))) from later
            found = "gone"
        if not isinstance(found, File):
            return lambda tx: self._given_up(tx, args, str(found))
        message, triage = await self._intake.read(row, with_files(replace(message, text=""), (found,)))
        return lambda tx: take_late(tx, _fresh(tx, row), message, triage)

    async def listen(self, args: dict[str, Any], row: InboxRow | None) -> Commit | None:
        message = message_of(self._services, row)
        if row is None or message is None:
            return None
        file = File(SourceKind.VOICE, **args["file"])
        languages = self._intake.speaker(message).languages
        heard = await transcription.hear_at_leisure(
            self._services, file, languages, About("transcribe", ticket_id=row.ticket_id, inbox_id=row.id)
        )
        if (
            heard.trouble in transcription.PASSING
            and self._services.clock.now() - row.received_at < transcription.GIVE_UP
        ):
            raise TryLater(f"not heard: {heard.trouble}", transcription.AGAIN)
        if not heard.text:
            return None  # it was filed, and a person has it
        message = with_words(with_files(replace(message, text=""), (file,)), heard)
        triage = await self._intake.understand(row, message)
        return lambda tx: take_late(tx, _fresh(tx, row), message, triage)

    def _given_up(self, tx: Tx, args: dict[str, Any], why: str) -> None:
        row = tx.get(InboxRow, args["inbox"])
        message = message_of(self._services, row)
        if message is not None:
            person = tx.services.person_at(message.channel, message.sender)
            card_publisher.say(
                tx,
                tx.services.answered_at(message.address, message.sender),
                reader_for(tx, person).words(NO_FILE.get(why, NO_FILE[""])),
            )


def _fresh(tx: Tx, row: InboxRow) -> InboxRow:
    fresh = tx.get(InboxRow, row.id)
    assert fresh is not None, "inbox rows are kept for ever"
    return fresh


def _left_to_a_person(_tx: Tx, _args: dict[str, Any], _why: str) -> None:
    """The note was filed as it is, and a person has it already."""
