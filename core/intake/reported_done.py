""" "Done 132" and a photo: the words close the ticket, as the button would (N2)."""

from __future__ import annotations

from core.actors import Actor, Reader
from core.acts.commands import Resolve
from core.acts.table import perform
from core.amounts import readings_in
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.model import Address, Status
from core.money import Money
from core.outbox import card_publisher
from core.store.tables import Ticket
from core.tickets.records import current_dispatch, rate_on
from core.workflow import bills


def close(tx: Tx, ticket: Ticket, actor: Actor, text: str, address: Address, reader: Reader) -> bool:
    """Resolve `ticket` for the amount in `text`. False where the words do not say enough, or are not this person's to
    say: then the button is offered."""
    dispatch = current_dispatch(ticket)
    if ticket.status != Status.DISPATCHED or dispatch is None:
        return False
    rate = rate_on(tx, ticket)
    readings = readings_in(text, local=rate.currency, language=reader.language)
    if not readings:
        return False
    outcome = text.strip()[:200]
    if len(readings) > 1:
        return _ask_which(tx, ticket, actor, readings, outcome)
    said = readings[0]
    estimate, cap = dispatch.estimate, dispatch.cap_usd
    try:
        with tx.nested():
            if not perform(tx, actor, Resolve(ticket.ticket_id, said, outcome=outcome)):
                return True  # a button asks whether that is meant
    except Refused:
        return False
    bill = dispatch.bill
    assert bill is not None, "it was just resolved"
    words = reader.words
    text = N_("{ticket} is done for {amount} (estimate {estimate}). Thank you.")
    if bill.usd > cap:
        text = N_("{ticket} is done for {amount}: that is above the cap of {cap}, {who} is told. Thank you.")
    elif bill.usd > estimate.usd:
        text = N_("{ticket} is done for {amount}, more than the estimate of {estimate}. Thank you.")
    if card_publisher.speaks_for_itself(tx, ticket, address) and bill.usd <= estimate.usd:
        return True
    card_publisher.say(
        tx,
        address,
        words(
            text,
            ticket=ticket.ticket_id,
            amount=words.amount(bill),
            estimate=words.amount(estimate),
            cap=words.money(cap),
            who=tx.services.company.founder.name,
        ),
    )
    return True


def _ask_which(tx: Tx, ticket: Ticket, actor: Actor, readings: tuple[Money, ...], outcome: str) -> bool:
    """ "$4,200" where two moneys share the sign: two buttons."""
    rate = rate_on(tx, ticket)
    args = {
        "ticket": ticket.ticket_id,
        "outcome": outcome,
        "which": True,
        **dict.fromkeys(("rating", "charge_to", "credit", "minutes")),
    }
    try:
        bills.ask(tx, ticket, actor, [tx.services.company.amount(one, rate) for one in readings], args)
    except Refused:
        return False
    return True
