"""What can hurt somebody, found in the words themselves: gas, fire, carbon monoxide, electricity, injuries, people trapped or
attacked, a house that gives way.

Made for recall, and apart from what the statistics think a text is about. A hazard is one or more words of one kind near each
other, in any order and any language (data/understanding/hazards.json). What is denied, over, asked about, quoted, a drill, the
name of a product or a figure of speech is told apart: such words are no evidence of a danger now."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from core.concepts import fold
from core.model import URGENT, Category, Intent, RiskTag, Triage

FILE: Final = Path(__file__).parents[2] / "data" / "understanding" / "hazards.json"

Kind = Literal[
    "gas", "fire", "co", "shock", "sparks", "water_power", "injury", "trapped", "intruder", "structure"
]
State = Literal["now", "denied", "over", "asked", "quoted", "drill"]
TAGS: Final[dict[Kind, tuple[RiskTag, ...]]] = {
    "gas": (RiskTag.GAS_RISK,),
    "fire": (RiskTag.FIRE_RISK,),
    "co": (RiskTag.GAS_RISK,),
    "shock": (RiskTag.ELECTRICAL_RISK,),
    "sparks": (RiskTag.ELECTRICAL_RISK, RiskTag.FIRE_RISK),
    "water_power": (RiskTag.ELECTRICAL_RISK, RiskTag.WATER_DAMAGE),
    "injury": (RiskTag.INJURY,),
    "trapped": (),
    "intruder": (RiskTag.SECURITY_RISK,),
    "structure": (),
}
LIKELY: Final = 0.5
"""So likely must the statistics find a danger to life to be believed without a word that names one."""
BELIEVED: Final = 0.2
"""So likely must they find one for words that name a hazard to be it at once; below it, and from it on where no word says
so, one tap asks."""
CRY: Final = 40
"""A text shorter than so many letters is a cry."""
SIGN: Final = 3
CATEGORY: Final[dict[Kind, Category]] = {
    "gas": Category.GAS_FIRE,
    "fire": Category.GAS_FIRE,
    "co": Category.GAS_FIRE,
    "shock": Category.ELECTRICAL,
    "sparks": Category.ELECTRICAL,
    "water_power": Category.ELECTRICAL,
    "injury": Category.SAFETY_SECURITY,
    "trapped": Category.SAFETY_SECURITY,
    "intruder": Category.SAFETY_SECURITY,
    "structure": Category.SAFETY_SECURITY,
}
"""What a ticket about it is."""
_MACHINES: Final = frozenset(
    {
        Category.ELECTRICAL, Category.APPLIANCE, Category.PLUMBING_LEAK, Category.PLUMBING_BLOCKAGE,
        Category.HVAC_LEAK, Category.HVAC_FAILURE, Category.SAFETY_SECURITY,
    }
)  # fmt: skip
_PEOPLE: Final = frozenset(
    {Category.SAFETY_SECURITY, Category.GAS_FIRE, Category.PEST, Category.LOCKOUT, Category.ELECTRICAL, Category.HVAC_LEAK,
     Category.PLUMBING_LEAK, Category.NOISE_COMPLAINT}
)  # fmt: skip
FITTING: Final[dict[Kind, frozenset[Category]]] = {
    "gas": _MACHINES,
    "fire": _MACHINES,
    "co": _MACHINES,
    "shock": _MACHINES,
    "sparks": _MACHINES,
    "water_power": _MACHINES,
    "injury": _PEOPLE,
    "trapped": _PEOPLE,
    "intruder": _PEOPLE,
    "structure": frozenset({Category.SAFETY_SECURITY, Category.DAMAGE_REPORT, Category.PLUMBING_LEAK}),
}
"""What it may be all the same, where the statistics are sure of it: a flooding pipe that gives shocks is a pipe."""
DEPENDING: Final[frozenset[Kind]] = frozenset({"sparks", "water_power"})
"""Kinds that say little of what is broken: there the statistics need not be sure."""
DENIED_IS: Final = 3
"""The most that a text is worth whose hazards are all denied, over, asked about, quoted or a drill."""
SURE: Final = 0.6
"""So sure of its category a text keeps it, whatever the hazard."""
NEAR: Final = 110
"""Characters within which the words of one hazard stand; half of it where each sign is a word."""
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WORDS: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|[.,;:!?()]")
_CLAUSE_END: Final = frozenset(".,;:!?()")
REACH: Final = 3
"""Words that a negation reaches over."""
_NOT_BEFORE: Final = frozenset(
    {
        "no", "not", "never", "without", "isn't", "isnt", "wasn't", "wasnt", "aren't", "nothing", "neither", "nor",
        "didn't", "didnt", "doesn't", "doesnt", "nobody", "sin", "nunca", "tampoco", "ningun", "ninguna", "nada",
        "nadie", "jamas", "tidak", "ga", "gak", "nggak", "ngga", "bukan", "tanpa", "tdk", "gk", "belum", "blm",
    }
)  # fmt: skip
_ZH_NOT_BEFORE: Final = re.compile(r"(?:沒有|沒|不是|並非|並無|無|未|不像|不會|不算)[^,。!?;、\s]{0,4}$")
_JA_NOT_AFTER: Final = re.compile(
    r"^[^。、!?]{0,7}?(?:じゃな|ではな|じゃありませ|ではありませ|ちゃう|ちゃいま|とちゃ|なかった|ありません|なしです|ていませ(?!んか)|てません(?!か)|てない|せえへん)"
)


@dataclass(frozen=True, slots=True)
class Hazard:
    kind: Kind
    words: tuple[str, ...]
    """As they stand in the folded text."""
    state: State


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: Kind
    parts: tuple[re.Pattern[str], ...]


class Hazards:
    def __init__(self, table: dict[str, Any]) -> None:
        self._masked = _any_of(table["masked"])
        self._part_of_a_word = re.compile(
            "|".join(_sign_beside(word, but) for word, but in table["part_of_a_word"].items())
        )
        self._burnt_out = _burnt_out(table["burns_out"])
        self._neutral = _any_of(table["neutral"])
        self._marks = {
            name: _any_of(table[name]) for name in ("now", "over", "asked", "quoted", "drill", "real")
        }
        self._rules = [
            _Rule(kind, tuple(_any_of(part) for part in parts))
            for kind, rules in table["hazards"].items()
            for parts in rules
        ]

    def find(self, folded: str) -> list[Hazard]:
        """The hazards in a text as core.concepts.fold makes it, one of each kind at most: the surest."""
        text = folded
        for no_hazard in (self._masked, self._burnt_out, self._part_of_a_word):
            text = no_hazard.sub(_blank, text)
        found: dict[Kind, Hazard] = {}
        state: State | None = None
        for rule in self._rules:
            known = found.get(rule.kind)
            if known is not None and known.state == "now":
                continue
            spans = _together(rule, text)
            if not spans:
                continue
            if state is None:
                state = self._state(text)
            words = tuple(text[start:end] for start, end in spans[0])
            denied = all(self._denied(text, one) for one in spans)
            found[rule.kind] = Hazard(rule.kind, words, "denied" if denied else state)
        return list(found.values())

    def _state(self, text: str) -> State:
        says = {name: bool(mark.search(text)) for name, mark in self._marks.items()}
        if says["real"]:
            return "now"
        if says["drill"]:
            return "drill"
        if says["now"]:
            return "now"
        past: tuple[State, ...] = ("over", "asked", "quoted")
        return next((state for state in past if says[state]), "now")

    def _denied(self, text: str, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether some word of it is taken back: "no smoke", "不是瓦斯味", "火事じゃない"."""
        plain = self._neutral.sub(_blank, text)
        return any(_negated(plain, start, end) for start, end in spans)


def _negated(text: str, start: int, end: int) -> bool:
    if _CJK.search(text[start:end]):
        before, after = text[max(0, start - 9) : start], text[end : end + 14]
        return bool(_ZH_NOT_BEFORE.search(before)) or bool(_JA_NOT_AFTER.match(after))
    for word in reversed(_WORDS.findall(text[max(0, start - 40) : start])[-REACH:]):
        if word in _CLAUSE_END:
            return False
        if word in _NOT_BEFORE:
            return True
    return False


def _together(rule: _Rule, text: str) -> list[list[tuple[int, int]]]:
    """Where words of every part of `rule` stand near each other."""
    places = []
    for part in rule.parts:
        spans = [one.span() for one in itertools.islice(part.finditer(text), 12)]
        if not spans:
            return []
        places.append(spans)
    near = NEAR // 2 if _CJK.search(text) else NEAR
    found = []
    for first in places[0]:
        chosen = [first, *(min(spans, key=lambda one: _gap(first, one)) for spans in places[1:])]
        if max(end for _, end in chosen) - min(start for start, _ in chosen) <= near:
            found.append(chosen)
    return found


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(other[0] - one[1], one[0] - other[1], 0)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _sign_beside(word: str, but: Sequence[str]) -> str:
    """Of "燈[泡]": the sign in brackets where it stands in that word, which is no soaked lamp; `but`: before these it is a
    word of its own after all (檯燈泡水了)."""
    before, sign, after = re.split(r"[\[\]]", fold(word))
    own = f"(?!{'|'.join(map(re.escape, but))})" if but else ""
    return f"(?<={before}){sign}(?={after}){own}"


def _burnt_out(parts: Iterable[str]) -> re.Pattern[str]:
    """A bulb or a fuse that burnt out, and nothing beyond it did: 燈泡燒掉了, but not 燈泡燒掉了窗簾."""
    any_part = "|".join(f"(?<={re.escape(fold(one))})" for one in parts)
    return re.compile(rf"(?:{any_part})[又都也]?[燒烧]掉(?=了?(?:$|[^\w]))")


def _any_of(terms: Iterable[str]) -> re.Pattern[str]:
    """Any of `terms`: whole words in Latin script (`*`: with any ending), a run of signs anywhere."""
    latin: list[str] = []
    signs: list[str] = []
    for term in sorted({fold(one) for one in terms}, key=len, reverse=True):
        if _CJK.search(term):
            signs.append(re.escape(term.removesuffix("*")))
        else:
            stem = re.escape(term.removesuffix("*")).replace(r"\ ", r"\s")
            latin.append(stem + (r"[a-z0-9]{0,12}" if term.endswith("*") else ""))
    words = [rf"(?<![a-z0-9])(?:{'|'.join(latin)})(?![a-z0-9])"] if latin else []
    return re.compile("|".join([*signs, *words]))


@cache
def load() -> Hazards:
    return Hazards(json.loads(FILE.read_text(encoding="utf-8")))


def weigh(read: Triage, found: Sequence[Hazard], length: int) -> Triage:
    """`read`, with what the words themselves say about danger. Severity 5 needs a hazard that is there now, or statistics
    that are very sure; where there is a hazard it is at least urgent, and its tags and its kind of ticket are kept.

    `length`: of the text, a Chinese or Japanese sign counted for SIGN letters. Of a cry ("Help! Fire!") the statistics
    know nothing, and have no say."""
    now = [one for one in found if one.state == "now"]
    danger = read.confidence.get("danger", 0.0)
    sure = danger >= LIKELY
    if not now:
        if found:
            most = min(read.severity, DENIED_IS)
            return replace(read, severity=most, risk_tags=_without(read, found))
        telling = read.intent in {Intent.NEW_ISSUE, Intent.FOLLOW_UP}
        if sure:
            return replace(read, severity=5, intent=read.intent if telling else Intent.NEW_ISSUE)
        unsure = telling and (read.severity >= 5 or danger >= BELIEVED)
        return replace(read, severity=min(read.severity, URGENT), maybe_danger=unsure)
    first = now[0]
    lethal = any(one.kind != "sparks" for one in now)
    deadly = sure or (lethal and (length < CRY or danger >= BELIEVED))
    tags = dict.fromkeys([*read.risk_tags, *(tag for one in now for tag in TAGS[one.kind])])
    category, usual = read.category, CATEGORY[first.kind]
    known = read.confidence.get("category", 0.0) >= SURE
    if category is not usual and not (category in FITTING[first.kind] and (known or first.kind in DEPENDING)):
        category = usual
    words = list(dict.fromkeys(word for one in now for word in one.words))[:3]
    evidence = {
        **read.evidence,
        "severity": words,
        **{tag.value: words for tag in tags if tag not in read.risk_tags},
    }
    telling = read.intent in {Intent.NEW_ISSUE, Intent.FOLLOW_UP}
    return replace(
        read,
        intent=read.intent if telling else Intent.NEW_ISSUE,
        category=category,
        severity=5 if deadly else URGENT,
        maybe_danger=lethal and not deadly,
        risk_tags=tuple(tags),
        evidence=evidence,
    )


def _without(read: Triage, found: Sequence[Hazard]) -> tuple[RiskTag, ...]:
    gone = {tag for one in found for tag in TAGS[one.kind]}
    return tuple(tag for tag in read.risk_tags if tag not in gone)


def length_of(text: str) -> int:
    """In letters; a Chinese or Japanese sign counts for SIGN."""
    return len(text) + (SIGN - 1) * len(_CJK.findall(text))
