"""The company as it is now: what its files say, who joined, left or is on, and what the founder said yes to. Only looks, without
the ORM."""

from __future__ import annotations

from dataclasses import replace

from core.company.company import Company
from core.company.schema import Person
from core.store.rows import Rows
from core.team.learnt import adopted_rules, approved_skills, let_through


def company_now(rows: Rows, written: Company) -> Company:
    """`written` with everybody and everything that was decided in chat, and without what widens and waits for a yes."""
    skills, rules = approved_skills(rows, written), adopted_rules(rows, written)
    written, _ = let_through(rows, written)
    every = [Person.model_validate(one.person) for one in rows.rows("SELECT person FROM members")]
    accounts = rows.rows("SELECT channel, platform_id, person_id FROM identities")
    joined = {(one.channel, one.platform_id): one.person_id for one in accounts}
    covering = rows.rows("SELECT property_id, person_id FROM covers")
    covers = {one.property_id: one.person_id for one in covering}
    departed = {one.person_id for one in rows.rows("SELECT person_id FROM departures")}
    left = departed - {written.founder.id}
    members = [one for one in every if one.id not in left]
    company = written.without(left).with_roster(members, joined, covers)
    names = {one.id: one.name for one in every if one.id in left}
    return replace(company, former={**company.former, **names}, skills=skills, rules=rules)
