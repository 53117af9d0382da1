"""A procedure as everybody reads it, and as the founder writes it."""

from __future__ import annotations

import hashlib
from typing import Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Field, Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.company.procedures import markdown_of
from core.company.schema import Sop

NEW: Final = "new"
"""Instead of an id: one that is not there yet."""
LONGEST: Final = 2900
"""Characters of a procedure's text: what a form of Slack takes."""


def procedure(sop: Sop | None, company: Company, reader: Reader) -> CardDraft:
    """`sop`: None on the card on which a new one is begun."""
    words = reader.words
    founder = reader.person_id == company.founder.id
    if sop is None:
        example = "# Hot tub is green\n\n- Close the lid.\n- Shock it, then test the water."
        return CardDraft(
            title=words("A new procedure"),
            lead=words(
                "Tap “Write it”, then: a title behind #, and each step on a line of its own behind a dash."
            ),
            sections=(Section(title=words("For example"), text=example),),
            buttons=(_edit(NEW, "", reader),) if founder else (),
        )
    facts = [
        Fact(label=words("Procedure"), value=sop.id),
        Fact(label=words("Asks from severity"), value=str(sop.human_if_severity)),
    ]
    if sop.cap_usd is not None:
        facts.append(Fact(label=words("Cap"), value=words.money(sop.cap_usd)))
    if sop.trades:
        trades = [phrases.label(phrases.TRADE, one, words) for one in sop.trades]
        facts.append(Fact(label=words("Whom it calls"), value=words.join(trades)))
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(sop.steps, 1))
    sections = [Section(title=words("Steps"), text=steps)]
    if sop.trigger_phrases:
        sections.append(Section(title=words("Found by"), text=", ".join(sop.trigger_phrases)))
    if sop.guest_offer:
        offer = next((sop.guest_offer[one] for one in (words.language, "en") if one in sop.guest_offer), None)
        sections.append(Section(title=words("The guest is offered"), text=offer or str(sop.guest_offer)))
    text = markdown_of(sop)
    args = {"sop": sop.id}
    buttons = [_edit(sop.id, text, reader, digest_of(sop))] if len(text) <= LONGEST else []
    return CardDraft(
        title=sop.title,
        lead=words("So it is done here."),
        facts=tuple(facts),
        sections=tuple(sections),
        buttons=(*buttons, ButtonDraft("remove", words("Not any more"), "danger", args)) if founder else (),
    )


def _edit(sop_id: str, text: str, reader: Reader, base: str = "") -> ButtonDraft:
    words = reader.words
    label = words("Write it") if sop_id == NEW else words("Change")
    ask = words("The whole procedure: a title behind #, each step behind a dash")
    return ButtonDraft(
        "edit",
        label,
        "plain",
        {"sop": sop_id, "base": base},
        (Field(name="text", kind="text", label=ask, required=False, value=text),),
    )


def digest_of(sop: Sop) -> str:
    return hashlib.sha256(sop.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()[:16]
