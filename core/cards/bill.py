"""A bill that is hard to believe: whoever said it is asked before it is booked, and the founder of one far from the usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.i18n import N_
from core.money import Amount
from core.stored_values import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class BillQuestion:
    ticket_id: str
    readings: tuple[Amount, ...]
    """What may be meant."""
    args: Mapping[str, Any]
    """The rest of the command that is carried out then."""
    why: tuple[Reason, ...]
    """What speaks against it."""
    estimate: Amount | None
    """None: nobody from outside was sent."""
    cap: Decimal | None


def really(seen: BillQuestion, reader: Reader) -> CardDraft:
    """ "Really?"; of an amount that can be read in two ways: which?"""
    words = reader.words
    said = [words.amount(one) for one in seen.readings]
    lead = (
        words(N_("{ticket}: really {amount}?"), ticket=seen.ticket_id, amount=said[0])
        if len(said) == 1
        else words(N_("{ticket}: which of the two is meant?"), ticket=seen.ticket_id)
        if said
        else words(N_("{ticket}: is that really so?"), ticket=seen.ticket_id)
    )
    facts = []
    if seen.estimate is not None and seen.cap is not None:
        facts.append(Fact(label=words("Estimate"), value=words.amount(seen.estimate)))
        facts.append(Fact(label=words("Cap"), value=words.money(seen.cap)))
    reasons = "\n".join(f"• {words(phrases.DOUBT[one.code], **one.params)}" for one in seen.why)
    yes = [
        ButtonDraft(
            "resolve", text, "primary" if len(said) == 1 else "plain", {**seen.args, "amount": _pair(one)}
        )
        for one, text in zip(seen.readings, said, strict=True)
    ] or [ButtonDraft("resolve", words("Yes, that is right"), "primary", {**seen.args, "amount": None})]
    no = ButtonDraft("leave", words("No, a slip"), args={"ticket": seen.ticket_id})
    return CardDraft(
        title=words("The bill of {ticket}", ticket=seen.ticket_id),
        lead=lead,
        state="asking",
        facts=tuple(facts),
        sections=(Section(title=words("Why you are asked"), text=reasons),) if reasons else (),
        buttons=(*yes, no),
    )


def _pair(amount: Amount) -> list[str]:
    return (
        [str(amount.usd), "USD"]
        if amount.local is None
        else [str(amount.local.amount), amount.local.currency]
    )


def answered(text: str, params: Mapping[str, str], reader: Reader) -> CardDraft:
    """`text`: a sentence of the catalogues, with what fills it."""
    return CardDraft(title=reader.words(N_("The bill")), lead=reader.words(text, **params), state="done")


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledSnapshot:
    """A dispatch whose bill is far from the usual."""

    ticket_id: str
    property_id: str | None
    vendor_id: str | None
    bill: Amount | None
    doubtful: bool
    """Nobody has said that it is right."""


def outlier(seen: BilledSnapshot, company: Company, reader: Reader) -> CardDraft:
    words, vendor = reader.words, company.vendor(seen.vendor_id)
    title = words("An unusual bill: {ticket}", ticket=seen.ticket_id)
    if not seen.doubtful or vendor is None or seen.bill is None:
        return CardDraft(title=title, lead=words("Estimates may be made of it."), state="done")
    rate = company.rate_for(seen.property_id, vendor.id)
    return CardDraft(
        title=title,
        lead=words(
            "{vendor} took {amount}; usually it is {low} to {high}. Nothing is learnt from it unless you say that it is right.",
            vendor=vendor.name,
            amount=words.amount(seen.bill),
            low=words.local(rate.of_usd(vendor.usual_usd.low)),
            high=words.local(rate.of_usd(vendor.usual_usd.high)),
        ),
        state="asking",
        buttons=(ButtonDraft("confirm", words("It is right"), "primary", {"ticket": seen.ticket_id}),),
    )
