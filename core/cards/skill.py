"""How a version of a skill is put before the founder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.company.skills import Skill
from core.i18n import N_
from core.model import SkillStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillSnapshot:
    skill_id: str
    version: int
    skill: Skill
    status: SkillStatus
    evidence: Mapping[str, Any]
    """`{file}` where somebody wrote it, `{saved: {tickets, strong_calls}}` where LoopOS learnt it."""
    decided_by: str | None
    record: Mapping[str, Any]
    """core.workflow.skill_record"""


def skill(seen: SkillSnapshot, company: Company, reader: Reader) -> CardDraft:
    words, skill, record = reader.words, seen.skill, seen.record
    vendor = company.vendor(skill.vendor_id)
    condition = skill.trigger_conditions
    places = [place.name for one in condition.property_id if (place := company.place(one)) is not None]
    facts = [
        Fact(label=words("Routine"), value=f"{seen.skill_id} v{seen.version}"),
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
    args = {"skill": seen.skill_id, "version": seen.version}
    decides = reader.person_id == company.founder.id
    buttons: tuple[ButtonDraft, ...] = ()
    if decides and seen.status == SkillStatus.PROPOSED:
        buttons = (
            ButtonDraft("adopt", words("Make it a routine"), "primary", args),
            ButtonDraft("try", words("Try it on past tickets"), "plain", args),
            ButtonDraft("dismiss", words("No"), "plain", args),
        )
    elif decides and seen.status == SkillStatus.APPROVED:
        buttons = (ButtonDraft("rollback", words("Take it back"), "danger", args),)
    return CardDraft(
        title=words("Shall this become a routine? {skill}", skill=skill.name)
        if seen.status == SkillStatus.PROPOSED
        else words("A routine: {skill}", skill=skill.name),
        lead=_lead(seen, company, reader),
        state="asking" if seen.status == SkillStatus.PROPOSED else "done",
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


def _lead(seen: SkillSnapshot, company: Company, reader: Reader) -> str:
    words = reader.words
    if seen.status != SkillStatus.PROPOSED:
        return words(_LEADS[seen.status], who=company.name_of(seen.decided_by))
    if seen.evidence.get("file"):
        return words("A file in the company's folder says so. Nothing runs before you say yes.")
    saved = seen.evidence.get("saved", {})
    if not saved:
        return words("Nothing runs before you say yes.")
    return words(
        "On {count} past tickets it would have saved {calls} questions to a model. Nothing runs before you say yes.",
        count=saved["tickets"],
        calls=saved["strong_calls"],
    )
