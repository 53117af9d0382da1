"""Who joined, and who leaves: the founder is told of every join and link with one tap to undo it; who leaves lets go of
everything at once, and whom they brought is asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.actors import LOOPOS, Actor
from core.cards.team import Joined, joined, left, settled, shall_stay
from core.company.schema import Person
from core.context import Commit, Services, Task, Tx
from core.errors import Refused
from core.i18n import N_
from core.model import Address, CardKind, OutboxStatus, Status
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.tables import CardCopy, Cover, Dispatch, IdentityRow, Member, OutboxRow, Ticket, table
from core.team import roster
from core.tickets.records import is_open, open_tickets
from core.workflow import dispatching

log = structlog.get_logger(__name__)

LEFT: Final = "left"
"""The job that settles what who left held."""


# --- joins and links


def tell_founder(tx: Tx, person: Person, channel: str, account: str, by: str, *, new: bool) -> None:
    """By a card on which one tap undoes it."""
    tx.session.flush()
    ways = card_publisher.readers_of(tx, tx.services.company.founder)
    about = Joined(person, channel, account, tx.services.company.name_of(by), new)
    card_publisher.post_own(
        tx, "joined", _subject(channel, account), partial(joined, about, tx.services.company), ways
    )


def _subject(channel: str, account: str) -> str:
    return hashlib.sha256(f"joined:{channel}:{account}".encode()).hexdigest()[:32]


def _close(tx: Tx, kind: CardKind, subject: str, text: str, **params: str) -> None:
    card_publisher.redraw_own(tx, kind, subject, partial(settled, text, params))


# --- leaving


def remove(tx: Tx, person_id: str, actor: Actor) -> None:
    """They lose every right at once. Raises Refused("unknown_person" | "not_founder")."""
    company = tx.services.company
    person = company.person(person_id)
    if person is None:
        raise Refused("unknown_person", name=person_id)
    if person.id == company.founder.id:
        raise Refused("not_founder")
    for channel, account in company.accounts_of(person):
        text = N_("{name} is of the team no more.")
        _close(tx, "joined", _subject(channel, account), text, name=person.name)
    fall_silent(tx, tx.services.addresses_of(person))
    roster.dismiss(tx, person.id, actor.person_id)
    _changed(tx)
    log.info("person_removed", person=person.id, by=actor.person_id)
    _close(tx, "brought", person.id, N_("{name} is of the team no more."), name=person.name)
    ways = card_publisher.readers_of(tx, company.founder)
    held = [one.ticket_id for one in open_tickets(tx) if _holds(one, person.id)]
    card_publisher.post_own(tx, "left", person.id, partial(left, person.name, held), ways)


def restore(tx: Tx, person_id: str) -> None:
    """The founder takes it back. Raises Refused("gone")."""
    if not roster.take_back(tx, person_id):
        raise Refused("gone")
    _changed(tx)
    name = tx.services.company.name_of(person_id)
    _close(tx, "left", person_id, N_("{name} is of the team again."), name=name)


def _holds(ticket: Ticket, person_id: str) -> bool:
    return any(one.acknowledged_by == person_id and not one.void for one in ticket.dispatches)


def fall_silent(tx: Tx, addresses: Iterable[Address]) -> None:
    """Nothing that was shown there is changed any more, and nothing that waits goes out: news are for the team."""
    tx.session.flush()
    copies, owed = table(CardCopy), table(OutboxRow)
    for one in addresses:
        tx.change(
            update(copies)
            .where(copies.c.channel == one.channel, copies.c.conversation_id == one.conversation_id)
            .values(message_ref=None)
        )
        tx.change(
            update(owed)
            .where(
                owed.c.channel == one.channel,
                owed.c.conversation_id == one.conversation_id,
                owed.c.status == OutboxStatus.PENDING,
            )
            .values(status=OutboxStatus.CANCELLED)
        )
    tx.session.expire_all()


def unlink(tx: Tx, channel: str, account: str, actor: Actor) -> None:
    """The account is nobody's. Raises Refused("unknown_account")."""
    person = tx.services.company.person_at(channel, account)
    fall_silent(tx, [Address(channel, account)])
    if not roster.unlink(tx, channel, account):
        raise Refused("unknown_account", channel=channel, account=account[:40])
    _changed(tx)
    log.info("account_removed", channel=channel, by=actor.person_id)
    name = person.name if person is not None else ""
    text = N_("Undone: that account is {name} no more.")
    _close(tx, "joined", _subject(channel, account), text, name=name)


def keep(tx: Tx, person_id: str) -> None:
    name = tx.services.company.name_of(person_id)
    _close(tx, "brought", person_id, N_("{name} stays."), name=name)


def _changed(tx: Tx) -> None:
    roster.renew(tx)
    owe(tx)


def owe(tx: Tx) -> None:
    """The team is another: what follows is done once everybody sees that."""
    tx.services.jobs.defer(tx, LEFT, {}, lane=LEFT)


class Leaving:
    """The job that settles what who left held."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def task(self) -> Task:
        return Task(LEFT, find=_nothing, run=self.run, exhausted=lambda tx, args, why: None, slots=1)

    async def run(self, args: dict[str, Any], _found: None) -> Commit:
        return settle


def _nothing(session: Session, some: list[dict[str, Any]]) -> list[None]:
    return [None for _ in some]


def settle(tx: Tx) -> None:
    """Whoever holds something and is of the team no more lets go of it; whom they brought is asked about."""
    company = tx.services.company
    held = select(Ticket).where(is_open(), Ticket.status == Status.DISPATCHED)
    for ticket in tx.session.scalars(held).all():
        for dispatch in ticket.dispatches:
            if not dispatch.void and dispatch.acknowledged and _is_gone(tx, dispatch):
                dispatching.give_back(tx, ticket, LOOPOS, why="left")
                break
    covers = table(Cover)
    there = [one.id for one in company.team]
    if tx.change(delete(covers).where(covers.c.person_id.not_in(there))):
        roster.renew(tx)
    for member in tx.session.scalars(select(Member).where(Member.added_by.not_in(there))).all():
        if company.person(member.person_id) is not None and first_time(
            tx, f"brought:{member.person_id}:{member.added_by}"
        ):
            _ask_about(tx, member)


def _is_gone(tx: Tx, dispatch: Dispatch) -> bool:
    return tx.services.company.person(dispatch.acknowledged_by) is None


def _ask_about(tx: Tx, member: Member) -> None:
    name = str(member.person.get("name", member.person_id))

    founder = card_publisher.readers_of(tx, tx.services.company.founder)
    card_publisher.post_own(
        tx, "brought", member.person_id, partial(shall_stay, name, member.added_by), founder
    )


def accounts(session: Session) -> dict[str, list[IdentityRow]]:
    """By person: the accounts that were let in through chat."""
    found: dict[str, list[IdentityRow]] = {}
    for row in session.scalars(select(IdentityRow).order_by(IdentityRow.added_at)):
        found.setdefault(row.person_id, []).append(row)
    return found
