"""The offline engine: it needs no key and no network, answers within milliseconds, and is the floor under
whatever understands better. The statistics judge; rules look after what must never be missed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core import concepts
from core.amounts import says_done
from core.company.company import Company
from core.concepts import Hit, fold
from core.model import URGENT, Category, Intent, RiskTag, Triage
from core.text import READ_LIMIT
from core.triage import decide, features, hazards, languages, model
from core.triage.features import Features
from core.triage.injected_instructions import Orders
from core.triage.learned import Learned, Lesson
from core.triage.model import Known, Model, Vector, sigmoid, softmax
from core.triage.places import Named, Places
from core.triage.port import NO_OCCASION, Correction, Occasion, Speaker

HUSHING = frozenset({"ask", "house_rule", "resolved", "closing", "greet", "botword", "team"})
"""Concepts that say that a text asks, greets or reports the end of something."""
TAUGHT = 0.6
"""How much of a correction a text must echo for its property or language to be taken from it."""
SHORT = 400
"""Characters that are judged at once; a longer text goes to a thread, so that the event loop never waits for it."""
_CLAUSES = re.compile(
    r"[.!?。,、;…\n]+|\b(?:and|but|also|y|tambien|ademas|pero|dan|terus|juga|tapi)\b|另外|還有|而且|それと|あと|また"
)
LEFT = 0.5
"""How sure the category must be for what stands beside an order, in its clause, to be a report."""
MAYBE_URGENT, CLEARLY, APART, MAX_CLAUSES = 0.25, 0.6, 0.3, 8
"""When a message may hold a worse problem beside another, how sure its clause must be, how far ahead of the next, and
how many clauses are looked at."""


@dataclass(frozen=True, slots=True)
class _Clause:
    category: str
    sure: float
    named: Named | None


class OfflineEngine:
    name = "offline"

    def __init__(self, company: Company, trained: Model | None = None) -> None:
        self._model = trained or model.load()
        self._danger = model.load(model.DANGER_FILE)
        self._lexicon = concepts.load()
        self._orders = Orders(self._lexicon)
        self.adopt(company)

    def adopt(self, company: Company) -> None:
        """Understand messages about `company` from now on. What was taught has to be taught again."""
        labels: dict[str, Sequence[str]] = {
            **{head: self._model.heads[head] for head in ("category", "severity", "language")},
            "property": [place.id for place in company.properties],
        }
        # Worked out beside what is in use, then swapped in as a whole.
        self._places, self._labels, self._learned = Places(company), labels, Learned(self._model, labels)

    def teach(self, corrections: Sequence[Correction]) -> None:
        # Worked out beside what is in use, then swapped in as a whole.
        self._learned = Learned(self._model, self._labels, [self._lesson(one) for one in corrections])

    def _lesson(self, one: Correction) -> Lesson:
        plain, _ = self._orders.taken_out(self._places.masked(fold(one.text[:READ_LIMIT])))
        seen = features.grams(plain)
        if one.field != "language":
            language = self._language(plain, seen, Speaker((), ()))
            seen = {**seen, **features.of_concepts(self._lexicon.find(plain, language))}
        if one.field == "property":
            return Lesson(
                one.field, one.label, seen, np.zeros(len(self._labels["property"]), dtype=np.float32)
            )
        logits = self._model.logits(self._model.known(seen))
        return Lesson(one.field, one.label, seen, logits[self._model.columns(one.field)])

    async def understand(self, text: str, speaker: Speaker, _occasion: Occasion = NO_OCCASION) -> Triage:
        if len(text) > SHORT:
            return await asyncio.to_thread(self.judge, text, speaker)
        return self.judge(text, speaker)

    def judge(self, text: str, speaker: Speaker) -> Triage:
        folded = fold(text[:READ_LIMIT])
        whole = self._places.masked(folded)
        plain, orders = self._orders.taken_out(whole)
        # What orders us about may not take a danger back ("ignore what was before").
        read = self._read(folded, whole, plain, orders, speaker)
        found, length = hazards.load().find(plain), hazards.length_of(plain)
        read = hazards.weigh(read, found, length)
        if read.severity < URGENT and languages.is_unread(
            text[:READ_LIMIT]
        ):  # it may say anything, and somebody here can read it
            known = {field: words for field, words in read.evidence.items() if field == "property"}
            read = replace(
                read,
                intent=Intent.NEW_ISSUE,
                category=Category.OTHER,
                severity=3,
                risk_tags=(),
                evidence=known,
                maybe_danger=True,
            )
        if says_done(folded):
            return replace(read, intent=Intent.RESOLUTION_REPORT, severity=1, risk_tags=())
        return read

    def _read(self, folded: str, whole: str, plain: str, orders: list[str], speaker: Speaker) -> Triage:
        read = self._judged(folded, whole, plain, orders, speaker)
        if not orders:
            return read
        # Where nothing marks a clause (spoken words, haste) that of an order may hold the report as well.
        rest = self._judged(folded, whole, self._orders.words_taken_out(whole, orders), orders, speaker)
        standing = self._orders.is_standing(whole, urgent=rest.severity >= URGENT)
        if standing and not hazards.load().find(self._orders.words_taken_out(whole, orders)):
            return read
        urgent = rest.severity >= URGENT and "severity" in rest.evidence
        alone = not _says_much(plain) and "category" in rest.evidence and rest.confidence["category"] > LEFT
        return rest if rest.severity > read.severity and (urgent or alone) else read

    def _judged(self, folded: str, whole: str, plain: str, orders: list[str], speaker: Speaker) -> Triage:
        """What is read in `plain`, the part of `whole` that reports."""
        named = self._places.find(folded)
        grams = features.grams(plain)
        language = self._language(plain if _says_much(plain) else whole, grams, speaker)
        hits = self._lexicon.find(plain, language)
        seen = {**grams, **features.of_concepts(hits)}
        known = self._model.known(seen)
        logits = self._model.logits(known)
        unmoved, untaught = self._likeliest("category", logits)[0], self._severities(logits)
        for field in ("category", "severity"):
            change = self._learned.change(field, seen)
            if change is not None:
                logits[self._model.columns(field)] += change
        intents = self._shares("intent", logits)
        severities = self._severities(logits)
        category, sure = self._likeliest("category", logits)
        worst = (
            self._worst_clause(folded, language) if max(severities[4], severities[5]) > MAYBE_URGENT else None
        )
        if worst is not None:
            # Several problems in one message: the worst counts, and where that is.
            category, sure = worst.category, worst.sure
            unmoved = worst.category
            named = worst.named or named
        hushed = "?" in plain or any(hit.concept in HUSHING for hit in hits) or not _says_much(plain)
        intent, severity = decide.reading(category, intents, severities, hushed=hushed)
        if decide.reading(unmoved, intents, untaught, hushed=hushed) == (intent, 5):
            severity = 5  # nobody can teach it that a danger to life is none
        found_tags = [] if severity == 1 else decide.tags(self._tag_shares(logits))
        property_id = named.property_id if named else self._taught_property(seen)
        if property_id is None and len(speaker.properties) == 1:
            property_id = speaker.properties[0]
        evidence = {
            "category": self._evidence("category", category, known, hits),
            "severity": self._evidence("severity", str(severity), known, hits),
            "intent": self._evidence("intent", intent, known, hits),
            "property": [named.words] if named else [],
            **{tag: self._evidence("tags", tag, known, hits) for tag in found_tags},
        }
        return Triage(
            intent=Intent(intent),
            language=language,
            property_id=property_id,
            category=Category(category),
            severity=severity,
            risk_tags=tuple(RiskTag(tag) for tag in found_tags),
            confidence={
                "category": round(sure, 3),
                "intent": round(intents[intent], 3),
                "severity": round(severities[severity], 3),
                "danger": round(float(sigmoid(self._danger.logits(self._danger.known(seen)))[0]), 3),
                "property": 0.95 if named else 0.7 if property_id else 0.0,
            },
            evidence={field: words for field, words in evidence.items() if words},
            steering=tuple(orders),
            engine=self.name,
        )

    def _worst_clause(self, folded: str, language: str) -> _Clause | None:
        """Of a message with several clauses the one that is clearly the most urgent, if there is one."""
        clauses = [one for one in _CLAUSES.split(folded) if one and _says_much(one)][:MAX_CLAUSES]
        if len(clauses) < 2:
            return None
        read = []
        for clause in clauses:
            plain, _ = self._orders.taken_out(self._places.masked(clause))
            seen = {**features.grams(plain), **features.of_concepts(self._lexicon.find(plain, language))}
            logits = self._model.logits(self._model.known(seen))
            category, sure = self._likeliest("category", logits)
            severities = self._severities(logits)
            read.append((severities[4] + severities[5], category, sure, self._places.find(clause)))
        read.sort(key=lambda one: one[0], reverse=True)
        urgent, category, sure, named = read[0]
        if urgent < CLEARLY or sure < CLEARLY or read[1][0] > urgent - APART:
            return None
        return _Clause(category, sure, named)

    def _language(self, plain: str, grams: Features, speaker: Speaker) -> str:
        certain = languages.by_script(plain, speaker.languages)
        if certain is not None and not self._learned.taught("language"):
            return certain
        logits = self._model.logits(self._model.known(grams))
        change = self._learned.change("language", grams)
        if change is not None:
            logits[self._model.columns("language")] += change
            if float(change.max()) > TAUGHT:
                return str(self._labels["language"][int(change.argmax())])
        shares = self._shares("language", logits)
        return certain or languages.by_shares(
            {one: shares[one] for one in languages.LATIN}, speaker.languages
        )

    def _taught_property(self, seen: Features) -> str | None:
        change = self._learned.change("property", seen)
        if change is None or float(change.max()) < TAUGHT:
            return None
        return str(self._labels["property"][int(change.argmax())])

    def _severities(self, logits: Vector) -> dict[int, float]:
        return {int(level): share for level, share in self._shares("severity", logits).items()}

    def _likeliest(self, head: str, logits: Vector) -> tuple[str, float]:
        """The label with the greatest share, and that share."""
        return max(self._shares(head, logits).items(), key=lambda pair: pair[1])

    def _shares(self, head: str, logits: Vector) -> dict[str, float]:
        return dict(
            zip(self._model.heads[head], softmax(logits[self._model.columns(head)]).tolist(), strict=True)
        )

    def _tag_shares(self, logits: Vector) -> dict[str, float]:
        return dict(
            zip(self._model.heads["tags"], sigmoid(logits[self._model.columns("tags")]).tolist(), strict=True)
        )

    def _evidence(self, head: str, label: str, known: Known, hits: list[Hit]) -> list[str]:
        """The words that spoke most for `label`: those of a concept, or a word as it stands."""
        votes = known.votes[:, self._model.columns(head).start + self._model.heads[head].index(label)]
        words: dict[str, None] = {}
        pieces: dict[str, None] = {}
        for at in votes.argsort()[::-1][:60]:
            kind, _, rest = known.names[at].partition(":")
            if votes[at] <= 0 or len(words) >= 6:
                break
            if kind == "G":
                words.update(dict.fromkeys(_words(hits, rest)[:2]))
            elif kind == "w" and len(rest) >= 4:
                words[rest] = None
            elif kind == "3":
                pieces[rest] = None
        # A run of signs may cut a word in two: only where there is nothing better.
        return _without_parts(list(words or pieces))[:3]


def _words(hits: Iterable[Hit], concept: str) -> list[str]:
    return list(dict.fromkeys(hit.words for hit in hits if hit.concept == concept and not hit.negated))


def _says_much(plain: str) -> bool:
    """Two letters or signs at least: an emoji or a dot is no report."""
    return sum(char.isalnum() for char in plain) >= 2


def _without_parts(words: list[str]) -> list[str]:
    """Without those that are only part of one that is there as well."""
    return [word for word in words if not any(word != other and word in other for other in words)]
