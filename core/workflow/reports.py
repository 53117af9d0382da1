"""What people reported, written down: tickets, their reports and files, and what makes one worse."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import LOOPOS, Actor
from core.company.company import Company
from core.company.schema import Person
from core.context import Tx
from core.inbound import Edited, File, Hearing, Message, Unsent, room_of
from core.model import OPEN, Category, Event, Status, Triage
from core.outbox import card_publisher
from core.store.tables import Attachment, Report, Ticket, table
from core.stored_values import Judgement, judgement_of
from core.tickets.matching import Candidate, Match, match
from core.tickets.records import next_number, note
from core.triage.port import Speaker

LATE: Final = timedelta(hours=24)


def source_of(message: Message) -> dict[str, str]:
    return {
        "channel": message.channel,
        "conversation_id": message.conversation_id,
        "message_id": message.message_id,
        "kind": message.kind.value,
    }


def open_ticket(
    tx: Tx, message: Message, person_id: str, triage: Triage, *, understood: bool = True
) -> Ticket:
    """A new ticket with its first report. Nothing is decided yet."""
    judged = judgement_of(triage, not_understood=not understood, late=tx.now - message.at > LATE)
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


def of_message(tx: Tx, said: Message | Edited | Unsent) -> list[Report]:
    """The words of that message, on whichever tickets they stand."""
    every = tx.session.scalars(select(Report).where(Report.message_id == said.message_id[:200]))
    there = said.channel, room_of(said.conversation_id)
    return [one for one in every if (one.source["channel"], room_of(one.source["conversation_id"])) == there]


def report_from(
    tx: Tx, message: Message, person_id: str, triage: Triage, judged: Judgement | None = None
) -> Report:
    """One person's words, not yet on any ticket."""
    heard = message.heard
    said = message.written or message.text
    native = heard.text if heard is not None else said
    english = heard.english if heard is not None else ""
    return Report(
        reporter=person_id,
        at=tx.now,
        source=source_of(message),
        message_id=message.message_id[:200],
        raw_input=said,
        transcript_native=native,
        transcript_en=english or (native if triage.language == "en" else triage.english),
        language=triage.language,
        triage=judged or judgement_of(triage),
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
            category=judged.category.value,
            severity=judged.severity,
            risk_tags=[tag.value for tag in judged.risk_tags],
            language=report.language,
            source=report.source,
            reporter=report.reporter,
            raw_input=report.raw_input,
            transcript_native=report.transcript_native,
            transcript_en=report.transcript_en,
            triage=judged,
            knowledge=None,
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
    severity: int,
    excluding: str | None = None,
) -> Match | None:
    """The ticket that stands already for such a problem there, if any (W16)."""
    if property_id is None:
        return None
    rows = session.execute(
        select(Ticket.ticket_id, Ticket.status, Ticket.resolved_at, Ticket.severity)
        .where(
            Ticket.property_id == property_id,
            Ticket.category == category.value,
            Ticket.status.in_([*OPEN, Status.RESOLVED]),
            Ticket.ticket_id != (excluding or ""),
        )
        .order_by(Ticket.number.desc())
        .limit(10)
    ).all()
    said: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    words = select(Report.ticket_id, Report.at, Report.raw_input).where(
        Report.ticket_id.in_([row.ticket_id for row in rows])
    )
    for ticket_id, at, words_said in session.execute(words.order_by(Report.id)) if rows else ():
        said[ticket_id].append((at, words_said))
    candidates = [
        Candidate(
            row.ticket_id,
            property_id,
            category.value,
            row.status in OPEN,
            max(at for at, _ in said[row.ticket_id]),
            row.resolved_at,
            " ".join(words_said for _, words_said in said[row.ticket_id]),
            row.severity,
        )
        for row in rows
        if row.ticket_id in said
    ]
    return match(
        property_id, category, text, severity, candidates, now, timedelta(days=company.about.reopen_days)
    )


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
