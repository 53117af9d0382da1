"""What could not be brought to where it belongs: another way is taken, and the founder hears why."""

from __future__ import annotations

import structlog
from sqlalchemy import select

from core.cards.card import Card
from core.company.schema import Person
from core.context import Tx
from core.errors import AskHuman, LoopOSError, QuotaSpent, ShapeRefused
from core.i18n import N_
from core.model import Address, ApprovalStatus, OutboxStatus
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.tables import CardCopy, CardRow, OutboxRow, Ticket
from core.team.people import reader_for
from core.tickets.records import latest_approval
from core.workflow import dispatching, offer_answers

log = structlog.get_logger(__name__)


def give_up(tx: Tx, row: OutboxRow, error: LoopOSError) -> None:
    """`row` will never arrive there (or nobody knows whether it did)."""
    row.status, row.error, row.attempt_key = OutboxStatus.DEAD, str(error)[:300], None
    log.error("undeliverable", outbox=row.id, channel=row.channel, why=str(error)[:160])
    address = Address(row.channel, row.conversation_id)
    copy = tx.get(CardCopy, row.copy_id) if row.copy_id else None
    card = tx.get(CardRow, copy.card_id) if copy is not None else None
    if card is not None and card.kind == "offer":
        offer_answers.not_reached(tx, str(card.subject), unknown=isinstance(error, AskHuman))
        return
    if isinstance(error, ShapeRefused) and row.kind != "file" and "instead_of" not in row.payload:
        # Nobody sees it: the same words, with the ticket's id, come without anything around them.
        text = Card.model_validate(row.payload).plain() if card is not None else str(row.payload["text"])
        card_publisher.say(tx, address, text, instead_of=card.id if card is not None else "")
        _tell_founder(tx, address, error)
        return
    if row.kind == "edit" and copy is not None:
        card_publisher.post_anew(tx, copy)
        return
    if not row.payload.get("quiet"):  # a passing remark is not missed elsewhere
        _take_another_way(tx, row, address, copy, card)
    _tell_founder(tx, address, error)


def _take_another_way(
    tx: Tx, row: OutboxRow, address: Address, copy: CardCopy | None, card: CardRow | None
) -> None:
    person = _meant_for(tx, address, copy)
    ways = (
        [one for one in card_publisher.addresses_of(tx, person) if one != address]
        if person is not None
        else []
    )
    ticket = tx.get(Ticket, card.ticket_id) if card is not None and card.ticket_id else None
    if not ways:
        _not_asked(tx, card or tx.get(CardRow, row.payload.get("instead_of", "")), person)
    if row.cancel_key and ticket is not None and person is not None:
        if not _another_copy_lives(tx, row, person, ways):
            dispatching.page_next_now(tx, ticket, row.cancel_key)
    elif row.kind in {"text", "file"}:
        card_publisher.hand_on(tx, row, ways)
    elif row.kind == "post" and ticket is not None and card is not None and ways:
        card_publisher.show(tx, card.kind, ticket, [(ways[0], reader_for(tx, person))])


def _not_asked(tx: Tx, card: CardRow | None, person: Person | None) -> None:
    """A decider whom nothing reaches was never asked, and nobody shall believe that he was."""
    ticket = tx.get(Ticket, card.ticket_id) if card is not None and card.kind == "approval" else None
    approval = latest_approval(ticket) if ticket is not None else None
    if approval is not None and approval.status == ApprovalStatus.PENDING and person is not None:
        approval.unreached = [*dict.fromkeys([*approval.unreached, person.id])]


def _meant_for(tx: Tx, address: Address, copy: CardCopy | None) -> Person | None:
    company = tx.services.company
    if copy is not None and copy.person_id is not None:
        return company.person(copy.person_id)
    return tx.services.person_of(address)


def _another_copy_lives(tx: Tx, row: OutboxRow, person: Person, ways: list[Address]) -> bool:
    """The same page went to another account of the person, and did not fail there."""
    others = tx.session.scalars(
        select(OutboxRow).where(OutboxRow.cancel_key == row.cancel_key, OutboxRow.id != row.id)
    )
    return any(
        other.status in {OutboxStatus.PENDING, OutboxStatus.SENDING, OutboxStatus.SENT}
        and Address(other.channel, other.conversation_id) in ways
        for other in others
    )


def _tell_founder(tx: Tx, address: Address, error: LoopOSError) -> None:
    """Once a day for each conversation; once for each quota that is spent."""
    key = error.key if isinstance(error, QuotaSpent) else f"undelivered:{address}:{tx.now:%Y-%m-%d}"
    if not first_time(tx, key):
        return
    founder = tx.services.company.founder
    words = reader_for(tx, founder).words
    where = f"{address.channel} {tx.services.company.name_of(_name(tx, address))}"
    text = words(N_("A message to {where} could not be delivered: {why}"), where=where, why=str(error)[:160])
    for way in card_publisher.addresses_of(tx, founder):
        if way.channel != address.channel or way != address:
            card_publisher.say(tx, way, text)


def _name(tx: Tx, address: Address) -> str:
    person = tx.services.person_of(address)
    return person.id if person else address.conversation_id
