"""The reading commands: they look, change nothing, and need no running service."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import IO, TYPE_CHECKING, Any, Final

from bot.models import chosen
from bot.settings import Settings, read_settings
from core.company.company import Company
from core.company.loader import load_company
from core.company.schema import Person, Property
from core.errors import StartupError
from core.model import Category, Triage
from core.triage.port import NOBODY

if TYPE_CHECKING:
    from core.triage.offline import OfflineEngine

WRONG_USE: Final = 2
AT_ONCE: Final = 8
"""Messages that are with a model at the same time."""


def company_of(settings: Settings) -> Company:
    from bot.app import DATA

    folder = settings.company_folder
    return load_company(folder if folder.exists() or not settings.demo else DATA / "company")


@dataclass(frozen=True)
class Asked:
    """A question to the Brain, as it was typed."""

    text: str
    property_id: str | None = None
    category: str | None = None
    person: str | None = None
    """With whose rights; None: the operator's, who reads all."""


class WrongQuestion(Exception):
    """What was typed names something that is not there; the text says what is."""


def brain(asked: Asked, path: str | None, limit: int, *, as_json: bool) -> int:
    """One question, or with `path` one per line of a file {id, text, property?, category?, as?}: one answer per line."""
    settings = read_settings()
    company, engine = company_of(settings), _engine(settings)
    try:
        if path is None:
            answer = _answer(company, engine, asked, limit)
            print(json.dumps(answer, ensure_ascii=False, indent=2) if as_json else answer["answer"])
            return 0
        for number, row in _rows(path):
            if row is None:
                print(f"loopos: line {number} is not a JSON object with id and text", file=sys.stderr)
                return WRONG_USE
            one = Asked(
                row["text"],
                row.get("property", asked.property_id),
                row.get("category", asked.category),
                row.get("as", asked.person),
            )
            answer = {"id": row["id"], **_answer(company, engine, one, limit)}
            print(json.dumps(answer, ensure_ascii=False))
    except WrongQuestion as wrong:
        print(f"loopos: {wrong}", file=sys.stderr)
        return WRONG_USE
    return 0


def _answer(company: Company, engine: OfflineEngine, asked: Asked, limit: int) -> dict[str, Any]:
    from core.company.reading import brain_places, places_of
    from core.i18n import Words
    from core.knowledge import questions
    from core.knowledge.recall import Query

    person = None if asked.person is None else company.person(asked.person)
    if asked.person is not None and person is None:
        raise WrongQuestion(f"there is nobody {asked.person!r}; there are {_ids(company.team)}")
    if asked.property_id is not None and company.place(asked.property_id) is None:
        raise WrongQuestion(
            f"there is no property {asked.property_id!r}; there are {_ids(company.properties)}"
        )
    if asked.category is not None and asked.category not in {str(one) for one in Category}:
        raise WrongQuestion(f"there is no category {asked.category!r}; there are {', '.join(Category)}")
    judged = engine.judge(asked.text, NOBODY)
    mine = places_of(company, person) if person is not None else ()
    place = asked.property_id or judged.property_id or (next(iter(mine)) if len(mine) == 1 else None)
    query = Query(asked.text, place, asked.category or judged.category, tuple(judged.risk_tags))
    readable = brain_places(company, person) if person is not None else None
    found = questions.shelf_of(company).search(query, readable=readable, limit=limit)
    reads = [judged.language, *(person.languages if person is not None else ())]
    sources = [questions.source_json(one, reads, datetime.now(UTC).date()) for one in found]
    lines = [f"[{one['layer']}] {one['id']}: {one['quote']}" for one in sources]
    nothing = Words(judged.language, company.founder.zone)("I found nothing about that.")
    return {
        "query": asked.text,
        "property_id": place,
        "category": query.category,
        "language": judged.language,
        "engine": "lexical",
        "model": None,
        "fallback": None,
        "answer": "\n".join(lines) or nothing,
        "sources": sources,
    }


def _ids(rows: Iterable[Person | Property]) -> str:
    return ", ".join(one.id for one in rows)


def _engine(settings: Settings) -> OfflineEngine:
    """The engine as the service would have it: this home's model if it has one, and what it was taught."""
    from bot.understanding import corrections_of, model_of
    from core.triage.offline import OfflineEngine

    engine = OfflineEngine(company_of(settings), model_of(settings))
    engine.teach(corrections_of(settings))
    return engine


def triage(path: str | None) -> int:
    """JSON lines in with id and text; JSON lines out. A broken line ends it, named."""
    settings = read_settings()
    if chosen(settings):
        return asyncio.run(_triage_by_model(settings, path))
    engine = _engine(settings)
    for number, row in _rows(path):
        if row is None:
            return _broken(number, "id and text")
        _print_triaged(row, engine.judge(row["text"], NOBODY))
    return 0


async def _triage_by_model(settings: Settings, path: str | None) -> int:
    """With the configured models, metered as the service's own calls are."""
    from bot.app import fill_demo_company
    from bot.models_and_speech import models_and_speech_of
    from bot.setup.side_process import side_process
    from core.triage.by_model import ModelUnderstanding

    settings.home.mkdir(parents=True, exist_ok=True)
    fill_demo_company(settings)
    async with side_process(settings) as house:
        models_and_speech = models_and_speech_of(settings, house.store, house.services.clock)
        assert models_and_speech.models is not None
        engine = ModelUnderstanding(
            _engine(settings), models_and_speech.models, lambda: house.services.company
        )
        rows = _rows(path)
        try:
            while some := list(islice(rows, AT_ONCE)):
                good = [row for _, row in takewhile(lambda one: one[1] is not None, some) if row is not None]
                judged = await asyncio.gather(*(engine.understand(row["text"], NOBODY) for row in good))
                for row, one in zip(good, judged, strict=True):
                    _print_triaged(row, one)
                if len(good) < len(some):
                    return _broken(some[len(good)][0], "id and text")
        finally:
            await models_and_speech.models.close()
    return 0


def _print_triaged(row: dict[str, Any], judged: Triage) -> None:
    out = {
        "id": row["id"],
        "language": judged.language,
        "property_id": judged.property_id,
        "category": judged.category.value,
        "severity": judged.severity,
        "risk_tags": [tag.value for tag in judged.risk_tags],
        "intent": judged.intent.value,
    }
    print(json.dumps(out, ensure_ascii=False))


def explain(text: str) -> int:
    """What was read from one text, how sure, and from which words."""
    judged = _engine(read_settings()).judge(text, NOBODY)
    said = {
        "intent": judged.intent.value,
        "category": judged.category.value,
        "severity": str(judged.severity),
        "property": judged.property_id or "unknown",
    }
    print(f"{'language':<12}{judged.language}")
    for field, value in said.items():
        sure = f"{judged.confidence[field]:.2f}"
        print(f"{field:<12}{value:<22}{sure:<7}{', '.join(judged.evidence.get(field, ()))}".rstrip())
    for tag in judged.risk_tags:
        print(f"{'risk':<12}{tag.value:<29}{', '.join(judged.evidence.get(tag.value, ()))}".rstrip())
    if judged.steering:
        print(f"{'orders':<12}{', '.join(judged.steering)} (noted, never followed)")
    return 0


def score(path: str) -> int:
    """The table of how well a labelled file is read."""
    from core.triage import score as scoring

    engine = _engine(read_settings())
    pairs = []
    for number, row in _rows(path):
        if row is None or not {"lang", "property_id", "category", "severity", "risk_tags", "intent"} <= set(
            row
        ):
            return _broken(number, "id, text and all labels")
        pairs.append((row, engine.judge(row["text"], NOBODY)))
    print("\n".join(scoring.lines(scoring.table(pairs))))
    return 0


def _broken(number: int, wanted: str) -> int:
    print(f"loopos: line {number} is not a JSON object with {wanted}", file=sys.stderr)
    return WRONG_USE


def _rows(path: str | None) -> Iterator[tuple[int, dict[str, Any] | None]]:
    try:
        source: IO[str] = open(path, encoding="utf-8") if path else sys.stdin  # noqa: SIM115, PTH123
    except OSError as error:
        raise StartupError(
            f"{path} cannot be read: {error.strerror}.", "Name a file of JSON lines."
        ) from error
    with source:
        for number, line in enumerate(source, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            good = isinstance(row, dict) and "id" in row and isinstance(row.get("text"), str)
            yield number, row if good else None
