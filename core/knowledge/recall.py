"""What the company already knows about a problem: four layers, each answer with its source.

BM25 over words and, for Chinese and Japanese, character pairs; half of it and half the vectors' cosine where a provider makes
them. On top +0.15 for the same property, +0.10 for the same category."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from core.company.company import Company
from core.company.rules import Rule
from core.company.schema import Memo, Resolution, Sop
from core.company.skills import Skill
from core.knowledge.entries import memo_entry
from core.knowledge.lexical import lexical_scores
from core.model import Category
from core.stored_values import Source
from core.text import normal, shorten

SAME_PROPERTY: Final = 0.15
SAME_CATEGORY: Final = 0.10
TOP_MEMOS: Final = 3
TOP_RESOLUTIONS: Final = 3
ALSO_SHOWN: Final = 2
"""Procedures beside the one of the kind of problem."""
_FLOOR: Final = 0.15
"""A memo below this shares nothing with the question but small words."""


@dataclass(frozen=True)
class Knowledge:
    memos: tuple[Memo, ...] = ()
    sop: Sop | None = None
    resolutions: tuple[Resolution, ...] = ()
    skill: Skill | None = None
    sources: tuple[Source, ...] = ()
    rules: tuple[Rule, ...] = ()
    """That a ticket like this is under."""


@dataclass(frozen=True)
class Query:
    text: str
    property_id: str | None = None
    category: str | None = None
    risk_tags: tuple[str, ...] = ()


def recall(
    company: Company,
    query: Query,
    own_resolutions: Sequence[Resolution] = (),
    *,
    readable: Collection[str] | None = None,
    skill: Skill | None = None,
    rules: Sequence[Rule] = (),
    near: Callable[[Sequence[str]], Sequence[float | None]] | None = None,
) -> Knowledge:
    """What applies to `query`. `own_resolutions` are tickets this service resolved itself; `readable`: of the properties that
    the asker may read about (None: all), and what is general; `skill`: the one at work on it; `rules`: those it is under;
    `near`: how near each of these texts is to it by vectors, 0..1, None for what has none."""
    retired = {one.then.memo_id for one in rules if one.kind == "retire_memo"}
    every, past = (
        [one for one in company.memos if one.holds and one.id not in retired],
        [*company.resolutions, *own_resolutions],
    )
    if readable is not None:
        every = [one for one in every if one.property_id is None or one.property_id in readable]
        past = [one for one in past if one.property_id in readable]
    memos = rank_memos(every, query, _cosines(company, every, query, near))
    sop = find_sop(company, query)
    steps = [one.then.step for one in rules if one.kind == "sop_step" and one.then.step]
    if sop is not None and steps:
        sop = sop.model_copy(update={"steps": [*sop.steps, *steps]})
    resolutions = find_resolutions(past, query)
    sources = [
        *(
            Source("memo", memo.id, memo.speaker, shorten(memo.in_english, 280), score)
            for memo, score in memos
        ),
        *(
            Source("sop", one.id, one.title, shorten(" ".join(one.steps), 280))
            for one in ([sop] if sop else []) + also_named(company, query, sop)
        ),
        *(Source("history", r.id, r.resolved_on.isoformat(), _bill(r)) for r in resolutions),
        *(
            [Source("skill", skill.skill_id, f"{skill.name} v{skill.version}", skill.description)]
            if skill
            else []
        ),
    ]
    sources += [Source("rule", one.rule_id, one.kind, one.text.get("en", "")) for one in rules]
    found = tuple(memo for memo, _ in memos)
    return Knowledge(found, sop, tuple(resolutions), skill, tuple(sources), tuple(rules))


def _bill(resolution: Resolution) -> str:
    return f"{resolution.cost_usd} USD, {resolution.hours:g} h, {resolution.rating}/5: {resolution.summary}"


def _cosines(
    company: Company,
    memos: Sequence[Memo],
    query: Query,
    near: Callable[[Sequence[str]], Sequence[float | None]] | None,
) -> list[float | None]:
    """One per memo; those about another property are not looked at."""
    if near is None:
        return []
    fit = [number for number, one in enumerate(memos) if _fits(one, query)]
    found: list[float | None] = [None] * len(memos)
    for number, cosine in zip(
        fit, near([memo_entry(company, memos[one]).embedded for one in fit]), strict=True
    ):
        found[number] = cosine
    return found


def _fits(memo: Memo, query: Query) -> bool:
    return query.property_id is None or memo.property_id in {None, query.property_id}


def rank_memos(
    memos: Sequence[Memo], query: Query, cosines: Sequence[float | None] = ()
) -> list[tuple[Memo, float]]:
    """The best TOP_MEMOS memos with their scores; those about another property are never taken. `cosines`: one per memo, where
    there are vectors; half of the similarity is theirs, as for a question."""
    if not memos:
        return []
    texts = [
        f"{memo.transcript} {memo.transcript_en if memo.transcript_en != memo.transcript else ''}"
        for memo in memos
    ]
    words = lexical_scores(texts, query.text)
    both = [
        score if cosine is None else (score + cosine) / 2
        for score, cosine in zip(words, cosines or [None] * len(words), strict=True)
    ]
    scored = [
        (memo, score + boost(memo.property_id, memo.category, query))
        for memo, score in zip(memos, both, strict=True)
        if _fits(memo, query)
    ]
    best = sorted(scored, key=lambda pair: (-pair[1], pair[0].id))[:TOP_MEMOS]
    return [(memo, round(score, 4)) for memo, score in best if score > _FLOOR]


def boost(property_id: str | None, category: str | None, query: Query) -> float:
    """What being about the same property and the same kind of problem adds to a similarity."""
    same_place = property_id is not None and property_id == query.property_id
    same_kind = category is not None and category == query.category
    return SAME_PROPERTY * same_place + SAME_CATEGORY * same_kind


def find_sop(company: Company, query: Query) -> Sop | None:
    """The SOP whose id is the category, else the one with a trigger phrase in the text."""
    by_id = company.sop(query.category)
    if by_id is not None:
        return by_id
    plain = normal(query.text)
    return next(
        (sop for sop in company.sops if any(normal(phrase) in plain for phrase in sop.trigger_phrases)), None
    )


def also_named(company: Company, query: Query, but: Sop | None) -> list[Sop]:
    """Procedures of no kind of problem whose trigger phrase, or title, stands in the text: they are shown beside that of the kind,
    which alone says what is asked and paid."""
    plain = normal(query.text)
    kinds = {str(one) for one in Category}
    found = [
        one
        for one in company.sops
        if one.id not in kinds
        and (but is None or one.id != but.id)
        and any(said and said in plain for said in map(normal, [*one.trigger_phrases, one.title]))
    ]
    return found[:ALSO_SHOWN]


def find_resolutions(resolutions: Sequence[Resolution], query: Query) -> list[Resolution]:
    """Past repairs of this kind at this property, newest first."""
    same = [
        row for row in resolutions if row.property_id == query.property_id and row.category == query.category
    ]
    return sorted(same, key=lambda row: (row.resolved_on, row.id), reverse=True)[:TOP_RESOLUTIONS]


def as_resolution(
    ticket_id: str,
    property_id: str,
    category: str,
    vendor_id: str | None,
    summary: str,
    resolved_on: date,
    hours: float,
    cost_usd: Decimal,
    rating: int,
) -> Resolution:
    """A ticket of our own as a row of layer 3."""
    return Resolution.model_validate(
        {
            "id": ticket_id.lower(),
            "property_id": property_id,
            "category": category,
            "vendor_id": vendor_id,
            "summary": summary,
            "resolved_on": resolved_on,
            "hours": hours,
            "cost_usd": cost_usd,
            "rating": rating,
        }
    )
