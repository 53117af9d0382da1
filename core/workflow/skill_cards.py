"""How a version of a skill is put before the founder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Section
from core.cards.view import ButtonDraft, CardDraft
from core.context import Tx
from core.i18n import N_
from core.model import SkillStatus
from core.store.brain_tables import SkillVersion
from core.store.session_rows import SessionRows
from core.team.learnt import skill_from
from core.workflow import skill_record


def drawn(tx: Tx, row: SkillVersion) -> Callable[[Reader], CardDraft]:
    """What its card looks at is read here, once; drawing it for each reader reads nothing."""
    return partial(_proposal, tx, row, skill_record.of(SessionRows(tx.session), row.skill_id, row.version))


def _proposal(tx: Tx, row: SkillVersion, record: Mapping[str, Any], reader: Reader) -> CardDraft:
    words, skill, company = reader.words, skill_from(row.content), tx.services.company
    vendor = company.vendor(skill.vendor_id)
    condition = skill.trigger_conditions
    places = [place.name for one in condition.property_id if (place := company.place(one)) is not None]
    facts = [
        Fact(label=words("Routine"), value=f"{row.skill_id} v{row.version}"),
        Fact(
            label=words("For"),
            value=words.join([phrases.label(phrases.CATEGORY, one, words) for one in condition.category]),
        ),
    ]
    if places:
        facts.append(Fact(label=words("Property"), value=words.join(places)))
    if condition.severity is not None:
        least, most = condition.severity.min, condition.severity.max
        facts.append(Fact(label=words("Severity"), value=f"{least}-{most}" if least != most else str(least)))
    facts.append(
        Fact(label=words("Vendor"), value=vendor.name if vendor is not None else str(skill.vendor_id))
    )
    facts.append(Fact(label=words("Cap"), value=words.money(skill.auth_cap_usd)))
    steps = "\n".join(
        f"{n}. {words(phrases.SKILL_STEP[step.do])}" for n, step in enumerate(skill.workflow_steps, 1)
    )
    sections = [Section(title=words("Steps"), text=steps)]
    if record["runs"]:
        text = words("Begun: {runs}. To the end: {completed}. Left: {fell_back}.", **record)
        sections.append(Section(title=words("How it did"), text=text))
    tickets = skill.sources.derived_from_tickets
    if tickets:
        sections.append(Section(title=words("Learnt from"), text=words.join(tickets)))
    args = {"skill": row.skill_id, "version": row.version}
    decides = reader.person_id == company.founder.id
    buttons: tuple[ButtonDraft, ...] = ()
    if decides and row.status == SkillStatus.PROPOSED:
        buttons = (
            ButtonDraft("adopt", words("Make it a routine"), "primary", args),
            ButtonDraft("try", words("Try it on past tickets"), "plain", args),
            ButtonDraft("dismiss", words("No"), "plain", args),
        )
    elif decides and row.status == SkillStatus.APPROVED:
        buttons = (ButtonDraft("rollback", words("Take it back"), "danger", args),)
    return CardDraft(
        title=words("Shall this become a routine? {skill}", skill=skill.name)
        if row.status == SkillStatus.PROPOSED
        else words("A routine: {skill}", skill=skill.name),
        lead=_lead(tx, row, reader),
        state="asking" if row.status == SkillStatus.PROPOSED else "done",
        facts=tuple(facts),
        sections=tuple(sections),
        buttons=buttons,
    )


_LEADS: Final = {
    SkillStatus.APPROVED: N_("It is a routine now ({who})."),
    SkillStatus.REJECTED: N_("It does not become one ({who})."),
    SkillStatus.REPLACED: N_("A later version has taken its place."),
    SkillStatus.ROLLED_BACK: N_("It was taken back ({who})."),
    SkillStatus.DEMOTED: N_("It did worse than drafting, so it no longer runs."),
}


def _lead(tx: Tx, row: SkillVersion, reader: Reader) -> str:
    words = reader.words
    if row.status != SkillStatus.PROPOSED:
        return words(_LEADS[row.status], who=tx.services.company.name_of(row.decided_by))
    if row.evidence.get("file"):
        return words("A file in the company's folder says so. Nothing runs before you say yes.")
    saved = row.evidence.get("saved", {})
    if not saved:
        return words("Nothing runs before you say yes.")
    return words(
        "On {count} past tickets it would have saved {calls} questions to a model. Nothing runs before you say yes.",
        count=saved["tickets"],
        calls=saved["strong_calls"],
    )
