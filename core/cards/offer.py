"""What is between us and a vendor: the job as they are asked, an order that may not have arrived, and one that was taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, assert_never

from core.actors import Reader
from core.cards.card import Fact, Field, Option, Section
from core.cards.texts import vendor_text
from core.cards.view import ButtonDraft, CardDraft, State, View
from core.company.company import Company
from core.i18n import N_, Words
from core.model import OfferStatus
from core.money import Amount, Local

ARRIVALS: Final = {
    "30": N_("in half an hour"),
    "60": N_("in 1 hour"),
    "120": N_("in 2 hours"),
    "240": N_("in 4 hours"),
    "1440": N_("tomorrow"),
}
"""Minutes until they are there, as they can be tapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOfVendor:
    """An offer, as its vendor sees it."""

    status: OfferStatus
    vendor_id: str
    estimate: Amount
    """Of the dispatch."""
    eta_at: datetime | None
    amount_usd: Decimal | None
    """What they would do it for."""
    amount_local: Local | None


def offer(seen: AskedOfVendor, view: View) -> CardDraft:
    """`view`: of its ticket, for the vendor."""
    words, company, ticket = view.words, view.company, view.ticket
    title = words("Job {ticket} · {company}", ticket=ticket.ticket_id, company=company.about.name)
    facts = [Fact(label=words("Price"), value=words.amount(seen.estimate))]
    if seen.eta_at is not None:
        facts.append(Fact(label=words("Arrival"), value=words.time(seen.eta_at, view.now)))
    state: State
    match seen.status:
        case OfferStatus.ASKED:
            return CardDraft(
                title=title,
                lead=words("Can you take this job?"),
                state="asking",
                facts=tuple(facts),
                sections=(Section(title="", text=vendor_text(view)),),
                buttons=_buttons(words, company.rate_for(ticket.property_id, seen.vendor_id).currency),
            )
        case OfferStatus.ACCEPTED:
            lead, state = words("Thank you, the job is yours."), "done"
        case OfferStatus.COUNTERED:
            lead, state = words("Thank you. We ask whether that is all right and write to you."), "open"
            proposed = words.amount(Amount(seen.amount_usd or Decimal(0), seen.amount_local))
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
            assert_never(seen.status)
    text = () if seen.status != OfferStatus.ACCEPTED else (Section(title="", text=vendor_text(view)),)
    return CardDraft(title=title, lead=lead, state=state, facts=tuple(facts), sections=text)


def _buttons(words: Words, currency: str) -> tuple[ButtonDraft, ...]:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsureSnapshot:
    """An order of which nobody knows whether it reached its vendor."""

    ticket_id: str
    vendor: str
    settled: str = ""
    """A sentence of the catalogues, once somebody has said how it is."""
    who: str = ""
    """Who did."""


def unsure(seen: UnsureSnapshot, reader: Reader) -> CardDraft:
    words = reader.words
    title = words("Did {vendor} get the order?", vendor=seen.vendor)
    if seen.settled:
        return CardDraft(title=title, lead=words(seen.settled, who=seen.who), state="done")
    return CardDraft(
        title=title,
        lead=words(
            "I cannot tell whether the order for {ticket} arrived. Sending it again could send them twice.",
            ticket=seen.ticket_id,
        ),
        state="asking",
        buttons=(
            ButtonDraft("arrived", words("It arrived"), "primary"),
            ButtonDraft("again", words("Send it again")),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalledSnapshot:
    """An order that was taken back after somebody was sent for."""

    ticket_id: str
    vendor_id: str | None
    estimate: Amount
    recalled: bool
    """They may come all the same: nobody has said that they know."""


def recalled(seen: RecalledSnapshot, company: Company, reader: Reader) -> CardDraft:
    words, vendor = reader.words, company.vendor(seen.vendor_id)
    name = vendor.name if vendor is not None else seen.vendor_id or ""
    title = words("Is it off? {vendor}, {ticket}", vendor=name, ticket=seen.ticket_id)
    if not seen.recalled:
        return CardDraft(title=title, lead=words("It is off, and counts no more."), state="done")
    return CardDraft(
        title=title,
        lead=words(
            "{vendor} was sent for, for {amount}, and is not wanted any more. Please tell them. Until then it counts against the cap.",
            vendor=name,
            amount=words.amount(seen.estimate),
        ),
        state="asking",
        buttons=(ButtonDraft("off", words("They know it is off"), "primary", {"ticket": seen.ticket_id}),),
    )
