"""How much a text has in common with a question, without a model: BM25 over words, over pairs of Chinese and Japanese
characters, and over the concepts that data/understanding names in five languages.

Concepts are what lets "冷氣不冷" find "AC no enfría": the words share nothing, what they name is the same."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from functools import cached_property, lru_cache
from math import log
from typing import Any, Final

from core import concepts
from core.model import LANGUAGES
from core.text import tokens

HALF: Final = 2.0
"""The BM25 score that counts as one half: about two rare words in common."""
_NAMED: Final = "#"
"""Before a concept, so that no word is taken for one."""


_SMALL: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "if",
        "then",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "without",
        "into",
        "over",
        "under",
        "up",
        "down",
        "out",
        "off",
        "as",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "done",
        "has",
        "have",
        "had",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "me",
        "him",
        "her",
        "us",
        "them",
        "my",
        "your",
        "his",
        "its",
        "our",
        "their",
        "this",
        "that",
        "these",
        "those",
        "there",
        "here",
        "what",
        "which",
        "who",
        "whom",
        "whose",
        "when",
        "where",
        "why",
        "how",
        "not",
        "no",
        "yes",
        "so",
        "too",
        "very",
        "can",
        "could",
        "will",
        "would",
        "shall",
        "should",
        "may",
        "might",
        "must",
        "any",
        "some",
        "all",
        "each",
        "every",
        "only",
        "just",
        "also",
        "about",
        "than",
        "more",
        "most",
        "much",
        "many",
        "please",
        "thanks",
        "hello",
        "hi",
        "el",
        "la",
        "los",
        "las",
        "un",
        "una",
        "unos",
        "unas",
        "y",
        "o",
        "pero",
        "si",
        "de",
        "del",
        "a",
        "al",
        "en",
        "con",
        "sin",
        "por",
        "para",
        "como",
        "que",
        "qué",
        "quién",
        "cuál",
        "cuándo",
        "dónde",
        "cómo",
        "es",
        "son",
        "era",
        "fue",
        "ser",
        "estar",
        "está",
        "están",
        "hay",
        "ha",
        "han",
        "he",
        "yo",
        "tú",
        "él",
        "ella",
        "nosotros",
        "ellos",
        "me",
        "te",
        "se",
        "nos",
        "le",
        "les",
        "lo",
        "su",
        "sus",
        "mi",
        "mis",
        "tu",
        "tus",
        "este",
        "esta",
        "estos",
        "estas",
        "eso",
        "esto",
        "no",
        "sí",
        "más",
        "muy",
        "también",
        "ya",
        "hola",
        "gracias",
        "yang",
        "dan",
        "atau",
        "tapi",
        "jika",
        "kalau",
        "di",
        "ke",
        "dari",
        "pada",
        "untuk",
        "dengan",
        "tanpa",
        "oleh",
        "ini",
        "itu",
        "apa",
        "siapa",
        "mana",
        "kapan",
        "kenapa",
        "bagaimana",
        "gimana",
        "ada",
        "adalah",
        "tidak",
        "tak",
        "gak",
        "nggak",
        "bukan",
        "sudah",
        "belum",
        "akan",
        "bisa",
        "boleh",
        "harus",
        "saya",
        "aku",
        "kamu",
        "anda",
        "dia",
        "kami",
        "kita",
        "mereka",
        "nya",
        "juga",
        "lagi",
        "saja",
        "dong",
        "sih",
        "ya",
        "halo",
        "terima",
        "kasih",
        "怎麼",
        "麼辦",
        "什麼",
        "為什",
        "可以",
        "不可",
        "以嗎",
        "一下",
        "一個",
        "這個",
        "那個",
        "是不",
        "不是",
        "有沒",
        "沒有",
        "我們",
        "你們",
        "他們",
        "哪裡",
        "裡面",
        "請問",
        "是誰",
        "誰有",
        "多少",
        "です",
        "ます",
        "した",
        "した",
        "ませ",
        "せん",
        "どう",
        "こう",
        "そう",
        "する",
        "すれ",
        "れば",
        "いい",
        "です",
        "すか",
        "ない",
        "ので",
        "から",
        "まで",
        "には",
        "では",
        "とは",
        "ある",
        "あり",
        "りま",
        "いる",
        "いま",
        "どこ",
        "だれ",
        "なに",
        "です",
        "この",
        "その",
    ]
)
"""What every text has and no question is about: in a small collection each of them would count as rare."""


_MANNER: Final = frozenset(
    [
        "again",
        "angry",
        "ask",
        "botword",
        "closing",
        "greet",
        "hazard",
        "minor",
        "notyet",
        "now",
        "orders",
        "reach",
        "request",
        "resolved",
        "review",
        "spreading",
        "steering",
        "team",
        "worry",
    ]
)
"""Concepts of how something is said, not of what it is about."""


def terms(text: str, language: str | None = None) -> list[str]:
    """What `text` is found by. `language`: the one it is written in; None: not known, all are tried."""
    plain = concepts.fold(text)
    named = {
        hit.concept
        for lexicon in (concepts.load(), concepts.things())
        for one in ([language] if language else LANGUAGES)
        for hit in lexicon.find(plain, one)
    } - _MANNER
    words = [one for one in tokens(text) if one not in _SMALL]
    return [*words, *(f"{_NAMED}{one}" for one in sorted(named))]


class Lexicon:
    """An index over documents, each its terms. Exact, in memory, built when it is first asked."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._documents = documents

    @cached_property
    def _index(self) -> Any:
        import bm25s  # numpy behind it: 130 ms that only a question should pay

        logging.getLogger("bm25s").setLevel(logging.WARNING)  # its import sets it to DEBUG
        index = bm25s.BM25(method="lucene")
        index.index([list(one) for one in self._documents], show_progress=False)
        return index

    @cached_property
    def _rarity(self) -> dict[str, float]:
        """How much it says that a document has a term: the fewer have it, the more."""
        counted = Counter(term for one in self._documents for term in set(one))
        return {term: log(1 + len(self._documents) / count) for term, count in counted.items()}

    def covered(self, asked: Sequence[str], document: int) -> float:
        """How much of what is asked the document has, 0..1; a term that no document has counts as the rarest."""
        if not asked:
            return 0.0
        rarest, there = log(1 + len(self._documents)), frozenset(self._documents[document])
        weight = {term: self._rarity.get(term, rarest) for term in asked}
        return sum(one for term, one in weight.items() if term in there) / sum(weight.values())

    def scores(self, asked: Sequence[str]) -> Any:
        """float64, one per document, saturated into 0..1 so that the boosts can be added."""
        import numpy as np

        nothing = np.zeros(len(self._documents))
        if not asked or not any(self._documents):
            return nothing
        known = [one for one in dict.fromkeys(asked) if one in self._index.vocab_dict]
        if not known:
            return nothing
        found = self._index.get_scores(known).astype(np.float64)
        return found / (found + HALF)


@lru_cache(maxsize=8)
def _lexicon(documents: tuple[str, ...]) -> Lexicon:
    return Lexicon([tokens(document) for document in documents])


def lexical_scores(documents: Sequence[str], text: str) -> list[float]:
    """BM25 of each document for `text` by its words alone, in 0..1."""
    scores: list[float] = _lexicon(tuple(documents)).scores(tokens(text)).tolist()
    return scores
