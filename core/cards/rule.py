"""How a rule is put before the founder, and a standing order: said back, and each time it was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Field, Option, Section
from core.cards.rule_words import sentence
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.company.rules import Rule
from core.i18n import N_
from core.model import RuleStatus

_LEADS: Final = {
    RuleStatus.PROPOSED: N_("Nothing goes by it before you say yes."),
    RuleStatus.APPROVED: N_("It holds ({who})."),
    RuleStatus.REJECTED: N_("It does not hold ({who})."),
    RuleStatus.EXPIRED: N_("It is over."),
    RuleStatus.ROLLED_BACK: N_("It was taken back ({who})."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSnapshot:
    rule_id: str
    version: int
    rule: Rule
    status: RuleStatus
    text: str
    """As whoever proposed it said it; "" where LoopOS did."""
    evidence: tuple[Mapping[str, str], ...]
    uses: int
    decided_by: str | None


def rule(seen: RuleSnapshot, company: Company, reader: Reader) -> CardDraft:
    words, rule = reader.words, seen.rule
    said = sentence(company, rule, words) or seen.text
    facts = [Fact(label=words("Rule"), value=f"{seen.rule_id} v{seen.version}")]
    if rule.max_uses:
        used = words("{uses} of {of}", uses=seen.uses, of=rule.max_uses)
        facts.append(Fact(label=words("Used"), value=used))
    sections = [Section(title=words("What it says"), text=said)]
    why = [
        " ".join(
            filter(
                None,
                [
                    one.get("ticket_id") or one.get("resolution_id") or one.get("memo_id"),
                    one["at"][:10],
                    one.get("value"),
                    one.get("quote"),
                ],
            )
        )
        for one in seen.evidence
    ]
    if why:
        sections.append(Section(title=words("Learnt from"), text="\n".join(why[:10])))
    who = company.name_of(seen.decided_by) if seen.decided_by else ""
    return CardDraft(
        title=words("Shall this be a rule?") if seen.status == RuleStatus.PROPOSED else words("A rule"),
        lead=words(_LEADS[seen.status], who=who),
        state="asking" if seen.status == RuleStatus.PROPOSED else "done",
        facts=tuple(facts),
        sections=tuple(sections),
        buttons=_buttons(seen, company, reader),
    )


def _buttons(seen: RuleSnapshot, company: Company, reader: Reader) -> tuple[ButtonDraft, ...]:
    words, args = reader.words, {"rule": seen.rule_id}
    if reader.person_id != company.founder.id:
        return ()
    if seen.status == RuleStatus.APPROVED:
        return (ButtonDraft("rollback", words("Take it back"), "danger", args),)
    if seen.status != RuleStatus.PROPOSED:
        return ()
    buttons = [ButtonDraft("adopt", words("Make it a rule"), "primary", args)]
    fields = _fields(seen.rule, company, reader)
    if fields:
        buttons.append(ButtonDraft("edit", words("Another value"), "plain", args, fields))
    return (*buttons, ButtonDraft("dismiss", words("No"), "plain", args))


def _fields(rule: Rule, company: Company, reader: Reader) -> tuple[Field, ...]:
    words, found = reader.words, []
    for key, value in rule.then.model_dump(exclude_none=True).items():
        if key.endswith("usd"):
            found.append(Field(name=key, kind="amount", label=words("Amount in USD"), value=str(value)))
        elif key == "vendor_id":
            place = rule.when.property_id
            here = [one for one in company.vendors if place is None or company.reaches(one, place)]
            options = tuple(Option(value=one.id, label=one.name) for one in here)
            found.append(Field(name=key, kind="choice", label=words("Which vendor?"), options=options))
        elif key in {"seconds", "step"}:
            label = words("Seconds") if key == "seconds" else words("The step")
            found.append(Field(name=key, kind="text", label=label, value=str(value)))
    return tuple(found)


# --- standing orders

_ORDER_LEADS: Final = {
    RuleStatus.PROPOSED: N_("This is how I would go on. Shall it hold?"),
    RuleStatus.APPROVED: N_(
        "It holds. Gas, fire, injuries, severity 5, budgets and unknown people ask as before."
    ),
    RuleStatus.REJECTED: N_("It does not hold."),
    RuleStatus.EXPIRED: N_("It is over."),
    RuleStatus.ROLLED_BACK: N_("It was taken back."),
}


def standing_order(seen: RuleSnapshot, approval_id: str, company: Company, reader: Reader) -> CardDraft:
    """What it would mean. `approval_id`: on whose card it was asked for."""
    words = reader.words
    args = {"rule": seen.rule_id, "approval": approval_id}
    buttons: tuple[ButtonDraft, ...] = ()
    if seen.status == RuleStatus.PROPOSED:
        buttons = (
            ButtonDraft("keep", words("Let it hold"), "primary", args),
            ButtonDraft("drop", words("No, ask me each time"), "plain", args),
        )
    return CardDraft(
        title=words("A standing order"),
        lead=words(_ORDER_LEADS[seen.status]),
        state="asking" if seen.status == RuleStatus.PROPOSED else "done",
        facts=(Fact(label=words("Rule"), value=seen.rule_id),),
        sections=(Section(title=words("What it says"), text=sentence(company, seen.rule, words)),),
        buttons=buttons,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUsedSnapshot:
    """A dispatch that a standing order let go."""

    order: RuleSnapshot
    use: int
    """The how-manieth it was."""
    ticket_id: str
    property_id: str | None
    category: str
    estimate: Decimal | None


def order_used(seen: OrderUsedSnapshot, company: Company, reader: Reader) -> CardDraft:
    words, order, rule = reader.words, seen.order, seen.order.rule
    vendor = company.vendor(rule.when.vendor_id)
    place = company.place(seen.property_id)
    facts = [
        Fact(label=words("Property"), value=place.name if place is not None else words("property unknown")),
        Fact(label=words("Problem"), value=phrases.label(phrases.CATEGORY, seen.category, words)),
    ]
    if seen.estimate is not None:
        facts.append(Fact(label=words("Estimate"), value=words.money(seen.estimate)))
    holds = order.status == RuleStatus.APPROVED
    revoke = ButtonDraft("revoke", words("Ask me again from now on"), "danger", {"rule": order.rule_id})
    return CardDraft(
        title=words(
            "{ticket}: {vendor} was sent", ticket=seen.ticket_id, vendor=vendor.name if vendor else ""
        ),
        lead=words("The standing order {rule} was taken back. What was sent stays sent.", rule=order.rule_id)
        if order.status == RuleStatus.ROLLED_BACK
        else words(
            "By standing order {rule}, {use} of {of}.", rule=order.rule_id, use=seen.use, of=rule.max_uses
        ),
        state="done",
        facts=tuple(facts),
        buttons=(revoke,) if holds else (),
    )
