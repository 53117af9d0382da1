"""What one message does: whose is it, what does it say, which ticket does it belong to?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import phrases
from core.actors import Actor, Reader
from core.acts.commands import Join
from core.acts.table import perform
from core.buttons import taps
from core.company.schema import Person
from core.context import Services, Tx
from core.cost.ledger import attribute
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message, RemoteFile
from core.intake import attachments, edits, reported_done, transcription
from core.knowledge.recall import Query, recall
from core.model import OPEN, URGENT, Address, Category, Event, Intent, SourceKind, Status, Triage
from core.outbox import card_publisher, said_once
from core.refusals import refused as count_refused
from core.staff import joining
from core.store.tables import Binding, CardCopy, CardRow, Dispatch, FormRequest, InboxRow, Report, Ticket
from core.team.people import reader_for
from core.text import READ_LIMIT, escape, fingerprint, normal, shorten
from core.tickets.records import find_ticket, latest_approval, note, open_tickets
from core.workflow import asking, filing, offer_answers, offers, questions, reports, transcript_fixes

MAX_REMARKS: Final = 5
DOUBLE_WITHIN: Final = timedelta(seconds=60)
CAPTION_WITHIN: Final = timedelta(minutes=15)
_TICKET_ID: Final = re.compile(r"\bT-?(\d{3,9})\b", re.IGNORECASE)
# Words that look like a decision. They decide nothing: they point to the card (C30).
_APPROVING: Final = frozenset(
    {
        "approve",
        "approved",
        "yes approve",
        "ok approve",
        "核准",
        "同意",
        "批准",
        "承認",
        "承認します",
        "setuju",
        "disetujui",
        "aprobado",
        "apruebo",
        "aprobar",
    }
)


def thread_ticket(session: Session, message: Message) -> str | None:
    """The ticket whose card stands in this conversation, a thread of its own."""
    return session.scalar(
        select(CardRow.ticket_id)
        .join(CardCopy, CardCopy.card_id == CardRow.id)
        .where(
            CardCopy.channel == message.channel,
            CardCopy.conversation_id == message.conversation_id,
            CardRow.ticket_id.is_not(None),
        )
        .order_by(CardCopy.id.desc())
        .limit(1)
    )


def take_message(
    tx: Tx,
    row: InboxRow,
    message: Message,
    triage: Triage,
    troubles: Sequence[str] = (),
    late: tuple[RemoteFile, ...] = (),
    name: str = "",
) -> None:
    """Everything one message does, in reading order. `troubles`: why files of it cannot be had, `late`: those that may
    still be, `name`: what the platform calls somebody who is not known here."""
    if edits.was_unsent(tx, message.channel, message.message_id):
        row.payload = {"unsent": True}
        return
    person = tx.services.person_at(message.channel, message.sender)
    address = Address(message.channel, message.conversation_id)
    if person is None:
        _from_outside(tx, row, message, triage, name)
        return
    row.digest = _digest_of(message)
    reader = reader_for(tx, person, triage.language)
    for trouble in dict.fromkeys(troubles):
        card_publisher.say(tx, address, reader.words(phrases.NO_FILE.get(trouble, phrases.NO_FILE[""])))
    if late:
        if not triage.dangerous:
            card_publisher.say(tx, address, reader.words(phrases.LATE_FILE), quiet=True)
        attachments.fetch_later(tx, row.id, late, at_once=triage.dangerous)
    heard = message.heard
    if heard is not None and heard.trouble in transcription.LOST:
        card_publisher.say(tx, address, reader.words(transcription.trouble_text(heard)))
        message = replace(
            message, heard=None, files=tuple(f for f in message.files if f.kind is not SourceKind.VOICE)
        )
        if not message.text.strip() and not message.files:
            return
    if not message.text.strip() and not message.files:
        if message.unusable:
            _remark(tx, address, reader.words("Please send words, a photo or a voice note."))
        elif not troubles and not late:
            _remark(tx, address, reader.words("The message was empty. Send words, a photo or a voice note."))
        return
    if message.text.startswith("/") and heard is None:
        try:
            with tx.nested():
                tx.services.run_command(tx, person, address, reader, message.text, message.room)
        except Refused as refused:
            card_publisher.say(tx, address, phrases.refusal(refused, reader.words, tx.now))
        return
    if not triage.dangerous and taps.answered_in_words(tx, message, reader):
        return
    # "Done" and "yes" are said often: two answers to two cards, or to questions, are not a double.
    asked = questions.open_questions(tx, address, person.id)
    double = _twin(tx.session, row.person_id, row.digest, row.id, tx.now) if asked.words is None else None
    if double is not None:
        row.ticket_id = double.ticket_id
        if double.ticket_id:
            card_publisher.say(
                tx,
                address,
                reader.words("I have that already: {ticket}.", ticket=double.ticket_id),
                quiet=True,
                only_for=message.sender,
            )
        return
    ticket = _take(tx, person, address, reader, message, _placed(tx, message, triage), asked)
    row.ticket_id = ticket.ticket_id if ticket else None
    if ticket is not None and tx.services.metered:
        attribute(tx, row.id, ticket.ticket_id, ticket.property_id)
    if heard is not None and heard.trouble and ticket is not None:
        card_publisher.say(tx, address, reader.words(transcription.trouble_text(heard)))
        if heard.trouble in transcription.PASSING:
            transcription.listen_later(tx, row, message)
    if len(message.text) > READ_LIMIT:
        card_publisher.say(
            tx,
            address,
            reader.words(
                "That was long: I read the first {count} characters, and kept all of it.", count=READ_LIMIT
            ),
        )


def is_settled(session: Session, services: Services, row: InboxRow, message: Message, first: Triage) -> bool:
    """Nothing that a model could say would change what happens: no tokens are spent on it."""
    person = services.person_at(message.channel, message.sender)
    if person is None or first.dangerous or (message.text.startswith("/") and message.heard is None):
        return True
    if not message.text.strip():
        # A photo of what was reported a moment ago needs no second look.
        return not message.files or _recent_report(session, person, message, services.clock.now()) is not None
    asked = select(FormRequest.id).where(
        FormRequest.channel == message.channel,
        FormRequest.conversation_id == message.conversation_id,
        FormRequest.sender == message.sender,
        FormRequest.done_at.is_(None),
    )
    if session.scalar(asked.limit(1)) is not None:
        return True
    if _twin(session, person.id, _digest_of(message), row.id, services.clock.now()) is not None:
        return True
    known = reports.known_problem(
        session, services.clock.now(), services.company, first.property_id, first.category, message.text
    )
    return known is not None and known.kind == "same"


def take_late(tx: Tx, row: InboxRow, message: Message, triage: Triage) -> None:
    """A file of a message that was worked on without it, or the words of a voice note that took their time. What the
    ticket has already is not attached again."""
    person = tx.services.person_at(message.channel, message.sender)
    if person is None or edits.was_unsent(tx, message.channel, message.message_id):
        return
    if row.ticket_id is None:
        take_message(tx, row, message, triage)
        return
    ticket = _survivor(tx, find_ticket(tx, row.ticket_id))
    reader = reader_for(tx, person)
    address = Address(message.channel, message.conversation_id)
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
    heard, report = message.heard, transcript_fixes.report_of(tx, message.channel, message.message_id)
    if heard is not None and heard.text and report is not None:
        words = "\n".join(part for part in (report.raw_input, heard.text) if part)
        report.heard = reports.heard_json(heard)
        transcript_fixes.retell(tx, ticket, report, replace(heard, text=words), triage, actor)
        card_publisher.show(tx, "receipt", ticket, [(address, reader)], again=True)
    elif heard is not None and heard.trouble:
        card_publisher.say(tx, address, reader.words(transcription.trouble_text(heard)))


def _remark(tx: Tx, address: Address, text: str) -> None:
    """An answer that moves nothing. Whoever answers our every word is a machine: after five in a minute we are silent,
    so that two of them never talk for ever (B32)."""
    if said_once.seldom(tx, f"remark:{address}"[:160], MAX_REMARKS, timedelta(minutes=1)):
        card_publisher.say(tx, address, text)


def _from_outside(tx: Tx, row: InboxRow, message: Message, triage: Triage, name: str) -> None:
    """Somebody who is not of the team: a vendor about their job, somebody with a code, or a stranger."""
    vendor = tx.services.vendor_at(message.channel, message.sender)
    if vendor is not None:
        if not taps.answered_in_words(tx, message, offers.reader_of(vendor)):
            offer_answers.wrote(tx, vendor, message)
    elif not _joins(tx, message, triage.language):
        joining.stranger_wrote(tx, row, message, triage.language, name)


def _joins(tx: Tx, message: Message, heard: str) -> bool:
    """Whether the words show a code; a good one lets its sender in."""
    code = joining.code_in(message.text)
    if code is None:
        return False
    address = Address(message.channel, message.conversation_id)
    try:
        person = perform(tx, Actor("", message.channel), Join(code, message.channel, message.sender))
    except Refused as refused:
        count_refused("code", refused.code)
        card_publisher.say(tx, address, reader_for(tx, None, heard).words(joining.WHY_NOT[refused.code]))
        return True
    joining.welcome(tx, address, person)
    return True


def _placed(tx: Tx, message: Message, triage: Triage) -> Triage:
    """In a group that is about one property nobody has to name it."""
    if triage.property_id is not None or message.room is None:
        return triage
    binding = tx.get(Binding, (message.channel, message.room))
    place = tx.services.company.place(binding.property_id) if binding is not None else None
    return triage if place is None else replace(triage, property_id=place.id)


def _digest_of(message: Message) -> str:
    return fingerprint(
        "\n".join([message.text, message.reply_to or "", *(file.sha256 for file in message.files)])
    )


def _twin(
    session: Session, person_id: str | None, said: str | None, but: str, now: datetime
) -> InboxRow | None:
    """The same words from the same person within a minute: a thumb, not a second problem."""
    return session.scalar(
        select(InboxRow).where(
            InboxRow.person_id == person_id,
            InboxRow.digest == said,
            InboxRow.id != but,
            InboxRow.processed_at > now - DOUBLE_WITHIN,
        )
    )


def _take(
    tx: Tx,
    person: Person,
    address: Address,
    reader: Reader,
    message: Message,
    triage: Triage,
    asked: questions.Asked,
) -> Ticket | None:
    actor = Actor(person.id, message.channel)
    if triage.dangerous and triage.intent in {Intent.NEW_ISSUE, Intent.FOLLOW_UP}:
        card_publisher.say(
            tx, address, filing.emergency_text(tx, reader, triage), urgency=card_publisher.Urgency.PRESSING
        )
    if _is_approving(message.text) and _point_to_card(tx, person):
        return None
    named = _named_ticket(tx, message, reader, address)
    if named is not None and not _new_danger(named, triage):
        return _add_to(tx, named, person, address, message, triage, actor)
    place = asked.place
    if place is not None and triage.category is Category.OTHER and "property" in triage.evidence:
        ticket = find_ticket(tx, place.ticket_id)
        reports.add_report(tx, ticket, message, person.id, triage)
        questions.answer(tx, ticket, place, str(triage.property_id), actor)
        return ticket
    if asked.words is not None and not triage.dangerous and message.text.strip():
        card_publisher.say(tx, address, reader.words("Thank you, passed on."), quiet=True)
        return questions.answer_in_words(tx, asked.words, message.text, actor)
    if message.kind is not SourceKind.TEXT and not message.text.strip():
        return _take_media(tx, person, address, message, triage, actor)
    match triage.intent:
        case Intent.CHIT_CHAT:
            _remark(tx, address, _small_talk(triage, reader))
            return None
        case Intent.QUESTION:
            _answer_question(tx, person, address, reader, message, triage)
            return None
        case Intent.FOLLOW_UP | Intent.RESOLUTION_REPORT:
            known = _related(tx, person, triage)
            if known is not None:
                return _add_to(tx, known, person, address, message, triage, actor)
            if triage.intent is Intent.RESOLUTION_REPORT:
                _remark(
                    tx,
                    address,
                    reader.words("Good to hear. I found no open ticket for it; /tickets shows them."),
                )
                return None
    return _new_problem(tx, person, address, reader, message, triage, actor)


def _new_danger(ticket: Ticket, triage: Triage) -> bool:
    """Urgent words about a ticket that has ended are a new problem, whatever they name or answer."""
    told = triage.intent in {Intent.NEW_ISSUE, Intent.FOLLOW_UP}
    return told and ticket.status not in OPEN and triage.severity >= URGENT


def _is_approving(text: str) -> bool:
    return normal(text).rstrip(" .!。") in _APPROVING


def _point_to_card(tx: Tx, person: Person) -> bool:
    """Words never approve: show the newest card again. False if nothing waits for this person."""
    for ticket in open_tickets(tx):
        approval = latest_approval(ticket)
        if approval is not None and approval.status == "pending" and person.id in approval.deciders:
            card_publisher.tell(tx, person, lambda words: words(taps.HINT))
            card_publisher.show(tx, "approval", ticket, card_publisher.readers_of(tx, person), again=True)
            return True
    return False


def _named_ticket(tx: Tx, message: Message, reader: Reader, address: Address) -> Ticket | None:
    """The ticket that the message answers or names."""
    if message.reply_to:
        copy = tx.session.scalar(
            select(CardCopy).where(
                CardCopy.message_ref == message.reply_to, CardCopy.conversation_id == address.conversation_id
            )
        )
        card = tx.get(CardRow, copy.card_id) if copy else None
        if card is not None and card.ticket_id is not None:
            return _survivor(tx, find_ticket(tx, card.ticket_id))
    spoken = _TICKET_ID.search(message.text)
    if spoken is None:
        threaded = message.room is not None and message.conversation_id != message.room
        ticket_id = thread_ticket(tx.session, message) if threaded else None
        return _survivor(tx, find_ticket(tx, ticket_id)) if ticket_id is not None else None
    ticket = tx.get(Ticket, f"T-{spoken.group(1)}")
    if ticket is None:
        card_publisher.say(
            tx,
            address,
            phrases.refusal(Refused("unknown_ticket", ticket=spoken.group(0)), reader.words, tx.now),
        )
    return _survivor(tx, ticket) if ticket is not None else None


def _survivor(tx: Tx, ticket: Ticket) -> Ticket:
    """Where a merged ticket goes on."""
    while ticket.merged_into is not None:
        ticket = find_ticket(tx, ticket.merged_into)
    return ticket


def _add_to(
    tx: Tx, ticket: Ticket, person: Person, address: Address, message: Message, triage: Triage, actor: Actor
) -> Ticket:
    """Words about a ticket that is known: kept on it; worse news count; "done" offers the button."""
    reports.add_report(tx, ticket, message, person.id, triage)
    note(tx, ticket, Event.RECEIVED, actor, kind=message.kind.value, message_id=message.message_id)
    reader = reader_for(tx, person, triage.language)
    if triage.intent is Intent.RESOLUTION_REPORT and ticket.status in OPEN:
        # Words that also give orders may be somebody else's, passed on: the button is there for those.
        ordered = bool(triage.steering)
        if ordered or not reported_done.close(tx, ticket, actor, message.text, address, reader):
            card_publisher.show(tx, "ticket", ticket, [(address, reader)], again=True)
    elif ticket.status in OPEN and reports.worsen(
        tx, ticket, _severity_of_words(triage), [t.value for t in triage.risk_tags], actor
    ):
        filing.reassess(tx, ticket)
        card_publisher.show(tx, "receipt", ticket, [(address, reader)])
    elif ticket.status in OPEN:
        card_publisher.show(tx, "receipt", ticket, [(address, reader)])
        card_publisher.say(
            tx, address, reader.words("Added to {ticket}.", ticket=ticket.ticket_id), quiet=True
        )
    else:
        # Words about something that has ended: it stays ended until somebody says otherwise, with one tap.
        card_publisher.show(tx, "receipt", ticket, [(address, reader)], again=True)
    return ticket


def _severity_of_words(triage: Triage) -> int:
    return triage.severity if triage.category is not Category.OTHER else 0


def _related(tx: Tx, person: Person, triage: Triage) -> Ticket | None:
    """The open ticket that "it is fixed" or "any news?" is about: same place and kind, else the person's
    only one."""
    mine = [
        t
        for t in open_tickets(tx)
        if any(r.reporter == person.id for r in t.reports) or t.property_id in person.properties
    ]
    fitting = [
        t
        for t in mine
        if triage.property_id in {None, t.property_id} and triage.category in {Category.OTHER, t.category}
    ]
    if len(fitting) == 1:
        return fitting[0]
    exact = [t for t in fitting if t.category == triage.category and t.property_id == triage.property_id]
    return exact[0] if exact else None


def _take_media(
    tx: Tx, person: Person, address: Address, message: Message, triage: Triage, actor: Actor
) -> Ticket:
    """A photo without words belongs to what its sender reported a moment ago. A voice note that nothing can
    transcribe is filed for a person to hear: never dropped (W6)."""
    reader = reader_for(tx, person)
    if message.kind is SourceKind.PHOTO:
        recent = _latest_of(tx, person, message) or _only_job_of(tx, person)
        if recent is not None:
            for file in message.files:
                reports.attach(recent, file, message.message_id)
            note(tx, recent, Event.RECEIVED, actor, kind="photo", message_id=message.message_id)
            card_publisher.say(
                tx, address, reader.words("Photo added to {ticket}.", ticket=recent.ticket_id), quiet=True
            )
            return recent
        if triage.engine != "offline" and triage.category is not Category.OTHER:
            # A model saw what is wrong: its words are none of the reporter's, the picture is.
            return _new_problem(
                tx, person, address, reader, message, replace(triage, language=reader.language), actor
            )
    triage = replace(
        triage,
        intent=Intent.NEW_ISSUE,
        category=Category.OTHER,
        severity=3,
        risk_tags=(),
        language=reader.language,
    )
    ticket = reports.open_ticket(tx, message, person.id, triage, understood=False)
    card_publisher.show(tx, "receipt", ticket, [(address, reader)])
    filing.advance(tx, ticket)
    return ticket


def _latest_of(tx: Tx, person: Person, message: Message) -> Ticket | None:
    report = _recent_report(tx.session, person, message, tx.now)
    ticket = tx.get(Ticket, report.ticket_id) if report else None
    fits = ticket is not None and (ticket.status in OPEN or ticket.status == Status.RESOLVED)
    return ticket if fits else None


def _recent_report(session: Session, person: Person, message: Message, now: datetime) -> Report | None:
    """What this person reported here a moment ago."""
    report = session.scalar(
        select(Report)
        .where(Report.reporter == person.id, Report.at > now - CAPTION_WITHIN)
        .order_by(Report.id.desc())
        .limit(1)
    )
    if report is None or report.source.get("conversation_id") != message.conversation_id:
        return None
    return report


def _only_job_of(tx: Tx, person: Person) -> Ticket | None:
    """The one job that this person has taken, or has just ended: the photo is its proof (N2)."""
    recent = select(Dispatch).where(
        Dispatch.acknowledged_by == person.id, Dispatch.void.is_(False), Dispatch.acknowledged.is_(True)
    )
    tickets = [
        dispatch.ticket
        for dispatch in tx.session.scalars(recent.order_by(Dispatch.created_at.desc()).limit(20))
    ]
    running = [ticket for ticket in tickets if ticket.status == Status.DISPATCHED]
    if len(running) == 1:
        return running[0]
    ended = [
        ticket
        for ticket in tickets
        if ticket.resolved_at is not None and ticket.resolved_at > tx.now - CAPTION_WITHIN
    ]
    return ended[0] if len(ended) == 1 and not running else None


def _new_problem(
    tx: Tx, person: Person, address: Address, reader: Reader, message: Message, triage: Triage, actor: Actor
) -> Ticket:
    found = reports.known_problem(
        tx.session, tx.now, tx.services.company, triage.property_id, triage.category, message.text
    )
    if found is not None and found.kind == "same":
        return _join(tx, find_ticket(tx, found.ticket_id), person, address, reader, message, triage, actor)
    ticket = reports.open_ticket(tx, message, person.id, triage)
    if found is not None:
        asking.ask_reopen(tx, ticket, find_ticket(tx, found.ticket_id))
    # A danger does not wait for an answer: it goes on as new, and can still be joined with one tap.
    went_on = True
    if found is None or triage.severity >= URGENT:
        went_on = filing.advance(tx, ticket)
    channel = tx.services.channels.get(address.channel)
    # Where nothing can be edited "I am looking at it" would stand there for ever: the receipt comes with the draft.
    if went_on or channel is None or channel.capabilities.edits:
        card_publisher.show(tx, "receipt", ticket, [(address, reader)])
    return ticket


def _join(
    tx: Tx,
    ticket: Ticket,
    person: Person,
    address: Address,
    reader: Reader,
    message: Message,
    triage: Triage,
    actor: Actor,
) -> Ticket:
    """A second report of the same fault: one ticket, both reporters told, one tap to split."""
    others = dict.fromkeys(r.reporter for r in ticket.reports if r.reporter != person.id)
    reports.add_report(tx, ticket, message, person.id, triage)
    note(
        tx,
        ticket,
        Event.RECEIVED,
        actor,
        kind=message.kind.value,
        message_id=message.message_id,
        same_as=True,
    )
    worse = reports.worsen(tx, ticket, triage.severity, [t.value for t in triage.risk_tags], actor)
    card_publisher.show(tx, "receipt", ticket, [(address, reader)], again=True)
    for other in others:
        card_publisher.tell(
            tx,
            tx.services.company.person(other),
            lambda words: words(
                N_("{who} reports the same: it is {ticket} for both of you."),
                who=person.name,
                ticket=ticket.ticket_id,
            ),
        )
    if worse:
        filing.reassess(tx, ticket)
    return ticket


def _small_talk(triage: Triage, reader: Reader) -> str:
    if triage.steering:
        return reader.words("I take no orders from messages: only the buttons on a card decide.")
    return reader.words(
        "👋 Tell me what is wrong and where, with a photo or a voice note if you like. /help shows what else I can do."
    )


def _answer_question(
    tx: Tx, person: Person, address: Address, reader: Reader, message: Message, triage: Triage
) -> None:
    """What the company knows, with its sources; where it knows nothing, the founder is asked."""
    knowledge = recall(tx.services.company, Query(message.text, triage.property_id, None))
    memos = [source for source in knowledge.sources if source.layer == "memo"]
    if memos:
        said = "\n".join(f"• {source.quote} [{source.id}]" for source in memos)
        _remark(tx, address, reader.words("This is what we know:") + "\n" + said)
        return
    founder = tx.services.company.founder
    if person.id == founder.id:
        _remark(tx, address, reader.words("I found nothing about that. /brain searches everything we know."))
        return
    _remark(tx, address, reader.words("I do not know that. I have passed it on to {who}.", who=founder.name))
    card_publisher.tell(
        tx,
        founder,
        lambda words: words(
            N_("{who} asks: “{text}”"), who=person.name, text=shorten(escape(message.text), 500)
        ),
    )
