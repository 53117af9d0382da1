"""Everything the company knows, as one kind of thing that a question can find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.company.company import Company
from core.company.schema import Memo, Resolution
from core.knowledge.quoting import QUOTE
from core.model import Category, Layer
from core.text import shorten


@dataclass(frozen=True, slots=True)
class Entry:
    layer: Layer
    id: str
    title: str
    quote: str
    """In its own language."""
    language: str
    english: str = ""
    """The same in English, where its language is another and somebody translated it."""
    phrases: str = ""
    """What else it is found by."""
    places: tuple[str, ...] = ()
    """The properties that it is about; none: it is general."""
    category: str | None = None
    day: date | None = None
    """Since when it is so; None where nobody wrote that down."""

    @property
    def embedded(self) -> str:
        """The text of which a model makes a vector."""
        return " ".join(part for part in (f"{self.title}.", self.quote, self.english, self.phrases) if part)

    @property
    def property_id(self) -> str | None:
        """Where it is about one."""
        return self.places[0] if len(self.places) == 1 else None


def entries_of(company: Company, own: Sequence[Resolution] = ()) -> tuple[Entry, ...]:
    """Memos, SOPs, repairs (`own`: those of this service), approved skills and adopted rules."""
    return (
        *_memos(company),
        *_sops(company),
        *(_repair(one) for one in (*company.resolutions, *own)),
        *_skills(company),
        *_rules(company),
    )


def _memos(company: Company) -> list[Entry]:
    return [memo_entry(company, one) for one in company.memos if one.holds]


def memo_entry(company: Company, memo: Memo) -> Entry:
    return Entry(
        "memo",
        memo.id,
        company.name_of(memo.speaker),
        shorten(memo.transcript, QUOTE),
        memo.language,
        shorten(memo.transcript_en, QUOTE) if memo.transcript_en != memo.transcript else "",
        places=(memo.property_id,) if memo.property_id is not None else (),
        category=memo.category,
        day=memo.recorded_at.date(),
    )


def _sops(company: Company) -> list[Entry]:
    kinds = {str(one) for one in Category}
    return [
        Entry(
            "sop",
            one.id,
            one.title,
            shorten(" ".join(one.steps), QUOTE),
            "en",
            phrases=" ".join(one.trigger_phrases),
            category=one.id if one.id in kinds else None,
        )
        for one in company.sops
    ]


def _repair(one: Resolution) -> Entry:
    bill = f"{one.cost_usd} USD, {one.hours:g} h, {one.rating}/5"
    return Entry(
        "history",
        one.id,
        one.resolved_on.isoformat(),
        shorten(f"{bill}: {one.summary}", QUOTE),
        "en",
        places=(one.property_id,),
        category=one.category,
        day=one.resolved_on,
    )


def _skills(company: Company) -> list[Entry]:
    return [
        Entry(
            "skill",
            one.skill_id,
            f"{one.name} v{one.version}",
            shorten(one.description, QUOTE),
            "en",
            places=tuple(one.trigger_conditions.property_id),
            category=one.trigger_conditions.category[0] if one.trigger_conditions.category else None,
        )
        for one in company.skills
    ]


def _rules(company: Company) -> list[Entry]:
    return [
        Entry(
            "rule",
            one.rule_id,
            one.kind,
            shorten(one.text.get("en", ""), QUOTE),
            "en",
            phrases=" ".join(text for language, text in one.text.items() if language != "en"),
            places=(one.when.property_id,) if one.when.property_id is not None else (),
            category=one.when.category,
        )
        for one in company.rules
        if one.text
    ]
