"""Takes the steps of a skill, each an act of the one table, each in the ticket's history once.

Level-triggered: whenever something about a ticket with a skill at work was written, what is to be done now is done at the
end of that unit of work, and committed with it. After a kill -9 there is either all of that or nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, assert_never

from core.actors import LOOPOS, ROUTINE
from core.acts import commands as do
from core.acts.commands import Command
from core.acts.table import perform
from core.company import skills
from core.company.skills import Skill, Step
from core.context import Tx
from core.dispatch.draft import cap_for
from core.errors import Refused
from core.model import Event, Status
from core.skills.interpreter import FallBack, Finish, Seen, Skip, Stop, Take, Wait, following
from core.store import deadlines
from core.store.brain_tables import SkillRun
from core.store.deadlines import Due
from core.store.tables import Ticket
from core.tickets.records import current_dispatch, find_ticket, note
from core.workflow import filing, skill_runs, standing_orders

TIMER: Final = "skill_wait"


def go_on_later(tx: Tx, ticket_id: str) -> None:
    """Look at the end of this unit of work what a skill at work on the ticket is to do now."""
    tx.before_commit(f"skill:{ticket_id}", lambda: go_on(tx, ticket_id))


def go_on(tx: Tx, ticket_id: str) -> None:
    """Every step that can be taken now."""
    ticket = find_ticket(tx, ticket_id)
    while (run := skill_runs.run_of(tx, ticket)) is not None:
        skill = skill_runs.at_work(tx.services.company, ticket)
        if skill is None:
            skill_runs.stop(tx, ticket, "not_approved")
            _as_without_it(tx, ticket)
            return
        match following(skill, run.following, seen(tx, ticket, skill, run)):
            case Take(step):
                _take(tx, ticket, skill, run, step)
            case Skip(reason):
                _journal(tx, ticket, skill, run, "skipped", reason)
            case FallBack(why, key):
                skill_runs.fall_back(tx, ticket, why, key)
                _as_without_it(tx, ticket)
            case Stop(reason):
                skill_runs.stop(tx, ticket, reason)
            case Finish():
                skill_runs.finish(tx, ticket)
            case Wait():
                _wait(tx, ticket, skill, run)
                return
            case never:
                assert_never(never)


def on_waited(tx: Tx, deadline: Due) -> None:
    """The time that a skill gives for somebody to take the job is over."""
    ticket = find_ticket(tx, deadline.subject)
    run = skill_runs.run_of(tx, ticket)
    if run is not None:
        run.waited_out = True
        go_on_later(tx, ticket.ticket_id)


def seen(tx: Tx, ticket: Ticket, skill: Skill, run: SkillRun) -> Seen:
    company = tx.services.company
    place, vendor = company.place(ticket.property_id), company.vendor(skill.vendor_id)
    facts = skill_runs.facts_of(tx, ticket, skill)
    knowledge = skill_runs.knowledge_for(tx, ticket, skill)
    avoided = {one.then.vendor_id for one in knowledge.rules if one.kind == "avoid_vendor"}
    here = place is not None and vendor is not None and company.reaches(vendor, place.id)
    cap = cap_for(place, vendor, knowledge) if place is not None else None
    dispatch = current_dispatch(ticket)
    return Seen(
        facts,
        Status(ticket.status),
        here and skill.vendor_id not in avoided,
        _within(tx, ticket, skill, facts.estimate_usd, cap),
        sent=dispatch is not None and dispatch.authorized,
        acknowledged=dispatch is not None and dispatch.acknowledged,
        waited_out=run.waited_out,
    )


def _within(tx: Tx, ticket: Ticket, skill: Skill, estimate: Decimal | None, cap: Decimal | None) -> bool:
    """Within the caps, or within what the founder has said yes to beforehand."""
    if estimate is None or cap is None:
        return False
    return estimate <= cap or standing_orders.allows(tx, ticket, skill.vendor_id, estimate)


def _take(tx: Tx, ticket: Ticket, skill: Skill, run: SkillRun, step: Step) -> None:
    # The step counts as taken before it is: what it writes asks again what is to be done.
    at, run.following = run.following, run.following + 1
    try:
        with tx.nested():
            outcome = perform(tx, ROUTINE, command_of(ticket, skill, step)) or "done"
    except Refused as refused:
        _write(tx, ticket, skill, at, "failed", refused.code)
        skill_runs.fall_back(tx, ticket, "condition", refused.code)
        _as_without_it(tx, ticket)
        return
    _write(tx, ticket, skill, at, outcome)


def command_of(ticket: Ticket, skill: Skill, step: Step) -> Command:
    """The act that `step` is."""
    about = ticket.ticket_id
    match step:
        case skills.NotifyReporter():
            return do.TellReporter(about, _said(step.args.text))
        case skills.AskReporter():
            return do.AskInWords(about, _said(step.args.text))
        case skills.DispatchVendor():
            return do.SendVendor(about, skill.vendor_id or "")
        case skills.NotifyGuest():
            return do.TellGuest(about, _said(step.args.text))
        case skills.OfferCompensation():
            return do.OfferCompensation(about, step.args.up_to_usd, _said(step.args.text))
        case skills.WaitAcknowledgement():
            return do.NoteAcknowledgement(about)
        case skills.FollowUp():
            return do.PlanFollowUp(about)
        case skills.Check():
            return do.AskWhetherItHolds(about, _said(step.args.text))
        case skills.Escalate():
            return do.Escalate(about, step.args.to)
        case skills.Close():
            return do.AskWhetherDone(about)
    assert_never(step)


def _said(text: skills.Text | None) -> tuple[tuple[str, str], ...]:
    """(language, words), ("", key) for one of ours."""
    if text is None:
        return ()
    return tuple(text.items()) if isinstance(text, dict) else (("", text.value),)


def _journal(tx: Tx, ticket: Ticket, skill: Skill, run: SkillRun, outcome: str, reason: str = "") -> None:
    at, run.following = run.following, run.following + 1
    _write(tx, ticket, skill, at, outcome, reason)


def _write(tx: Tx, ticket: Ticket, skill: Skill, at: int, outcome: str, reason: str = "") -> None:
    detail: dict[str, Any] = {
        "skill_id": skill.skill_id,
        "version": skill.version,
        "n": at + 1,
        "do": skill.workflow_steps[at].do,
        "outcome": outcome,
        **({"reason": reason} if reason else {}),
    }
    note(tx, ticket, Event.SKILL_STEP, LOOPOS, **detail)


def _as_without_it(tx: Tx, ticket: Ticket) -> None:
    """Nobody was sent yet: it is drafted as a ticket is without a skill."""
    if ticket.status == Status.NEW:
        filing.advance(tx, ticket)


def _wait(tx: Tx, ticket: Ticket, skill: Skill, run: SkillRun) -> None:
    """The time for somebody to take the job begins once the vendor may be sent."""
    step = skill.workflow_steps[run.following]
    dispatch = current_dispatch(ticket)
    if not isinstance(step, skills.WaitAcknowledgement) or dispatch is None or not dispatch.authorized:
        return
    if not deadlines.pending(tx, ticket.ticket_id, TIMER):
        seconds = step.args.seconds or sum(one.wait.total_seconds() for one in dispatch.steps)
        deadlines.schedule(tx, TIMER, ticket.ticket_id, tx.now + timedelta(seconds=seconds))
