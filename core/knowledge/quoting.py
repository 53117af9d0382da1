"""What somebody said, for who reads other languages: the words that they can read, or the original behind its code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.company.company import Company
from core.company.schema import Person
from core.stored_values import Source
from core.text import shorten

QUOTE: Final = 280
"""Characters of a quote."""


@dataclass(frozen=True, slots=True)
class Quote:
    text: str
    language: str
    """In which it stands here."""
    translated: bool


def quoted(text: str, language: str, english: str, reads: Sequence[str], translation: str = "") -> Quote:
    """`text` for who reads `reads`, the first best; `english`, `translation` (into the first of `reads`): "" where nobody
    made it."""
    if language in reads:
        return Quote(text, language, False)
    if english and "en" in reads:
        return Quote(english, "en", True)
    if translation:
        return Quote(translation, reads[0], True)
    return Quote(f"[{language}] {text}", language, False)


def reads(language: str, person: Person | None) -> tuple[str, ...]:
    """Their languages: the one in which they are answered first."""
    others = person.languages if person is not None else []
    return (language, *(one for one in others if one != language))


def for_reader(
    company: Company, source: Source, reads: Sequence[str], translations: Mapping[str, str] | None = None
) -> Source:
    """`source` with its quote as who reads `reads` gets it. `translations`: memo id -> its words in the first of `reads`."""
    memo = company.memo(source.id) if source.layer == "memo" else None
    if memo is not None:
        quote = quoted(
            shorten(memo.transcript, QUOTE),
            memo.language,
            shorten(memo.transcript_en, QUOTE),
            reads,
            shorten((translations or {}).get(memo.id, ""), QUOTE),
        )
        return replace(source, quote=quote.text)
    rule = company.rule(source.id) if source.layer == "rule" else None
    if rule is not None:
        said = next((rule.text[one] for one in reads if one in rule.text), None)
        return replace(source, quote=shorten(said, QUOTE) if said else source.quote)
    if source.layer in {"sop", "skill", "history"} and source.quote:
        return replace(source, quote=quoted(source.quote, "en", "", reads).text)
    return source
