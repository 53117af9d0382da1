"""Questions against what a company knows: exact, with words and boosts, beside a bare matrix product and bm25s; and the cold
load of the vectors beside np.load. `python -m bench retrieval`."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Final

import bm25s
import numpy as np

from core.brain import packed_index
from core.knowledge.entries import Entry
from core.knowledge.lexical import terms
from core.knowledge.questions import Near, Shelf
from core.knowledge.recall import Query
from core.knowledge.vectors import LARGE, VectorIndex, codes_of

SIZES: Final = tuple(
    int(one) for one in os.environ.get("LOOPOS_BENCH_ENTRIES", "1000,10000,100000").split(",")
)
WIDTHS: Final = (384, 1536)
WORDS: Final = tuple(
    f"{a}{b}"
    for a in ["pump", "boiler", "tap", "valve", "door", "lock", "towel", "key", "drain", "fan"]
    for b in range(60)
)
ASKED: Final = "pump12 boiler3 valve44 lock9"
QUERY: Final = Query(ASKED, "place2", "pest")
REPEATS: Final = 30


def _shelf(size: int, rng: np.random.Generator) -> Shelf:
    picks = rng.integers(0, len(WORDS), (size, 14))
    places = [None, *(f"place{n}" for n in range(5))]
    return Shelf(
        [
            Entry(
                "memo",
                f"m{number}",
                "Ben",
                " ".join(WORDS[one] for one in row),
                "en",
                places=(place,) if (place := places[number % 6]) else (),
                category="pest" if number % 7 == 0 else None,
            )
            for number, row in enumerate(picks.tolist())
        ]
    )


def _times(work: Callable[[], Any], times: int = REPEATS) -> tuple[float, float]:
    """(p50, p99) in ms; the first is not counted."""
    work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return float(np.percentile(taken, 50)), float(np.percentile(taken, 99))


@dataclass
class Case:
    """One size and width: the same question to ours and to the bare minimum."""

    name: str
    shelf: Shelf
    words: Any
    index: VectorIndex
    question: bytes

    def exact(self) -> Any:
        near = Near(self.index.keys, self.index.cosines(self.question))
        return self.shelf.search(QUERY, near=near, engine="embeddings")

    def fused(self) -> Any:
        return self.shelf.search(QUERY, near=Near(self.index.keys, self.index.cosines(self.question)))

    @cached_property
    def large(self) -> VectorIndex:
        return VectorIndex(self.index.keys, self.index.matrix, codes_of(self.index.matrix))

    def shortlist(self) -> Any:
        return self.large.cosines(self.question)

    def recall(self, best: int = 10, asked: int = 50) -> float:
        """Of the `best` nearest of `asked` questions, how many the shortlist names."""
        rng, hits = np.random.default_rng(11), 0
        for _ in range(asked):
            question = rng.standard_normal(self.index.dimensions).astype(np.float32)
            question /= np.linalg.norm(question)
            said = question.tobytes()
            exact, ours = (np.argsort(-one.cosines(said))[:best] for one in (self.index, self.large))
            hits += len(set(exact.tolist()) & set(ours.tolist()))
        return hits / (best * asked)

    def whole(self) -> Any:
        return self.index.cosines(self.question)

    def product(self) -> Any:
        near = self.index.matrix @ np.frombuffer(self.question, dtype="<f4")
        return np.argpartition(-near, 5)[:5]

    def both(self) -> Any:
        asked = [one for one in terms(ASKED) if one in self.words.vocab_dict]
        near = self.index.matrix @ np.frombuffer(self.question, dtype="<f4") + self.words.get_scores(asked)
        return np.argpartition(-near, 5)[:5]


@cache
def _cases() -> tuple[Case, ...]:
    rng = np.random.default_rng(7)
    found = []
    for size in SIZES:
        shelf = _shelf(size, rng)
        words = bm25s.BM25(method="lucene")
        words.index([terms(one.quote) for one in shelf.entries], show_progress=False)
        for width in WIDTHS:
            matrix = rng.standard_normal((size, width), dtype=np.float32)
            matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
            index = VectorIndex(shelf.keys, matrix)
            found.append(Case(f"{size:,} x {width}", shelf, words, index, matrix[size // 2].tobytes()))
    return tuple(found)


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    """Milliseconds. `exact` beside the product of a matrix, `fused` beside that and bm25s, `cold load` beside np.load."""
    return {"loopos": partial(_figures, ours=True), "bare": partial(_figures, ours=False)}


def _figures(*, ours: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    for case in _cases():
        sides = (
            {"exact": case.exact, "fused": case.fused, "int8 shortlist": case.shortlist}
            if ours
            else {"exact": case.product, "fused": case.both, "int8 shortlist": case.whole}
        )
        for name, work in sides.items():
            half, slow = _times(work)
            found[f"{case.name} {name} p50"], found[f"{case.name} {name} p99"] = half, slow
        found[f"{case.name} cold load"] = _cold(case, ours)
    return found


def _cold(case: Case, ours: bool) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        index = case.large if case.index.matrix.size >= LARGE else case.index
        packed_index.save(folder, "m", 1, index)
        (file,) = (one for one in folder.glob("*.npy") if not one.name.endswith(".int8.npy"))
        return _times(lambda: packed_index.load(folder, "m", 1) if ours else np.load(file), 6)[0]
