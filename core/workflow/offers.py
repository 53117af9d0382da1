"""The vendor in the loop without an app or an account: asked in their language, answering by button, in words, or on
a page behind a signed link (N1).

Whatever a vendor says passes the gate like everything else: another price is authorised by the rules or by the
founder, never by the vendor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from core.actors import LOOPOS, Reader
from core.cards.offer import AskedOfVendor
from core.cards.offer import offer as offer_card
from core.cards.view import CardDraft
from core.company.schema import Vendor
from core.context import Tx
from core.i18n import Words
from core.ids import new_id
from core.model import Address, Event, OfferStatus
from core.outbox import card_publisher
from core.outbox.ticket_snapshot import snapshot_of
from core.store import deadlines
from core.store.frozen import frozen
from core.store.tables import Dispatch, Offer, Ticket
from core.tickets.records import note

log = structlog.get_logger(__name__)

PAGE: Final = "link"
"""The channel of the page behind the signed link."""


def reader_of(vendor: Vendor) -> Reader:
    """How to speak to a vendor; where their job is, their clock is."""
    return Reader(None, Words(vendor.languages[0], ZoneInfo("UTC")))


def reader_for_offer(tx: Tx, offer: Offer) -> Reader:
    vendor = tx.services.company.vendor(offer.vendor_id)
    place = tx.services.company.place(offer.dispatch.ticket.property_id)
    assert vendor is not None
    if place is None:
        return reader_of(vendor)
    return Reader(None, Words(vendor.languages[0], place.zone))


# --- asking


def ask(tx: Tx, ticket: Ticket, dispatch: Dispatch) -> None:
    """The money is authorised: ask the vendor, by whatever reaches them. Where they offered just this, it is agreed."""
    vendor = tx.services.company.vendor(dispatch.vendor_id)
    if vendor is None or vendor.person_id is not None:
        return
    standing = _countered(ticket, dispatch)
    drop(tx, ticket, standing)
    if standing is not None:
        standing.status, standing.dispatch_id, standing.dispatch = (
            OfferStatus.ACCEPTED,
            dispatch.dispatch_id,
            dispatch,
        )
        tx.session.flush()
        if standing.eta_at is not None:
            dispatch.eta_iso = standing.eta_at
        return
    address = tx.services.address_of_vendor(vendor)
    if address is None and tx.services.base_url is None:
        return  # nothing reaches them but the person on site, whose card has the words and the number
    offer = Offer(
        id=new_id(),
        vendor_id=vendor.id,
        status=OfferStatus.ASKED,
        created_at=tx.now,
        dispatch_id=dispatch.dispatch_id,
    )
    dispatch.offers.append(offer)
    tx.session.flush()
    reader = reader_for_offer(tx, offer)
    ways = [Address(PAGE, offer.id)] if PAGE in tx.services.channels else []
    ways += [address] if address is not None else []
    card_publisher.post_own(tx, "offer", offer.id, card_of(tx, offer), [(way, reader) for way in ways])
    note(tx, ticket, Event.NOTIFIED, LOOPOS, vendor=vendor.id, via=address.channel if address else PAGE)
    if address is not None:
        wait(tx, offer)


def _countered(ticket: Ticket, dispatch: Dispatch) -> Offer | None:
    """The vendor's own proposal that `dispatch` now carries out."""
    offers = [offer for one in ticket.dispatches for offer in one.offers]
    return next(
        (
            offer
            for offer in reversed(offers)
            if offer.status == OfferStatus.COUNTERED
            and offer.vendor_id == dispatch.vendor_id
            and offer.amount_usd == dispatch.cost_estimate_usd
        ),
        None,
    )


def wait(tx: Tx, offer: Offer) -> None:
    seconds = tx.services.company.escalation.offer_seconds
    deadlines.cancel(tx, offer.id)
    deadlines.schedule(tx, "offer_silent", offer.id, tx.now + timedelta(seconds=seconds))


def opened(tx: Tx, offer_id: str) -> None:
    """The page was looked at: from now on silence counts."""
    offer = tx.get(Offer, offer_id)
    if offer is not None and offer.opened_at is None:
        offer.opened_at = tx.now
        if offer.status == OfferStatus.ASKED:
            wait(tx, offer)


def card_of(tx: Tx, offer: Offer) -> Callable[[Reader], CardDraft]:
    """For its vendor."""
    ticket, nowhere = offer.dispatch.ticket, Address("", "")
    seen, of_ticket = frozen(AskedOfVendor, offer, estimate=offer.dispatch.estimate), snapshot_of(ticket)
    return lambda reader: offer_card(seen, card_publisher.view_of(tx, ticket, of_ticket, reader, nowhere))


# --- answers


def withdraw(tx: Tx, dispatch: Dispatch) -> None:
    """The job is over or goes elsewhere: the vendor's card says so."""
    for offer in dispatch.offers:
        deadlines.cancel(tx, offer.id)
        if offer.status == OfferStatus.ASKED:
            offer.status = OfferStatus.WITHDRAWN


def drop(tx: Tx, ticket: Ticket, keep: Offer | None = None) -> None:
    """What vendors proposed is not taken up any more, but for `keep`."""
    for offer in (one for dispatch in ticket.dispatches for one in dispatch.offers):
        if offer.status == OfferStatus.COUNTERED and offer is not keep:
            offer.status = OfferStatus.WITHDRAWN


def draw_later(tx: Tx, offer: Offer) -> None:
    """Draw the vendor's card, and those of the ticket, once at the end of this unit of work."""

    def draw() -> None:
        card_publisher.draw_later(tx, offer.dispatch.ticket_id)
        card_publisher.redraw_own(tx, "offer", offer.id, card_of(tx, offer), reader_for_offer(tx, offer))

    tx.before_commit(f"offer:{offer.id}", draw)
