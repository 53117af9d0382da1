"""A message comes in: whose is it, what does it say, which ticket does it belong to?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from core import phrases
from core.brain.recall import Query, recall
from core.company.schema import Person
from core.desk import afterwards, filing, quarantine, questions, reported_done, taps
from core.desk.attachments import fetch_all
from core.desk.records import find_ticket, latest_approval, note, open_tickets
from core.errors import Refused, TryLater
from core.i18n import N_
from core.inbound import Edited, Inbound, Message, Moved, Opened, Tap, Unsent
from core.model import OPEN, Address, Category, Event, Intent, SourceKind, Status, Triage
from core.office import Office
from core.ports import Channel
from core.reach import board, home
from core.store import crashpoints
from core.store.engine import Store, Tx
from core.store.jobs import Commit, Task
from core.store.tables import Binding, CardCopy, CardRow, Dispatch, InboxRow, Report, Ticket, table
from core.team import joining
from core.team.people import Actor, Reader, reader_for
from core.text import READ_LIMIT, digest, escape, normal, shorten
from core.triage.port import Speaker
from core.vendors import offers

log = structlog.get_logger(__name__)

PROCESS: Final = "process"
_PROCESSED: Final = (
    update(table(InboxRow))
    .where(InboxRow.id == bindparam("inbox"), InboxRow.status == "accepted")
    .values(
        status="processed",
        person_id=bindparam("by"),
        message_id=bindparam("message"),
        processed_at=bindparam("now"),
    )
)
DOUBLE_WITHIN: Final = timedelta(seconds=60)
CAPTION_WITHIN: Final = timedelta(minutes=15)
_TICKET_ID: Final = re.compile(r"\bT-?(\d{3,9})\b", re.IGNORECASE)
# Words that look like a decision. They decide nothing: they point to the card (RELIABILITY C30).
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


class Intake:
    """The job that works on one inbox row: whatever is slow first, outside any transaction; then one commit."""

    def __init__(self, office: Office, store: Store) -> None:
        self._office = office
        self._store = store
        self._signs: set[asyncio.Task[None]] = set()

    def task(self) -> Task:
        return Task(
            PROCESS,
            find=self.find,
            run=self.run,
            exhausted=lambda tx, args, error: quarantine.quarantine(tx, args["inbox"], error),
        )

    @staticmethod
    def find(session: Session, some: list[dict[str, Any]]) -> list[InboxRow | None]:
        wanted = [args["inbox"] for args in some]
        rows = {row.id: row for row in session.scalars(select(InboxRow).where(InboxRow.id.in_(wanted)))}
        return [rows.get(one) for one in wanted]

    async def run(self, args: dict[str, Any], row: InboxRow | None) -> Commit | None:
        if row is None or row.status != "accepted":
            return None
        channel = self._office.channels.get(row.channel)
        if channel is None:
            raise TryLater(f"the channel {row.channel} is not configured", timedelta(minutes=5))
        inbound = channel.parse(row.payload)
        if isinstance(inbound, Message):
            return await self._message(channel, row, inbound)
        if isinstance(inbound, Tap):
            self._show_life(channel, row)
        reread = None
        if isinstance(inbound, Edited):
            reread = await self._office.understanding.understand(inbound.text, self._speaker(inbound))

        def commit(tx: Tx) -> None:
            if not _mark_done(tx, row, inbound):
                return
            match inbound:
                case Tap():
                    taps.tap(tx, inbound)
                case Edited() if reread is not None:
                    _take_edit(tx, row, inbound, reread)
                case Unsent():
                    afterwards.unsent(tx, inbound)
                case Moved():
                    afterwards.moved(tx, inbound)
                case Opened():
                    home.show(tx, inbound)

        return commit

    async def _message(self, channel: Channel, row: InboxRow, message: Message) -> Commit:
        rows = [row]
        if row.album is not None:
            rows = await self._store.read(lambda session: _album(session, row))
            message = _joined(message, [channel.parse(one.payload) for one in rows])
        overheard = message.room is not None and not message.addressed
        if overheard and not await self._store.read(lambda session: listens(session, message)):
            return lambda tx: _pass_over(tx, rows, message)
        self._show_life(channel, row)
        known = self._is_known(message)
        waited = self._office.clock.now() - row.received_at
        troubles: list[str] = []
        if (
            message.remote and known
        ):  # a stranger fills no disk of ours: theirs are fetched once they are let in
            files, troubles = await fetch_all(channel, message.remote, self._office.media, waited)
            kind = files[0].kind if files else SourceKind.TEXT
            message = replace(message, files=(*message.files, *files), kind=kind)
        name = "" if known else await channel.display_name(message.sender, message.conversation_id)
        triage = await self._office.understanding.understand(message.text, self._speaker(message))
        crashpoints.reach("model_answered")

        def commit(tx: Tx) -> None:
            if not _mark_done(tx, row, message):
                return  # at least once: whoever comes second finds it done
            for other in rows[1:]:
                _mark_done(tx, other, message)
            fresh = tx.get(InboxRow, row.id)
            assert fresh is not None
            take_message(tx, fresh, message, triage, troubles, name)

        return commit

    def _is_known(self, message: Message) -> bool:
        office, account = self._office, (message.channel, message.sender)
        return office.person_at(*account) is not None or office.vendor_at(*account) is not None

    def _show_life(self, channel: Channel, row: InboxRow) -> None:
        """Beside the work, never before it."""
        sign = asyncio.create_task(channel.sign_of_life(row.payload))
        self._signs.add(sign)
        sign.add_done_callback(self._signs.discard)

    def _speaker(self, said: Message | Edited) -> Speaker:
        person = self._office.person_at(said.channel, said.sender)
        if person is None:
            return Speaker((), ())
        return Speaker(tuple(person.languages), tuple(person.properties))


def _take_edit(tx: Tx, row: InboxRow, change: Edited, triage: Triage) -> None:
    match afterwards.edited(tx, row.received_at, change, triage):
        case afterwards.Outcome.EARLY:
            # Behind its message, which may be the next in this lane.
            tx.change(update(table(InboxRow)).where(InboxRow.id == row.id).values(status="accepted"))
            lane = f"in:{row.channel}:{row.conversation_id}"
            again = tx.now + timedelta(seconds=1)
            tx.office.jobs.defer(tx, PROCESS, {"inbox": row.id}, lane=lane, run_at=again)
        case afterwards.Outcome.NEW:
            fresh = tx.get(InboxRow, row.id)
            assert fresh is not None
            direct = Message(
                change.channel,
                change.conversation_id,
                change.message_id,
                change.sender,
                change.text,
                change.at,
            )
            take_message(tx, fresh, direct, triage)


def _mark_done(tx: Tx, row: InboxRow, inbound: Inbound | None) -> bool:
    """False if somebody was faster."""
    person = tx.office.person_at(row.channel, inbound.sender) if inbound is not None else None
    done = {
        "inbox": row.id,
        "by": person.id if person is not None else None,
        "message": inbound.message_id if isinstance(inbound, Message) else None,
        "now": tx.now,
    }
    return tx.change(_PROCESSED, done) == 1


def _pass_over(tx: Tx, rows: Sequence[InboxRow], message: Message) -> None:
    """People talking among themselves: not ours, and not kept longer than it takes to know that."""
    for row in rows:
        if _mark_done(tx, row, message):
            tx.change(update(table(InboxRow)).where(InboxRow.id == row.id).values(payload={}))


def listens(session: Session, message: Message) -> bool:
    """In a group, words that are not addressed to the bot count where the group is bound to a property, and in the
    thread of a ticket."""
    if session.get(Binding, (message.channel, message.room)) is not None:
        return True
    return message.conversation_id != message.room and _thread_ticket(session, message) is not None


def _thread_ticket(session: Session, message: Message) -> str | None:
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


def _album(session: Session, row: InboxRow) -> list[InboxRow]:
    """Everything that was sent together with `row` and is still to be done; `row` first."""
    found = session.scalars(
        select(InboxRow)
        .where(InboxRow.album == row.album, InboxRow.status == "accepted", InboxRow.id != row.id)
        .order_by(InboxRow.id)
    )
    return [row, *found]


def _joined(first: Message, parts: Sequence[Inbound | None]) -> Message:
    """The pieces of an album as one message."""
    messages = [part for part in parts if isinstance(part, Message)]
    text = "\n".join(part.text for part in messages if part.text.strip())
    addressed = any(part.addressed for part in messages)
    remote = tuple(file for part in messages for file in part.remote)
    return replace(first, text=text, remote=remote, addressed=addressed)


def take_message(
    tx: Tx, row: InboxRow, message: Message, triage: Triage, troubles: Sequence[str] = (), name: str = ""
) -> None:
    """Everything one message does, in reading order. `troubles`: why files of it could not be had, `name`: what the
    platform calls somebody who is not known here."""
    if afterwards.was_unsent(tx, message.channel, message.message_id):
        row.payload = {"unsent": True}
        return
    person = tx.office.person_at(message.channel, message.sender)
    address = Address(message.channel, message.conversation_id)
    if person is None:
        _from_outside(tx, row, message, triage, name)
        return
    said = "\n".join([message.text, message.reply_to or "", *(file.sha256 for file in message.files)])
    row.digest = digest(said)
    reader = reader_for(tx, person, triage.language)
    for trouble in dict.fromkeys(troubles):
        board.say(tx, address, reader.words(phrases.NO_FILE.get(trouble, phrases.NO_FILE[""])))
    if not message.text.strip() and not message.files:
        if message.unusable:
            board.say(tx, address, reader.words("Please send words, a photo or a voice note."))
        elif not troubles:
            board.say(
                tx, address, reader.words("The message was empty. Send words, a photo or a voice note.")
            )
        return
    if message.text.startswith("/"):
        try:
            with tx.nested():
                tx.office.run_command(tx, person, address, reader, message.text, message.room)
        except Refused as refused:
            board.say(tx, address, phrases.refusal(refused, reader.words))
        return
    if not triage.dangerous and taps.answered_in_words(tx, message, reader):
        return
    # "Done" and "yes" are said often: two answers to two cards, or to questions, are not a double.
    asked = questions.open_questions(tx, address, person.id)
    double = _double(tx, row) if asked.words is None else None
    if double is not None:
        row.ticket_id = double.ticket_id
        if double.ticket_id:
            board.say(
                tx,
                address,
                reader.words("I have that already: {ticket}.", ticket=double.ticket_id),
                quiet=True,
                only_for=message.sender,
            )
        return
    ticket = _take(tx, person, address, reader, message, _placed(tx, message, triage), asked)
    row.ticket_id = ticket.ticket_id if ticket else None
    if len(message.text) > READ_LIMIT:
        board.say(
            tx,
            address,
            reader.words(
                "That was long: I read the first {count} characters, and kept all of it.", count=READ_LIMIT
            ),
        )


def _from_outside(tx: Tx, row: InboxRow, message: Message, triage: Triage, name: str) -> None:
    """Somebody who is not of the team: a vendor about their job, somebody with a code, or a stranger."""
    vendor = tx.office.vendor_at(message.channel, message.sender)
    if vendor is not None:
        if not taps.answered_in_words(tx, message, offers.reader_of(vendor)):
            offers.wrote(tx, vendor, message)
    else:
        joining.at_the_door(tx, row, message, triage.language, name)


def _placed(tx: Tx, message: Message, triage: Triage) -> Triage:
    """In a group that is about one property nobody has to name it."""
    if triage.property_id is not None or message.room is None:
        return triage
    binding = tx.get(Binding, (message.channel, message.room))
    place = tx.office.company.place(binding.property_id) if binding is not None else None
    return triage if place is None else replace(triage, property_id=place.id)


def _double(tx: Tx, row: InboxRow) -> InboxRow | None:
    """The same words from the same person within a minute: a thumb, not a second problem."""
    return tx.session.scalar(
        select(InboxRow).where(
            InboxRow.person_id == row.person_id,
            InboxRow.digest == row.digest,
            InboxRow.id != row.id,
            InboxRow.processed_at > tx.now - DOUBLE_WITHIN,
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
        board.say(tx, address, filing.emergency_text(tx, reader, triage), urgency=board.URGENT)
    if _is_approving(message.text) and _point_to_card(tx, person):
        return None
    named = _named_ticket(tx, message, reader, address)
    if named is not None and not _new_danger(named, triage):
        return _add_to(tx, named, person, address, message, triage, actor)
    place = asked.place
    if place is not None and triage.category is Category.OTHER and "property" in triage.evidence:
        ticket = find_ticket(tx, place.ticket_id)
        filing.add_report(tx, ticket, message, person.id, triage)
        questions.answer(tx, ticket, place, str(triage.property_id), actor)
        return ticket
    if asked.words is not None and not triage.dangerous and message.text.strip():
        board.say(tx, address, reader.words("Thank you, passed on."), quiet=True)
        return questions.answer_in_words(tx, asked.words, message.text, actor)
    if message.kind is not SourceKind.TEXT and not message.text.strip():
        return _take_media(tx, person, address, message, triage, actor)
    match triage.intent:
        case Intent.CHIT_CHAT:
            board.say(tx, address, _small_talk(triage, reader))
            return None
        case Intent.QUESTION:
            _answer_question(tx, person, address, reader, message, triage)
            return None
        case Intent.FOLLOW_UP | Intent.RESOLUTION_REPORT:
            known = _related(tx, person, triage)
            if known is not None:
                return _add_to(tx, known, person, address, message, triage, actor)
            if triage.intent is Intent.RESOLUTION_REPORT:
                board.say(
                    tx,
                    address,
                    reader.words("Good to hear. I found no open ticket for it; /tickets shows them."),
                )
                return None
    return _new_problem(tx, person, address, reader, message, triage, actor)


def _new_danger(ticket: Ticket, triage: Triage) -> bool:
    """Urgent words about a ticket that has ended are a new problem, whatever they name or answer."""
    told = triage.intent in {Intent.NEW_ISSUE, Intent.FOLLOW_UP}
    return told and ticket.status not in OPEN and triage.severity >= filing.URGENT


def _is_approving(text: str) -> bool:
    return normal(text).rstrip(" .!。") in _APPROVING


def _point_to_card(tx: Tx, person: Person) -> bool:
    """Words never approve: show the newest card again. False if nothing waits for this person."""
    for ticket in open_tickets(tx):
        approval = latest_approval(ticket)
        if approval is not None and approval.status == "pending" and person.id in approval.deciders:
            board.tell(tx, person, lambda words: words(taps.HINT))
            board.show(tx, "approval", ticket, board.readers_of(tx, person), again=True)
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
        ticket_id = _thread_ticket(tx.session, message) if threaded else None
        return _survivor(tx, find_ticket(tx, ticket_id)) if ticket_id is not None else None
    ticket = tx.get(Ticket, f"T-{spoken.group(1)}")
    if ticket is None:
        board.say(
            tx, address, phrases.refusal(Refused("unknown_ticket", ticket=spoken.group(0)), reader.words)
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
    filing.add_report(tx, ticket, message, person.id, triage)
    note(tx, ticket, Event.RECEIVED, actor, kind=message.kind.value, message_id=message.message_id)
    reader = reader_for(tx, person, triage.language)
    if triage.intent is Intent.RESOLUTION_REPORT and ticket.status in OPEN:
        if not reported_done.close(tx, ticket, actor, message.text, address, reader):
            board.show(tx, "ticket", ticket, [(address, reader)], again=True)
    elif ticket.status in OPEN and filing.worsen(
        tx, ticket, _severity_of_words(triage), [t.value for t in triage.risk_tags], actor
    ):
        filing.reassess(tx, ticket)
        board.show(tx, "receipt", ticket, [(address, reader)])
    elif ticket.status in OPEN:
        board.show(tx, "receipt", ticket, [(address, reader)])
        board.say(tx, address, reader.words("Added to {ticket}.", ticket=ticket.ticket_id), quiet=True)
    else:
        # Words about something that has ended: it stays ended until somebody says otherwise, with one tap.
        board.show(tx, "receipt", ticket, [(address, reader)], again=True)
    board.refresh(tx, ticket)
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
    transcribe is filed for a person to hear: never dropped (WANTED W6)."""
    reader = reader_for(tx, person)
    if message.kind is SourceKind.PHOTO:
        recent = _latest_of(tx, person, message) or _only_job_of(tx, person)
        if recent is not None:
            for file in message.files:
                filing.attach(recent, file, message.message_id)
            note(tx, recent, Event.RECEIVED, actor, kind="photo", message_id=message.message_id)
            board.say(
                tx, address, reader.words("Photo added to {ticket}.", ticket=recent.ticket_id), quiet=True
            )
            board.refresh(tx, recent)
            return recent
    triage = replace(
        triage,
        intent=Intent.NEW_ISSUE,
        category=Category.OTHER,
        severity=3,
        risk_tags=(),
        language=reader.language,
    )
    ticket = filing.open_ticket(tx, message, person.id, triage, understood=False)
    board.show(tx, "receipt", ticket, [(address, reader)])
    filing.advance(tx, ticket)
    return ticket


def _latest_of(tx: Tx, person: Person, message: Message) -> Ticket | None:
    report = tx.session.scalar(
        select(Report)
        .where(Report.reporter == person.id, Report.at > tx.now - CAPTION_WITHIN)
        .order_by(Report.id.desc())
        .limit(1)
    )
    ticket = tx.get(Ticket, report.ticket_id) if report else None
    same_place = report is not None and report.source.get("conversation_id") == message.conversation_id
    fits = ticket is not None and (ticket.status in OPEN or ticket.status == Status.RESOLVED)
    return ticket if same_place and fits else None


def _only_job_of(tx: Tx, person: Person) -> Ticket | None:
    """The one job that this person has taken, or has just ended: the photo is its proof (WANTED N2)."""
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
    found = filing.known_problem(tx, triage.property_id, triage.category, message.text)
    if found is not None and found.kind == "same":
        return _join(tx, find_ticket(tx, found.ticket_id), person, address, reader, message, triage, actor)
    ticket = filing.open_ticket(tx, message, person.id, triage)
    if found is not None:
        filing.ask_reopen(tx, ticket, find_ticket(tx, found.ticket_id))
    board.show(tx, "receipt", ticket, [(address, reader)])
    # A danger does not wait for an answer: it goes on as new, and can still be joined with one tap.
    if found is None or triage.severity >= filing.URGENT:
        filing.advance(tx, ticket)
    else:
        board.refresh(tx, ticket)
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
    filing.add_report(tx, ticket, message, person.id, triage)
    note(
        tx,
        ticket,
        Event.RECEIVED,
        actor,
        kind=message.kind.value,
        message_id=message.message_id,
        same_as=True,
    )
    worse = filing.worsen(tx, ticket, triage.severity, [t.value for t in triage.risk_tags], actor)
    board.show(tx, "receipt", ticket, [(address, reader)], again=True)
    for other in others:
        board.tell(
            tx,
            tx.office.company.person(other),
            lambda words: words(
                N_("{who} reports the same: it is {ticket} for both of you."),
                who=person.name,
                ticket=ticket.ticket_id,
            ),
        )
    if worse:
        filing.reassess(tx, ticket)
    board.refresh(tx, ticket)
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
    knowledge = recall(tx.office.company, Query(message.text, triage.property_id, None))
    memos = [source for source in knowledge.sources if source.layer == "memo"]
    if memos:
        said = "\n".join(f"• {source.quote} [{source.id}]" for source in memos)
        board.say(tx, address, reader.words("This is what we know:") + "\n" + said)
        return
    founder = tx.office.company.founder
    if person.id == founder.id:
        board.say(
            tx, address, reader.words("I found nothing about that. /brain searches everything we know.")
        )
        return
    board.say(
        tx, address, reader.words("I do not know that. I have passed it on to {who}.", who=founder.name)
    )
    board.tell(
        tx,
        founder,
        lambda words: words(
            N_("{who} asks: “{text}”"), who=person.name, text=shorten(escape(message.text), 500)
        ),
    )
