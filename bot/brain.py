"""The Brain's verbs: what the company knows, asked and indexed from the shell."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bot.looking import company_of
from bot.models import embeddings_of, embeds
from bot.reading import engine_of, rows_of
from bot.settings import Settings, read_settings
from bot.shell import WRONG_USE, WrongQuestion
from core.brain.answering import Question, answer
from core.brain.embeddings import Embeddings
from core.clock import SystemClock
from core.company.company import Company
from core.company.schema import Person, Property, Resolution
from core.knowledge import questions
from core.knowledge.questions import Near
from core.model import Category
from core.store import schema
from core.tickets.records import repairs_here

if TYPE_CHECKING:
    from core.triage.offline import OfflineEngine

Wanted: TypeAlias = questions.Engine | None
"""How it is to be ranked; None: as well as can be."""


@dataclass(frozen=True)
class Asked:
    """A question to the Brain, as it was typed."""

    text: str
    property_id: str | None = None
    category: str | None = None
    person: str | None = None
    """With whose rights; None: the operator's, who reads all."""


@dataclass(frozen=True)
class House:
    """What a question is answered from."""

    company: Company
    engine: OfflineEngine
    embeddings: Embeddings | None
    own: tuple[Resolution, ...] = ()
    """Repairs of this service."""

    async def near(self, asked: Asked, wanted: Wanted) -> Near:
        if wanted == "lexical":
            return Near()
        if self.embeddings is None:
            return Near(fallback="no provider of embeddings is configured" if wanted is not None else None)
        return await self.embeddings.near(asked.text)


@contextlib.asynccontextmanager
async def _house(settings: Settings) -> AsyncIterator[House]:
    """With the team and who covers what as they are now, where this home has lived; else as the files say."""
    if not schema.is_current(settings.database) and not embeds(settings):
        yield House(company_of(settings), engine_of(settings), None)
        return
    from bot.app import fill_demo_company
    from bot.models_and_speech import ledger_of
    from bot.setup.side_process import side_process

    settings.home.mkdir(parents=True, exist_ok=True)
    fill_demo_company(settings)
    async with side_process(settings) as house:
        clock = house.services.clock
        found = embeddings_of(settings, house.store, ledger_of(settings, house.store), clock)
        try:
            own = tuple(await house.store.read(repairs_here))
            yield House(house.services.company, engine_of(settings), found, own)
        finally:
            if found is not None:
                await found.close()


def query(asked: Asked, path: str | None, limit: int, engine: Wanted, *, as_json: bool) -> int:
    """One question, or with `path` one per line of a file {id, text, property?, category?, as?}: one answer per line."""
    try:
        return asyncio.run(_query(asked, path, limit, engine, as_json=as_json))
    except WrongQuestion as wrong:
        print(f"loopos: {wrong}", file=sys.stderr)
        return WRONG_USE


async def _query(asked: Asked, path: str | None, limit: int, engine: Wanted, *, as_json: bool) -> int:
    async with _house(read_settings()) as house:
        if path is None:
            told = await _answer(house, asked, limit, engine)
            print(json.dumps(told, ensure_ascii=False, indent=2) if as_json else told["answer"])
            return 0
        for number, row in rows_of(path):
            if row is None:
                raise WrongQuestion(f"line {number} is not a JSON object with id and text")
            for key in ("property", "category", "as"):
                if not isinstance(row.get(key), str | None):
                    raise WrongQuestion(f"line {number}: {key} is no text")
            one = Asked(
                row["text"],
                row.get("property", asked.property_id),
                row.get("category", asked.category),
                row.get("as", asked.person),
            )
            told = await _answer(house, one, limit, engine)
            print(json.dumps({"id": row["id"], **told}, ensure_ascii=False))
    return 0


async def _answer(house: House, asked: Asked, limit: int, wanted: Wanted) -> dict[str, Any]:
    company = house.company
    person = None if asked.person is None else company.person(asked.person)
    if asked.person is not None and person is None:
        raise WrongQuestion(f"there is nobody {asked.person!r}; there are {_ids(company.team)}")
    if asked.property_id is not None and company.place(asked.property_id) is None:
        raise WrongQuestion(
            f"there is no property {asked.property_id!r}; there are {_ids(company.properties)}"
        )
    if asked.category is not None and asked.category not in {str(one) for one in Category}:
        raise WrongQuestion(f"there is no category {asked.category!r}; there are {', '.join(Category)}")
    question = Question(asked.text, asked.property_id, asked.category, limit, wanted)
    near = await house.near(asked, wanted)
    today = SystemClock().now().date()
    return answer(company, house.engine, question, person, today, near=near, own=house.own)


def reindex(*, as_json: bool) -> int:
    """Make the vectors that are missing, with progress; 1 where some could not be made, or nobody makes them."""
    return asyncio.run(_reindex(read_settings(), as_json=as_json))


async def _reindex(settings: Settings, *, as_json: bool) -> int:
    async with _house(settings) as house:
        if house.embeddings is None:
            print(
                "loopos: nobody makes vectors: set OPENAI_API_KEY, or OPENAI_BASE_URL and LOOPOS_EMBED=openai",
                file=sys.stderr,
            )
            return 1
        shelf = questions.shelf_of(house.company)
        done = await house.embeddings.reindex(shelf.texts, _progress if sys.stderr.isatty() else _silent)
    if as_json:
        print(json.dumps(asdict(done), ensure_ascii=False, indent=2))
    else:
        print(f"{done.model}: {done.embedded} embedded, {done.kept} kept, {done.failed} failed.")
    return 1 if done.failed else 0


def _progress(done: int, of: int) -> None:
    print(f"\r{done} of {of}", end="" if done < of else "\n", file=sys.stderr, flush=True)


def _silent(_done: int, _of: int) -> None: ...


def _ids(rows: Iterable[Person | Property]) -> str:
    return ", ".join(one.id for one in rows)
