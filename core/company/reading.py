"""Who may read what, the same on every surface: tickets the whole team (they stand in for each other); of the Brain what is
general or of one's places; costs the founder, and leads for their places; how to get in who has the job, leads, the founder."""

from __future__ import annotations

from core.company.company import Company
from core.company.schema import Person
from core.model import Role


def places_of(company: Company, person: Person) -> frozenset[str]:
    """The properties that are somebody's: named with them, or covered by them now."""
    covered = {place for place, who in company.covers.items() if who == person.id}
    return frozenset({*person.properties, *covered})


def brain_places(company: Company, person: Person | None) -> frozenset[str] | None:
    """Of which properties somebody reads memos, past repairs and bills, besides what is general; None: of all."""
    if person is None:
        return frozenset()
    return places_of(company, person) if person.role is Role.OPS else None


def cost_places(company: Company, person: Person | None) -> frozenset[str] | None:
    """Of which properties somebody sees costs, budgets and statements; None: of all, and of the house."""
    if person is None or person.role is Role.OPS:
        return frozenset()
    return places_of(company, person) if person.role is Role.LEAD else None
