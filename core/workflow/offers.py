"""The vendor in the loop without an app or an account: asked in their language, answering by button, in words, or on
a page behind a signed link (N1).

Whatever a vendor says passes the gate like everything else: another price is authorised by the rules or by the
founder, never by the vendor."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final, assert_never
from zoneinfo import ZoneInfo

import structlog

from core.actors import LOOPOS, Reader
from core.cards.card import Fact, Field, Option, Section
from core.cards.texts import vendor_text
from core.cards.view import ButtonDraft, CardDraft
from core.company.schema import Vendor
from core.context import Tx
from core.i18n import N_, Words
from core.ids import new_id
from core.model import Address, Event, OfferStatus
from core.money import Amount
from core.outbox import card_publisher
from core.outbox.ticket_snapshot import snapshot_of
from core.store import deadlines
from core.store.tables import Dispatch, Offer, Ticket
from core.tickets.records import note

log = structlog.get_logger(__name__)

PAGE: Final = "link"
"""The channel of the page behind the signed link."""
ARRIVALS: Final = {
    "30": N_("in half an hour"),
    "60": N_("in 1 hour"),
    "120": N_("in 2 hours"),
    "240": N_("in 4 hours"),
    "1440": N_("tomorrow"),
}
"""Minutes until they are there, as they can be tapped."""


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
    card_publisher.post_own(
        tx, "offer", offer.id, lambda one: offer_card(tx, offer, one), [(way, reader) for way in ways]
    )
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


def offer_card(tx: Tx, offer: Offer, reader: Reader) -> CardDraft:
    words, dispatch = reader.words, offer.dispatch
    ticket, company = dispatch.ticket, tx.services.company
    view = card_publisher.view_of(tx, ticket, snapshot_of(ticket), reader, Address("", ""))
    title = words("Job {ticket} · {company}", ticket=ticket.ticket_id, company=company.about.name)
    facts = [Fact(label=words("Price"), value=words.amount(dispatch.estimate))]
    if offer.eta_at is not None:
        facts.append(Fact(label=words("Arrival"), value=words.time(offer.eta_at, tx.now)))
    match offer.status:
        case OfferStatus.ASKED:
            return CardDraft(
                title=title,
                lead=words("Can you take this job?"),
                state="asking",
                facts=tuple(facts),
                sections=(Section(title="", text=vendor_text(view)),),
                buttons=_buttons(reader, company.rate_for(ticket.property_id, offer.vendor_id).currency),
            )
        case OfferStatus.ACCEPTED:
            lead, state = words("Thank you, the job is yours."), "done"
        case OfferStatus.COUNTERED:
            lead, state = words("Thank you. We ask whether that is all right and write to you."), "open"
            proposed = words.amount(Amount(offer.amount_usd or Decimal(0), offer.amount_local))
            facts = [Fact(label=words("Your price"), value=proposed), *facts[1:]]
        case OfferStatus.DECLINED:
            return CardDraft(
                title=title, lead=words("Thank you for the answer. Another time."), state="refused"
            )
        case OfferStatus.SILENT | OfferStatus.WITHDRAWN:
            return CardDraft(
                title=title, lead=words("This job is no longer needed. Thank you."), state="refused"
            )
        case _:
            assert_never(offer.status)
    text = () if offer.status != OfferStatus.ACCEPTED else (Section(title="", text=vendor_text(view)),)
    return CardDraft(title=title, lead=lead, state=state, facts=tuple(facts), sections=text)  # type: ignore[arg-type]


def _buttons(reader: Reader, currency: str) -> tuple[ButtonDraft, ...]:
    words = reader.words
    when = tuple(Option(value=minutes, label=words(text)) for minutes, text in ARRIVALS.items())
    arrival = Field(name="eta", kind="choice", label=words("When can you be there?"), options=when)
    label = words("Your price in {currency}", currency=currency)
    price = Field(name="amount", kind="amount", label=label, currency=currency)
    return (
        ButtonDraft("accept", words("Yes, I take it"), "primary", fields=(arrival,)),
        ButtonDraft(
            "counter", words("Other price or time"), args={"currency": currency}, fields=(price, arrival)
        ),
        ButtonDraft("decline", words("No, I cannot"), "danger"),
    )


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
        card_publisher.redraw_own(
            tx, "offer", offer.id, lambda one: offer_card(tx, offer, one), reader_for_offer(tx, offer)
        )

    tx.before_commit(f"offer:{offer.id}", draw)
