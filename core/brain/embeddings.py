"""Vectors of what the company knows: made by the provider's model, kept with its name, compared with a question's.

Without a provider, or where it does not answer as it should, questions are answered by words alone, and say so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.brain import packed_index
from core.context import Store, Tx
from core.knowledge.questions import Near, text_key
from core.knowledge.vectors import BadVectors, VectorIndex, pack
from core.llm.port import Unanswered
from core.metering import About
from core.store.brain_tables import Embedding
from core.store.tables import Counter, table

log = structlog.get_logger(__name__)

WITHIN: Final = timedelta(seconds=2)
"""A question waits for its vector for so long, then it is answered by words."""
EACH: Final = timedelta(seconds=30)
"""For one request of many texts, which nobody waits for."""
BATCH: Final = 64
"""Texts of one request."""
ASKED: Final = 256
"""Questions whose vectors are kept in memory."""
STAMP: Final = "embeddings"


@dataclass(frozen=True, slots=True)
class Reindexed:
    model: str
    dimensions: int
    embedded: int
    kept: int
    failed: int
    seconds: float


class Embedder(Protocol):
    """The gateway, as far as it makes vectors."""

    async def embed(self, texts: list[str], about: About, within: timedelta) -> list[list[float]]:
        """One vector per text. Raises Unanswered."""

    async def close(self) -> None: ...


class Embeddings:
    """One per process."""

    def __init__(self, store: Store, models: Embedder, model: str, folder: Path | None = None) -> None:
        """`folder`: where the packed index is kept; None: it is gathered from the rows each time."""
        self._folder = folder
        self._stamp = -1
        self._store = store
        self._models = models
        self.model = model
        self._index: VectorIndex | None = None
        self._asked: dict[str, bytes] = {}

    async def close(self) -> None:
        await self._models.close()

    async def near(self, text: str) -> Near:
        """Never raises for what a provider does."""
        try:
            question = await self._vector_of(text)
        except Unanswered as refused:
            return Near(fallback=f"{self.model}: {refused}")
        except BadVectors as bad:
            return Near(fallback=f"{self.model}: {bad}")
        index = await self._current()
        if not index.keys:
            return Near(fallback=f"{self.model}: nothing was embedded yet")
        found = await asyncio.to_thread(index.cosines, question)
        return (
            Near(index.keys, found, model=self.model)
            if found is not None
            else Near(fallback=f"{self.model}: a vector of another length")
        )

    async def prepare(self, text: str) -> None:
        """Make the vector of what somebody wrote, so that `similar` knows it."""
        try:
            await self._vector_of(text)
            await self._current()
        except (Unanswered, BadVectors) as why:
            log.info("not_prepared", why=str(why)[:120])

    def similar(self, text: str, others: Sequence[str]) -> list[float | None]:
        """How near each of `others` is to it, 0..1; None where one of the two has no vector at hand. Calls nobody."""
        question, index = self._asked.get(text), self._index
        if question is None or index is None:
            return [None] * len(others)
        return index.some(question, [text_key(one) for one in others])

    async def _current(self) -> VectorIndex:
        """The index of what is kept now, whoever made it: a verb in the shell may have."""
        stamp = await self._store.read(_stamp)
        if self._index is not None and stamp == self._stamp:
            return self._index
        found = None
        if self._folder is not None:
            found = await asyncio.to_thread(packed_index.load, self._folder, self.model, stamp)
        if found is None:
            found = await asyncio.to_thread(VectorIndex.of, await self._store.read(self._kept))
            if self._folder is not None and found.keys:
                await asyncio.to_thread(packed_index.save, self._folder, self.model, stamp, found)
        self._index, self._stamp = found, stamp
        return found

    async def _vector_of(self, text: str) -> bytes:
        known = self._asked.get(text)
        if known is not None:
            return known
        rows = await self._models.embed([text], About("embed"), WITHIN)
        (vector,) = pack(rows, 1)
        if len(self._asked) >= ASKED:
            self._asked.pop(next(iter(self._asked)))
        self._asked[text] = vector
        return vector

    async def reindex(
        self, texts: Sequence[str], told: Callable[[int, int], None] = lambda done, of: None
    ) -> Reindexed:
        """Make what is missing, let go what no text needs any more. `told`: so many of so many are there."""
        began = time.monotonic()
        wanted = {text_key(text): text for text in texts}
        kept = await self._store.read(self._kept)
        missing = [key for key in wanted if key not in kept]
        failed = 0
        for start in range(0, len(missing), BATCH):
            some = missing[start : start + BATCH]
            try:
                rows = await self._models.embed([wanted[key] for key in some], About("embed"), EACH)
                made = dict(zip(some, pack(rows, len(some)), strict=True))
                lengths = {len(one) for one in (*made.values(), *list(kept.values())[:1])}
                if len(lengths) > 1:
                    raise BadVectors("vectors of another length than those that are there")
            except (Unanswered, BadVectors) as why:
                log.warning("not_embedded", texts=len(some), why=str(why))
                failed += len(some)
                continue
            await self._store.write(partial(self._keep, made))
            kept |= made
            told(len(kept), len(wanted))
        gone = [key for key in kept if key not in wanted]
        if gone:
            await self._store.write(partial(_let_go, gone))
        return Reindexed(
            self.model,
            len(next(iter(kept.values()))) // 4 if kept else 0,
            len(missing) - failed,
            len(wanted) - len(missing),
            failed,
            round(time.monotonic() - began, 2),
        )

    def _kept(self, session: Session) -> dict[str, bytes]:
        rows = table(Embedding)
        found = session.connection().execute(
            select(rows.c.hash, rows.c.vector).where(rows.c.model == self.model)
        )
        return {row.hash: row.vector for row in found}

    def _keep(self, made: Mapping[str, bytes], tx: Tx) -> None:
        _restamp(tx)
        for key, vector in made.items():
            if tx.get(Embedding, (self.model, key)) is None:  # a second process may have been there
                tx.add(Embedding(model=self.model, hash=key, vector=vector))


def _stamp(session: Session) -> int:
    """It is another after every change of the rows."""
    row = session.get(Counter, STAMP)
    return row.value if row is not None else 0


def _restamp(tx: Tx) -> None:
    row = tx.get(Counter, STAMP) or tx.add(Counter(name=STAMP, value=0))
    row.value += 1


def _let_go(gone: Sequence[str], tx: Tx) -> None:
    """Those of texts that are no longer known, whatever model made them. What another model made of the others stays: it is
    asked for no text twice."""
    _restamp(tx)
    rows = table(Embedding)
    for start in range(0, len(gone), 500):
        tx.change(delete(rows).where(rows.c.hash.in_(gone[start : start + 500])))
