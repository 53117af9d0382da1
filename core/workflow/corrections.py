"""A person says that it was read wrongly: the ticket is put right, and the company's engine learns from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Actor
from core.context import Tx
from core.cost.ledger import reassign
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.model import LANGUAGES, OPEN, URGENT, Category, Event, QuestionKind, Role, Status
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store import deadlines
from core.store.tables import CorrectionRow, Ticket
from core.tickets.records import note
from core.triage.port import Corrected, Correction
from core.workflow import drafting, filing, gating, reports, skill_runs

DANGERS: Final = frozenset({Category.GAS_FIRE.value, Category.SAFETY_SECURITY.value})
LEARNT = "corrections"
"""The topic that is told when what was taught has changed."""


def correct(tx: Tx, ticket: Ticket, actor: Actor, said: Mapping[str, str]) -> None:
    """Take a person's word on some of category, severity, property and language; an empty value says nothing.

    Raises Refused("not_for_you" | "wrong_state" | "unknown_option" | "nothing_said")."""
    if ticket.status not in OPEN:
        raise Refused("wrong_state", status=ticket.status)
    now = _now(ticket)
    changes = {
        field: said[field] for field in get_args(Corrected) if said.get(field) and said[field] != now[field]
    }
    if not changes:
        raise Refused("nothing_said")
    for field, value in changes.items():
        _require_sensible(tx, ticket, actor, field, value)
    leads = _leads(tx, actor)
    for field, value in changes.items():
        tx.add(
            CorrectionRow(
                id=new_id(),
                at=tx.now,
                person_id=actor.person_id,
                channel=actor.channel,
                ticket_id=ticket.ticket_id,
                field=field,
                old=now[field],
                new=value,
                text=ticket.reports[0].raw_input,
                reviewed_by=actor.person_id if leads else None,
            )
        )
    if leads:
        tx.publish(LEARNT)
    else:
        _ask_for_a_look(tx, actor)
    note(
        tx,
        ticket,
        Event.CORRECTED,
        actor,
        **{field: {"old": now[field], "new": value} for field, value in changes.items()},
    )
    put_right(tx, ticket, actor, changes)


def _now(ticket: Ticket) -> dict[str, str]:
    return {
        "category": ticket.category,
        "severity": str(ticket.severity),
        "property": ticket.property_id or "",
        "language": ticket.language,
    }


def _require_sensible(tx: Tx, ticket: Ticket, actor: Actor, field: str, value: str) -> None:
    known = {
        "category": [one.value for one in Category],
        "severity": ["1", "2", "3", "4", "5"],
        "property": [place.id for place in tx.services.company.properties],
        "language": list(LANGUAGES),
    }
    if value not in known[field]:
        raise Refused("unknown_option")
    if field == "property" and ticket.status == Status.DISPATCHED:
        raise Refused("wrong_state", status=ticket.status)  # somebody is on the way to the other place
    if field == "severity" and ticket.severity >= URGENT > int(value) and not _leads(tx, actor):
        # Taking an alarm back is not for whoever raised it: somebody else has to have looked.
        raise Refused("not_for_you", who=tx.services.company.founder.name)


def _leads(tx: Tx, actor: Actor) -> bool:
    person = tx.services.company.person(actor.person_id)
    return person is not None and person.role in {Role.LEAD, Role.FOUNDER}


def _ask_for_a_look(tx: Tx, actor: Actor) -> None:
    """Once a day for each who corrects: one member's mistake must not become everybody's."""
    if not first_time(tx, f"correction:{actor.person_id}:{tx.now:%Y-%m-%d}"):
        return
    who = tx.services.company.name_of(actor.person_id)
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_(
                "{who} corrected how I read a message. It counts for that ticket; I learn it once you say so: /corrections"
            ),
            who=who,
        ),
    )


def put_right(tx: Tx, ticket: Ticket, actor: Actor, changes: Mapping[str, str]) -> None:
    """Make the ticket say `changes` (as `_now` names them) and look again at what was decided for it."""
    ticket.category = changes.get("category", ticket.category)
    ticket.severity = int(changes.get("severity", ticket.severity))
    ticket.language = changes.get("language", ticket.language)
    if "property" in changes:
        ticket.property_id = changes["property"]
        reassign(tx, ticket.ticket_id, changes["property"])
        for question in ticket.questions:
            if question.kind == QuestionKind.PROPERTY and question.answer is None:
                question.answer, question.answered_by = changes["property"], actor.person_id
                question.answered_at = tx.now
    if changes.keys() & {"category", "severity", "property"}:
        skill_runs.reconsider(tx, ticket)
    tx.session.flush()
    if ticket.status == Status.NEW and ticket.property_id is not None:
        deadlines.cancel(tx, ticket.ticket_id)
        filing.advance(tx, ticket, actor)
    elif ticket.status == Status.AWAITING_HUMAN and ticket.property_id is not None:
        # Drafted anew; what was asked stays asked, so nobody corrects his way around an approval.
        deadlines.cancel(tx, ticket.ticket_id)
        gating.put_forward(tx, ticket, drafting.write_draft(tx, ticket), keep_asking=True)
    elif ticket.status == Status.DISPATCHED and ticket.severity >= URGENT and "severity" in changes:
        filing.reassess(tx, ticket)


def judge_again(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    """Read the reporter's words once more, as the engine reads today; what was drafted is drafted and asked anew. An alarm is
    never taken back by it. Raises Refused("wrong_state")."""
    if ticket.status not in OPEN or ticket.status == Status.DISPATCHED:
        raise Refused("wrong_state", status=ticket.status)
    reporter = tx.services.company.person(ticket.reporter)
    judged = tx.services.baseline.judge(ticket.raw_input, reports.speaker_of(reporter))
    severity = max(judged.severity, ticket.severity if ticket.severity >= URGENT else 1)
    category = ticket.category if judged.category is Category.OTHER else judged.category.value
    note(tx, ticket, Event.TRIAGED, actor, again=True, category=category, severity=severity)
    put_right(tx, ticket, actor, {"category": category, "severity": str(severity)})


def taught(session: Session) -> list[Correction]:
    """Everything the company taught, somebody who leads looked at, and nobody took back, oldest first. Nothing is taught
    away from gas, fire and injuries."""
    rows = session.scalars(
        select(CorrectionRow)
        .where(CorrectionRow.undone_at.is_(None), CorrectionRow.reviewed_by.is_not(None))
        .order_by(CorrectionRow.id)
    )
    return [Correction(row.text, row.field, row.new) for row in rows if not _hushes(row)]  # type: ignore[arg-type]


def _hushes(row: CorrectionRow) -> bool:
    """It says that what was read as a danger is none: true of its ticket perhaps, never a lesson."""
    if row.field == "category":
        return row.old in DANGERS and row.new not in DANGERS
    return row.field == "severity" and row.old == "5"


def lately(tx: Tx, count: int = 10) -> list[CorrectionRow]:
    """What counts of the last corrections, newest first."""
    wanted = select(CorrectionRow).where(CorrectionRow.undone_at.is_(None))
    return list(tx.session.scalars(wanted.order_by(CorrectionRow.id.desc()).limit(count)))


def review(tx: Tx, row: CorrectionRow, actor: Actor) -> None:
    """It is right: learn it."""
    row.reviewed_by = actor.person_id
    tx.publish(LEARNT)


def undo(tx: Tx, row: CorrectionRow) -> None:
    """Take one correction back: it is kept, and no longer learnt from. The ticket stays as it is."""
    row.undone_at = tx.now
    tx.publish(LEARNT)
