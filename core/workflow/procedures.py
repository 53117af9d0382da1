"""Procedures in chat: everybody reads them, the founder writes them. What he wrote is owed as a change of the company's files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import Final

from pydantic import ValidationError

from core import phrases
from core.actors import Actor, Reader
from core.cards.card import Fact, Field, Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.procedures import NoProcedure, markdown_of, named, values_of
from core.company.schema import Sop
from core.context import Tx
from core.errors import Refused
from core.model import Address
from core.outbox import card_publisher
from core.text import escape
from core.workflow.shipping import SHIP

NEW: Final = "new"
"""Instead of an id: one that is not there yet."""
LONGEST: Final = 2900
"""Characters of a procedure's text: what a form of Slack takes."""


def find(tx: Tx, sop_id: str) -> Sop:
    """Raises Refused("unknown_procedure")."""
    sop = tx.services.company.sop(sop_id)
    if sop is None:
        raise Refused("unknown_procedure", procedure=sop_id[:60])
    return sop


def write(tx: Tx, actor: Actor, sop_id: str, text: str, base: str = "") -> Sop:
    """`text` (Markdown or JSON) becomes the procedure `sop_id`, or a new one; owed as a change of the file and a commit. `base`:
    digest of what was shown. Raises Refused("unknown_procedure" | "unfit_procedure" | "too_long" | "changed_meanwhile")."""
    if sop_id != NEW and base not in {"", digest_of(find(tx, sop_id))}:
        raise Refused("changed_meanwhile")
    said = escape(text).strip()
    if len(said) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    try:
        values = values_of(said)
        sop = Sop.model_validate({"id": sop_id, **values} if sop_id != NEW else named(values))
    except NoProcedure as none:
        raise Refused("unfit_procedure", why=f"{none.line}: {none.problem}") from None
    except ValidationError as error:
        issue = error.errors()[0]
        key = ".".join(str(part) for part in issue["loc"])
        why = "is missing" if issue["type"] == "missing" else issue["msg"].removeprefix("Value error, ")
        raise Refused("unfit_procedure", why=f"{key}: {why}") from None
    if sop_id not in {NEW, sop.id}:
        raise Refused("unfit_procedure", why=f"id: {sop.id} ≠ {sop_id}")
    if sop_id == NEW and tx.services.company.sop(sop.id) is not None:
        raise Refused("unfit_procedure", why=f"id: {sop.id} is there already")
    _owe(tx, actor, sop.id, sop.model_dump_json(exclude_defaults=True))
    return sop


def digest_of(sop: Sop) -> str:
    return hashlib.sha256(sop.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()[:16]


def remove(tx: Tx, actor: Actor, sop_id: str) -> None:
    """It is no procedure of ours any more. Raises Refused("unknown_procedure")."""
    _owe(tx, actor, find(tx, sop_id).id, "")


def _owe(tx: Tx, actor: Actor, sop_id: str, text: str) -> None:
    """`text`: as JSON; "": it is not to be there."""
    args = {"what": "sop", "name": sop_id, "text": text, "who": actor.person_id}
    tx.services.jobs.defer(tx, SHIP, args, lane=SHIP)


# --- showing


def put_before(tx: Tx, sop: Sop | None, ways: Iterable[tuple[Address, Reader]]) -> None:
    """Its card; None: the one on which a new one is begun."""
    card_publisher.post_own(tx, "sop", sop.id if sop else NEW, partial(_card, tx, sop), ways)


def written(tx: Tx, sop_id: str) -> None:
    """The files say it: cards that show it are drawn again."""
    sop = tx.services.company.sop(sop_id)
    if sop is not None:
        card_publisher.redraw_own(tx, "sop", sop_id, partial(_card, tx, sop))


def _card(tx: Tx, sop: Sop | None, reader: Reader) -> CardDraft:
    words = reader.words
    founder = reader.person_id == tx.services.company.founder.id
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
