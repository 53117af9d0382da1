"""Whoever joins, leaves or is another's from now on."""

from __future__ import annotations

from sqlalchemy import select

from core.context import Tx
from core.store.session_rows import SessionRows
from core.store.tables import Departure, IdentityRow, Member
from core.store.unit import Unit
from core.team.company_now import company_now


def renew(tx: Tx) -> None:
    """Somebody joined or left, or somebody else is on: from the commit on, everybody sees it."""
    tx.session.flush()
    company = company_now(SessionRows(tx.session), tx.services.written)

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
