"""The words of a report are known only now, or known better: a voice note that took its time, or was misheard."""

from __future__ import annotations

from core.actors import Actor
from core.context import Tx
from core.errors import Refused
from core.inbound import Hearing
from core.model import OPEN, URGENT, Category, Event, Triage
from core.store.tables import Report, Ticket
from core.stored_values import judgement_of
from core.team.people import reader_for
from core.text import escape
from core.tickets.records import answered_at, note
from core.workflow import corrections, filing, reports


def retell(tx: Tx, ticket: Ticket, report: Report, hearing: Hearing, triage: Triage, actor: Actor) -> None:
    """Put `hearing` on `report`, and what follows from it on its ticket. What nobody had understood is judged anew;
    an alarm that was understood once is never taken back by it."""
    note(tx, ticket, Event.CORRECTED, actor, edited={"old": report.raw_input, "new": hearing.text})
    report.raw_input = report.transcript_native = hearing.text
    report.transcript_en = hearing.english or (hearing.text if triage.language == "en" else triage.english)
    report.language = triage.language
    report.triage = judgement_of(triage)
    if ticket.status not in OPEN:
        return
    if triage.dangerous:
        reader = reader_for(tx, tx.services.company.person(report.reporter), triage.language)
        filing.warn(tx, answered_at(tx, report), reader, triage)
    tags = [tag.value for tag in triage.risk_tags]
    if report is not ticket.reports[0]:
        if reports.worsen(tx, ticket, triage.severity, tags, actor):
            filing.reassess(tx, ticket)
        return
    unknown = ticket.triage.not_understood
    ticket.raw_input = ticket.transcript_native = hearing.text
    ticket.transcript_en, ticket.triage = report.transcript_en, report.triage
    alarm = ticket.severity if ticket.severity >= URGENT and not unknown else 1
    ticket.risk_tags = tags if unknown else list(dict.fromkeys([*ticket.risk_tags, *tags]))
    found = {"severity": str(max(alarm, triage.severity)), "language": triage.language}
    if triage.category is not Category.OTHER:
        found["category"] = triage.category.value
    if triage.property_id is not None and ticket.status != "DISPATCHED":
        found["property"] = triage.property_id
    corrections.put_right(tx, ticket, actor, found)


def misheard(tx: Tx, ticket: Ticket, report: Report, actor: Actor, text: str) -> None:
    """Its speaker (or a lead) says what was really said. Raises Refused("nothing_said")."""
    words = escape(text).strip()
    if not words or words == report.raw_input:
        raise Refused("nothing_said")
    person = tx.services.company.person(report.reporter)
    triage = tx.services.baseline.judge(words, reports.speaker_of(person))
    report.heard = {**(report.heard or {}), "corrected_by": actor.person_id}
    retell(tx, ticket, report, Hearing(text=words), triage, actor)
