"""What a message can be, in reading order: the first step that finds itself meant takes it.

A step first looks (`find`, which reads only) and then acts. So the same list also tells, before a model is asked, whether
anything it could say would change what happens."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import lanes, phrases
from core.acts import commands as do
from core.acts.table import perform
from core.asks import asks
from core.buttons import forms, taps
from core.company.reading import brain_places
from core.company.schema import Person
from core.context import Tx, Typed
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message, heard_in
from core.intake import reported_done
from core.intake.incoming import Incoming, rows_of, said_by_us
from core.knowledge.quoting import for_reader, reads
from core.knowledge.recall import Query, recall
from core.model import OPEN, URGENT, ApprovalStatus, Category, Event, Intent, SourceKind, Status, Triage
from core.outbox import card_publisher, said_once, translations
from core.store.brain_tables import MemoRow
from core.store.tables import CardCopy, CardRow, Dispatch, InboxRow, Question, Report, Ticket
from core.stored_values import Source
from core.team.people import reader_for
from core.text import command_in, escape, fingerprint, normal, shorten, ticket_ids_in
from core.tickets.matching import Match, is_beside
from core.tickets.records import find_ticket, latest_approval, note, open_tickets, survivor
from core.tickets.things import of_another_thing
from core.workflow import asking, filing, memos, questions, reports

MAX_REMARKS: Final = 5
DOUBLE_WITHIN: Final = timedelta(seconds=60)
CAPTION_WITHIN: Final = timedelta(minutes=15)
LINES_WITHIN: Final = timedelta(seconds=15)
"""Of lines that somebody sends one after the other, as people type: they are one report."""
_CLAUSES: Final = re.compile(r"[.!?;,:。！？；，、：\n]+")
READ_AT_ONCE: Final = 400
"""Characters of them that are judged together."""
ANOTHER: Final = 0.5
"""How sure the category of such a line must be for another problem than the line before."""
ANOTHER_AT_A_LEAK: Final = 0.8
"""The same after a leak, of a line about power."""
SURELY: Final = 0.5
"""So sure must the category be for words to be about something else than was asked."""
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


@dataclass(frozen=True, slots=True)
class Taken:
    """The message was this step's."""

    ticket: Ticket | None = None
    """Where its words stand now."""


@dataclass(frozen=True, slots=True)
class Step:
    find: Callable[[Tx, Incoming], Any]
    """What the step needs to act, or None where the message is not for it. Reads only."""
    act: Callable[[Tx, Incoming, Any], Taken | None]
    """None: on a closer look it is not for this step."""


def first_taken(tx: Tx, it: Incoming, steps: tuple[Step, ...]) -> Taken | None:
    for step in steps:
        found = step.find(tx, it)
        if found is not None and (taken := step.act(tx, it, found)) is not None:
            return taken
    return None


def is_settled(tx: Tx, it: Incoming) -> bool:
    """Nothing that a model could say would change what happens: no tokens are spent on it. Reads only."""
    if it.triage.dangerous or any(step.find(tx, it) is not None for step in SETTLED):
        return True
    if not it.has_words:
        # A photo of what was reported a moment ago needs no second look.
        return not it.message.files or _recent_report(tx, it) is not None
    known = _known_problem(tx, it)
    return known is not None and known.kind == "same"


# --- what no model can change


def _command(tx: Tx, it: Incoming) -> str | None:
    """Typed; what was only said never is one, whatever it sounds like."""
    heard = it.message.heard
    spoken = heard is not None and it.message.text == heard.text
    return None if spoken or it.message.foreign else command_in(it.message.text)


def _do_command(tx: Tx, it: Incoming, text: str) -> Taken:
    commands = tx.services.commands
    if commands.looks(text):
        # It only reads: on a snapshot beside the writers, behind what came before it in this conversation.
        lanes.look(tx, it.row_id, it.address)
        return Taken()
    try:
        with tx.nested():
            typed = Typed(it.person, it.address, it.reader, text, it.message.room, raw=it.message.text)
            commands.run(tx, typed)
    except Refused as refused:
        card_publisher.say(tx, it.address, phrases.refusal(refused, it.reader.words, tx.now))
    return Taken()


def _memo(tx: Tx, it: Incoming) -> MemoRow | None:
    """Somebody wrote /memo alone a moment ago: this is it, never a ticket, but for a danger to life."""
    spoken = any(one.kind is SourceKind.VOICE for one in it.message.files)
    if it.message.foreign or it.triage.dangerous or not (it.has_words or spoken):
        return None
    return memos.expected(tx, it.person.id, it.address)


def _take_memo(tx: Tx, it: Incoming, row: MemoRow) -> Taken:
    memos.take(tx, row, it.message, it.triage, it.reader)
    return Taken()


def _form(tx: Tx, it: Incoming) -> bool | None:
    if not it.own_words or it.triage.dangerous or not forms.is_open(tx, it.message):
        return None
    asked = forms.ticket_asked_about(tx, it.message)
    ticket = tx.get(Ticket, asked) if asked is not None else None
    return None if ticket is not None and _is_another_problem(it, ticket) else True


def _fill_form(tx: Tx, it: Incoming, _found: bool) -> Taken | None:
    return Taken() if taps.answered_in_words(tx, it.message, it.reader) else None


def _double(tx: Tx, it: Incoming) -> InboxRow | None:
    """The same words from the same person within a minute: a thumb, not a second problem. "Done" and "yes" are said
    often: two answers to two cards, or to questions, are none."""
    if _asked(tx, it).words is not None:
        return None
    return tx.session.scalar(
        select(InboxRow).where(
            InboxRow.person_id == it.person.id,
            InboxRow.digest == fingerprint_of(it.message),
            InboxRow.id != it.row_id,
            InboxRow.processed_at > tx.now - DOUBLE_WITHIN,
        )
    )


def fingerprint_of(message: Message) -> str:
    return fingerprint(
        "\n".join([message.text, message.reply_to or "", *(file.sha256 for file in message.files)])
    )


def _say_double(tx: Tx, it: Incoming, twin: InboxRow) -> Taken:
    if not twin.ticket_id:
        return Taken()
    ticket = survivor(tx, find_ticket(tx, twin.ticket_id))
    text = it.reader.words("I have that already: {ticket}.", ticket=ticket.ticket_id)
    card_publisher.say(
        tx, it.address, text, quiet=True, only_for=it.message.sender if it.message.room else None
    )
    return Taken(ticket)


# --- an answer to something


def _approving(tx: Tx, it: Incoming) -> Ticket | None:
    """Words never approve: they point to the newest card that waits for this person."""
    if it.message.foreign or normal(it.message.text).rstrip(" .!。") not in _APPROVING:
        return None
    for ticket in open_tickets(tx):
        approval = latest_approval(ticket)
        if (
            approval is not None
            and approval.status == ApprovalStatus.PENDING
            and it.person.id in approval.deciders
        ):
            return ticket
    return None


def _point_to_card(tx: Tx, it: Incoming, ticket: Ticket) -> Taken:
    card_publisher.tell(tx, it.person, lambda words: words(taps.HINT))
    readers = card_publisher.readers_of(tx, it.person)
    card_publisher.show(tx, "approval", ticket, readers, again=True)
    return Taken()


def _named(tx: Tx, it: Incoming) -> tuple[Ticket, ...] | str | None:
    """The tickets that the message names, else the one that it answers; a name that is no ticket's. What names one ticket
    is about no other, wherever it was written."""
    message = it.message
    names = ticket_ids_in(message.text)
    known = [name for name in names if tx.get(Ticket, name) is not None]
    if names and not known:
        return names[0]
    if not names:
        answered = _answered_card(tx, it)
        if answered is None and message.room is not None and message.conversation_id != message.room:
            answered = thread_ticket(tx.session, message)
        asked = _asked(tx, it).words
        if asked is not None and asked.ticket_id == answered:
            return None  # what answers the question itself is no news beside it
        known = [answered] if answered is not None else []
    every = dict.fromkeys(survivor(tx, find_ticket(tx, name)) for name in known)
    return tuple(ticket for ticket in every if not _is_new_danger(ticket, it)) or None


def _answered_card(tx: Tx, it: Incoming) -> str | None:
    if not it.message.reply_to:
        return None
    card = _card_answered(tx, it)
    return card.ticket_id if card is not None else _answered_words(tx, it)


def _card_answered(tx: Tx, it: Incoming) -> CardRow | None:
    """The card that the message is a reply to."""
    if not it.message.reply_to:
        return None
    copy = tx.session.scalar(
        select(CardCopy).where(
            CardCopy.message_ref == it.message.reply_to,
            CardCopy.channel == it.message.channel,
            CardCopy.conversation_id.in_(heard_in(it.message)),
        )
    )
    return tx.get(CardRow, copy.card_id) if copy else None


def _answered_words(tx: Tx, it: Incoming) -> str | None:
    """The one ticket that words of ours were about which this answers ("Added to T-1001."), or that words of a person's
    became."""
    row = said_by_us(tx.session, it.message)
    if row is None:
        rows = rows_of(tx.session, it.message, str(it.message.reply_to))
        return next((row.ticket_id for row in rows), None)
    names = ticket_ids_in(str(row.payload.get("text", "")))
    return names[0] if len(names) == 1 and tx.get(Ticket, names[0]) is not None else None


def _is_new_danger(ticket: Ticket, it: Incoming) -> bool:
    """Urgent words about a ticket that has ended are a new problem, whatever they name or answer."""
    told = it.triage.intent in {Intent.NEW_ISSUE, Intent.FOLLOW_UP}
    return told and ticket.status not in OPEN and it.triage.severity >= URGENT


def _add_to_named(tx: Tx, it: Incoming, named: tuple[Ticket, ...] | str) -> Taken | None:
    if not isinstance(named, str):
        for ticket in named:
            _add_to(tx, it, ticket, alone=len(named) == 1)
        return Taken(named[0])
    unknown = Refused("unknown_ticket", ticket=named)
    card_publisher.say(tx, it.address, phrases.refusal(unknown, it.reader.words, tx.now))
    # A problem is filed all the same; news of a ticket that does not exist are news of no other.
    return None if it.triage.intent is Intent.NEW_ISSUE or it.triage.severity >= URGENT else Taken()


def _asked(tx: Tx, it: Incoming) -> questions.Asked:
    key = f"asked:{it.row_id}"
    return tx.memo(
        key, lambda: questions.open_questions(tx, it.message.channel, heard_in(it.message), it.person.id)
    )


def _place(tx: Tx, it: Incoming) -> Question | None:
    """ "Which property?", where the words say little else than one."""
    says_place = it.triage.category is Category.OTHER and "property" in it.triage.evidence
    return _asked(tx, it).place if says_place else None


def _take_place(tx: Tx, it: Incoming, question: Question) -> Taken:
    ticket = find_ticket(tx, question.ticket_id)
    reports.add_report(tx, ticket, it.message, it.person.id, it.triage)
    questions.answer(tx, ticket, question, str(it.triage.property_id), it.actor)
    return Taken(ticket)


def _question(tx: Tx, it: Incoming) -> Question | None:
    """The founder's question in words."""
    question = _asked(tx, it).words if not it.triage.dangerous and it.own_words else None
    if question is None or _is_another_problem(it, find_ticket(tx, question.ticket_id)):
        return None
    return question


def _is_another_problem(it: Incoming, ticket: Ticket) -> bool:
    """Words that report something else than `ticket` is about answer no question about it: they are filed. An answer
    ("the one in the bedroom, it drips on the floor") speaks of the same."""
    said = it.triage
    if said.intent is not Intent.NEW_ISSUE or said.category is Category.OTHER:
        return False
    if "property" in said.evidence and said.property_id != ticket.property_id:
        return True
    return said.category != ticket.category and said.confidence.get("category", 1.0) >= SURELY


def _take_answer(tx: Tx, it: Incoming, question: Question) -> Taken:
    card_publisher.say(tx, it.address, it.reader.words("Thank you, passed on."), quiet=True)
    return Taken(questions.answer_in_words(tx, question, it.message.text, it.actor))


def _add_to(tx: Tx, it: Incoming, ticket: Ticket, *, alone: bool = True) -> Taken:
    """Words about a ticket that is known: kept on it; worse news count; "done" offers the button. `alone`: they are about
    no other as well."""
    message, triage = it.message, it.triage
    reports.add_report(tx, ticket, message, it.person.id, triage)
    note(tx, ticket, Event.RECEIVED, it.actor, kind=message.kind.value, message_id=message.message_id)
    to = [(it.address, it.reader)]
    if ticket.status not in OPEN:
        # Words about something that has ended: it stays ended until somebody says otherwise, with one tap.
        card_publisher.show(tx, "receipt", ticket, to, again=True)
    elif triage.intent is Intent.RESOLUTION_REPORT:
        # Words that also give orders, or are somebody else's, passed on: the button is there for those.
        ordered = bool(triage.steering) or message.foreign or not alone
        if ordered or not reported_done.close(tx, ticket, it.actor, message.text, it.address, it.reader):
            card_publisher.show(tx, "ticket", ticket, to, again=True)
    elif reports.worsen(tx, ticket, _severity_of_words(it), [t.value for t in triage.risk_tags], it.actor):
        filing.reassess(tx, ticket)
        card_publisher.show(tx, "receipt", ticket, to)
        _say_added(tx, it, ticket)
    else:
        card_publisher.show(tx, "receipt", ticket, to)
        _say_added(tx, it, ticket)
    return Taken(ticket)


def _say_added(tx: Tx, it: Incoming, ticket: Ticket) -> None:
    """The card of the ticket may stand far above: words that are taken are always answered."""
    added = it.reader.words("Added to {ticket}.", ticket=ticket.ticket_id)
    card_publisher.say(tx, it.address, added, quiet=True)


def _severity_of_words(it: Incoming) -> int:
    return it.triage.severity if it.triage.category is not Category.OTHER else 0


# --- one more line of the same report


def _more_lines(tx: Tx, it: Incoming) -> Ticket | None:
    """What somebody wrote seconds after a report goes on with it, unless it is a danger, or clearly another problem or
    another place: people type in lines."""
    said = it.triage
    after = it.message.after
    if after is None or not timedelta(0) <= after <= LINES_WITHIN or it.message.kind is not SourceKind.TEXT:
        return None  # as it was written: what lay somewhere for a while comes all at once
    if not it.own_words or it.message.reply_to or said.dangerous:
        return None
    if said.intent is Intent.RESOLUTION_REPORT or said.steering:
        return None
    report = _recent_report(tx, it)
    if report is None:
        return None
    ticket = survivor(tx, find_ticket(tx, report.ticket_id))
    if ticket.status not in OPEN or not _same_place(it, ticket):
        return None
    sure = said.confidence.get("category", 1.0)
    another = said.category not in {Category.OTHER, Category(ticket.category)} and sure >= ANOTHER
    # "It drips onto the socket by now" is about the leak.
    if ticket.category in asking.WATERY and said.category is Category.ELECTRICAL and sure < ANOTHER_AT_A_LEAK:
        another = False
    # Who names the place once more, with a problem, begins anew: whether it is the same one the matching says.
    alone = tx.services.baseline.judge(it.message.text[:READ_AT_ONCE], reports.speaker_of(it.person))
    anew = "property" in alone.evidence and alone.category is not Category.OTHER and sure >= ANOTHER
    another = another or anew or _is_beside(alone, it.message.text, ticket)
    asks = said.intent is Intent.QUESTION and bool(_memos_about(tx, it))  # something that we know
    return None if another or asks else ticket


def _is_beside(alone: Triage, text: str, ticket: Ticket) -> bool:
    """A report by itself of another thing, of another kind or much less grave."""
    if alone.intent is not Intent.NEW_ISSUE or alone.category is Category.OTHER:
        return False
    known = " ".join(one.raw_input for one in ticket.reports)
    if alone.category is Category(ticket.category):
        return is_beside(text, alone.severity, known, ticket.severity)
    return of_another_thing(text, known)


def _same_place(it: Incoming, ticket: Ticket) -> bool:
    return "property" not in it.triage.evidence or it.triage.property_id == ticket.property_id


def _take_more_lines(tx: Tx, it: Incoming, ticket: Ticket) -> Taken:
    """Judged with the lines before it: alone it may sound like anything."""
    before = [
        one for one in ticket.reports if one.reporter == it.person.id and one.at >= tx.now - LINES_WITHIN
    ]
    text = "\n".join([*(one.raw_input for one in before), it.message.text])[-READ_AT_ONCE:]
    whole = tx.services.baseline.judge(text, reports.speaker_of(it.person))
    return _add_to(tx, replace(it, triage=replace(whole, language=it.triage.language)), ticket)


# --- a photo, a voice note without words


def _media(tx: Tx, it: Incoming) -> bool | None:
    return True if it.message.kind is not SourceKind.TEXT and not it.has_words else None


def _take_media(tx: Tx, it: Incoming, _found: bool) -> Taken:
    """A photo without words belongs to what its sender reported a moment ago. A voice note that nothing can
    transcribe is filed for a person to hear: never dropped (W6)."""
    message = it.message
    it = replace(it, reader=reader_for(tx, it.person))
    if message.kind is SourceKind.PHOTO:
        recent = _latest_of(tx, it) or _only_job_of(tx, it.person)
        if recent is not None:
            for file in message.files:
                reports.attach(recent, file, message.message_id)
            note(tx, recent, Event.RECEIVED, it.actor, kind="photo", message_id=message.message_id)
            added = it.reader.words("Photo added to {ticket}.", ticket=recent.ticket_id)
            card_publisher.say(tx, it.address, added, quiet=True)
            return Taken(recent)
        if it.triage.engine != "offline" and it.triage.category is not Category.OTHER:
            # A model saw what is wrong: its words are none of the reporter's, the picture is.
            seen = replace(it, triage=replace(it.triage, language=it.reader.language))
            return _take_new_problem(tx, seen, True)
    triage = replace(
        it.triage,
        intent=Intent.NEW_ISSUE,
        category=Category.OTHER,
        severity=3,
        risk_tags=(),
        language=it.reader.language,
    )
    ticket = reports.open_ticket(tx, message, it.person.id, triage, understood=False)
    card_publisher.show(tx, "receipt", ticket, [(it.address, it.reader)])
    filing.advance(tx, ticket)
    return Taken(ticket)


def _latest_of(tx: Tx, it: Incoming) -> Ticket | None:
    report = _recent_report(tx, it)
    ticket = tx.get(Ticket, report.ticket_id) if report else None
    fits = ticket is not None and (ticket.status in OPEN or ticket.status == Status.RESOLVED)
    return ticket if fits else None


def _recent_report(tx: Tx, it: Incoming) -> Report | None:
    """What this person reported here a moment ago."""
    report = tx.session.scalar(
        select(Report)
        .where(Report.reporter == it.person.id, Report.at > tx.now - CAPTION_WITHIN)
        .order_by(Report.at.desc())
        .limit(1)
    )
    if report is None or report.source.get("conversation_id") != it.message.conversation_id:
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


# --- talk


def _small_talk(tx: Tx, it: Incoming) -> bool | None:
    return True if it.triage.intent is Intent.CHIT_CHAT else None


def _say_small_talk(tx: Tx, it: Incoming, _found: bool) -> Taken:
    words, place = it.reader.words, tx.services.company.place(it.triage.property_id)
    if it.triage.steering:
        remark(tx, it, words("I take no orders from messages: only the buttons on a card decide."))
    elif "property" in it.triage.evidence and place is not None:
        remark(tx, it, words("What is wrong at {place}?", place=place.name))
    else:
        remark(
            tx,
            it,
            words(
                "👋 Tell me what is wrong and where, with a photo or a voice note if you like. /help shows what else I can do."
            ),
        )
    return Taken()


def remark(tx: Tx, it: Incoming, text: str) -> None:
    """An answer that moves nothing. Whoever answers our every word is a machine: after five in a minute we are silent,
    so that two of them never talk for ever (B32)."""
    if said_once.seldom(tx, f"remark:{it.address}"[:160], MAX_REMARKS, timedelta(minutes=1)):
        card_publisher.say(tx, it.address, text)


def _memos_about(tx: Tx, it: Incoming) -> list[Source]:
    """What the founder said about what is asked, as far as the asker may read it."""
    company, about = tx.services.company, Query(it.message.text, it.triage.property_id, None)
    knowledge = recall(company, about, readable=brain_places(company, it.person))
    speaks = reads(it.reader.language, it.person)
    memos = [source for source in knowledge.sources if source.layer == "memo"]
    made = translations.of_memos(tx.session, company, memos, speaks)
    return [for_reader(company, source, speaks, made) for source in memos]


def _wants_to_know(tx: Tx, it: Incoming) -> bool | None:
    return True if it.triage.intent is Intent.QUESTION else None


def _tell(tx: Tx, it: Incoming, _found: bool) -> Taken:
    """What the company knows, with its sources; where it knows nothing, the founder is asked."""
    words, founder, memos = it.reader.words, tx.services.company.founder, _memos_about(tx, it)
    if memos:
        said = "\n".join(f"• {source.quote} [{source.id}]" for source in memos)
        remark(tx, it, words("This is what we know:") + "\n" + said)
    elif it.person.id == founder.id:
        remark(tx, it, words("I found nothing about that. /brain searches everything we know."))
    else:
        remark(tx, it, words("I do not know that. I have passed it on to {who}.", who=founder.name))
        asked = shorten(escape(it.message.text), 500)
        card_publisher.tell(
            tx,
            founder,
            lambda words: words(N_("{who} asks: “{text}”"), who=it.person.name, text=asked),
        )
    return Taken()


def _news(tx: Tx, it: Incoming) -> Ticket | bool | None:
    """The open ticket that "it is fixed" or "any news?" is about; True where something is fixed and none is open."""
    if it.triage.intent not in {Intent.FOLLOW_UP, Intent.RESOLUTION_REPORT}:
        return None
    return _related(tx, it) or (True if it.triage.intent is Intent.RESOLUTION_REPORT else None)


def _take_news(tx: Tx, it: Incoming, found: Ticket | bool) -> Taken:
    if isinstance(found, Ticket):
        return _add_to(tx, it, found)
    reported = _reported_beside(tx, it)
    if reported is not None:
        return _take_new_problem(tx, replace(it, triage=reported), True)
    words = it.reader.words
    remark(tx, it, words("Good to hear. I found no open ticket for it; /tickets shows them."))
    return Taken()


def _reported_beside(tx: Tx, it: Incoming) -> Triage | None:
    """The problem of a message that also says that something is done ("the pipe leaks. The guest has been told")."""
    speaker = reports.speaker_of(it.person)
    clauses = [one for one in _CLAUSES.split(it.message.text[:READ_AT_ONCE]) if one.strip()]
    if len(clauses) < 2:
        return None
    for clause in clauses:
        read = tx.services.baseline.judge(clause, speaker)
        sure = read.confidence.get("category", 1.0) >= SURELY
        if read.intent is Intent.NEW_ISSUE and read.category is not Category.OTHER and sure:
            place = read.property_id or it.triage.property_id
            return replace(read, property_id=place, language=it.triage.language)
    return None


def _related(tx: Tx, it: Incoming) -> Ticket | None:
    """Same place and kind, else the person's only one."""
    person, triage = it.person, it.triage
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


# --- a problem


def _problem(tx: Tx, it: Incoming) -> bool:
    return True


def _known_problem(tx: Tx, it: Incoming) -> Match | None:
    triage = it.triage
    return reports.known_problem(
        tx.session,
        tx.now,
        tx.services.company,
        triage.property_id,
        triage.category,
        it.message.text,
        triage.severity,
    )


def _take_new_problem(tx: Tx, it: Incoming, _found: bool) -> Taken:
    found = _known_problem(tx, it)
    if found is not None and found.kind == "same":
        return _join(tx, it, find_ticket(tx, found.ticket_id))
    ticket = reports.open_ticket(tx, it.message, it.person.id, it.triage)
    if found is not None:
        asking.ask_reopen(tx, ticket, find_ticket(tx, found.ticket_id))
    # A danger does not wait for an answer: it goes on as new, and can still be joined with one tap.
    went_on = True
    if found is None or it.triage.severity >= URGENT:
        went_on = filing.advance(tx, ticket)
    channel = tx.services.channels.get(it.address.channel)
    # Where nothing can be edited "I am looking at it" would stand there for ever: the receipt comes with the draft.
    if went_on or channel is None or channel.capabilities.edits:
        card_publisher.show(tx, "receipt", ticket, [(it.address, it.reader)])
    return Taken(ticket)


def _join(tx: Tx, it: Incoming, ticket: Ticket) -> Taken:
    """A second report of the same fault: one ticket, both reporters told, one tap to split."""
    message, triage = it.message, it.triage
    others = dict.fromkeys(r.reporter for r in ticket.reports if r.reporter != it.person.id)
    reports.add_report(tx, ticket, message, it.person.id, triage)
    note(
        tx,
        ticket,
        Event.RECEIVED,
        it.actor,
        kind=message.kind.value,
        message_id=message.message_id,
        same_as=True,
    )
    worse = reports.worsen(tx, ticket, triage.severity, [t.value for t in triage.risk_tags], it.actor)
    card_publisher.show(tx, "receipt", ticket, [(it.address, it.reader)], again=True)
    for other in others:
        card_publisher.tell(
            tx,
            tx.services.company.person(other),
            lambda words: words(
                N_("{who} reports the same: it is {ticket} for both of you."),
                who=it.person.name,
                ticket=ticket.ticket_id,
            ),
        )
    if worse:
        filing.reassess(tx, ticket)
    return Taken(ticket)


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


def _asked_by_a_worker(tx: Tx, it: Incoming) -> str | None:
    """The question whose card this answers; a danger is told to everybody, whatever it answers."""
    card = _card_answered(tx, it) if not it.triage.dangerous else None
    return card.subject if card is not None and card.kind == asks.ASK else None


def _answer_ask(tx: Tx, it: Incoming, ask_id: str) -> Taken:
    try:
        perform(tx, it.actor, do.AnswerAsk(ask_id, it.message.text))
    except Refused as refused:
        remark(tx, it, phrases.refusal(refused, it.reader.words, tx.now))
    return Taken()


SETTLED: Final = (
    Step(_command, _do_command),
    Step(_asked_by_a_worker, _answer_ask),
    Step(_memo, _take_memo),
    Step(_form, _fill_form),
    Step(_double, _say_double),
)
"""What no model can change."""
STEPS: Final = (
    Step(_approving, _point_to_card),
    Step(_named, _add_to_named),
    Step(_place, _take_place),
    Step(_question, _take_answer),
    Step(_more_lines, _take_more_lines),
    Step(_media, _take_media),
    Step(_small_talk, _say_small_talk),
    Step(_wants_to_know, _tell),
    Step(_news, _take_news),
    Step(_problem, _take_new_problem),
)
