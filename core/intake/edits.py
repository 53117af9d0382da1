"""What people do to messages after they were sent: edit them, take them back; and groups that change their id."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

import structlog
from sqlalchemy import delete, select, update

from core import lanes
from core.actors import Actor
from core.context import Tx
from core.i18n import N_
from core.inbound import Edited, Message, Moved, Unsent
from core.intake.incoming import rows_of
from core.model import OPEN, Address, Event, OutboxStatus, Triage
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.outbox.translations import text_digest
from core.store.tables import (
    Attachment,
    Binding,
    CardCopy,
    CardRow,
    FormRequest,
    InboxRow,
    Notice,
    OutboxRow,
    Question,
    Report,
    Ticket,
    Translation,
    table,
)
from core.stored_values import judgement_of
from core.team.people import reader_for
from core.tickets.records import note
from core.workflow import filing, reports

log = structlog.get_logger(__name__)

ORIGINAL_WITHIN: Final = timedelta(seconds=30)
"""An edit may overtake the message it changes: it waits this long for it (B19)."""


class EditOutcome(Enum):
    DONE = auto()
    EARLY = auto()
    """Its message may still be on its way: look again."""
    NEW = auto()
    """Take it as a message of its own."""


def original(tx: Tx, said: Edited | Unsent) -> InboxRow | None:
    return next(iter(rows_of(tx.session, said, said.message_id)), None)


def _reports(tx: Tx, said: Message | Edited | Unsent, row: InboxRow) -> list[Report]:
    """The words of that message, wherever they were filed (a report may have been split or merged)."""
    if row.ticket_id is None:
        return []
    return reports.of_message(tx, said)


def edited(tx: Tx, since: datetime, change: Edited, triage: Triage) -> EditOutcome:
    """The words change where they stand, and worse news count; the first wording stays in the history. `since`: when
    the edit came in."""
    row = original(tx, change)
    if row is None:
        return EditOutcome.EARLY if tx.now - since < ORIGINAL_WITHIN else EditOutcome.NEW
    person = tx.services.person_at(change.channel, change.sender)
    if person is None or row.person_id != person.id:
        return EditOutcome.DONE
    if row.ticket_id is None:
        return EditOutcome.NEW  # it was small talk, or nothing of ours: now it may be something else
    warned = False
    for report in _reports(tx, change, row):
        ticket = tx.get(Ticket, report.ticket_id)
        if ticket is None or report.raw_input == change.text:
            continue
        actor = Actor(person.id, change.channel)
        note(tx, ticket, Event.CORRECTED, actor, edited={"old": report.raw_input, "new": change.text})
        if ticket.raw_input == report.raw_input:
            ticket.raw_input = ticket.transcript_native = change.text
        report.raw_input = report.transcript_native = change.text
        if triage.dangerous and report.triage.severity < triage.severity and not warned:
            warned = True
            reader = reader_for(tx, person, triage.language)
            filing.warn(tx, Address(change.channel, change.conversation_id), reader, triage)
        report.triage = judgement_of(triage, edited=True)
        tags = [tag.value for tag in triage.risk_tags]
        if ticket.status in OPEN and reports.worsen(tx, ticket, triage.severity, tags, actor):
            filing.reassess(tx, ticket)
    return EditOutcome.DONE


def came_before(tx: Tx, row: InboxRow, message: Message) -> bool:
    """An edit of `message` came so long before it that it was taken for a message of its own: its words stand, and these,
    the first ones, go into the history."""
    parse = tx.services.channel(message.channel).parse
    rows = rows_of(tx.session, message, message.message_id)  # photos of one album share the name, too
    edit = next((one for one in rows if one.id != row.id and isinstance(parse(one.payload), Edited)), None)
    if edit is None:
        return False
    row.message_id = None  # the next edit is one of the row that was filed
    for report in _reports(tx, message, edit):
        ticket = tx.get(Ticket, report.ticket_id)
        if ticket is not None:
            actor = Actor(edit.person_id or "", message.channel)
            note(tx, ticket, Event.CORRECTED, actor, edited={"old": message.text, "new": report.raw_input})
    return True


def was_unsent(tx: Tx, channel: str, message_id: str) -> bool:
    """Taken back before it came in (platforms do not keep the order)."""
    return tx.get(Notice, _unsent_key(channel, message_id)) is not None


def _unsent_key(channel: str, message_id: str) -> str:
    return f"unsent:{channel}:{message_id}"[:160]


def unsent(tx: Tx, gone: Unsent) -> None:
    """Its content is erased everywhere; the ticket stays, and who has it is told (B33)."""
    row = original(tx, gone)
    if row is None:
        first_time(tx, _unsent_key(gone.channel, gone.message_id))
        return
    row.payload = {"unsent": True}
    row.digest = None
    for report in _reports(tx, gone, row):
        ticket = tx.get(Ticket, report.ticket_id)
        if ticket is None:
            continue
        tx.change(delete(table(Translation)).where(Translation.digest == text_digest(report.raw_input)))
        if ticket.raw_input == report.raw_input:
            ticket.raw_input = ticket.transcript_native = ticket.transcript_en = ""
        report.raw_input = report.transcript_native = report.transcript_en = ""
        report.triage = replace(report.triage, evidence={}, steering=())
        _erase_words(tx, ticket)
        _erase_sent(tx, ticket)
        _erase_files(tx, ticket, gone.message_id)
        note(tx, ticket, Event.CORRECTED, Actor(row.person_id or "", gone.channel), unsent=True)
        _tell_owner(tx, ticket, row.person_id)


def _erase_words(tx: Tx, ticket: Ticket) -> None:
    for one in ticket.history:
        if "edited" in one.detail:
            one.detail = {**one.detail, "edited": {}}


def _erase_sent(tx: Tx, ticket: Ticket) -> None:
    """What went out with those words in it; the cards that stand are drawn anew without them."""
    copies = (
        select(CardCopy.id)
        .join(CardRow, CardRow.id == CardCopy.card_id)
        .where(CardRow.ticket_id == ticket.ticket_id)
    )
    over = (OutboxStatus.SENT, OutboxStatus.CANCELLED, OutboxStatus.DEAD)
    tx.change(
        update(table(OutboxRow))
        .where(OutboxRow.copy_id.in_(copies), OutboxRow.status.in_(over))
        .values(payload={}, kept=False)
    )


def _erase_files(tx: Tx, ticket: Ticket, message_id: str) -> None:
    for attachment in [one for one in ticket.attachments if one.message_id == message_id]:
        ticket.attachments.remove(attachment)
        tx.session.delete(attachment)
        tx.session.flush()
        kept = select(Attachment.id).where(Attachment.sha256 == attachment.sha256).limit(1)
        if tx.session.scalar(kept) is None:
            path = tx.services.media / attachment.sha256
            tx.on_commit(lambda path=path: path.unlink(missing_ok=True))  # type: ignore[misc]


def _tell_owner(tx: Tx, ticket: Ticket, sender: str | None) -> None:
    dispatch = next((one for one in reversed(ticket.dispatches) if not one.void), None)
    owner = dispatch.acknowledged_by or dispatch.assignee if dispatch is not None else None
    company = tx.services.company
    person = company.person(owner) or company.founder
    if person.id == sender:
        return
    card_publisher.tell(
        tx,
        person,
        lambda words: words(
            N_("{who} took back a message about {ticket}; its words are erased. The ticket stays."),
            who=company.name_of(sender),
            ticket=ticket.ticket_id,
        ),
    )


def moved(tx: Tx, move: Moved) -> None:
    """The group goes on under another id: whatever hangs on the old one follows (B34). What is on its way at this
    moment ends where it began; what waits is owed anew, for a permission is for one conversation."""
    tx.session.flush()
    waiting = select(OutboxRow).where(
        OutboxRow.channel == move.channel,
        OutboxRow.conversation_id == move.conversation_id,
        OutboxRow.status == OutboxStatus.PENDING,
    )
    for row in tx.session.scalars(waiting.order_by(OutboxRow.id)).all():
        row.conversation_id = move.moved_to
        lanes.at_once(tx, row.id)
        lanes.deliver(tx, row.id, Address(move.channel, move.moved_to), row.not_before)
    for model in (CardCopy, Question, FormRequest):
        rows = table(model)
        tx.change(
            update(rows)
            .where(rows.c.channel == move.channel, rows.c.conversation_id == move.conversation_id)
            .values(conversation_id=move.moved_to)
        )
    # The numbers of messages begin anew there: an old one could name somebody else's.
    copies = table(CardCopy)
    tx.change(
        update(copies)
        .where(copies.c.channel == move.channel, copies.c.conversation_id == move.moved_to)
        .values(message_ref=None)
    )
    # What was said there before is still on its way: the old binding stays beside the new one.
    old = tx.get(Binding, (move.channel, move.conversation_id))
    if old is not None and tx.get(Binding, (move.channel, move.moved_to)) is None:
        tx.add(
            Binding(
                channel=move.channel,
                room=move.moved_to,
                property_id=old.property_id,
                bound_by=old.bound_by,
                bound_at=old.bound_at,
            )
        )
    log.info("group_moved", channel=move.channel)
