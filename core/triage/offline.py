"""The offline engine, first form: rules over a lexicon. It needs no key and no network, and it is what
answers when nothing else can."""

from __future__ import annotations

import re

from core.company.company import Company
from core.model import Category, Intent, RiskTag, Triage
from core.text import READ_LIMIT, normal
from core.triage.lexicon import Lexicon, Rule, any_of, load
from core.triage.port import Speaker

_KANA = re.compile(r"[\u3040-\u30ff]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[a-zà-ÿ]+")


class OfflineEngine:
    """Understanding by lexicon; `company` is read anew at each message, so that an alias added to the data
    works at once."""

    name = "offline"

    def __init__(self, company: Company, lexicon: Lexicon | None = None) -> None:
        self._lexicon = lexicon or load()
        self._aliases = [(place.id, any_of([place.name, *place.aliases])) for place in company.properties]

    async def understand(self, text: str, speaker: Speaker) -> Triage:
        return self.judge(text, speaker)

    def judge(self, text: str, speaker: Speaker) -> Triage:
        plain = normal(text[:READ_LIMIT])
        hits = self._lexicon.hits(plain)
        rule = best_rule(self._lexicon.categories, hits)
        category = Category(rule.gives) if rule else Category.OTHER
        intent = read_intent(hits, plain, category)
        tags = tuple(dict.fromkeys(RiskTag(r.gives) for r in self._lexicon.risk_tags if _holds(r, hits)))
        severity, severity_rule = read_severity(self._lexicon, hits, category, intent)
        property_id, alias = self._property(plain, speaker)
        evidence = {
            "category": _words(rule, hits),
            "severity": _words(severity_rule, hits) or _words(rule, hits),
            "property": alias,
            **{tag.value: _tag_words(self._lexicon, tag, hits) for tag in tags},
        }
        return Triage(
            intent=intent,
            language=detect_language(text, self._lexicon, speaker.languages),
            property_id=property_id,
            category=category,
            severity=severity,
            risk_tags=() if severity == 1 else tags,
            confidence={
                "category": 0.0 if rule is None else min(0.95, 0.4 + 0.08 * rule.weight),
                "property": 0.95 if alias else 0.7 if property_id else 0.0,
                "severity": 0.8 if severity_rule else 0.5,
            },
            evidence={field: words for field, words in evidence.items() if words},
            steering=tuple(hits.get("steering", ())),
            engine=self.name,
        )

    def _property(self, plain: str, speaker: Speaker) -> tuple[str | None, list[str]]:
        """The property named in the text, the longest alias first; else the speaker's only one."""
        found = [
            (len(match.group()), property_id, match.group())
            for property_id, pattern in self._aliases
            for match in [pattern.search(plain)]
            if match
        ]
        if found:
            _, property_id, alias = max(found)
            return property_id, [alias]
        if len(speaker.properties) == 1:
            return speaker.properties[0], []
        return None, []


def _holds(rule: Rule, hits: dict[str, list[str]]) -> bool:
    return all(group in hits for group in rule.groups)


def _words(rule: Rule | None, hits: dict[str, list[str]]) -> list[str]:
    return [] if rule is None else list(dict.fromkeys(w for group in rule.groups for w in hits[group]))


def _tag_words(lexicon: Lexicon, tag: RiskTag, hits: dict[str, list[str]]) -> list[str]:
    return next((_words(r, hits) for r in lexicon.risk_tags if r.gives == tag and _holds(r, hits)), [])


def best_rule(rules: tuple[Rule, ...], hits: dict[str, list[str]]) -> Rule | None:
    """The heaviest rule all of whose groups occur; the first of equals."""
    return max((rule for rule in rules if _holds(rule, hits)), key=lambda rule: rule.weight, default=None)


def read_intent(hits: dict[str, list[str]], plain: str, category: Category) -> Intent:
    if "resolved" in hits and "not_fixed" not in hits:
        return Intent.RESOLUTION_REPORT
    if "follow" in hits:
        return Intent.FOLLOW_UP
    if category is Category.OTHER:
        if "question" in hits or plain.endswith("?"):
            return Intent.QUESTION
        if "chat" in hits or "steering" in hits or not any(char.isalnum() for char in plain):
            return Intent.CHIT_CHAT
    return Intent.NEW_ISSUE


def read_severity(
    lexicon: Lexicon, hits: dict[str, list[str]], category: Category, intent: Intent
) -> tuple[int, Rule | None]:
    """The worst severity that any rule supports; without one, what the category usually is."""
    if intent in {Intent.QUESTION, Intent.CHIT_CHAT, Intent.RESOLUTION_REPORT}:
        return 1, None
    rule = max((r for r in lexicon.severities if _holds(r, hits)), key=lambda r: int(r.gives), default=None)
    usual = lexicon.severity_of[category]
    if rule is None or int(rule.gives) < usual:
        return usual, None
    return int(rule.gives), rule


def detect_language(text: str, lexicon: Lexicon, spoken: tuple[str, ...]) -> str:
    """The language that carries the text; where nothing tells, the speaker's first."""
    usual = spoken[0] if spoken else "en"
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    latin = _LATIN.findall(normal(text[:READ_LIMIT]))
    if kana and kana + han > len(latin):
        return "ja"
    if han > len(latin):
        return "ja" if usual == "ja" and han < 4 else "zh-TW"
    scores = {
        language: sum(word in words for word in latin) + (0.5 if language == usual else 0)
        for language, words in lexicon.stop_words.items()
    }
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] >= 1 else usual
