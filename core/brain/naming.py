"""What a routine is called: a strong model words what the figures say, in the founder's language. It decides nothing: vendor, cap,
cases and steps are made by rule, and words that fail a check leave the rule's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from core.brain.distilling import Repair
from core.company.company import Company
from core.company.skills import Skill
from core.llm.port import Ask, Models, Unanswered
from core.metering import About
from core.triage.port import BaselineEngine
from core.triage.wording import flaws

WITHIN: Final = timedelta(seconds=30)
"""Nobody waits for it."""
LONGEST_NAME: Final = 60
PURPOSE: Final = "distil"
"""Of its calls, in the ledger."""

STABLE: Final = """\
The same repair was done the same way several times, and a routine was made of it. Name it for the owner of the company, in the \
language `language`. `name`: what is done and where, as one would say it, at most 60 characters. `description`: one or two \
sentences: when it runs, whom it sends, what the past repairs have in common. No amounts, no dates, no promises, no orders."""


class RoutineName(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=200)
    description: str = Field(max_length=1000)


@dataclass(frozen=True, slots=True)
class Named:
    """Words for a skill, and who found them (`provider/model`)."""

    words: RoutineName
    engine: str

    def on(self, skill: Skill) -> Skill:
        sources = skill.sources.model_copy(update={"generated_by": self.engine})
        return skill.model_copy(
            update={"name": self.words.name, "description": self.words.description, "sources": sources}
        )


async def name_of(
    skill: Skill, like: Sequence[Repair], company: Company, models: Models, baseline: BaselineEngine
) -> Named | None:
    """From figures and names of ours alone: no word that a person wrote goes in. None: no model answered, or not well."""
    place, vendor = company.place(like_at(skill)), company.vendor(skill.vendor_id)
    language = company.founder.languages[0]
    condition = skill.trigger_conditions
    facts = {
        "language": language,
        "kind": [str(one) for one in condition.category],
        "property": place.name if place is not None else "",
        "vendor": vendor.name if vendor is not None else "",
        "severity": condition.severity.model_dump() if condition.severity is not None else None,
        "steps": [step.do for step in skill.workflow_steps],
        "repairs": [
            {"severity": one.severity, "risk_tags": list(one.risk_tags), "rating": one.rating} for one in like
        ],
    }
    about = About(PURPOSE, property_id=like_at(skill))
    ask = Ask("strong", about, STABLE, facts, (), RoutineName, most_tokens=400)
    try:
        answer = await models.ask(ask, WITHIN)
    except Unanswered:
        return None
    said = RoutineName(name=answer.value.name.strip(), description=answer.value.description.strip())
    if len(said.name) > LONGEST_NAME or "\n" in said.name or not said.name:
        return None
    if flaws(f"{said.name}. {said.description}", language, baseline, told=STABLE):
        return None
    return Named(said, answer.engine)


def like_at(skill: Skill) -> str:
    """The property that a distilled skill is for."""
    return next(iter(skill.trigger_conditions.property_id), "")
