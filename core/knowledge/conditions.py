"""Which skill a ticket is for. Pure: what is known of it comes in as facts, and what is not known does not hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal

from core.company.skills import Condition, Hours, Skill


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a ticket; None: not known."""

    category: str
    property_id: str | None = None
    severity: int | None = None
    risk_tags: Collection[str] = ()
    estimate_usd: Decimal | None = None
    local_time: time | None = None
    """By the property's clock."""
    inputs: Mapping[str, object] = field(default_factory=dict)
    """What else a skill may require, by its name."""

    @property
    def guest_inside(self) -> bool | None:
        said = self.inputs.get("guest_inside")
        return None if said is None else said in {True, "yes"}

    def knows(self, name: str) -> bool:
        own = {"category": self.category, "property_id": self.property_id, "severity": self.severity}
        return bool({**self.inputs, **own}.get(name))


def failing(condition: Condition, facts: Facts) -> list[str]:
    """The keys of `condition` that do not hold: [] where all do."""
    return [key for key, holds in _parts(condition, facts) if not holds]


def strictness(condition: Condition) -> int:
    """How many parts of it are set."""
    return len(list(_parts(condition, Facts(""))))


def _parts(condition: Condition, facts: Facts) -> Iterable[tuple[str, bool]]:
    tags = condition.risk_tags
    if condition.category:
        yield "category", facts.category in condition.category
    if condition.property_id:
        yield "property_id", facts.property_id in condition.property_id
    if condition.severity is not None:
        least, most = condition.severity.min, condition.severity.max
        yield "severity", facts.severity is not None and least <= facts.severity <= most
    if tags is not None and tags.any:
        yield "risk_tags.any", bool({*tags.any} & {*facts.risk_tags})
    if tags is not None and tags.none:
        yield "risk_tags.none", not {*tags.none} & {*facts.risk_tags}
    if condition.over_usd is not None:
        yield "over_usd", facts.estimate_usd is not None and facts.estimate_usd > condition.over_usd
    if condition.when is not None and condition.when.hours is not None:
        yield "when.hours", facts.local_time is not None and _within(condition.when.hours, facts.local_time)
    if condition.when is not None and condition.when.guest_inside is not None:
        yield "when.guest_inside", facts.guest_inside is condition.when.guest_inside


def _within(hours: Hours, moment: time) -> bool:
    if hours.begin <= hours.end:
        return hours.begin <= moment < hours.end
    return moment >= hours.begin or moment < hours.end


@dataclass(frozen=True, slots=True)
class Choice:
    """Which skill runs; or which would but for one thing, and what that is."""

    skill: Skill | None = None
    missed: Skill | None = None
    key: str = ""


def choose(skills: Sequence[Skill], facts_for: Callable[[Skill], Facts]) -> Choice:
    """Of `skills`, in the order in which they were approved (each knows the ticket with its own vendor's price): the one that fits with most conditions, then the last. Where
    none fits, the nearest that is about this kind of problem at this place and fails in one key alone."""
    missing = [(skill, missed(skill, facts_for(skill))) for skill in skills]
    order = {id(skill): (strictness(skill.trigger_conditions), i) for i, skill in enumerate(skills)}
    fitting = [skill for skill, keys in missing if not keys]
    if fitting:
        return Choice(max(fitting, key=lambda one: order[id(one)]))
    about = {"category", "property_id"}
    near = [(skill, keys[0]) for skill, keys in missing if len(keys) == 1 and keys[0] not in about]
    if not near:
        return Choice()
    skill, key = max(near, key=lambda pair: order[id(pair[0])])
    return Choice(missed=skill, key=key)


def missed(skill: Skill, facts: Facts) -> list[str]:
    """Why `skill` is not for it: keys of its conditions, then what it requires and nobody said. [] where it is."""
    required = [name for name in skill.inputs_required if not facts.knows(name)]
    return [*failing(skill.trigger_conditions, facts), *(f"inputs_required.{name}" for name in required)]
