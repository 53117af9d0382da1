"""What the company learns from its tickets: after each that is resolved, and of all of them at night. It proposes; the
founder adopts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from core.actors import LOOPOS
from core.brain.distilling import ALIKE, NEWEST, WITHIN, Repair, alike, differs, distil
from core.company.skills import Skill
from core.context import Commit, Task, Tx
from core.i18n import N_
from core.model import SYSTEM, Category, Event, RunState, SkillStatus, Status
from core.outbox import card_publisher
from core.store.brain_tables import SkillRun, SkillVersion
from core.store.tables import HistoryRow, Ticket
from core.tickets.records import current_dispatch
from core.workflow import skill_trials, skill_versions
from core.workflow.skill_versions import LEARN

LAST_RUNS: Final = 5
FAILED: Final = 3
"""Of its last LAST_RUNS so many fell back, were corrected, came back or were rated badly: it does worse than drafting,
which a person looks at each time."""


def task() -> Task:
    """The job that is owed when a ticket was resolved."""
    return Task(
        LEARN, find=lambda session, some: some, run=_run, exhausted=lambda tx, args, why: None, slots=1
    )


async def _run(args: dict[str, Any], _found: Any) -> Commit:
    def commit(tx: Tx) -> None:
        propose_skill(tx, str(args["property"]), Category(args["category"]))
        demote(tx)

    return commit


# --- skills


def propose_skill(tx: Tx, property_id: str, category: Category) -> SkillVersion | None:
    """Put a skill before the founder where the last repairs of this kind there were alike, and he was not asked about
    these before."""
    company = tx.services.company
    place = company.place(property_id)
    like = alike(repairs(tx.session, property_id, category, tx.now), tx.now)
    if place is None or not like:
        return None
    made = distil(company, place, category, like, tx.now)
    if made is None:
        return None
    covers = [
        one
        for one in company.skills
        if category in one.trigger_conditions.category
        and (not one.trigger_conditions.property_id or property_id in one.trigger_conditions.property_id)
    ]
    if covers:
        made = made.model_copy(update={"skill_id": covers[-1].skill_id})
        if not differs(made, covers[-1]):
            return None
    before = skill_versions.versions(tx, made.skill_id)
    if any(row.status == SkillStatus.PROPOSED for row in before):
        return None
    since = max((row.decided_at or row.proposed_at for row in before), default=None)
    if since is not None and sum(one.at > since for one in like) < ALIKE:
        return None
    tried = skill_trials.tried(tx.session, company, made)
    evidence = {
        "tickets": [
            {"ticket_id": one.ticket_id, "at": one.at.isoformat(), "value": str(one.bill)} for one in like
        ],
        "saved": {**tried["saved"], "tickets": sum(one["would"] != "not" for one in tried["tickets"])},
    }
    return skill_versions.propose(tx, made, evidence, SYSTEM)


def repairs(session: Session, property_id: str, category: str, now: datetime) -> list[Repair]:
    """The newest NEWEST tickets of a kind at a place that were resolved, newest first."""
    wanted = (
        select(Ticket)
        .where(
            Ticket.property_id == property_id,
            Ticket.category == category,
            Ticket.status == Status.RESOLVED,
            Ticket.resolved_at > now - WITHIN,
        )
        .order_by(Ticket.resolved_at.desc())
        .limit(NEWEST)
        .options(selectinload(Ticket.dispatches), selectinload(Ticket.reports))
    )
    rows = session.scalars(wanted).all()
    came_back = set(
        session.scalars(
            select(HistoryRow.ticket_id).where(
                HistoryRow.ticket_id.in_([row.ticket_id for row in rows]),
                HistoryRow.event == Event.REOPENED.value,
            )
        )
    )
    return [_repair(row, row.ticket_id in came_back) for row in rows]


def _repair(ticket: Ticket, came_back: bool) -> Repair:
    dispatch = current_dispatch(ticket)
    sent = dispatch is not None and dispatch.authorized and not dispatch.doubtful
    steered = any(report.triage.steering for report in ticket.reports) or bool(ticket.triage.steering)
    assert ticket.resolved_at is not None
    return Repair(
        ticket_id=ticket.ticket_id,
        at=ticket.resolved_at,
        vendor_id=dispatch.vendor_id if dispatch is not None and sent else None,
        severity=ticket.severity,
        risk_tags=tuple(ticket.risk_tags),
        bill=dispatch.actual_cost_usd if dispatch is not None else None,
        rating=ticket.rating,
        teaches=not (came_back or steered or ticket.triage.late or ticket.triage.not_understood),
    )


def demote(tx: Tx) -> list[dict[str, Any]]:
    """Skills that did worse than drafting run no more, and the founder is told."""
    found = []
    for skill in tx.services.company.skills:
        failed = _failures(tx.session, skill)
        if failed < FAILED:
            continue
        skill_versions.roll_back(tx, skill.skill_id, LOOPOS, SkillStatus.DEMOTED)
        found.append({"id": skill.skill_id, "version": skill.version, "failed": failed})
        _tell_demoted(tx, f"{skill.skill_id} v{skill.version}", failed)
    return found


def _tell_demoted(tx: Tx, skill: str, failed: int) -> None:
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("The routine {skill} did not hold {count} of the last {of} times, so it no longer runs."),
            skill=skill,
            count=failed,
            of=LAST_RUNS,
        ),
    )


def _failures(session: Session, skill: Skill) -> int:
    """Of its last LAST_RUNS that are over; 0 while there are fewer."""
    wanted = (
        select(SkillRun.ticket_id, SkillRun.state, Ticket.rating)
        .join(Ticket, Ticket.ticket_id == SkillRun.ticket_id)
        .where(
            SkillRun.skill_id == skill.skill_id,
            SkillRun.version == skill.version,
            SkillRun.state.in_((RunState.DONE, RunState.FELL_BACK)),
        )
        .order_by(SkillRun.begun_at.desc())
        .limit(LAST_RUNS)
    )
    rows = session.execute(wanted).all()
    if len(rows) < LAST_RUNS:
        return 0
    back = set(
        session.scalars(
            select(HistoryRow.ticket_id).where(
                HistoryRow.ticket_id.in_([row.ticket_id for row in rows]),
                HistoryRow.event == Event.REOPENED.value,
            )
        )
    )
    return sum(
        row.state == RunState.FELL_BACK
        or row.ticket_id in back
        or (row.rating is not None and row.rating < 3)
        for row in rows
    )
