"""What a row keeps as JSON and code decides by: typed, frozen, and the same JSON as other programs read.

core.store.types.Stored turns a column into these and back. A key that a value does not have (a row written by a later
version) is ignored; what has the wrong type is refused when the row is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from core.model import Category, Intent, Layer, Rank, RiskTag, Triage

UNLESS_DEFAULT: Final = {"json": "unless default"}
"""Metadata of a field whose key stands in the JSON only where it says something."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A code and what fills its sentence; core.phrases says it in the reader's language."""

    code: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One thing the company knows, and why it was picked."""

    layer: Layer
    id: str
    title: str
    quote: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Basis:
    """What a draft stood on, as its card shows it."""

    why_vendor: Reason
    why_price: Reason
    sources: tuple[Source, ...] = ()
    fallback: str = field(default="", metadata=UNLESS_DEFAULT)
    """Why no model drafted it: a key of core.phrases.BY_RULE."""
    problems: tuple[str, ...] = field(default=(), metadata=UNLESS_DEFAULT)
    """What a model suggested and was not believed: vendor, estimate, ..."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was understood of somebody's words (core.model.Triage, without the words), and how far it can be trusted."""

    intent: Intent
    language: str
    property_id: str | None
    category: Category
    severity: int
    risk_tags: tuple[RiskTag, ...] = ()
    confidence: Mapping[str, float] = field(default_factory=dict)
    evidence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steering: tuple[str, ...] = ()
    engine: str = "offline"
    fallback: tuple[str, ...] = ()
    not_understood: bool = field(default=False, metadata=UNLESS_DEFAULT)
    """A voice note that nothing could transcribe: a person has to listen."""
    late: bool = field(default=False, metadata=UNLESS_DEFAULT)
    """It lay at the platform for a day: what it says may be over."""
    edited: bool = field(default=False, metadata=UNLESS_DEFAULT)
    maybe_danger: bool = field(default=False, metadata=UNLESS_DEFAULT)


def judgement_of(
    triage: Triage, *, not_understood: bool = False, late: bool = False, edited: bool = False
) -> Judgement:
    """`triage` as it is kept. Its English is left out: words of a person stand on the report, where they can be
    erased."""
    return Judgement(
        intent=triage.intent,
        language=triage.language,
        property_id=triage.property_id,
        category=triage.category,
        severity=triage.severity,
        risk_tags=triage.risk_tags,
        confidence=triage.confidence,
        evidence={name: tuple(words) for name, words in triage.evidence.items()},
        steering=triage.steering,
        engine=triage.engine,
        fallback=triage.fallback,
        not_understood=not_understood,
        late=late,
        edited=edited,
        maybe_danger=triage.maybe_danger,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A person's edit of a draft."""

    field: str
    """estimate or vendor"""
    old: str
    new: str
    by: str
    """A person's id, or a vendor's name."""


@dataclass(frozen=True, slots=True)
class ModelText:
    """What a model wrote to one reader."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of the escalation policy with the person it means, settled when the dispatch begins."""

    who: Rank
    person_id: str
    wait: timedelta


@dataclass(frozen=True, slots=True)
class ApprovedAction:
    """Exactly what an approval approves: vendor, amount, and the words to vendor and guest."""

    ticket_id: str
    dispatch_id: str
    property_id: str | None
    category: str
    vendor_id: str | None
    amount: Decimal
    currency: str
    text_to_vendor: str
    text_to_guest: str


def to_json(value: Any) -> Any:
    """`value`, or whatever holds such values, as JSON knows it: an amount as text, a time span in whole seconds."""
    if is_dataclass(value):
        return {
            one.name: to_json(found)
            for one in fields(value)
            if (found := getattr(value, one.name)) != one.default or one.metadata != UNLESS_DEFAULT
        }
    if isinstance(value, Mapping):
        return {key: to_json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    return str(value) if isinstance(value, Decimal | str) else value
