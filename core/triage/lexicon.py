"""Word groups and the rules over them, read from data/understanding/lexicon.json.

A term is a plain phrase; `*` at its end matches any ending, ` * ` inside any few characters. Latin terms
match whole words, Chinese and Japanese ones anywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.text import normal

FILE: Final = Path(__file__).parents[2] / "data" / "understanding" / "lexicon.json"


def term_pattern(term: str) -> str:
    """The regular expression of one term."""
    plain = normal(term)
    body = re.escape(plain).replace(r"\ \*\ ", ".{1,20}")
    if body.endswith(r"\*"):
        body = body[:-2] + r"\w*"
    if plain[:1].isascii():
        body = r"(?<![^\W_])" + body
    if plain[-1:].isascii() and not plain.endswith("*"):
        body += r"(?![^\W_])"
    return body


def any_of(terms: Iterable[str]) -> re.Pattern[str]:
    # Longest first, so that the evidence shown is the fullest phrase.
    ordered = sorted(set(terms), key=len, reverse=True)
    return re.compile("|".join(term_pattern(term) for term in ordered))


@dataclass(frozen=True)
class Rule:
    gives: str
    groups: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Lexicon:
    groups: dict[str, re.Pattern[str]]
    categories: tuple[Rule, ...]
    risk_tags: tuple[Rule, ...]
    severities: tuple[Rule, ...]
    severity_of: dict[str, int]
    stop_words: dict[str, frozenset[str]]

    def hits(self, text: str) -> dict[str, list[str]]:
        """Per group that occurs in `text` (already normal), the words it was found as."""
        found: dict[str, list[str]] = {}
        for name, pattern in self.groups.items():
            words = [match.group() for match in pattern.finditer(text)]
            if words:
                found[name] = words
        return found


def _rules(rows: list[dict[str, Any]], key: str) -> tuple[Rule, ...]:
    return tuple(Rule(str(row[key]), tuple(row["all"]), float(row.get("weight", 1))) for row in rows)


@cache
def load(path: Path = FILE) -> Lexicon:
    data = json.loads(path.read_text(encoding="utf-8"))
    return Lexicon(
        groups={name: any_of(terms) for name, terms in data["groups"].items()},
        categories=_rules(data["categories"], "category"),
        risk_tags=_rules(data["risk_tags"], "tag"),
        severities=_rules(data["severity"], "severity"),
        severity_of=data["severity_of"],
        stop_words={language: frozenset(words) for language, words in data["stop_words"].items()},
    )
