"""How well a question finds what answers it, without a model: 135 questions over 300 entries in five languages. Nobody looked at
them while the words were collected; the figures stand in docs/BRAIN.md."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from bot.settings import DATA
from core.company.loader import load_company
from core.knowledge.entries import Entry
from core.knowledge.questions import Shelf
from core.knowledge.recall import Query
from core.triage.offline import OfflineEngine
from core.triage.port import NOBODY

HERE: Final = Path(__file__).parent
TOP: Final = 3


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def entry(row: dict[str, Any]) -> Entry:
    return Entry(
        row["layer"],
        row["id"],
        row["title"],
        row["text"],
        row["language"],
        row["text_en"],
        places=(row["property_id"],) if row["property_id"] else (),
        category=row["category"],
    )


@cache
def found() -> dict[str, list[float]]:
    """Recall among the first three, of each question, by its kind."""
    shelf = Shelf([entry(row) for row in lines("entries")])
    engine = OfflineEngine(load_company(DATA / "company"))
    shares: dict[str, list[float]] = defaultdict(list)
    for row in lines("queries"):
        judged = engine.judge(row["text"], NOBODY)
        query = Query(row["text"], row["property"], judged.category, tuple(judged.risk_tags))
        ids = {one.entry.id for one in shelf.search(query, limit=TOP)}
        wanted = set(row["relevant"])
        shares[row["kind"]].append(len(wanted & ids) / min(TOP, len(wanted)))
    return shares


@pytest.mark.parametrize(("kind", "least"), [("own_words", 0.95), ("other_words", 0.65), ("across", 0.75)])
def test_what_answers_is_among_the_first_three(kind: str, least: float) -> None:
    shares = found()[kind]
    assert len(shares) >= 40
    assert sum(shares) / len(shares) >= least


def test_what_has_nothing_to_do_with_it_finds_nothing() -> None:
    shelf = Shelf([entry(row) for row in lines("entries")])
    asked = [
        "recipe for apple pie", "who won the world cup", "capital of France", "今天股市漲了嗎", "唐詩三百首第一首",
        "世界で一番高い山", "円周率を教えて", "siapa presiden Amerika", "resep rendang", "quién escribió el Quijote",
    ]  # fmt: skip
    answered = [text for text in asked if shelf.search(Query(text))]
    assert len(answered) <= 2, answered
