"""Who belongs to the company today: team.json, and what was decided in chat (joined, linked, covering, left); and which
of its skills were approved."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.company.company import Company
from core.company.schema import Person
from core.context import Tx
from core.store.tables import Cover, Departure, IdentityRow, Member
from core.store.unit import Unit
from core.team.learnt import adopted_rules, approved_skills, let_through


def company_now(session: Session, written: Company) -> Company:
    """`written` with everybody and everything that was decided in chat, and without what widens and waits for a yes."""
    skills, rules = approved_skills(session, written), adopted_rules(session, written)
    written, _ = let_through(session, written)
    every = [Person.model_validate(row.person) for row in session.scalars(select(Member))]
    joined = {(row.channel, row.platform_id): row.person_id for row in session.scalars(select(IdentityRow))}
    covers = {row.property_id: row.person_id for row in session.scalars(select(Cover))}
    left = set(session.scalars(select(Departure.person_id))) - {written.founder.id}
    members = [one for one in every if one.id not in left]
    company = written.without(left).with_roster(members, joined, covers)
    names = {one.id: one.name for one in every if one.id in left}
    return replace(company, former={**company.former, **names}, skills=skills, rules=rules)


def renew(tx: Tx) -> None:
    """Somebody joined or left, or somebody else is on: from the commit on, everybody sees it."""
    tx.session.flush()
    company = company_now(tx.session, tx.services.written)

    def take_over() -> None:
        tx.services.company = company

    tx.on_commit(take_over)


def dismiss(tx: Unit, person_id: str, by: str) -> None:
    """They are of the team no more, with every account of theirs. The caller renews what is known of the team."""
    if tx.get(Departure, person_id) is None:
        tx.add(Departure(person_id=person_id, by=by, at=tx.now))
    tx.session.flush()


def take_back(tx: Unit, person_id: str) -> bool:
    """They had not left after all. False where they had not."""
    row = tx.get(Departure, person_id)
    if row is None:
        return False
    tx.session.delete(row)
    tx.session.flush()
    return True


def unlink(tx: Unit, channel: str, account: str) -> bool:
    """The account is nobody's any more; a member who joined with it alone leaves with it. False where it was nobody's."""
    row = tx.get(IdentityRow, (channel, account))
    if row is None:
        return False
    person_id = row.person_id
    tx.session.delete(row)
    tx.session.flush()
    member = tx.get(Member, person_id)
    others = tx.session.scalar(select(IdentityRow.channel).where(IdentityRow.person_id == person_id).limit(1))
    if member is not None and others is None:
        tx.session.delete(member)
        tx.session.flush()
    return True
