"""What answers a question: everything the company knows in one list, best first, and nothing below a bar."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, Literal

from core.company.company import Company
from core.knowledge.entries import Entry, entries_of
from core.knowledge.lexical import Lexicon, terms
from core.knowledge.recall import Query, boost

Engine = Literal["lexical", "embeddings", "fused"]
BAR: Final = 0.3
"""Below it nothing is said: what is there shares small words with the question, or its place alone."""

COVERED: Final = 0.3
"""Of the words of a question so much must be there where neither its place nor its kind speaks for the answer: one rare word
in common is an accident."""


@dataclass(frozen=True, slots=True)
class Found:
    entry: Entry
    similarity: float
    """0..1"""
    boost: float

    @property
    def score(self) -> float:
        return round(self.similarity + self.boost, 4)


@dataclass(frozen=True, slots=True)
class Near:
    """How near each text is to a question, by key; `fallback` says why there is nothing."""

    by_key: Mapping[str, float]
    fallback: str | None = None
    model: str | None = None
    """Whose vectors they are."""


NOTHING_NEAR: Final = Near({})


class Shelf:
    """The entries with their index."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """One per entry: of it a model makes a vector."""
        return tuple(one.embedded for one in self.entries)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """One per entry: under it that vector is kept."""
        return tuple(text_key(text) for text in self.texts)

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon([_terms(one) for one in self.entries])

    def search(
        self,
        query: Query,
        *,
        readable: Set[str] | None = None,
        limit: int = 5,
        near: Near = NOTHING_NEAR,
        engine: Engine = "fused",
    ) -> list[Found]:
        """What answers `query`, ties by id. `readable`: of the properties that the asker may read about (None: all), and
        what is general. Nothing about another property where the question has one. What has no vector
        in `near` is ranked by its words."""
        asked = terms(query.text)
        scores = self._lexicon.scores(asked)
        if near.by_key and engine != "lexical":
            vectors = (near.by_key.get(key) for key in self.keys)
            scores = [_both(one, words, engine) for one, words in zip(vectors, scores, strict=True)]
        found = [
            (number, Found(entry, similarity, boost(_place(entry, query), entry.category, query)))
            for number, (entry, similarity) in enumerate(zip(self.entries, scores, strict=True))
            if similarity > 0 and _is_for(entry, query, readable)
        ]
        best = sorted(found, key=lambda one: (-one[1].score, one[1].entry.id))[:limit]
        by_words = engine == "lexical" or not near.by_key
        return [
            one
            for number, one in best
            if one.score >= BAR
            and (not by_words or one.boost > 0 or self._lexicon.covered(asked, number) >= COVERED)
        ]


def _both(near: float | None, lexical: float, engine: Engine) -> float:
    if near is None:
        return lexical
    return near if engine == "embeddings" else (near + lexical) / 2


def text_key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _is_for(entry: Entry, query: Query, readable: Set[str] | None) -> bool:
    if not entry.places:
        return True
    may = readable is None or not readable.isdisjoint(entry.places)
    return may and (query.property_id is None or query.property_id in entry.places)


def _place(entry: Entry, query: Query) -> str | None:
    return query.property_id if query.property_id in entry.places else entry.property_id


def _terms(entry: Entry) -> list[str]:
    found = terms(f"{entry.title} {entry.quote}", entry.language)
    found += terms(entry.english, "en") if entry.english else []
    return found + (terms(entry.phrases) if entry.phrases else [])


def quoted(entry: Entry, languages: Sequence[str]) -> tuple[str, str, bool]:
    """The quote for who reads `languages`, the language it stands in, and whether that is a translation."""
    if entry.language in languages:
        return entry.quote, entry.language, False
    if entry.english and "en" in languages:
        return entry.english, "en", True
    return f"[{entry.language}] {entry.quote}", entry.language, False


def source_json(found: Found, languages: Sequence[str], today: date) -> dict[str, Any]:
    """A Source as programs get it: {layer, id, title, quote, language, translated, score, similarity, boost, property_id,
    category, age_days}."""
    entry = found.entry
    quote, language, translated = quoted(entry, languages)
    return {
        "layer": entry.layer,
        "id": entry.id,
        "title": entry.title,
        "quote": quote,
        "language": language,
        "translated": translated,
        "score": found.score,
        "similarity": round(found.similarity, 4),
        "boost": found.boost,
        "property_id": entry.property_id,
        "category": entry.category,
        "age_days": None if entry.day is None else max(0, (today - entry.day).days),
    }


class _Shelves:
    """The shelf of what the company knows now."""

    def __init__(self) -> None:
        self._last: tuple[tuple[object, ...], Shelf] | None = None

    def of(self, company: Company) -> Shelf:
        known = (company.memos, company.sops, company.resolutions, company.skills)
        last = self._last
        if last is None or not all(one is other for one, other in zip(last[0], known, strict=True)):
            last = self._last = (known, Shelf(entries_of(company)))
        return last[1]


_SHELVES: Final = _Shelves()


def shelf_of(company: Company) -> Shelf:
    """Made once for each state of what the company knows; its index when it is first asked."""
    return _SHELVES.of(company)
