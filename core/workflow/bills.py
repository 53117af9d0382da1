"""Bills: asked about before they are booked where they are hard to believe, corrected afterwards, and kept from teaching
anything while they are far from the usual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from core.actors import Actor, Reader
from core.cards.bill import BilledSnapshot, BillQuestion, answered, outlier, really
from core.cards.view import CardDraft
from core.context import Tx
from core.dispatch.bill_rules import doubts, is_outlier
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.model import Event, Status
from core.money import Amount, Money, Rate
from core.outbox import card_publisher
from core.store.frozen import frozen
from core.store.tables import Dispatch, Ticket
from core.stored_values import Reason
from core.tickets.records import amount_on, current_dispatch, note

REALLY: Final = "really"
OUTLIER: Final = "outlier"
UNORDERED: Final = Decimal(100)
"""US dollars. More, for what nobody ordered at a place without a cap, is asked about."""


def needs_asking(
    tx: Tx,
    ticket: Ticket,
    dispatch: Dispatch | None,
    bill: Amount | None,
    credit: Amount | None,
    minutes: int | None,
) -> tuple[Reason, ...]:
    """What speaks against booking it just like that."""
    company = tx.services.company
    estimate = dispatch.cost_estimate_usd if dispatch is not None else Decimal(0)
    cap, place = dispatch.cap_usd if dispatch is not None else Decimal(0), company.place(ticket.property_id)
    if estimate == 0:
        # Nobody from outside was sent: our own people may have bought something, and nothing was said of how much.
        cap = place.cap_usd if place is not None and place.cap_usd is not None else UNORDERED
    return doubts(bill, estimate, cap, credit, minutes, company.about)


def ask(
    tx: Tx,
    ticket: Ticket,
    actor: Actor,
    readings: Sequence[Amount],
    args: dict[str, Any],
    why: Sequence[Reason] = (),
) -> None:
    """ "Really?", to whoever said it and where they are; of an amount that can be read in two ways: which? `args`: the rest
    of the command that is carried out then. Raises Refused("really") where nobody can press a button."""
    person = tx.services.company.person(actor.person_id)
    ways = [one for one in card_publisher.readers_of(tx, person) if one[0].channel == actor.channel]
    if not ways:
        raise Refused("really", why="; ".join(one.code for one in why))
    dispatch = current_dispatch(ticket)

    seen = BillQuestion(
        ticket_id=ticket.ticket_id,
        readings=tuple(readings),
        args=args,
        why=tuple(why),
        estimate=dispatch.estimate if dispatch is not None else None,
        cap=dispatch.cap_usd if dispatch is not None else None,
    )
    card_publisher.post_own(tx, REALLY, new_id(), partial(really, seen), ways)


def pair(said: Money | None) -> list[str] | None:
    """As the arguments of a button keep it."""
    return None if said is None else [str(said.amount), said.currency]


def asked(tx: Tx, card: str, ticket: Ticket) -> None:
    """The question on `card` is answered."""
    if card:
        _over(tx, card, N_("{ticket}: booked as you said."), ticket=ticket.ticket_id)


def leave(tx: Tx, card: str) -> None:
    _over(tx, card, N_("All right: nothing was booked. Please press “Done” again, or write it: done 132."))


def _over(tx: Tx, card: str, text: str, **params: str) -> None:
    card_publisher.redraw_own(tx, REALLY, card, partial(answered, text, params))


# --- booking


def book(tx: Tx, ticket: Ticket, dispatch: Dispatch, bill: Amount) -> None:
    """It is the bill from now on. Far from the usual it teaches nothing, and the founder is asked."""
    vendor = tx.services.company.vendor(dispatch.vendor_id)
    ours = vendor is None or vendor.usual_usd.high == 0
    # What our own people bought once is no price of theirs.
    dispatch.bill, dispatch.doubtful = bill, is_outlier(bill.usd, vendor) or (ours and bill.usd > 0)
    if ours:
        return
    if dispatch.doubtful and card_publisher.own_card(tx, OUTLIER, dispatch.dispatch_id) is None:
        founder = card_publisher.readers_of(tx, tx.services.company.founder)
        card_publisher.post_own(tx, OUTLIER, dispatch.dispatch_id, _outlier(tx, dispatch), founder)


def correct(
    tx: Tx,
    ticket: Ticket,
    actor: Actor,
    said: Money,
    why: str,
    *,
    card: str = "",
    sure: bool = False,
    was: str = "",
) -> bool:
    """The bill was another. False where somebody was asked first whether that is meant.

    Raises Refused("wrong_state" | "superseded" | "no_rate" | "amount_unclear" | "really")."""
    dispatch = billed(ticket)
    if ticket.status != Status.RESOLVED or dispatch is None or dispatch.bill is None:
        raise Refused("wrong_state", status=ticket.status)
    old = dispatch.bill
    if was and was != str(old.usd):
        raise Refused("superseded")  # corrected by somebody else meanwhile
    new = _at_its_rate(old, said) or amount_on(tx, dispatch, said)
    found = () if sure else needs_asking(tx, ticket, dispatch, new, None, None)
    if found:
        args = {"ticket": ticket.ticket_id, "correct": True, "why": why, "was": str(old.usd)}
        ask(tx, ticket, actor, [new], args, found)
        return False
    asked(tx, card, ticket)
    if old == new:
        return True
    book(tx, ticket, dispatch, new)
    note(tx, ticket, Event.CHANGED_BILL, actor, old=str(old.usd), new=str(new.usd), why=why)
    founder = tx.services.company.founder
    if founder.id != actor.person_id:
        who = tx.services.company.name_of(actor.person_id)
        card_publisher.tell(
            tx,
            founder,
            lambda words: " ".join(
                part
                for part in (
                    words(
                        N_("{who} corrected the bill of {ticket}: {old} → {new}."),
                        who=who,
                        ticket=ticket.ticket_id,
                        old=words.amount(old),
                        new=words.amount(new),
                    ),
                    words(N_("That is above its cap of {cap}."), cap=words.money(dispatch.cap_usd))
                    if new.usd > dispatch.cap_usd and dispatch.authorized
                    else "",
                    why,
                )
                if part
            ),
            about=ticket,
        )
    return True


def billed(ticket: Ticket) -> Dispatch | None:
    """The dispatch that holds the ticket's bill: the one that stands, else the last that was billed without an order."""
    standing = current_dispatch(ticket)
    if standing is not None and standing.bill is not None:
        return standing
    return next((one for one in reversed(ticket.dispatches) if one.bill is not None), None)


def _at_its_rate(old: Amount, said: Money) -> Amount | None:
    """In the money that the bill was said in it keeps its rate: a new rate is no correction."""
    local = old.local
    if local is None or said.currency != local.currency:
        return None
    return Rate(local.currency, local.rate).of(said.amount)


def confirm(tx: Tx, ticket: Ticket, dispatch_id: str, actor: Actor) -> None:
    """The founder says that an unusual bill is right. Raises Refused("gone")."""
    dispatch = tx.get(Dispatch, dispatch_id)
    if dispatch is None or dispatch.ticket_id != ticket.ticket_id or not dispatch.doubtful:
        raise Refused("gone")
    dispatch.doubtful = False
    note(tx, ticket, Event.CORRECTED, actor, bill_confirmed=str(dispatch.actual_cost_usd))


def _outlier(tx: Tx, dispatch: Dispatch) -> Callable[[Reader], CardDraft]:
    return partial(outlier, frozen(BilledSnapshot, dispatch), tx.services.company)


def draw_outlier_later(tx: Tx, dispatch: Dispatch) -> None:
    """The bill is another, or somebody said that it is right."""
    tx.before_commit(
        f"outlier:{dispatch.dispatch_id}",
        lambda: card_publisher.redraw_own(tx, OUTLIER, dispatch.dispatch_id, _outlier(tx, dispatch)),
    )
