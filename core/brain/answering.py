"""A question answered out of what the company knows: the same for chat, assistants, the page and the shell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.company.company import Company
from core.company.reading import brain_places, places_of
from core.company.schema import Person, Resolution
from core.i18n import Words
from core.knowledge import questions
from core.knowledge.questions import NOTHING_NEAR, Engine, Found, Near
from core.knowledge.quoting import QUOTE, reads
from core.knowledge.recall import Query
from core.text import shorten
from core.triage.port import NOBODY, BaselineEngine


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    property_id: str | None = None
    """None: the one that the text names, or the only one of its asker."""
    category: str | None = None
    limit: int = 5
    engine: Engine | None = None
    """None: as well as can be."""


def answer(
    company: Company,
    baseline: BaselineEngine,
    asked: Question,
    person: Person | None,
    today: date,
    *,
    words: Words | None = None,
    near: Near = NOTHING_NEAR,
    own: Sequence[Resolution] = (),
    known: Callable[[Sequence[str], str], Mapping[str, str]] = lambda _texts, _language: {},
) -> dict[str, Any]:
    """core.clients.shapes.Answer, of what `person` may read (None: the operator, who reads all), in `words` (None: in the
    language of the question). `own`: repairs of this service. `known`: texts, language -> the translations that were made."""
    judged = baseline.judge(asked.text, NOBODY)
    mine = places_of(company, person) if person is not None else ()
    place = asked.property_id or judged.property_id or (next(iter(mine)) if len(mine) == 1 else None)
    query = Query(asked.text, place, asked.category or judged.category, tuple(judged.risk_tags))
    engine: Engine = (asked.engine or "fused") if near.there else "lexical"
    found = questions.shelf_of(company, own).search(
        query,
        readable=brain_places(company, person) if person is not None else None,
        limit=asked.limit,
        near=near,
        engine=engine,
    )
    words = words or Words(judged.language, company.founder.zone)
    speaks = reads(words.language, person)
    said = _translations(company, found, speaks, known)
    sources = [questions.source_json(one, speaks, today, said.get(one.entry.id, "")) for one in found]
    lines = [f"{one['quote']} [{one['id']}]" for one in sources]
    return {
        "query": asked.text,
        "property_id": place,
        "category": query.category,
        "language": judged.language,
        "engine": engine,
        "model": near.model if engine != "lexical" else None,
        "fallback": near.fallback,
        "answer": "\n".join(lines) or words("I found nothing about that."),
        "sources": sources,
    }


def _translations(
    company: Company,
    found: Sequence[Found],
    speaks: Sequence[str],
    known: Callable[[Sequence[str], str], Mapping[str, str]],
) -> dict[str, str]:
    """id -> what is there of it in the first of `speaks`: rules bring every language along, memos what was made for a card."""
    memos = [company.memo(one.entry.id) for one in found if one.entry.layer == "memo"]
    foreign = [one for one in memos if one is not None and one.language not in speaks]
    made = known([one.transcript for one in foreign], speaks[0]) if foreign else {}
    said = {one.id: shorten(made[one.transcript], QUOTE) for one in foreign if one.transcript in made}
    for one in found:
        rule = company.rule(one.entry.id) if one.entry.layer == "rule" else None
        if rule is not None and speaks[0] in rule.text:
            said[one.entry.id] = shorten(rule.text[speaks[0]], QUOTE)
    return said
