"""What the company learns from its tickets: after each that is resolved, and of all of them at night. It proposes; the
founder adopts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from core.actors import LOOPOS
from core.brain.distilling import ALIKE, NEWEST, WITHIN, Repair, alike, differs, distil
from core.brain.naming import Named, name_of
from core.brain.patterns import LATE, TIMES, Corrected, Found, Seen, patterns
from core.company.company import Company
from core.company.rules import Rule
from core.company.skills import Skill
from core.context import Commit, Services, Store, Task, Tx
from core.dispatch.quiet_hours import next_working_moment
from core.i18n import N_
from core.model import SYSTEM, ApprovalStatus, Category, Event, RuleStatus, RunState, SkillStatus, Status
from core.outbox import card_publisher
from core.store.brain_tables import RuleRow, SkillRun, SkillVersion
from core.store.tables import CorrectionRow, HistoryRow, Ticket
from core.team.learnt import rule_from
from core.tickets.records import current_dispatch
from core.workflow import rules, skill_trials, skill_versions
from core.workflow.skill_versions import LEARN

Kind: TypeAlias = tuple[str, Category]
"""Of repairs: a property and what was wrong there."""
Names: TypeAlias = Mapping[Kind, Named]
NO_NAMES: Final[Names] = MappingProxyType({})
MAX_A_DAY: Final = 3
"""Proposals in a day: more would not be read."""
LAST_RUNS: Final = 5
FAILED: Final = 3
"""Of its last LAST_RUNS so many fell back, were corrected, came back or were rated badly: it does worse than drafting,
which a person looks at each time."""


class Learning:
    """The job that is owed when a ticket was resolved, and every night."""

    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store

    def task(self) -> Task:
        return Task(LEARN, find=lambda session, some: some, run=self._run, exhausted=lambda *_: None, slots=1)

    async def _run(self, args: dict[str, Any], _found: Any) -> Commit:
        if args.get("night"):
            company, now = self._services.company, self._services.clock.now()
            # What is read grows with the year: on a snapshot, where no writer waits for it.
            repeats = await self._store.read(lambda session: repeating(session, company, now))
            names = await routine_names(self._services, self._store)

            def at_night(tx: Tx) -> None:
                nightly(tx, repeats, names, held=True)

            return at_night
        place, kind = str(args["property"]), Category(args["category"])
        names = await routine_names(self._services, self._store, (place, kind))
        return lambda tx: _after(tx, place, kind, names)


async def routine_names(services: Services, store: Store, kind: Kind | None = None) -> Names:
    """What the routines that would be proposed now are called, where a model says so; of `kind`, or of all."""
    models, company, now = services.models, services.company, services.clock.now()
    if models is None:
        return NO_NAMES

    def planned(session: Session) -> list[tuple[Kind, Plan]]:
        kinds = [kind] if kind is not None else _repaired(session, now)
        found = ((one, plan_of(session, company, *one, now)) for one in kinds)
        return [(one, plan) for one, plan in found if plan is not None][:MAX_A_DAY]

    names = {}
    for one, plan in await store.read(planned):
        named = await name_of(plan.skill, plan.like, company, models, services.baseline)
        if named is not None:
            names[one] = named
    return names


def _after(tx: Tx, property_id: str, category: Category, names: Names) -> None:
    propose_skill(tx, property_id, category, names)
    demote(tx, [one for one in tx.services.company.skills if _covers(one, property_id, category)])


def _covers(skill: Skill, property_id: str, category: Category) -> bool:
    """A ticket of this kind at this place may have been a run of it."""
    where = skill.trigger_conditions
    return (not where.property_id or property_id in where.property_id) and (
        not where.category or category in where.category
    )


# --- at night


def repeating(session: Session, company: Company, now: datetime) -> list[Found]:
    """What repeats in the last year's tickets, most money first."""
    return patterns(company, seen(session, company, now), corrected(session, now), now)


def nightly(
    tx: Tx, repeats: Sequence[Found], names: Names = NO_NAMES, *, held: bool = False
) -> dict[str, Any]:
    """`{proposed, held_back, demoted, questioned, calls, usd}`: everything that repeats, at most MAX_A_DAY proposals in a day,
    rules first, most money first. `names`: of routines; `held`: what is found waits for the founder's quiet hours to end."""
    founder = tx.services.company.founder
    not_before = next_working_moment(founder, tx.now, 1) if held else None
    told: dict[str, Any] = {
        "proposed": [],
        "held_back": [],
        "demoted": demote(tx),
        "questioned": [],
        "calls": 0,
        "usd": "0",
    }
    rules.expire_all(tx)
    room = MAX_A_DAY - _proposed_lately(tx)
    for one in repeats:
        if not _is_news(tx, one.rule):
            continue
        if room <= 0:
            told["held_back"].append({"id": one.rule.rule_id, "why": f"{MAX_A_DAY} proposals a day"})
            continue
        row = rules.propose(tx, one.rule, not_before=not_before)
        if row is not None:
            room -= 1
            told["proposed"].append({"kind": "rule", "id": row.rule_id, "version": row.version})
            if one.rule.kind == "retire_memo":
                told["questioned"].append(one.rule.then.memo_id)
    for property_id, category in _repaired(tx.session, tx.now):
        if room <= 0:
            break
        made = propose_skill(tx, property_id, category, names, not_before)
        if made is not None:
            room -= 1
            told["proposed"].append({"kind": "skill", "id": made.skill_id, "version": made.version})
    return told


def _proposed_lately(tx: Tx) -> int:
    since = tx.now - timedelta(days=1)
    by_rule = select(func.count()).select_from(RuleRow)
    by_rule = by_rule.where(RuleRow.proposed_by == SYSTEM, RuleRow.proposed_at > since)
    by_skill = select(func.count()).select_from(SkillVersion)
    by_skill = by_skill.where(SkillVersion.proposed_by == SYSTEM, SkillVersion.proposed_at > since)
    return int(tx.session.scalar(by_rule) or 0) + int(tx.session.scalar(by_skill) or 0)


def _is_news(tx: Tx, rule: Rule) -> bool:
    """The founder was not asked about the same with this evidence: as much of it is newer than when he was."""
    wanted = select(RuleRow).where(RuleRow.kind == rule.kind, RuleRow.property_id == rule.when.property_id)
    if rule.kind == "code":
        wanted = wanted.where(RuleRow.rule_id.startswith(rule.rule_id))
    for row in tx.session.scalars(wanted):
        before = rule_from(row.content)
        if before.when != rule.when or (rule.kind == "retire_memo" and before.then != rule.then):
            continue
        if row.status == RuleStatus.PROPOSED or (row.status == RuleStatus.APPROVED and before.holds(tx.now)):
            return False
        asked = row.decided_at or row.proposed_at
        if sum(one.at > asked for one in rule.evidence) < TIMES:
            return False
    return True


def seen(session: Session, company: Company, now: datetime) -> list[Seen]:
    """Every repair of the last year: our own tickets, and what was imported."""
    since = now - WITHIN
    wanted = (
        select(Ticket)
        .where(Ticket.status == Status.RESOLVED, Ticket.resolved_at > since, Ticket.property_id.is_not(None))
        .options(
            selectinload(Ticket.dispatches), selectinload(Ticket.approvals), selectinload(Ticket.reports)
        )
    )
    rows = session.scalars(wanted).all()
    own = [_seen(row) for row in rows]
    imported = [
        Seen(
            id=one.id,
            imported=True,
            at=datetime.combine(one.resolved_on, time(12), UTC),
            property_id=one.property_id,
            category=one.category.value,
            vendor_id=one.vendor_id,
            bill=one.cost_usd,
        )
        for one in company.resolutions
    ]
    return [*own, *imported]


def _seen(ticket: Ticket) -> Seen:
    dispatch = current_dispatch(ticket)
    assert ticket.resolved_at is not None
    assert ticket.property_id is not None
    sent = dispatch is not None and dispatch.authorized and not dispatch.doubtful
    eta = dispatch.eta_iso if dispatch is not None else None
    approved = [one for one in ticket.approvals if one.status == ApprovalStatus.APPROVED]
    over = approved[-1] if approved and {r.code for r in approved[-1].reasons} == {"over_cap"} else None
    return Seen(
        id=ticket.ticket_id,
        imported=False,
        at=ticket.resolved_at,
        property_id=ticket.property_id,
        category=ticket.category,
        vendor_id=dispatch.vendor_id if dispatch is not None and sent else None,
        bill=dispatch.actual_cost_usd if dispatch is not None and sent else None,
        estimate=dispatch.cost_estimate_usd if dispatch is not None and sent else None,
        late=eta is not None and ticket.resolved_at - eta > LATE,
        over_cap=over.action.amount if over is not None else None,
        teaches=_teaches(ticket),
    )


def corrected(session: Session, now: datetime) -> list[Corrected]:
    """What was read as another kind of problem, in the last year."""
    wanted = select(CorrectionRow).where(
        CorrectionRow.field == "category",
        CorrectionRow.undone_at.is_(None),
        CorrectionRow.at > now - WITHIN,
    )
    return [
        Corrected(row.ticket_id or "", row.at, row.old, row.new) for row in session.scalars(wanted) if row.old
    ]


def _repaired(session: Session, now: datetime) -> list[Kind]:
    """Places and kinds with enough repairs to learn from."""
    wanted = (
        select(Ticket.property_id, Ticket.category)
        .where(Ticket.status == Status.RESOLVED, Ticket.resolved_at > now - WITHIN)
        .group_by(Ticket.property_id, Ticket.category)
        .having(func.count() >= ALIKE)
        .order_by(Ticket.property_id, Ticket.category)
    )
    return [(str(place), Category(kind)) for place, kind in session.execute(wanted) if place is not None]


# --- skills


@dataclass(frozen=True, slots=True)
class Plan:
    """A routine that may be proposed, and the repairs it is made of, newest first."""

    skill: Skill
    like: Sequence[Repair]


def propose_skill(
    tx: Tx,
    property_id: str,
    category: Category,
    names: Names = NO_NAMES,
    not_before: datetime | None = None,
) -> SkillVersion | None:
    """Put a skill before the founder where the last repairs of this kind there were alike, and he was not asked about
    these before."""
    company = tx.services.company
    plan = plan_of(tx.session, company, property_id, category, tx.now)
    if plan is None:
        return None
    named = names.get((property_id, category))
    made = named.on(plan.skill) if named is not None else plan.skill
    tried = skill_trials.tried(tx.session, company, made)
    evidence = {
        "tickets": [
            {"ticket_id": one.ticket_id, "at": one.at.isoformat(), "value": str(one.bill)}
            for one in plan.like
        ],
        "saved": {**tried["saved"], "tickets": sum(one["would"] != "not" for one in tried["tickets"])},
    }
    return skill_versions.propose(tx, made, evidence, SYSTEM, not_before)


def plan_of(
    session: Session, company: Company, property_id: str, category: Category, now: datetime
) -> Plan | None:
    """None where nothing is alike, it would do what one in force does, or the founder was asked about these repairs."""
    place = company.place(property_id)
    like = alike(repairs(session, property_id, category, now), now)
    if place is None or not like:
        return None
    made = distil(company, place, category, like, now)
    if made is None:
        return None
    covers = [
        one
        for one in company.skills
        if list(one.trigger_conditions.category) == [category]
        and list(one.trigger_conditions.property_id) == [property_id]
    ]
    if covers:
        made = made.model_copy(update={"skill_id": covers[-1].skill_id})
        if not differs(made, covers[-1]) and not _outgrown(session, made, covers[-1]):
            return None
    before = skill_versions.versions(session, made.skill_id)
    if any(row.status == SkillStatus.PROPOSED for row in before):
        return None
    since = max((row.decided_at or row.proposed_at for row in before), default=None)
    if since is not None and sum(one.at > since for one in like) < ALIKE:
        return None
    return Plan(made, like)


def _outgrown(session: Session, new: Skill, old: Skill) -> bool:
    """The prices went past what `old` may spend: it was left for that, and would be again each time."""
    left = select(SkillRun.ticket_id).where(
        SkillRun.skill_id == old.skill_id,
        SkillRun.version == old.version,
        SkillRun.state == RunState.FELL_BACK,
        SkillRun.reason.startswith("over_cap"),
    )
    return new.auth_cap_usd > old.auth_cap_usd and session.scalar(left.limit(1)) is not None


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
    assert ticket.resolved_at is not None
    return Repair(
        ticket_id=ticket.ticket_id,
        at=ticket.resolved_at,
        vendor_id=dispatch.vendor_id if dispatch is not None and sent else None,
        severity=ticket.severity,
        risk_tags=tuple(ticket.risk_tags),
        bill=dispatch.actual_cost_usd if dispatch is not None else None,
        rating=ticket.rating,
        teaches=_teaches(ticket) and not came_back,
    )


def _teaches(ticket: Ticket) -> bool:
    """Nobody tried to give orders in it, it was not late, and somebody understood it."""
    steered = any(report.triage.steering for report in ticket.reports) or bool(ticket.triage.steering)
    return not (steered or ticket.triage.late or ticket.triage.not_understood)


def demote(tx: Tx, skills: Iterable[Skill] | None = None) -> list[dict[str, Any]]:
    """Of `skills` (None: of all) those that did worse than drafting run no more, and the founder is told."""
    found = []
    for skill in list(tx.services.company.skills if skills is None else skills):
        failed = _failures(tx.session, skill)
        if failed < FAILED:
            continue
        row = skill_versions.find(tx, skill.skill_id)
        if (row.status, row.version) != (SkillStatus.APPROVED, skill.version):
            continue  # somebody was faster
        skill_versions.roll_back(tx, skill.skill_id, LOOPOS, SkillStatus.DEMOTED, skill.version)
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
        select(SkillRun.ticket_id, SkillRun.state, SkillRun.reason, Ticket.rating)
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
        # That nobody took the job says nothing of the routine: a drafted one would have waited as well.
        (row.state == RunState.FELL_BACK and row.reason != "no_acknowledgement")
        or row.ticket_id in back
        or (row.rating is not None and row.rating < 3)
        for row in rows
    )
