"""What a vendor says to an offer: by button, in words, or nothing at all. Whatever it is passes the gate like everything else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import select

from core.actors import LOOPOS, Actor, Reader
from core.cards.press import StandalonePress
from core.cards.view import ButtonDraft, CardDraft
from core.company.schema import Vendor
from core.context import Tx
from core.dispatch.draft import Reason
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message
from core.model import OPEN, Address, Event, Status
from core.money import parse_amount
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Dispatch, Offer, Ticket
from core.team.rights import require
from core.text import escape, shorten
from core.tickets.records import current_dispatch, note
from core.workflow import dispatching, drafting, gating, offers, reports

log = structlog.get_logger(__name__)


def tap(tx: Tx, own: StandalonePress) -> None:
    """The vendor's answer. Only the vendor who was asked may give it."""
    offer = tx.get(Offer, own.subject)
    vendor = tx.services.vendor_at(own.tapped.channel, own.tapped.sender)
    if offer is None or vendor is None or vendor.id != offer.vendor_id:
        raise Refused("unknown_button")
    if offer.status != "asked":
        raise Refused("gone")
    values = own.tapped.values
    actor = Actor(vendor.id, own.tapped.channel)
    match own.button.action:
        case "accept":
            _accept(tx, offer, actor, _arrival(tx, values))
        case "counter":
            _counter(tx, offer, actor, parse_amount(values.get("amount", "")), _arrival(tx, values))
        case "decline":
            _no(tx, offer, actor, "declined")
        case _:
            raise Refused("unknown_button")


def _arrival(tx: Tx, values: dict[str, str]) -> Any:
    minutes = values.get("eta", "")
    if minutes not in offers.ARRIVALS:
        raise Refused("unknown_option")
    return tx.now + timedelta(minutes=int(minutes))


def _answered(tx: Tx, offer: Offer, status: str) -> None:
    offer.status, offer.answered_at = status, tx.now
    deadlines.cancel(tx, offer.id)
    offers.redraw(tx, offer)


def _accept(tx: Tx, offer: Offer, actor: Actor, eta: Any) -> None:
    offer.eta_at = eta
    dispatch, ticket = offer.dispatch, offer.dispatch.ticket
    dispatch.eta_iso = eta
    note(tx, ticket, Event.CHANGED, actor, field="eta", new=eta.isoformat(), accepted=True)
    if dispatch.acknowledged:
        deadlines.cancel(tx, dispatch.dispatch_id, "follow_up", "follow_up_silent")
        deadlines.schedule(tx, "follow_up", dispatch.dispatch_id, eta)
    _answered(tx, offer, "accepted")
    _tell_team(tx, ticket, N_("{vendor} takes {ticket} and comes {at}."), offer, at=eta)
    card_publisher.refresh(tx, ticket)


def _counter(tx: Tx, offer: Offer, actor: Actor, amount: Decimal, eta: Any) -> None:
    """Another price goes through the gate: agreed where the rules allow it, else the founder is asked by itself."""
    dispatch, ticket = offer.dispatch, offer.dispatch.ticket
    offer.eta_at, offer.amount_usd = eta, amount
    if amount <= dispatch.cost_estimate_usd:
        if amount < dispatch.cost_estimate_usd:
            note(
                tx,
                ticket,
                Event.CHANGED,
                actor,
                field="estimate",
                old=str(dispatch.cost_estimate_usd),
                new=str(amount),
            )
            dispatch.cost_estimate_usd = amount
        _accept(tx, offer, actor, eta)
        return
    old = dispatch.cost_estimate_usd
    fresh = _same_again(tx, ticket, dispatch, actor, amount, eta)
    note(tx, ticket, Event.CHANGED, actor, field="estimate", old=str(old), new=str(amount))
    offer.status, offer.answered_at = "countered", tx.now
    deadlines.cancel(tx, offer.id)
    tx.session.flush()
    _gate_again(tx, ticket, dispatch, fresh)
    offers.redraw(tx, offer)


def _same_again(
    tx: Tx, ticket: Ticket, dispatch: Dispatch, actor: Actor, amount: Decimal, eta: Any
) -> Dispatch:
    """What the vendor proposes, as a draft of its own: nothing that was authorised covers it."""
    vendor = tx.services.company.vendor(dispatch.vendor_id)
    who = vendor.name if vendor is not None else ""
    edit = {"field": "estimate", "old": str(dispatch.cost_estimate_usd), "new": str(amount), "by": who}
    fresh = drafting.copy_of(tx, dispatch, amount, eta, [*dispatch.changes, edit])
    ticket.dispatches.append(fresh)
    ticket.knowledge = {**ticket.knowledge, "why_price": Reason("price_by_person", {"who": who}).to_json()}
    return fresh


def _gate_again(tx: Tx, ticket: Ticket, old: Dispatch, fresh: Dispatch) -> None:
    """`fresh` takes the place of `old`, if the gate or the founder lets it."""
    dispatching.withdraw(tx, old)
    old.void = True
    gating.put_forward(tx, ticket, fresh)


def _no(tx: Tx, offer: Offer, actor: Actor, status: str) -> None:
    """No, or no word at all: the next approved vendor is tried."""
    dispatch, ticket = offer.dispatch, offer.dispatch.ticket
    note(tx, ticket, Event.FOLLOW_UP, actor, vendor=offer.vendor_id, answer=status)
    _answered(tx, offer, status)
    if ticket.status != Status.DISPATCHED or dispatch is not current_dispatch(ticket):
        return
    refused = {
        one.vendor_id for d in ticket.dispatches for one in d.offers if one.status in {"declined", "silent"}
    }
    said = (
        N_("{vendor} said no to {ticket}. I try the next one.")
        if status == "declined"
        else N_("{vendor} has not answered about {ticket}. I try the next one.")
    )
    _tell_team(tx, ticket, said, offer)
    fresh = drafting.write_draft(tx, ticket, refused)
    tx.session.flush()
    _gate_again(tx, ticket, dispatch, fresh)


def on_silent(tx: Tx, deadline: Due) -> None:
    offer = tx.get(Offer, deadline.subject)
    if offer is not None and offer.status == "asked":
        _no(tx, offer, LOOPOS, "silent")


def _tell_team(tx: Tx, ticket: Ticket, text: str, offer: Offer, at: Any = None) -> None:
    company = tx.services.company
    vendor = company.vendor(offer.vendor_id)
    dispatch = offer.dispatch
    people = dict.fromkeys([dispatch.acknowledged_by or dispatch.assignee, ticket.reporter])
    for person_id in people:
        card_publisher.tell(
            tx,
            company.person(person_id),
            lambda words: words(
                text,
                vendor=vendor.name if vendor is not None else "",
                ticket=ticket.ticket_id,
                **({"at": words.time(at, tx.now)} if at is not None else {}),
            ),
            about=ticket,
        )


def wrote(tx: Tx, vendor: Vendor, message: Message) -> None:
    """Words instead of a button: passed on to who has the job, and the buttons are shown again."""
    offer = tx.session.scalar(
        select(Offer).where(Offer.vendor_id == vendor.id).order_by(Offer.created_at.desc()).limit(1)
    )
    address = Address(message.channel, message.conversation_id)
    founder = tx.services.company.founder
    ticket = offer.dispatch.ticket if offer is not None else None
    dispatch = offer.dispatch if offer is not None else None
    person = tx.services.company.person(
        (dispatch.acknowledged_by or dispatch.assignee) if dispatch is not None else None
    )
    said = shorten(escape(message.text), 500) or "📎"
    card_publisher.tell(
        tx,
        person or founder,
        lambda words: words(
            N_("{vendor} writes about {ticket}: “{text}”"),
            vendor=vendor.name,
            ticket=ticket.ticket_id if ticket is not None else "–",
            text=said,
        ),
    )
    if ticket is not None:
        note(tx, ticket, Event.RECEIVED, Actor(vendor.id, message.channel), message_id=message.message_id)
        for file in message.files:
            reports.attach(ticket, file, message.message_id)
    reader = offers.reader_for_offer(tx, offer) if offer is not None else offers.reader_of(vendor)
    card_publisher.say(tx, address, reader.words(N_("Thank you, passed on.")))
    if offer is not None and offer.status == "asked" and ticket is not None and ticket.status in OPEN:
        card_publisher.post_own(
            tx, "offer", offer.id, lambda one: offers.sketch(tx, offer, one), [(address, reader)]
        )


def not_reached(tx: Tx, offer_id: str, *, unknown: bool) -> None:
    """The order to a vendor did not arrive, or nobody knows: a person takes it from here (RELIABILITY P11)."""
    offer = tx.get(Offer, offer_id)
    if offer is None:
        return
    if unknown:
        deadlines.cancel(tx, offer.id)
        founder = card_publisher.readers_of(tx, tx.services.company.founder)
        card_publisher.post_own(tx, "unsure", offer.id, lambda reader: _unsure(tx, offer, reader), founder)
        return
    _tell_team(
        tx,
        offer.dispatch.ticket,
        N_("I could not write to {vendor} about {ticket}. Please call them."),
        offer,
    )


def _unsure(tx: Tx, offer: Offer, reader: Reader, settled: str | None = None) -> CardDraft:
    words, ticket = reader.words, offer.dispatch.ticket
    vendor = tx.services.company.vendor(offer.vendor_id)
    title = words("Did {vendor} get the order?", vendor=vendor.name if vendor else offer.vendor_id)
    if settled is not None:
        return CardDraft(title=title, lead=settled, state="done")
    return CardDraft(
        title=title,
        lead=words(
            "I cannot tell whether the order for {ticket} arrived. Sending it again could send them twice.",
            ticket=ticket.ticket_id,
        ),
        state="asking",
        buttons=(
            ButtonDraft("arrived", words("It arrived"), "primary"),
            ButtonDraft("again", words("Send it again")),
        ),
    )


def tap_unsure(tx: Tx, own: StandalonePress) -> None:
    actor = own.actor()
    offer = tx.get(Offer, own.subject)
    if offer is None:
        raise Refused("gone")
    require(tx, actor, "settle")
    who = tx.services.company.name_of(actor.person_id)
    if own.button.action == "again":
        vendor = tx.services.company.vendor(offer.vendor_id)
        address = tx.services.address_of_vendor(vendor) if vendor is not None else None
        if address is not None:
            way: Sequence[tuple[Address, Reader]] = [(address, offers.reader_for_offer(tx, offer))]
            card_publisher.post_own(tx, "offer", offer.id, lambda one: offers.sketch(tx, offer, one), way)
    if offer.status == "asked":
        offers.wait(tx, offer)
    text = N_("{who} says it arrived.") if own.button.action == "arrived" else N_("{who} had it sent again.")
    card_publisher.redraw_own(
        tx, "unsure", offer.id, lambda reader: _unsure(tx, offer, reader, reader.words(text, who=who))
    )
