"""What one message does, from the moment its words are known: whose is it, what does it say, where does it belong?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core import phrases
from core.actors import Actor
from core.acts.commands import AnswerAsk, Join
from core.acts.table import perform
from core.asks import asks
from core.buttons import taps
from core.company.schema import Vendor
from core.context import Tx
from core.cost.ledger import attribute
from core.errors import Refused
from core.inbound import Message, RemoteFile
from core.intake import attachments, edits, transcription
from core.intake.incoming import Incoming
from core.intake.steps import SETTLED, STEPS, fingerprint_of, first_taken, is_settled, remark
from core.model import Event, Intent, SourceKind, Triage
from core.outbox import card_publisher
from core.refusals import refused as count_refused
from core.staff import joining
from core.store.tables import Binding, InboxRow
from core.team.people import reader_for
from core.text import READ_LIMIT, command_in
from core.tickets.records import find_ticket, note, survivor
from core.workflow import filing, offer_answers, offers, reports, transcript_fixes


def incoming(tx: Tx, row_id: str, message: Message, triage: Triage) -> Incoming | None:
    """`message` as its steps see it; None for somebody who is not of the team. Reads only."""
    person = tx.services.person_at(message.channel, message.sender)
    if person is None:
        return None
    # A command has no language: its answer is in its writer's.
    heard = None if command_in(message.text) is not None else triage.language
    reader = reader_for(tx, person, heard)
    return Incoming(
        row_id,
        message,
        _placed(tx, message, triage),
        person,
        reader,
        tx.services.answered_at(message.address, message.sender),
    )


def settled(tx: Tx, row: InboxRow, message: Message, first: Triage) -> bool:
    """Nothing that a model could say would change what happens to `message`. Reads only."""
    it = incoming(tx, row.id, message, first)
    return it is None or is_settled(tx, it)


def take_message(
    tx: Tx,
    row: InboxRow,
    message: Message,
    triage: Triage,
    troubles: Sequence[str] = (),
    late: tuple[RemoteFile, ...] = (),
    name: str = "",
) -> None:
    """Everything one message does. `troubles`: why files of it cannot be had, `late`: those that may still be, `name`:
    what the platform calls somebody who is not known here."""
    if edits.was_unsent(tx, message.channel, message.message_id):
        row.payload = {"unsent": True}
        return
    it = incoming(tx, row.id, message, triage)
    if it is None:
        _from_outside(tx, row, message, triage, name)
        return
    row.digest = fingerprint_of(message)
    _tell_of_files(tx, it, troubles, late)
    it = _without_lost_notes(tx, it)
    if not it.has_words and not it.message.files:
        if it.message is message:  # nothing was lost on the way: it came like that
            _tell_nothing_there(tx, it, expected=bool(troubles or late))
        return
    taken = first_taken(tx, it, SETTLED)
    if taken is not None:
        row.ticket_id = taken.ticket.ticket_id if taken.ticket is not None else None
        return
    if it.triage.dangerous and it.triage.intent in {Intent.NEW_ISSUE, Intent.FOLLOW_UP}:
        filing.warn(tx, it.address, it.reader, it.triage)
    taken = first_taken(tx, it, STEPS)
    ticket = taken.ticket if taken is not None else None
    row.ticket_id = ticket.ticket_id if ticket else None
    if ticket is not None and tx.services.metered:
        attribute(tx, row.id, ticket.ticket_id, ticket.property_id)
    heard = it.message.heard
    if heard is not None and heard.trouble and ticket is not None:
        card_publisher.say(tx, it.address, it.reader.words(transcription.trouble_text(heard)))
        if heard.trouble in transcription.PASSING:
            transcription.listen_later(tx, row, it.message)
    if len(message.text) > READ_LIMIT:
        text = it.reader.words(
            "That was long: I read the first {count} characters, and kept all of it.", count=READ_LIMIT
        )
        card_publisher.say(tx, it.address, text)


def _tell_of_files(tx: Tx, it: Incoming, troubles: Sequence[str], late: tuple[RemoteFile, ...]) -> None:
    words = it.reader.words
    for trouble in dict.fromkeys(troubles):
        card_publisher.say(tx, it.address, words(phrases.NO_FILE.get(trouble, phrases.NO_FILE[""])))
    if late:
        if not it.triage.dangerous:
            card_publisher.say(tx, it.address, words(phrases.LATE_FILE), quiet=True)
        attachments.fetch_later(tx, it.row_id, late, at_once=it.triage.dangerous)


def _without_lost_notes(tx: Tx, it: Incoming) -> Incoming:
    """A voice note that nothing can ever be made of is told, and the rest of its message goes on without it."""
    heard = it.message.heard
    if heard is None or heard.trouble not in transcription.LOST:
        return it
    card_publisher.say(tx, it.address, it.reader.words(transcription.trouble_text(heard)))
    files = tuple(file for file in it.message.files if file.kind is not SourceKind.VOICE)
    return replace(it, message=replace(it.message, heard=None, files=files))


def _tell_nothing_there(tx: Tx, it: Incoming, *, expected: bool) -> None:
    words = it.reader.words
    if it.message.unusable:
        remark(tx, it, words("Please send words, a photo or a voice note."))
    elif not expected:
        remark(tx, it, words("The message was empty. Send words, a photo or a voice note."))


def take_late(tx: Tx, row: InboxRow, message: Message, triage: Triage) -> None:
    """A file of a message that was worked on without it, or the words of a voice note that took their time. What the
    ticket has already is not attached again."""
    person = tx.services.person_at(message.channel, message.sender)
    if person is None or edits.was_unsent(tx, message.channel, message.message_id):
        return
    if row.ticket_id is None:
        take_message(tx, row, message, triage)
        return
    ticket = survivor(tx, find_ticket(tx, row.ticket_id))
    reader = reader_for(tx, person)
    address = tx.services.answered_at(message.address, message.sender)
    actor = Actor(person.id, message.channel)
    fresh = [file for file in message.files if all(file.sha256 != one.sha256 for one in ticket.attachments)]
    if fresh:
        for file in fresh:
            reports.attach(ticket, file, message.message_id)
        note(
            tx,
            ticket,
            Event.RECEIVED,
            actor,
            kind=message.kind.value,
            message_id=message.message_id,
            late=True,
        )
        card_publisher.say(
            tx, address, reader.words("Your file is here now: {ticket}.", ticket=ticket.ticket_id), quiet=True
        )
    heard, report = message.heard, next(iter(reports.of_message(tx, message)), None)
    if heard is not None and heard.text and report is not None:
        words = "\n".join(part for part in (report.raw_input, heard.text) if part)
        report.heard = reports.heard_json(heard)
        transcript_fixes.retell(tx, ticket, report, replace(heard, text=words), triage, actor)
        card_publisher.show(tx, "receipt", ticket, [(address, reader)], again=True)
    elif heard is not None and heard.trouble:
        card_publisher.say(tx, address, reader.words(transcription.trouble_text(heard)))


def _from_outside(tx: Tx, row: InboxRow, message: Message, triage: Triage, name: str) -> None:
    """Somebody who is not of the team: a vendor about their job, somebody with a code, or a stranger."""
    vendor = tx.services.vendor_at(message.channel, message.sender)
    if vendor is not None:
        if not taps.answered_in_words(tx, message, offers.reader_of(vendor)) and not _answers(
            tx, vendor, message
        ):
            offer_answers.wrote(tx, vendor, message)
    elif not _joins(tx, message, triage.language):
        joining.stranger_wrote(tx, row, message, triage.language, name)


def _answers(tx: Tx, vendor: Vendor, message: Message) -> bool:
    """A vendor's words are the answer to the one question that waits for them, where no job does."""
    waiting = asks.of_vendor(tx.session, vendor)
    if len(waiting) != 1 or not message.text.strip() or offer_answers.is_asked(tx, vendor):
        return False
    perform(tx, Actor(vendor.id, message.channel), AnswerAsk(waiting[0].id, message.text))
    return True


def _joins(tx: Tx, message: Message, heard: str) -> bool:
    """Whether the words show a code; a good one lets its sender in."""
    code = joining.code_in(message.text) if not message.foreign else None
    if code is None:
        return False
    address = message.address
    try:
        person = perform(tx, Actor("", message.channel), Join(code, message.channel, message.sender))
    except Refused as refused:
        count_refused("code", refused.code)
        card_publisher.say(tx, address, reader_for(tx, None, heard).words(joining.WHY_NOT[refused.code]))
        return True
    joining.welcome(tx, address, person)
    return True


def _placed(tx: Tx, message: Message, triage: Triage) -> Triage:
    """In a group that is about one property nobody has to name it, and who speaks there does not speak of where they
    work themselves."""
    if message.place is not None:
        return replace(triage, property_id=message.place)
    if message.room is None or "property" in triage.evidence:
        return triage
    binding = tx.get(Binding, (message.channel, message.room))
    place = tx.services.company.place(binding.property_id) if binding is not None else None
    return triage if place is None else replace(triage, property_id=place.id)
