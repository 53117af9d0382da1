"""Concepts: what things are called in each language, read from data/understanding/concepts.json.

A concept ("gas", "door", "vulnerable") is named by terms; a person adds a term by adding a line. In Latin
script a term is one or more whole words, and `*` at a word's end matches any ending; Chinese and Japanese terms
match anywhere, since neither writes spaces. `0` stands for any number. English terms count in every text:
people mix them in."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

THINGS: Final = Path(__file__).parents[1] / "data" / "understanding" / "things.json"
FILE: Final = Path(__file__).parents[1] / "data" / "understanding" / "concepts.json"

_WORD: Final = re.compile(r"[a-z0-9]+(?:['./&-][a-z0-9]+)*|[^\w\s]")
# Letters of other scripts that look like Latin ones, and marks that stand for an apostrophe.
_ALIKE: Final = {
    ord(other): latin
    for others, latin in (
        ("аα", "a"), ("еε", "e"), ("оοσ", "o"), ("рρ", "p"), ("с", "c"), ("у", "y"), ("хχ", "x"), ("іι", "i"),
        ("ј", "j"), ("ѕ", "s"), ("ԁ", "d"), ("һ", "h"), ("ԛ", "q"), ("ѡ", "w"), ("ӏ", "l"), ("т", "t"),
        ("м", "m"), ("к", "k"), ("ո", "n"), ("’‘´`", "'"),
    )
    for other in others
}  # fmt: skip
_REPEATED: Final = re.compile(r"([a-z])\1{2,}")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

# A word here takes the danger out of the next few: "no smoke", "sin humo", "bukan gas".
_BEFORE: Final = frozenset(
    {
        "no", "not", "never", "without", "isn't", "wasn't", "aren't", "nothing", "neither", "nor", "cannot",
        "didn't", "doesn't", "don't", "sin", "nunca", "tampoco", "ningun", "ninguna", "nada", "jamas",
        "tidak", "ga", "gak", "nggak", "ngga", "bukan", "tanpa", "tdk", "gk",
    }
)  # fmt: skip
_CLAUSE_END: Final = frozenset(".,;:!?()")
_REACH: Final = 3
"""Words a negation reaches over."""
_ZH_BEFORE: Final = re.compile(r"(?:沒有|沒|不是|並非|並無|無|未|不像|不會)[^,。!?;]{0,3}$")
_JA_AFTER: Final = re.compile(
    r"^[^。、!?]{0,6}?(?:ない|無い|なし|無し|ありません|ではな|じゃな|なかった|いません|ません)"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A concept found in a text."""

    concept: str
    words: str
    negated: bool


def fold(text: str) -> str:
    """The form in which terms are compared: compatibility forms, case and Latin accents folded, zero-width
    characters gone, long vowels of excitement cut ("heeelp")."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE)
    if not plain.isascii():
        out = []
        for char in plain:
            category = unicodedata.category(char)
            if category in {"Cf", "Cc", "Cs"}:
                out.append(" " if char in "\n\t" else "")
            elif "à" <= char <= "ÿ" or "ā" <= char <= "ž":
                out.append(unicodedata.normalize("NFD", char)[0])
            else:
                out.append(char)
        plain = "".join(out)
    return _REPEATED.sub(r"\1", plain)


def words_of(folded: str) -> list[str]:
    """The Latin words and punctuation marks of a folded text."""
    return _WORD.findall(folded)


IDIOMS = "_idioms"
"""No concept: language -> words that are not meant as they stand, `before | after`."""


class Concepts:
    """Finds concepts by dictionary look-ups: each word and each run of characters is looked at once."""

    def __init__(self, table: dict[str, dict[str, list[str]]]) -> None:
        table = dict(table)
        self._idioms = {language: _idioms(said) for language, said in table.pop(IDIOMS, {}).items()}
        self._table = table
        self._latin: dict[str, dict[str, list[tuple[tuple[str, ...], str]]]] = {}
        self._cjk: dict[str, dict[str, list[str]]] = {}
        self._longest = 1
        for language in ("en", "zh-TW", "ja", "id", "es"):
            latin: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
            cjk: dict[str, list[str]] = defaultdict(list)
            for concept, by_language in table.items():
                for term in dict.fromkeys([*by_language.get(language, ()), *by_language.get("en", ())]):
                    folded = fold(term)
                    if _CJK.search(folded):
                        cjk[folded].append(concept)
                        self._longest = max(self._longest, len(folded))
                        continue
                    tokens = tuple(re.findall(r"[a-z0-9]+(?:['./&-][a-z0-9]+)*\*?|\S", folded))
                    if tokens:
                        latin[tokens[0]].append((tokens, concept))
            self._latin[language], self._cjk[language] = dict(latin), dict(cjk)

    def find(self, folded: str, language: str) -> list[Hit]:
        """Every concept in a folded text of `language`, in reading order, each place once per concept."""
        return [*self._find_words(words_of(folded), language), *self._find_runs(folded, language)]

    def only(self, concept: str) -> Concepts:
        """A finder of one concept by its terms in every language, whatever a text is written in."""
        terms = [term for one in self._table.get(concept, {}).values() for term in one]
        return Concepts({concept: {"en": terms}})

    def _find_words(self, words: list[str], language: str) -> list[Hit]:
        terms = self._latin.get(language) or self._latin["en"]
        found: list[Hit] = []
        masked = self._masked(words, language)
        for at, word in enumerate(words):
            if at in masked:
                continue
            keys = [word, *(word[:end] + "*" for end in range(2, len(word) + 1))]
            best: dict[str, int] = {}
            for key in keys:
                for tokens, concept in terms.get(key, ()):
                    if _fits(tokens, words, at):
                        best[concept] = max(best.get(concept, 0), len(tokens))
            for concept, length in best.items():
                negated = _negated_before(words, at)
                found.append(Hit(concept, " ".join(words[at : at + length]), negated))
        return found

    def _masked(self, words: list[str], language: str) -> set[int]:
        """Words that mean nothing by themselves where they stand: what fell is the network."""
        found: set[int] = set()
        for idiom, rests in self._idioms.get(language, {}).items():
            for at in range(len(words)):
                if _fits(idiom, words, at):
                    after = at + len(idiom)
                    if any(_fits(rest, words, after) for rest in rests):
                        found.update(range(at, after))
        return found

    def _find_runs(self, folded: str, language: str) -> list[Hit]:
        if not _CJK.search(folded):
            return []
        # In a text of another language the terms of both count.
        terms = self._cjk.get(language) or {**self._cjk["zh-TW"], **self._cjk["ja"]}
        found: list[Hit] = []
        for at in range(len(folded)):
            best: dict[str, str] = {}
            for end in range(at + 1, min(len(folded), at + self._longest) + 1):
                run = folded[at:end]
                for concept in terms.get(run, ()):
                    best[concept] = run
            for concept, run in best.items():
                before, after = folded[max(0, at - 6) : at], folded[at + len(run) : at + len(run) + 14]
                negated = (
                    bool(_ZH_BEFORE.search(before)) if language == "zh-TW" else bool(_JA_AFTER.match(after))
                )
                found.append(Hit(concept, run, negated))
        return found


def _idioms(said: list[str]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """`se cayo | el internet`: what stands before the bar is no accident where what stands behind it follows."""
    found: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for one in said:
        first, _, rest = fold(one).partition("|")
        found[tuple(first.split())].append(tuple(rest.split()))
    return dict(found)


def _fits(tokens: tuple[str, ...], words: list[str], at: int) -> bool:
    if at + len(tokens) > len(words):
        return False
    for wanted, word in zip(tokens, words[at:], strict=False):
        if wanted == word or (wanted == "0" and word.isdigit()):
            continue
        if not (wanted.endswith("*") and word.startswith(wanted[:-1])):
            return False
    return True


def _negated_before(words: list[str], at: int) -> bool:
    for word in reversed(words[max(0, at - _REACH) : at]):
        if word in _CLAUSE_END:
            return False
        if word in _BEFORE:
            return True
    return False


@cache
def load() -> Concepts:
    return Concepts(json.loads(FILE.read_text(encoding="utf-8")))


@cache
def things() -> Concepts:
    """What a house is made of and what happens in it, finer than what a message is judged by: only questions are found by it."""
    return Concepts(json.loads(THINGS.read_text(encoding="utf-8")))
