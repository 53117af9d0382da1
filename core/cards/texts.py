"""The messages to vendor and guest, each in its reader's language."""

from __future__ import annotations

from typing import assert_never
from urllib.parse import quote

from core import phrases
from core.cards.card import Link
from core.cards.view import View
from core.i18n import Words
from core.model import OfferStatus


def guest_language(view: View) -> str:
    place = view.company.place(view.ticket.property_id)
    return place.language if place else view.words.language


def vendor_text(view: View) -> str:
    """The order as the vendor reads it: in their language, without our cap."""
    vendor, place, dispatch = view.vendor, view.company.place(view.ticket.property_id), view.dispatch
    if vendor is None or place is None or dispatch is None:
        return ""
    words = Words(vendor.languages[0], place.zone)
    # Before anybody has the job, whoever will be told first: what is approved is what is sent.
    contact = view.company.person(dispatch.assignee) or view.company.on_site(place.id) or view.company.founder
    risks = [
        phrases.label(phrases.RISK, tag, words)
        for tag in view.ticket.risk_tags
        if tag not in {"guest_angry", "vip_or_review_threat"}
    ]
    lines = [
        words("Hello, this is {company}.", company=view.company.about.name),
        words(
            "Job {ticket}: {what} at {place}, {address}.",
            ticket=view.ticket.ticket_id,
            what=phrases.label(phrases.CATEGORY, view.ticket.category, words),
            place=place.name,
            address=place.address,
        ),
    ]
    if risks:
        lines.append(words("Careful: {risks}.", risks=words.join(risks)))
    lines += written(view, "vendor", words.language)
    lines.append(
        words(
            "Agreed about {amount}. Please call before it gets more.",
            amount=words.amount(dispatch.estimate),
        )
    )
    if dispatch.eta_iso:
        lines.append(words("We expect you at {at}.", at=words.time(dispatch.eta_iso, view.now)))
    lines.append(words("Contact: {who} {phone}", who=contact.name, phone=contact.phone or "").strip())
    return "\n".join(lines)


def guest_text(view: View) -> str:
    place, dispatch = view.company.place(view.ticket.property_id), view.dispatch
    if place is None or dispatch is None:
        return ""
    words = Words(guest_language(view), place.zone)
    lines = [
        words(
            "Hello, this is {company}. We know about the problem ({what}) and are on it.",
            company=view.company.about.name,
            what=phrases.label(phrases.CATEGORY, view.ticket.category, words),
        ),
    ]
    lines += written(view, "guest", words.language)
    if dispatch.eta_iso:
        lines.append(
            words(
                "{vendor} should be with you at about {at}.",
                vendor=view.vendor_name,
                at=words.time(dispatch.eta_iso, view.now),
            )
        )
    sop = view.company.sop(view.ticket.matched_sop_id)
    offer = sop.guest_offer.get(words.language) if sop else None  # type: ignore[call-overload]
    if offer:
        lines.append(words("We are sorry, and would like to offer you {offer}.", offer=offer))
    return "\n".join(lines)


def written(view: View, reader: str, language: str) -> list[str]:
    """What a model wrote for `reader`, where it is in the language that they read. The money, the times and the names
    around it are ours."""
    text = view.dispatch.texts.get(reader) if view.dispatch is not None else None
    return [text.text] if text and text.language == language else []


def offer_line(view: View) -> str:
    """How far it is with the vendor: "" where they are called by hand."""
    words, offer = view.words, view.offer
    if offer is None:
        return ""
    match offer.status:
        case OfferStatus.ACCEPTED if offer.eta_at is not None:
            return words(
                "{vendor} comes {at}.", vendor=view.vendor_name, at=words.time(offer.eta_at, view.now)
            )
        case OfferStatus.ASKED if (
            view.offer_link is not None and offer.opened_at is None and not view.offer_reached
        ):
            return words("Please pass this link on: there they answer. {link}", link=view.offer_link)
        case OfferStatus.ASKED:
            return words("{vendor} was asked and has not answered yet.", vendor=view.vendor_name)
        case (
            OfferStatus.ACCEPTED
            | OfferStatus.COUNTERED
            | OfferStatus.DECLINED
            | OfferStatus.SILENT
            | OfferStatus.WITHDRAWN
        ):
            return ""
        case _:
            assert_never(offer.status)


def vendor_links(view: View) -> tuple[Link, ...]:
    vendor = view.vendor
    if vendor is None or vendor.phone is None or vendor.person_id == view.reader_id:
        return ()
    digits = "".join(char for char in vendor.phone if char.isdigit())
    links = [Link(label=view.words("Call {phone}", phone=vendor.phone), url=f"tel:+{digits}")]
    if vendor.whatsapp:
        links.append(
            Link(
                label=view.words("WhatsApp with this text"),
                url=f"https://wa.me/{digits}?text={quote(vendor_text(view))}",
            )
        )
    return tuple(links)
