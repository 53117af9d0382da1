"""Who belongs to the company today: team.json, and what was decided in chat (joined, linked, covering)."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.company.company import Company
from core.company.schema import Person
from core.context import Tx
from core.store.tables import Cover, IdentityRow, Member


def company_now(session: Session, written: Company) -> Company:
    """`written` with everybody and everything that was decided in chat."""
    members = [Person.model_validate(row.person) for row in session.scalars(select(Member))]
    joined = {(row.channel, row.platform_id): row.person_id for row in session.scalars(select(IdentityRow))}
    covers = {row.property_id: row.person_id for row in session.scalars(select(Cover))}
    return written.with_roster(members, joined, covers)


def renew(tx: Tx) -> None:
    """Somebody joined, or somebody else is on: from the commit on, everybody sees it."""
    tx.session.flush()
    company = company_now(tx.session, tx.services.written)

    def take_over() -> None:
        tx.services.company = company

    tx.on_commit(take_over)
