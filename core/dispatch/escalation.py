"""Who is told when, if nobody acknowledges. Pure: steps and a moment in, pages owed out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from core.company.company import Company
from core.company.schema import Step
from core.dispatch.quiet_hours import next_working_moment
from core.model import Rank, Role
from core.stored_values import PlannedStep


@dataclass(frozen=True)
class Page:
    """A notification owed by a step, not before `at` (aware UTC)."""

    level: int
    step: PlannedStep
    at: datetime


def plan(
    company: Company, property_id: str | None, steps: Sequence[Step], wait: int | None = None
) -> list[PlannedStep]:
    """`steps` with names. A person who would be told twice is told once; a step that means nobody drops out;
    at least the founder is told. `wait` (seconds) replaces the wait of every step."""
    planned: list[PlannedStep] = []
    told: set[str] = set()
    for step in steps:
        person_id = _person_for(company, property_id, step.who)
        if person_id is None or person_id in told:
            continue
        told.add(person_id)
        planned.append(PlannedStep(step.who, person_id, timedelta(seconds=wait or step.wait)))
    if not planned:
        planned.append(PlannedStep("founder", company.founder.id, timedelta(seconds=wait or steps[-1].wait)))
    return planned


def _person_for(company: Company, property_id: str | None, who: Rank) -> str | None:
    assignee = company.on_site(property_id)
    match who:
        case "assignee":
            return assignee.id if assignee else None
        case "backup":
            return assignee.backup if assignee else None
        case "lead":
            return next((person.id for person in company.team if person.role is Role.LEAD), None)
        case "founder":
            return company.founder.id
        case _:
            assert_never(who)


def page_for(
    company: Company,
    steps: Sequence[PlannedStep],
    level: int,
    severity: int,
    now: datetime,
    unreachable: Collection[str] = (),
) -> Page | None:
    """The page that step `level` owes at `now`; None when the steps are spent. A person who cannot be reached
    is skipped (B31); one in quiet hours is told at their next working minute unless the severity
    pierces."""
    for at_level in range(level, len(steps)):
        step = steps[at_level]
        person = company.person(step.person_id)
        if person is None or step.person_id in unreachable:
            continue
        return Page(at_level, step, next_working_moment(person, now, severity))
    return None
