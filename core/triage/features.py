"""What a text looks like to the statistics: named features with weights, the same for training and for reading."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final

from core.concepts import Hit, words_of

READ: Final = 1500
"""Characters of a text that the statistics look at; the rules look at all that is read."""

_CJK_RUN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff々ー]+")
_SENTENCE_END: Final = re.compile(r"[.!?。,、;:…\n]+")
_EMOJI: Final = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff]")
_DIGITS: Final = re.compile(r"[0-9]+")

GRAM: Final = 1.5
CONCEPT: Final = 0.2
PAIR: Final = 0.2

Features = dict[str, float]


def grams(folded: str) -> Features:
    """Words, word pairs, pieces of words and runs of characters; of length 1 as a vector."""
    text = _DIGITS.sub("0", folded[:READ])
    names: set[str] = set()
    words = [word for word in words_of(text) if word[0].isalnum()]
    names.update(f"w:{word}" for word in words)
    names.update(f"b:{one} {two}" for one, two in pairwise(words))
    for word in words:
        if len(word) >= 4:
            framed = f"_{word}_"
            names.update(f"c:{framed[at : at + 4]}" for at in range(len(framed) - 3))
    for run in _CJK_RUN.findall(text):
        for size in (1, 2, 3):
            names.update(f"{size}:{run[at : at + size]}" for at in range(len(run) - size + 1))
    names.update(f"e:{char}" for char in _EMOJI.findall(text))
    for sentence in _SENTENCE_END.split(text):
        names.update(_edges(sentence.strip()))
    if "?" in text:
        names.add("m:?" if not text.rstrip().endswith("?") else "m:?$")
    if "!" in text:
        names.add("m:!")
    names.add(f"m:len{min(6, int(math.log2(1 + len(text) / 8)))}")
    weight = GRAM / math.sqrt(len(names))
    return dict.fromkeys(names, weight)


def _edges(sentence: str) -> Iterator[str]:
    """How a sentence begins and ends: it tells a question from a report, above all in Japanese and Chinese."""
    if not sentence:
        return
    if _CJK_RUN.fullmatch(sentence[-1]):
        yield from (f"$:{sentence[-size:]}" for size in (1, 2, 3, 4))
    if _CJK_RUN.fullmatch(sentence[0]):
        yield from (f"^:{sentence[:size]}" for size in (2, 3))
    words = [word for word in words_of(sentence) if word[0].isalnum()]
    if words:
        yield f"^:{words[0]}"
        yield f"$:{words[-1]}"
        yield f"^:{' '.join(words[:2])}"


def of_concepts(hits: Iterable[Hit]) -> Features:
    """Concepts and pairs of them, the same in every language: what is learnt in one serves the others."""
    present = sorted({f"not-{hit.concept}" if hit.negated else hit.concept for hit in hits})
    found = {f"G:{name}": CONCEPT for name in present}
    pairs: Sequence[tuple[str, str]] = list(combinations(present[:24], 2))
    found.update({f"P:{one}+{two}": PAIR for one, two in pairs})
    return found
