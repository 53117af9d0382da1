"""Which property a text is about: by its aliases, an obvious misspelling, or its spelling in another script
(data/understanding/spellings.json); not by a person or a firm that is called alike, and not where the writer
says that it is not that one."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from rapidfuzz.distance import OSA

from core.company.company import Company
from core.company.schema import Property
from core.concepts import fold

FILE: Final = Path(__file__).parents[2] / "data" / "understanding" / "spellings.json"
_WORD: Final = re.compile(r"[a-z0-9]+")
_ARTICLE: Final = re.compile(r"(?:the|la|el|los|las) ")
_KATAKANA: Final = re.compile(r"[\u30a1-\u30ff]")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

_NOT_BEFORE: Final = re.compile(
    r"(?:\bnot(?: at| in| the)?|\bisn't(?: at| in)?|\bno(?: es| en| la| el| era| de)*|\bbukan(?: di| yang)?|"
    r"\binstead of|\brather than|不是|並非|別是|非)\s*$"
)
_NOT_AFTER: Final = re.compile(
    r"^\s*(?:じゃな|ではな|じゃありませ|ではありませ|でなく|じゃなく|のことではな)"
)
_PERSON_BEFORE: Final = re.compile(
    r"\b(?:mr|mrs|ms|miss|dr|sr|sra|srta|don|dona|senor|senora|pak|bu|ibu|bli|kak|mas|mbak|named|called|"
    r"jl|jln|jalan|calle|avenida|av)\.?\s+$"
)
_PERSON_AFTER: Final = re.compile(
    r"^(?:鎖店|さん|様|さま|くん|ちゃん|氏|先生|小姐|太太|桑|通り|路|街|水電|電機|設備|工業|水道)"
    r"|^\s+(?:the (?:plumber|electrician|driver|handyman)|plumbing|hardware|electric(?:al)?|hvac|heating|street|"
    r"st|ave|avenue|road|rd|blvd|drive|supply|services?|airport|restaurant|cafe|brewery|times|casino)\b"
)


@dataclass(frozen=True, slots=True)
class Named:
    """A property found in a text, and the words it was found as."""

    property_id: str
    words: str


@cache
def _spellings() -> dict[str, list[str]]:
    table: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {fold(word): [fold(other) for other in others] for word, others in table.items()}


def _names(place: Property) -> set[str]:
    """Its name, its aliases, and two words or more of the name that stand together."""
    words = fold(place.name).split()
    parts = {
        " ".join(words[start:end]) for start in range(len(words)) for end in range(start + 2, len(words) + 1)
    }
    return parts | {fold(alias) for alias in place.aliases}


def _other_spellings(name: str) -> set[str]:
    """`name` with some of its words in another script, joined as that script joins them."""
    found = {name}
    for word, others in _spellings().items():
        if re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", name):
            found |= {have.replace(word, other) for have in set(found) for other in others}
    joined = {re.sub(r"(?<=[\u3040-\u9fff]) | (?=[\u3040-\u9fff])", "", one) for one in found}
    return found | joined


class Places:
    """The company's properties, ready to be looked for."""

    def __init__(self, company: Company) -> None:
        owners: dict[str, set[str]] = defaultdict(set)
        for place in company.properties:
            for name in _names(place):
                for spelling in _other_spellings(name):
                    owners[spelling].add(place.id)
        # A name that fits two properties names neither.
        names = {name: next(iter(ids)) for name, ids in owners.items() if len(ids) == 1}
        self._owner = {_squeezed(name): property_id for name, property_id in names.items()}
        # Chinese and Japanese have no article: there "the cabin" is just "cabin".
        bare = {_squeezed(_ARTICLE.sub("", name)): names[name] for name in names if _ARTICLE.match(name)}
        self._bare = {name: property_id for name, property_id in bare.items() if name not in self._owner}
        self._bare_pattern = _any_of(self._bare)
        self._pattern = _any_of(names)
        self._latin: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for name in sorted(names, key=len, reverse=True):
            if name.isascii() and len(name) >= 4:
                self._latin[name[0]].append(tuple(name.split()))

    def find(self, folded: str) -> Named | None:
        """The property that a folded text names: of several the longest name, of equals the first."""
        found = [
            Named(self._owner[_squeezed(match.group())], match.group())
            for match in self._pattern.finditer(folded)
            if not _is_decoy(folded, match.start(), match.end())
        ]
        if not found and _CJK.search(folded):
            found = [
                Named(self._bare[_squeezed(match.group())], match.group())
                for match in self._bare_pattern.finditer(folded)
                if not _is_decoy(folded, match.start(), match.end())
            ]
        if not found:
            return self._misspelt(folded)
        return max(found, key=lambda named: len(named.words))

    def masked(self, folded: str) -> str:
        """The text without the names: what is wrong does not depend on where."""
        return self._pattern.sub(" ", folded)

    def _misspelt(self, folded: str) -> Named | None:
        found = list(_WORD.finditer(folded[:2000]))
        words = [match.group() for match in found]
        for at, word in enumerate(words):
            for parts in self._latin.get(word[0], ()):
                if abs(len(word) - len(parts[0])) > 2:
                    continue
                said = words[at : at + len(parts)]
                if (
                    len(said) == len(parts)
                    and sum(map(len, said)) >= 5
                    and all(map(_almost, said, parts))
                    and not _is_decoy(folded, found[at].start(), found[at + len(parts) - 1].end())
                ):
                    return Named(self._owner[_squeezed(" ".join(parts))], " ".join(said))
        return None


_REAL_WORDS: Final = frozenset(
    {
        "rent", "rental", "rents", "balik", "balin", "balikin", "balon", "bales", "reino", "renta",
        "reniega", "remo", "banco", "cabana", "the", "cabins", "balita", "basin", "their", "these", "there",
        "ballo", "bald", "bale", "balls",
    }
)  # fmt: skip
"""Words that are a letter away from a name, and are themselves."""


def _almost(said: str, part: str) -> bool:
    """The word, or an obvious misspelling of it: short words leave no room for one."""
    if said == part:
        return True
    allowed = 2 if len(part) >= 9 else 1 if len(part) >= 4 and len(said) >= 4 else 0
    if said in _REAL_WORDS or abs(len(said) - len(part)) > allowed:
        return False
    return OSA.distance(said, part, score_cutoff=allowed) <= allowed


def _squeezed(name: str) -> str:
    return re.sub(r"[\s,\-]+", "", name)


_START: Final = (
    r"(?:(?=[a-z0-9])(?<![a-z0-9])|(?=[\u30a1-\u30ff])(?<![\u30a1-\u30ff])|(?=[^a-z0-9\u30a1-\u30ff]))"
)
_END: Final = (
    r"(?:(?<=[a-z0-9])(?![a-z0-9])|(?<=[\u30a1-\u30ff])(?![\u30a1-\u30ff])|(?<=[^a-z0-9\u30a1-\u30ff]))"
)
_ENDS: Final = ""


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """One pattern for all `names`, the longest first. They share their beginnings, so that a place in a text is
    looked at once and not once for each of some hundred names."""
    root: dict[str, Any] = {}
    for name in names:
        node = root
        for char in name:
            node = node.setdefault(char, {})
        node[_ENDS] = {}
    return re.compile(f"{_START}{_branch(root)}{_END}") if root else re.compile(r"(?!)")


def _branch(node: dict[str, Any]) -> str:
    ways = [
        (r"\s*[-,]?\s*" if char == " " else re.escape(char)) + _branch(below)
        for char, below in node.items()
        if char != _ENDS
    ]
    if not ways:
        return ""
    body = ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"
    return f"(?:{body})?" if _ENDS in node else body


def _is_decoy(folded: str, start: int, end: int) -> bool:
    before, after = folded[max(0, start - 24) : start], folded[end : end + 24]
    return bool(
        _NOT_BEFORE.search(before)
        or _NOT_AFTER.match(after)
        or _PERSON_BEFORE.search(before)
        or _PERSON_AFTER.match(after)
    )
