"""What answers a question: everything the company knows in one list, best first, and nothing below a bar."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final, Literal, Protocol

from core.company.company import Company
from core.company.schema import Resolution
from core.knowledge.entries import Entry, entries_of
from core.knowledge.lexical import Lexicon, terms
from core.knowledge.quoting import quoted
from core.knowledge.recall import SAME_CATEGORY, SAME_PROPERTY, Query

Engine = Literal["lexical", "embeddings", "fused"]
BAR: Final = 0.3
"""Below it nothing is said: what is there shares small words with the question, or its place alone."""

ROUNDED: Final = 1e-4
"""Scores are told with four digits: what differs by less is a tie."""
SCOPES: Final = 64
"""So many combinations of place, kind and rights are kept ready."""
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
        return round(float(self.similarity + self.boost), 4)


@dataclass(frozen=True, slots=True)
class Near:
    """How near each text is to a question; `fallback` says why there is nothing."""

    keys: tuple[str, ...] = ()
    cosines: Any = None
    """float32, 0..1, one per key."""
    fallback: str | None = None
    model: str | None = None
    """Whose vectors they are."""

    @property
    def there(self) -> bool:
        return bool(self.keys)


NOTHING_NEAR: Final = Near()


class Vectors(Protocol):
    """Who makes and compares vectors of texts. None of it raises for what a provider does."""

    async def near(self, question: str) -> Near:
        """How near all that is known is to it."""

    async def prepare(self, text: str) -> None:
        """Make the vector of what somebody wrote, so that `similar` knows it."""

    def similar(self, text: str, others: Sequence[str]) -> list[float | None]:
        """How near each of `others` is to it, 0..1; None where one of the two has no vector at hand. Calls nobody."""


class Shelf:
    """The entries with their index. Everything that a question needs of all of them is an array."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        self._order: tuple[tuple[str, ...], Any, Any] = ((), None, None)
        self._scopes: dict[tuple[str | None, str | None, frozenset[str] | None], tuple[Any, Any]] = {}

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """One per entry: of it a model makes a vector."""
        return tuple(one.embedded for one in self.entries)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """One per entry: under it that vector is kept."""
        return tuple(text_key(text) for text in self.texts)

    @cached_property
    def lexicon(self) -> Lexicon:
        return Lexicon([_terms(one) for one in self.entries])

    @cached_property
    def _about(self) -> dict[str, Any]:
        """Property -> which entries are about it."""
        import numpy as np

        found: dict[str, Any] = {}
        for number, one in enumerate(self.entries):
            for place in one.places:
                found.setdefault(place, np.zeros(len(self.entries), dtype=bool))[number] = True
        return found

    @cached_property
    def _general(self) -> Any:
        import numpy as np

        return np.fromiter((not one.places for one in self.entries), dtype=bool, count=len(self.entries))

    @cached_property
    def _of_kind(self) -> dict[str, Any]:
        """Category -> which entries are of it."""
        import numpy as np

        found: dict[str, Any] = {}
        for number, one in enumerate(self.entries):
            if one.category:
                kind = str(one.category)
                found.setdefault(kind, np.zeros(len(self.entries), dtype=bool))[number] = True
        return found

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
        if not self.entries:
            return []
        by_words = engine == "lexical" or not near.there
        if not by_words and engine == "embeddings" and self._order_of(near.keys)[1] is None:
            asked: Sequence[str] = ()  # every entry has its vector: nobody asks what the words are
        else:
            asked = terms(query.text)
        similarity = self._similarity(asked, near, engine)
        boosts, barred = self._scope(query, readable)
        best = self._best(similarity, barred, limit)
        found = [(number, Found(self.entries[number], similarity[number], boosts[number])) for number in best]
        return [
            one
            for number, one in found
            if one.score >= BAR
            and (not by_words or one.boost > 0 or self.lexicon.covered(asked, number) >= COVERED)
        ]

    def _similarity(self, asked: Sequence[str], near: Near, engine: Engine) -> Any:
        import numpy as np

        if engine == "lexical" or not near.there:
            return self.lexicon.scores(asked)
        order, there = self._order_of(near.keys)
        vectors = near.cosines if order is None else near.cosines[order]
        if engine == "embeddings" and there is None:
            return vectors
        words = self.lexicon.scores(asked)
        mixed = vectors if engine == "embeddings" else (vectors + words) / 2
        return mixed if there is None else np.where(there, mixed, words)

    def _order_of(self, keys: tuple[str, ...]) -> tuple[Any, Any]:
        """Where in `keys` each entry's vector stands (None: as the entries do), and which have one (None: all)."""
        import numpy as np

        known, order, there = self._order
        if known is not keys:
            at = {key: number for number, key in enumerate(keys)}
            count = len(self.keys)
            order = np.fromiter((at.get(key, -1) for key in self.keys), dtype=np.int64, count=count)
            there = None if (order >= 0).all() else order >= 0
            if there is None and count == len(keys) and (order == np.arange(count)).all():
                order = None
            self._order = (keys, order, there)
        return order, there

    def _scope(self, query: Query, readable: Set[str] | None) -> tuple[Any, Any]:
        """(the boosts, the same with minus infinity where it may not be read): alike for most questions of a day."""
        import numpy as np

        key = (query.property_id, query.category, None if readable is None else frozenset(readable))
        if key not in self._scopes:
            if len(self._scopes) >= SCOPES:
                self._scopes.clear()
            boosts = self._boosts(query)
            barred = np.where(self._allowed(query, readable), boosts, np.float32(-np.inf))
            self._scopes[key] = (boosts, barred)
        return self._scopes[key]

    def _boosts(self, query: Query) -> Any:
        import numpy as np

        boosts = np.zeros(len(self.entries), dtype=np.float32)
        if query.property_id in self._about:
            boosts[self._about[query.property_id]] += SAME_PROPERTY
        if query.category and str(query.category) in self._of_kind:
            boosts[self._of_kind[str(query.category)]] += SAME_CATEGORY
        return boosts

    def _allowed(self, query: Query, readable: Set[str] | None) -> Any:
        import numpy as np

        allowed = self._general.copy()
        if query.property_id is not None:
            may = readable is None or query.property_id in readable
            places = [query.property_id] if may or readable else []
        else:
            places = list(self._about) if readable is None else list(readable)
        for place in places:
            about = self._about.get(place)
            if about is None:
                continue
            if readable is not None and place not in readable:
                # Of what is about several places one may be theirs.
                shared = [self._about[one] for one in readable if one in self._about]
                about = about & np.logical_or.reduce(shared) if shared else np.zeros_like(about)
            allowed |= about
        return allowed

    def _best(self, similarity: Any, barred: Any, limit: int) -> list[int]:
        """The numbers of the best, ties by id."""
        import numpy as np

        totals = np.where(similarity > 0, similarity + barred, -1.0)
        some = min(limit, len(totals))
        # From the small end: what is barred lies in a great heap of equals at the other, on which a selection is slow.
        least = -np.partition(-totals, some - 1)[some - 1] - ROUNDED
        near = np.nonzero((totals >= least) & (totals >= 0))[0].tolist()
        return sorted(near, key=lambda n: (-round(float(totals[n]), 4), self.entries[n].id))[:limit]


def text_key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _terms(entry: Entry) -> list[str]:
    found = terms(f"{entry.title} {entry.quote}", entry.language)
    found += terms(entry.english, "en") if entry.english else []
    return found + (terms(entry.phrases) if entry.phrases else [])


def source_json(found: Found, reads: Sequence[str], today: date, translation: str = "") -> dict[str, Any]:
    """A Source as programs get it: {layer, id, title, quote, language, translated, score, similarity, boost, property_id,
    category, age_days}. `translation`: into the first of `reads`, where there is one."""
    entry = found.entry
    quote = quoted(entry.quote, entry.language, entry.english, reads, translation)
    return {
        "layer": entry.layer,
        "id": entry.id,
        "title": entry.title,
        "quote": quote.text,
        "language": quote.language,
        "translated": quote.translated,
        "score": found.score,
        "similarity": round(float(found.similarity), 4),
        "boost": round(float(found.boost), 4),
        "property_id": entry.property_id,
        "category": entry.category,
        "age_days": None if entry.day is None else max(0, (today - entry.day).days),
    }


class _Shelves:
    """The shelf of what the company knows now: one with the repairs of this service, and one without (whose texts models
    make vectors of)."""

    def __init__(self) -> None:
        self._last: dict[bool, tuple[tuple[object, ...], tuple[Resolution, ...], Shelf]] = {}

    def of(self, company: Company, own: tuple[Resolution, ...]) -> Shelf:
        known = (company.memos, company.sops, company.resolutions, company.skills, company.rules)
        last = self._last.get(bool(own))
        same = last is not None and all(one is other for one, other in zip(last[0], known, strict=True))
        if last is None or not same or last[1] != own:
            last = self._last[bool(own)] = (known, own, Shelf(entries_of(company, own)))
        return last[2]


_SHELVES: Final = _Shelves()


def shelf_of(company: Company, own: Sequence[Resolution] = ()) -> Shelf:
    """Made once for each state of what the company knows (`own`: repairs of this service); its index when it is first
    asked."""
    return _SHELVES.of(company, tuple(own))
