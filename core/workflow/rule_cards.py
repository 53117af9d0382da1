"""How a rule is put before the founder."""

from __future__ import annotations

from typing import Final

from core.actors import Reader
from core.cards.card import Fact, Field, Option, Section
from core.cards.rule_words import sentence
from core.cards.view import ButtonDraft, CardDraft
from core.company.rules import Rule
from core.context import Tx
from core.i18n import N_
from core.model import RuleStatus
from core.store.brain_tables import RuleRow
from core.team.learnt import rule_from

_LEADS: Final = {
    RuleStatus.PROPOSED: N_("Nothing goes by it before you say yes."),
    RuleStatus.APPROVED: N_("It holds ({who})."),
    RuleStatus.REJECTED: N_("It does not hold ({who})."),
    RuleStatus.EXPIRED: N_("It is over."),
    RuleStatus.ROLLED_BACK: N_("It was taken back ({who})."),
}


def proposal(tx: Tx, row: RuleRow, reader: Reader) -> CardDraft:
    words, rule, company = reader.words, rule_from(row.content), tx.services.company
    said = sentence(company, rule, words) or row.text
    facts = [Fact(label=words("Rule"), value=f"{row.rule_id} v{row.version}")]
    if rule.max_uses:
        used = words("{uses} of {of}", uses=row.uses, of=rule.max_uses)
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
        for one in row.evidence
    ]
    if why:
        sections.append(Section(title=words("Learnt from"), text="\n".join(why[:10])))
    who = company.name_of(row.decided_by) if row.decided_by else ""
    return CardDraft(
        title=words("Shall this be a rule?") if row.status == RuleStatus.PROPOSED else words("A rule"),
        lead=words(_LEADS[row.status], who=who),
        state="asking" if row.status == RuleStatus.PROPOSED else "done",
        facts=tuple(facts),
        sections=tuple(sections),
        buttons=_buttons(tx, row, rule, reader),
    )


def _buttons(tx: Tx, row: RuleRow, rule: Rule, reader: Reader) -> tuple[ButtonDraft, ...]:
    words, args = reader.words, {"rule": row.rule_id}
    if reader.person_id != tx.services.company.founder.id:
        return ()
    if row.status == RuleStatus.APPROVED:
        return (ButtonDraft("rollback", words("Take it back"), "danger", args),)
    if row.status != RuleStatus.PROPOSED:
        return ()
    buttons = [ButtonDraft("adopt", words("Make it a rule"), "primary", args)]
    fields = _fields(tx, rule, reader)
    if fields:
        buttons.append(ButtonDraft("edit", words("Another value"), "plain", args, fields))
    return (*buttons, ButtonDraft("dismiss", words("No"), "plain", args))


def _fields(tx: Tx, rule: Rule, reader: Reader) -> tuple[Field, ...]:
    words, found = reader.words, []
    for key, value in rule.then.items():
        if key.endswith("usd"):
            found.append(Field(name=key, kind="amount", label=words("Amount in USD"), value=str(value)))
        elif key == "vendor_id":
            company, place = tx.services.company, rule.when.property_id
            here = [one for one in company.vendors if place is None or company.reaches(one, place)]
            options = tuple(Option(value=one.id, label=one.name) for one in here)
            found.append(Field(name=key, kind="choice", label=words("Which vendor?"), options=options))
        elif key in {"seconds", "step"}:
            label = words("Seconds") if key == "seconds" else words("The step")
            found.append(Field(name=key, kind="text", label=label, value=str(value)))
    return tuple(found)
