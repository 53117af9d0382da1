"""What a vendor says to an offer: by button, in words, or nothing at all. Whatever it is passes the gate like everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import select

from core.actors import LOOPOS, Actor, Reader
from core.cards.offer import UnsureSnapshot, unsure
from core.company.schema import Vendor
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message
from core.model import OPEN, Address, Event, OfferStatus, Status
from core.money import Amount, Money
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Dispatch, Offer, Ticket
from core.stored_values import Change
from core.text import escape, shorten
from core.tickets.records import amount_on, current_dispatch, note
from core.workflow import dispatching, drafting, gating, offers, reports, skill_runs

log = structlog.get_logger(__name__)


def accept(tx: Tx, offer: Offer, actor: Actor, within: timedelta) -> None:
    """They take it and are there `within`. Raises Refused("gone")."""
    _require_open(offer)
    _accept(tx, offer, actor, tx.now + within)


def counter(tx: Tx, offer: Offer, actor: Actor, said: Money, within: timedelta) -> None:
    """They would do it for what they `said`. Another price goes through the gate: agreed where the rules allow it,
    else the founder is asked by itself. Raises Refused("gone" | "no_rate")."""
    _require_open(offer)
    _counter(tx, offer, actor, amount_on(tx, offer.dispatch, said), tx.now + within)


def decline(tx: Tx, offer: Offer, actor: Actor) -> None:
    """They cannot: the next approved vendor is tried. Raises Refused("gone")."""
    _require_open(offer)
    _no(tx, offer, actor, OfferStatus.DECLINED)


def _require_open(offer: Offer) -> None:
    if offer.status != OfferStatus.ASKED:
        raise Refused("gone")


def _answered(tx: Tx, offer: Offer, status: OfferStatus) -> None:
    offer.status, offer.answered_at = status, tx.now
    deadlines.cancel(tx, offer.id)


def _accept(tx: Tx, offer: Offer, actor: Actor, eta: datetime) -> None:
    offer.eta_at = eta
    dispatch, ticket = offer.dispatch, offer.dispatch.ticket
    dispatch.eta_iso = eta
    note(tx, ticket, Event.CHANGED, actor, field="eta", new=eta.isoformat(), accepted=True)
    if dispatch.acknowledged:
        deadlines.cancel(tx, dispatch.dispatch_id, "follow_up", "follow_up_silent")
        deadlines.schedule(tx, "follow_up", dispatch.dispatch_id, eta)
    _answered(tx, offer, OfferStatus.ACCEPTED)
    _tell_team(tx, ticket, N_("{vendor} takes {ticket} and comes {at}."), offer, at=eta)


def _counter(tx: Tx, offer: Offer, actor: Actor, amount: Amount, eta: datetime) -> None:
    dispatch, ticket = offer.dispatch, offer.dispatch.ticket
    offer.eta_at, offer.amount_usd, offer.amount_local = eta, amount.usd, amount.local
    if amount.usd <= dispatch.cost_estimate_usd:
        if amount.usd < dispatch.cost_estimate_usd:
            note(
                tx,
                ticket,
                Event.CHANGED,
                actor,
                field="estimate",
                old=str(dispatch.cost_estimate_usd),
                new=str(amount.usd),
            )
            dispatch.estimate = amount
        _accept(tx, offer, actor, eta)
        return
    old = dispatch.cost_estimate_usd
    if amount.usd > dispatch.cap_usd:
        skill_runs.fall_back(tx, ticket, "over_cap")
    fresh = _same_again(tx, ticket, dispatch, actor, amount, eta)
    note(tx, ticket, Event.CHANGED, actor, field="estimate", old=str(old), new=str(amount.usd))
    offer.status, offer.answered_at = OfferStatus.COUNTERED, tx.now
    deadlines.cancel(tx, offer.id)
    tx.session.flush()
    _gate_again(tx, ticket, dispatch, fresh)


def _same_again(
    tx: Tx, ticket: Ticket, dispatch: Dispatch, actor: Actor, amount: Amount, eta: datetime
) -> Dispatch:
    """What the vendor proposes, as a draft of its own: nothing that was authorised covers it."""
    vendor = tx.services.company.vendor(dispatch.vendor_id)
    who = vendor.name if vendor is not None else ""
    edit = Change("estimate", str(dispatch.cost_estimate_usd), str(amount.usd), who)
    fresh = drafting.copy_of(tx, dispatch, amount, eta, (*dispatch.changes, edit))
    ticket.dispatches.append(fresh)
    drafting.price_by(ticket, who)
    return fresh


def _gate_again(tx: Tx, ticket: Ticket, old: Dispatch, fresh: Dispatch) -> None:
    """`fresh` takes the place of `old`, if the gate or the founder lets it."""
    dispatching.recall(tx, old)
    dispatching.withdraw(tx, old)
    gating.put_forward(tx, ticket, fresh)
    dispatching.ask_whether_off(tx, ticket)


def _no(tx: Tx, offer: Offer, actor: Actor, status: OfferStatus) -> None:
    """No, or no word at all: the next approved vendor is tried."""
    dispatch, ticket = offer.dispatch, offer.dispatch.ticket
    note(tx, ticket, Event.FOLLOW_UP, actor, vendor=offer.vendor_id, answer=status)
    _answered(tx, offer, status)
    if ticket.status != Status.DISPATCHED or dispatch is not current_dispatch(ticket):
        return
    if status is OfferStatus.SILENT and dispatch.acknowledged:
        # Somebody has it in hand, and may have called them: another vendor is theirs to send for.
        _ask_who_has_it(tx, ticket, dispatch, offer)
        return
    refused = {
        one.vendor_id
        for d in ticket.dispatches
        for one in d.offers
        if one.status in {OfferStatus.DECLINED, OfferStatus.SILENT}
    }
    said = (
        N_("{vendor} said no to {ticket}. I try the next one.")
        if status == OfferStatus.DECLINED
        else N_("{vendor} has not answered about {ticket}. I try the next one.")
    )
    _tell_team(tx, ticket, said, offer)
    skill_runs.fall_back(tx, ticket, "vendor_declined")
    fresh = drafting.write_draft(tx, ticket, refused)
    tx.session.flush()
    _gate_again(tx, ticket, dispatch, fresh)


def on_silent(tx: Tx, deadline: Due) -> None:
    offer = tx.get(Offer, deadline.subject)
    if offer is not None and offer.status == OfferStatus.ASKED:
        _no(tx, offer, LOOPOS, OfferStatus.SILENT)


def _tell_team(tx: Tx, ticket: Ticket, text: str, offer: Offer, at: datetime | None = None) -> None:
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


def is_asked(tx: Tx, vendor: Vendor) -> bool:
    """A job waits for their answer."""
    wanted = select(Offer.id).where(Offer.vendor_id == vendor.id, Offer.status == OfferStatus.ASKED)
    return tx.session.scalar(wanted.limit(1)) is not None


def wrote(tx: Tx, vendor: Vendor, message: Message) -> None:
    """Words instead of a button: passed on to who has the job, and the buttons are shown again."""
    offer = tx.session.scalar(
        select(Offer).where(Offer.vendor_id == vendor.id).order_by(Offer.created_at.desc()).limit(1)
    )
    address = message.address
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
    if (
        offer is not None
        and offer.status == OfferStatus.ASKED
        and ticket is not None
        and ticket.status in OPEN
    ):
        card_publisher.post_own(tx, "offer", offer.id, offers.card_of(tx, offer), [(address, reader)])


def not_reached(tx: Tx, offer_id: str, *, unknown: bool) -> None:
    """The order to a vendor did not arrive, or nobody knows: a person takes it from here (P11)."""
    offer = tx.get(Offer, offer_id)
    if offer is None:
        return
    if unknown:
        deadlines.cancel(tx, offer.id)
        founder = card_publisher.readers_of(tx, tx.services.company.founder)
        card_publisher.post_own(tx, "unsure", offer.id, partial(unsure, _unsure(tx, offer)), founder)
        return
    _tell_team(
        tx,
        offer.dispatch.ticket,
        N_("I could not write to {vendor} about {ticket}. Please call them."),
        offer,
    )


def _unsure(tx: Tx, offer: Offer) -> UnsureSnapshot:
    vendor = tx.services.company.vendor(offer.vendor_id)
    name = vendor.name if vendor is not None else offer.vendor_id
    return UnsureSnapshot(ticket_id=offer.dispatch.ticket_id, vendor=name)


def _ask_who_has_it(tx: Tx, ticket: Ticket, dispatch: Dispatch, offer: Offer) -> None:
    vendor, who = (
        tx.services.company.vendor(offer.vendor_id),
        tx.services.company.person(dispatch.acknowledged_by),
    )
    card_publisher.tell(
        tx,
        who,
        lambda words: words(
            N_(
                "{vendor} has not answered about {ticket}, and you have it: did you reach them? I send for nobody else by "
                "myself. Give it back if somebody else shall see to it."
            ),
            vendor=vendor.name if vendor is not None else offer.vendor_id,
            ticket=ticket.ticket_id,
        ),
    )
    card_publisher.show(tx, "job", ticket, card_publisher.readers_of(tx, who), again=True)


def confirm(tx: Tx, offer: Offer, actor: Actor) -> None:
    """The order has arrived after all."""
    _settle(tx, offer, actor, N_("{who} says it arrived."))


def repeat(tx: Tx, offer: Offer, actor: Actor) -> None:
    """A person takes it on himself to send it again."""
    vendor = tx.services.company.vendor(offer.vendor_id)
    address = tx.services.address_of_vendor(vendor) if vendor is not None else None
    if address is not None:
        way: Sequence[tuple[Address, Reader]] = [(address, offers.reader_for_offer(tx, offer))]
        card_publisher.post_own(tx, "offer", offer.id, offers.card_of(tx, offer), way)
    _settle(tx, offer, actor, N_("{who} had it sent again."))


def _settle(tx: Tx, offer: Offer, actor: Actor, text: str) -> None:
    if offer.status == OfferStatus.ASKED:
        offers.wait(tx, offer)
    who = tx.services.company.name_of(actor.person_id)
    seen = replace(_unsure(tx, offer), settled=text, who=who)
    card_publisher.redraw_own(tx, "unsure", offer.id, partial(unsure, seen))
