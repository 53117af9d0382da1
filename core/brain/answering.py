"""A question answered out of what the company knows: the same for chat, assistants, the page and the shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.company.company import Company
from core.company.reading import brain_places, places_of
from core.company.schema import Person, Resolution
from core.i18n import Words
from core.knowledge import questions
from core.knowledge.questions import NOTHING_NEAR, Engine, Near
from core.knowledge.recall import Query
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
) -> dict[str, Any]:
    """core.clients.shapes.Answer, of what `person` may read (None: the operator, who reads all), in `words` (None: in the
    language of the question). `own`: repairs of this service."""
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
    reads = [words.language, *(person.languages if person is not None else ())]
    sources = [questions.source_json(one, reads, today) for one in found]
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
