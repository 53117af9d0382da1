"""From an understood message to a ticket that is on its way: file it, ask what is missing, draft, gate."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from core import phrases
from core.actors import LOOPOS, Actor, Reader
from core.company.company import Company
from core.company.schema import Person
from core.context import Tx
from core.dispatch.draft import Reason
from core.dispatch.gate import NeedsHuman
from core.ids import new_id
from core.inbound import File, Hearing, Message
from core.model import OPEN, Category, Event, RiskTag, Status, Triage
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Attachment, Question, Report, Ticket, table
from core.team.people import reader_for
from core.tickets.matching import Candidate, Match, match
from core.tickets.records import current_dispatch, move, next_number, note
from core.triage.port import Speaker
from core.workflow import approvals, dispatching, drafting

URGENT: Final = 4
LATE: Final = timedelta(hours=24)
WATERY: Final = frozenset({Category.HVAC_LEAK, Category.PLUMBING_LEAK, Category.PLUMBING_BLOCKAGE})
HOMELY: Final = frozenset(
    {*WATERY, Category.HVAC_FAILURE, Category.ELECTRICAL, Category.PEST, Category.APPLIANCE}
)


def source_of(message: Message) -> dict[str, str]:
    return {
        "channel": message.channel,
        "conversation_id": message.conversation_id,
        "message_id": message.message_id,
        "kind": message.kind.value,
    }


def triage_json(triage: Triage) -> dict[str, Any]:
    data = asdict(triage)
    del data["english"]  # words of a person: they stand on the report, where they can be erased
    return {
        **data,
        "risk_tags": [tag.value for tag in triage.risk_tags],
        "steering": list(triage.steering),
        "fallback": list(triage.fallback),
    }


def open_ticket(
    tx: Tx, message: Message, person_id: str, triage: Triage, *, understood: bool = True
) -> Ticket:
    """A new ticket with its first report. Nothing is decided yet."""
    judged = {**triage_json(triage), **({} if understood else {"not_understood": True})}
    if tx.now - message.at > LATE:
        judged["late"] = True
    ticket = ticket_from(tx, report_from(tx, message, person_id, triage, judged), triage.property_id)
    note(
        tx,
        ticket,
        Event.RECEIVED,
        Actor(person_id, message.channel),
        kind=message.kind.value,
        message_id=message.message_id,
    )
    note(tx, ticket, Event.FILED, LOOPOS)
    _note_fallback(tx, ticket, triage)
    for file in message.files:
        attach(ticket, file, message.message_id)
    return ticket


def speaker_of(person: Person | None) -> Speaker:
    return Speaker(tuple(person.languages), tuple(person.properties)) if person else Speaker((), ())


def report_from(
    tx: Tx, message: Message, person_id: str, triage: Triage, judged: dict[str, Any] | None = None
) -> Report:
    """One person's words, not yet on any ticket."""
    heard = message.heard
    native = heard.text if heard is not None else message.text
    english = heard.english if heard is not None else ""
    return Report(
        reporter=person_id,
        at=tx.now,
        source=source_of(message),
        raw_input=message.text,
        transcript_native=native,
        transcript_en=english or (native if triage.language == "en" else triage.english),
        language=triage.language,
        triage=judged or triage_json(triage),
        heard=heard_json(heard) if heard is not None else None,
    )


def heard_json(heard: Hearing) -> dict[str, Any]:
    return {
        "engine": heard.engine,
        "seconds": heard.seconds,
        **({"error": heard.trouble} if heard.trouble else {}),
    }


def copy_of(report: Report) -> Report:
    """The same words for another ticket."""
    names = {column.name for column in table(Report).columns} - {"id", "ticket_id", "split_to"}
    return Report(**{name: getattr(report, name) for name in names})


def ticket_from(tx: Tx, report: Report, property_id: str | None) -> Ticket:
    """A NEW ticket about what `report` says, with that report on it."""
    number = next_number(tx)
    judged = report.triage
    ticket = tx.add(
        Ticket(
            ticket_id=f"T-{number}",
            number=number,
            property_id=property_id,
            status=Status.NEW.value,
            category=judged["category"],
            severity=judged["severity"],
            risk_tags=judged["risk_tags"],
            language=report.language,
            source=report.source,
            reporter=report.reporter,
            raw_input=report.raw_input,
            transcript_native=report.transcript_native,
            transcript_en=report.transcript_en,
            triage=judged,
            knowledge={},
            matched_voice_memo_ids=[],
            matched_historical_ids=[],
            facts={},
            cost_usd=Decimal(0),
            created_at=tx.now,
            # Empty because it is new: nothing has to be looked up.
            reports=[report],
            dispatches=[],
            attachments=[],
            history=[],
            approvals=[],
            questions=[],
        )
    )
    card_publisher.nothing_shown(tx, ticket.ticket_id)
    tx.session.flush()
    return ticket


def add_report(tx: Tx, ticket: Ticket, message: Message, person_id: str, triage: Triage) -> Report:
    report = report_from(tx, message, person_id, triage)
    ticket.reports.append(report)
    _note_fallback(tx, ticket, triage)
    for file in message.files:
        attach(ticket, file, message.message_id)
    tx.session.flush()
    return report


def _note_fallback(tx: Tx, ticket: Ticket, triage: Triage) -> None:
    """A model should have read it, and did not."""
    if triage.fallback:
        why, *tried = triage.fallback
        note(tx, ticket, Event.FALLBACK, LOOPOS, tier="fast", why=why, tried=tried)


def attach(ticket: Ticket, file: File, message_id: str | None = None) -> None:
    ticket.attachments.append(
        Attachment(
            ticket_id=ticket.ticket_id,
            kind=file.kind.value,
            media_type=file.media_type,
            bytes=file.bytes,
            sha256=file.sha256,
            path=file.path,
            message_id=message_id,
        )
    )


def is_kept(session: Session, file: File) -> bool:
    """Some ticket holds a file of these very bytes."""
    return session.scalar(select(Attachment.id).where(Attachment.sha256 == file.sha256).limit(1)) is not None


def known_problem(
    session: Session,
    now: datetime,
    company: Company,
    property_id: str | None,
    category: Category,
    text: str,
    excluding: str | None = None,
) -> Match | None:
    """The ticket that stands already for such a problem there, if any (WANTED W16)."""
    rows = session.scalars(
        select(Ticket)
        .where(
            Ticket.property_id == property_id,
            Ticket.category == category.value,
            Ticket.status.in_([*OPEN, Status.RESOLVED]),
            Ticket.ticket_id != (excluding or ""),
        )
        .order_by(Ticket.number.desc())
        .limit(10)
        .options(selectinload(Ticket.reports))
    )
    candidates = [
        Candidate(
            t.ticket_id,
            t.property_id,
            t.category,
            t.status in OPEN,
            max(r.at for r in t.reports),
            t.resolved_at,
            " ".join(r.raw_input for r in t.reports),
        )
        for t in rows
        if t.reports
    ]
    return match(property_id, category, text, candidates, now, timedelta(days=company.about.reopen_days))


# --- the way on


def advance(tx: Tx, ticket: Ticket, actor: Actor = LOOPOS, thought: drafting.Thought | None = None) -> bool:
    """Take a NEW ticket as far as it can go by itself: ask, or draft and gate, then dispatch or ask the
    founder. Where a model can help it is asked first, by a job that comes back here with its `thought`: then False."""
    assert ticket.status == Status.NEW
    if ticket.property_id is None:
        _ask_property(tx, ticket)
        card_publisher.refresh(tx, ticket)
        return True
    if thought is None and drafting.needs_thought(tx, ticket):
        drafting.think_first(tx, ticket)
        card_publisher.refresh(tx, ticket)
        return False
    dispatch = drafting.write_draft(tx, ticket, thought=thought)
    tx.session.flush()
    judged = {
        "category": ticket.category,
        "severity": ticket.severity,
        "engine": ticket.triage.get("engine", ""),
    }
    outcome = drafting.gate(tx, ticket, dispatch)
    reasons = [reason.to_json() for reason in outcome.reasons]
    _ask_facts(tx, ticket)
    if isinstance(outcome, NeedsHuman):
        note(tx, ticket, Event.TRIAGED, LOOPOS, **judged)
        move(tx, ticket, Event.GATED, LOOPOS, authorised=False, reasons=reasons)
        approvals.request(tx, ticket, dispatch, outcome.reasons)
    else:
        move(tx, ticket, Event.TRIAGED, LOOPOS, **judged)
        note(tx, ticket, Event.GATED, LOOPOS, authorised=True, reasons=[])
        dispatching.start(tx, ticket, dispatch, LOOPOS)
    card_publisher.refresh(tx, ticket)
    return True


def reassess(tx: Tx, ticket: Ticket) -> None:
    """The ticket became worse, or a fact came in: what was decided is looked at again."""
    if ticket.status == Status.NEW:
        advance(tx, ticket)
        return
    if ticket.status == Status.AWAITING_HUMAN:
        dispatch = current_dispatch(ticket)
        if dispatch is not None:
            approvals.request(tx, ticket, dispatch, drafting.gate(tx, ticket, dispatch).reasons)
    elif ticket.status == Status.DISPATCHED and ticket.severity >= URGENT:
        # Somebody is on the way already; the founder must know that it is worse than when it was authorised.
        founder = tx.services.company.founder
        card_publisher.show(tx, "ticket", ticket, card_publisher.readers_of(tx, founder), again=True)
        note(tx, ticket, Event.NOTIFIED, LOOPOS, who=founder.id, worse=True)
    card_publisher.refresh(tx, ticket)


def worsen(tx: Tx, ticket: Ticket, severity: int, tags: list[str], actor: Actor) -> bool:
    """Raise severity and add risks; never lower. True if anything changed."""
    merged = list(dict.fromkeys([*ticket.risk_tags, *tags]))
    if severity <= ticket.severity and merged == ticket.risk_tags:
        return False
    old = ticket.severity
    ticket.severity = max(old, severity)
    ticket.risk_tags = merged
    note(tx, ticket, Event.CORRECTED, actor, severity={"old": old, "new": ticket.severity}, risk_tags=merged)
    return True


# --- danger first


def emergency_text(tx: Tx, reader: Reader, triage: Triage) -> str:
    """What to do at once, with the country's number. From a table: no model, no waiting."""
    place = tx.services.company.place(triage.property_id)
    numbers = tx.services.emergency.get(place.country if place else "") or tx.services.emergency[""]
    order = (
        RiskTag.GAS_RISK,
        RiskTag.FIRE_RISK,
        RiskTag.INJURY,
        RiskTag.SECURITY_RISK,
        RiskTag.ELECTRICAL_RISK,
        RiskTag.WATER_DAMAGE,
    )
    hazard = next((tag.value for tag in order if tag in triage.risk_tags), "")
    return reader.words(phrases.EMERGENCY[hazard], fire=numbers["fire_medical"], police=numbers["police"])


# --- asking what is missing, one tap each


def _ask_property(tx: Tx, ticket: Ticket) -> None:
    person = tx.services.company.person(ticket.reporter)
    own = list(person.properties) if person else []
    rest = [place.id for place in tx.services.company.properties if place.id not in own]
    if not any(question.kind == "property" and question.answer is None for question in ticket.questions):
        _ask(tx, ticket, "property", [*own, *rest])
    deadlines.cancel(tx, ticket.ticket_id)
    seconds = tx.services.company.escalation.question_seconds
    deadlines.schedule(tx, "question_silent", ticket.ticket_id, tx.now + timedelta(seconds=seconds))
    if ticket.severity >= URGENT or ticket.triage.get("not_understood"):
        _tell_founder_property_missing(tx, ticket)


def _ask_facts(tx: Tx, ticket: Ticket) -> None:
    """Water near power? A guest inside? Only where the answer matters and the words did not give it. Who
    opens the door is asked once it is known that no guest can."""
    if ticket.category in WATERY and RiskTag.ELECTRICAL_RISK not in ticket.risk_tags:
        ask_fact(tx, ticket, "near_power")
    if ticket.category in HOMELY and RiskTag.GUEST_ANGRY not in ticket.risk_tags:
        ask_fact(tx, ticket, "guest_inside")


def ask_fact(tx: Tx, ticket: Ticket, kind: str, of: str | None = None) -> None:
    """Ask one of phrases.CHOICES, once per ticket; `of` somebody else than its reporter."""
    if all(question.kind != kind for question in ticket.questions):
        _ask(tx, ticket, kind, list(phrases.CHOICES[kind]), of=of)


def _ask(
    tx: Tx, ticket: Ticket, kind: str, options: list[str], text: str = "", of: str | None = None
) -> None:
    ticket.questions.append(
        Question(
            id=new_id(),
            ticket_id=ticket.ticket_id,
            kind=kind,
            person_id=of or ticket.reporter,
            channel=ticket.source["channel"],
            conversation_id=ticket.source["conversation_id"],
            text=text,
            options=options,
            created_at=tx.now,
        )
    )


def ask_reopen(tx: Tx, ticket: Ticket, old: Ticket) -> None:
    """A problem like one resolved lately: the same again, or a new one (WANTED W16)?"""
    _ask(tx, ticket, "reopen", ["reopen", "new"], text=old.ticket_id)
    seconds = tx.services.company.escalation.question_seconds
    deadlines.schedule(tx, "question_silent", ticket.ticket_id, tx.now + timedelta(seconds=seconds))


def _tell_founder_property_missing(tx: Tx, ticket: Ticket, *, again: bool = False) -> None:
    founder = tx.services.company.founder
    card_publisher.show(tx, "ticket", ticket, card_publisher.readers_of(tx, founder), again=again)
    note(tx, ticket, Event.NOTIFIED, LOOPOS, who=founder.id, why="property_unknown")


def on_question_silent(tx: Tx, deadline: Due) -> None:
    """Nobody answered. A reopen question counts as "new"; without a property the founder has to look."""
    ticket = tx.get(Ticket, deadline.subject)
    if ticket is None or ticket.status != Status.NEW:
        return
    for question in ticket.questions:
        if question.answer is None and question.kind == "reopen":
            question.answer, question.answered_by, question.answered_at = "new", LOOPOS.person_id, tx.now
    if ticket.property_id is not None:
        advance(tx, ticket)
        return
    move(
        tx, ticket, Event.GATED, LOOPOS, authorised=False, reasons=[Reason("property_unknown", {}).to_json()]
    )
    _tell_founder_property_missing(tx, ticket)
    times = tx.services.company.escalation
    deadlines.schedule(
        tx, "place_remind", ticket.ticket_id, tx.now + timedelta(seconds=times.approval_remind_seconds)
    )
    deadlines.schedule(
        tx, "place_lapse", ticket.ticket_id, tx.now + timedelta(seconds=times.approval_lapse_seconds)
    )
    card_publisher.refresh(tx, ticket)


def _still_without_place(tx: Tx, deadline: Due) -> Ticket | None:
    ticket = tx.get(Ticket, deadline.subject)
    if ticket is None or ticket.status != Status.AWAITING_HUMAN or ticket.property_id is not None:
        return None
    return ticket


def on_place_remind(tx: Tx, deadline: Due) -> None:
    ticket = _still_without_place(tx, deadline)
    if ticket is not None:
        _tell_founder_property_missing(tx, ticket, again=True)


def on_place_lapse(tx: Tx, deadline: Due) -> None:
    """Nobody ever said where it is: it lapses, which is not a no, and can be reopened."""
    ticket = _still_without_place(tx, deadline)
    if ticket is not None:
        move(tx, ticket, Event.LAPSED, LOOPOS, why="property_unknown")
        card_publisher.refresh(tx, ticket)


def reader_of(tx: Tx, person_id: str, language: str | None = None) -> Reader:
    return reader_for(tx, tx.services.company.person(person_id), language)
