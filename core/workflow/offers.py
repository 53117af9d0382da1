"""The vendor in the loop without an app or an account: asked in their language, answering by button, in words, or on
a page behind a signed link (WANTED N1).

Whatever a vendor says passes the gate like everything else: another price is authorised by the rules or by the
founder, never by the vendor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select

from core.actors import LOOPOS, Actor, Reader
from core.cards.card import Fact, Field, Option, Section
from core.cards.press import Own
from core.cards.texts import vendor_text
from core.cards.view import Press, Sketch
from core.company.schema import Vendor
from core.context import Tx
from core.dispatch.draft import Reason
from core.dispatch.gate import NeedsHuman
from core.errors import Refused
from core.i18n import N_, Words
from core.ids import new_id
from core.inbound import Message
from core.model import OPEN, Address, Event, Status
from core.money import parse_amount
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Dispatch, Offer, Ticket
from core.team.rights import require
from core.text import escape, shorten
from core.tickets.records import current_dispatch, move, note
from core.workflow import approvals, dispatching, drafting, filing

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


def _reader(tx: Tx, offer: Offer) -> Reader:
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
        standing.status, standing.dispatch_id, standing.dispatch = "accepted", dispatch.dispatch_id, dispatch
        tx.session.flush()
        if standing.eta_at is not None:
            dispatch.eta_iso = standing.eta_at
        _redraw(tx, standing)
        return
    address = tx.services.address_of_vendor(vendor)
    if address is None and tx.services.base_url is None:
        return  # nothing reaches them but the person on site, whose card has the words and the number
    offer = Offer(
        id=new_id(), vendor_id=vendor.id, status="asked", created_at=tx.now, dispatch_id=dispatch.dispatch_id
    )
    dispatch.offers.append(offer)
    tx.session.flush()
    reader = _reader(tx, offer)
    ways = [Address(PAGE, offer.id)] if PAGE in tx.services.channels else []
    ways += [address] if address is not None else []
    card_publisher.post_own(
        tx, "offer", offer.id, lambda one: _sketch(tx, offer, one), [(way, reader) for way in ways]
    )
    note(tx, ticket, Event.NOTIFIED, LOOPOS, vendor=vendor.id, via=address.channel if address else PAGE)
    if address is not None:
        _wait(tx, offer)


def _countered(ticket: Ticket, dispatch: Dispatch) -> Offer | None:
    """The vendor's own proposal that `dispatch` now carries out."""
    offers = [offer for one in ticket.dispatches for offer in one.offers]
    return next(
        (
            offer
            for offer in reversed(offers)
            if offer.status == "countered"
            and offer.vendor_id == dispatch.vendor_id
            and offer.amount_usd == dispatch.cost_estimate_usd
        ),
        None,
    )


def _wait(tx: Tx, offer: Offer) -> None:
    seconds = tx.services.company.escalation.offer_seconds
    deadlines.cancel(tx, offer.id)
    deadlines.schedule(tx, "offer_silent", offer.id, tx.now + timedelta(seconds=seconds))


def opened(tx: Tx, offer_id: str) -> None:
    """The page was looked at: from now on silence counts."""
    offer = tx.get(Offer, offer_id)
    if offer is not None and offer.opened_at is None:
        offer.opened_at = tx.now
        if offer.status == "asked":
            _wait(tx, offer)
        card_publisher.refresh(tx, offer.dispatch.ticket)


def _sketch(tx: Tx, offer: Offer, reader: Reader) -> Sketch:
    words, dispatch = reader.words, offer.dispatch
    ticket, company = dispatch.ticket, tx.services.company
    view = card_publisher.view_of(tx, ticket, reader, Address("", ""))
    title = words("Job {ticket} · {company}", ticket=ticket.ticket_id, company=company.about.name)
    facts = [Fact(label=words("Price"), value=words.money(dispatch.cost_estimate_usd))]
    if offer.eta_at is not None:
        facts.append(Fact(label=words("Arrival"), value=words.time(offer.eta_at, tx.now)))
    match offer.status:
        case "asked":
            return Sketch(
                title=title,
                lead=words("Can you take this job?"),
                state="asking",
                facts=tuple(facts),
                sections=(Section(title="", text=vendor_text(view)),),
                presses=_presses(reader),
            )
        case "accepted":
            lead, state = words("Thank you, the job is yours."), "done"
        case "countered":
            lead, state = words("Thank you. We ask whether that is all right and write to you."), "open"
            proposed = words.money(offer.amount_usd or Decimal(0))
            facts = [Fact(label=words("Your price"), value=proposed), *facts[1:]]
        case "declined":
            return Sketch(title=title, lead=words("Thank you for the answer. Another time."), state="refused")
        case _:
            return Sketch(
                title=title, lead=words("This job is no longer needed. Thank you."), state="refused"
            )
    text = () if offer.status != "accepted" else (Section(title="", text=vendor_text(view)),)
    return Sketch(title=title, lead=lead, state=state, facts=tuple(facts), sections=text)  # type: ignore[arg-type]


def _presses(reader: Reader) -> tuple[Press, ...]:
    words = reader.words
    when = tuple(Option(value=minutes, label=words(text)) for minutes, text in ARRIVALS.items())
    arrival = Field(name="eta", kind="choice", label=words("When can you be there?"), options=when)
    price = Field(name="amount", kind="amount", label=words("Your price in USD"))
    return (
        Press("accept", words("Yes, I take it"), "primary", fields=(arrival,)),
        Press("counter", words("Other price or time"), fields=(price, arrival)),
        Press("decline", words("No, I cannot"), "danger"),
    )


# --- answers


def tap(tx: Tx, own: Own) -> None:
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
    if minutes not in ARRIVALS:
        raise Refused("unknown_option")
    return tx.now + timedelta(minutes=int(minutes))


def _answered(tx: Tx, offer: Offer, status: str) -> None:
    offer.status, offer.answered_at = status, tx.now
    deadlines.cancel(tx, offer.id)
    _redraw(tx, offer)


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
    _redraw(tx, offer)


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
    outcome = drafting.gate(tx, ticket, fresh)
    reasons = [reason.to_json() for reason in outcome.reasons]
    if isinstance(outcome, NeedsHuman):
        move(tx, ticket, Event.GATED, LOOPOS, authorised=False, reasons=reasons)
        approvals.request(tx, ticket, fresh, outcome.reasons)
    else:
        note(tx, ticket, Event.GATED, LOOPOS, authorised=True, reasons=[])
        dispatching.start(tx, ticket, fresh, LOOPOS)
    card_publisher.refresh(tx, ticket)


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


def withdraw(tx: Tx, dispatch: Dispatch) -> None:
    """The job is over or goes elsewhere: the vendor's card says so."""
    for offer in dispatch.offers:
        deadlines.cancel(tx, offer.id)
        if offer.status == "asked":
            offer.status = "withdrawn"
            _redraw(tx, offer)


def drop(tx: Tx, ticket: Ticket, keep: Offer | None = None) -> None:
    """What vendors proposed is not taken up any more, but for `keep`."""
    for offer in (one for dispatch in ticket.dispatches for one in dispatch.offers):
        if offer.status == "countered" and offer is not keep:
            offer.status = "withdrawn"
            _redraw(tx, offer)


def _redraw(tx: Tx, offer: Offer) -> None:
    tx.session.flush()
    tx.before_commit(
        f"offer:{offer.id}",
        lambda: card_publisher.redraw_own(
            tx, "offer", offer.id, lambda one: _sketch(tx, offer, one), _reader(tx, offer)
        ),
    )


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
            filing.attach(ticket, file, message.message_id)
    reader = _reader(tx, offer) if offer is not None else reader_of(vendor)
    card_publisher.say(tx, address, reader.words(N_("Thank you, passed on.")))
    if offer is not None and offer.status == "asked" and ticket is not None and ticket.status in OPEN:
        card_publisher.post_own(
            tx, "offer", offer.id, lambda one: _sketch(tx, offer, one), [(address, reader)]
        )


# --- when it did not arrive


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


def _unsure(tx: Tx, offer: Offer, reader: Reader, settled: str | None = None) -> Sketch:
    words, ticket = reader.words, offer.dispatch.ticket
    vendor = tx.services.company.vendor(offer.vendor_id)
    title = words("Did {vendor} get the order?", vendor=vendor.name if vendor else offer.vendor_id)
    if settled is not None:
        return Sketch(title=title, lead=settled, state="done")
    return Sketch(
        title=title,
        lead=words(
            "I cannot tell whether the order for {ticket} arrived. Sending it again could send them twice.",
            ticket=ticket.ticket_id,
        ),
        state="asking",
        presses=(
            Press("arrived", words("It arrived"), "primary"),
            Press("again", words("Send it again")),
        ),
    )


def tap_unsure(tx: Tx, own: Own) -> None:
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
            way: Sequence[tuple[Address, Reader]] = [(address, _reader(tx, offer))]
            card_publisher.post_own(tx, "offer", offer.id, lambda one: _sketch(tx, offer, one), way)
    if offer.status == "asked":
        _wait(tx, offer)
    text = N_("{who} says it arrived.") if own.button.action == "arrived" else N_("{who} had it sent again.")
    card_publisher.redraw_own(
        tx, "unsure", offer.id, lambda reader: _unsure(tx, offer, reader, reader.words(text, who=who))
    )
