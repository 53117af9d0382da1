"""Keeps the vectors beside what the company knows: after every change of its files, in the background."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import structlog

from core.brain.embeddings import Embeddings
from core.errors import TryLater
from core.store.unit import Fenced

log = structlog.get_logger(__name__)

EVERY: Final = 2.0
"""Seconds between two looks at whether something has changed."""
LONGEST: Final = 3600.0
"""Seconds until it is tried again where the provider goes on failing."""


class IndexKeeper:
    """One per process. `texts` gives what is known now, the same object while nothing has changed."""

    def __init__(self, embeddings: Embeddings, texts: Callable[[], tuple[str, ...]]) -> None:
        self._embeddings = embeddings
        self._texts = texts
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="embeddings")

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        await self._embeddings.close()

    async def _run(self) -> None:
        done: tuple[str, ...] | None = None
        wait = EVERY
        while True:
            texts = self._texts()
            if texts is not done:
                if await self._made(texts):
                    done, wait = texts, EVERY
                else:
                    wait = min(2 * wait, LONGEST)
            await asyncio.sleep(wait)

    async def _made(self, texts: tuple[str, ...]) -> bool:
        try:
            made = await self._embeddings.reindex(texts, _told)
        except TryLater as later:
            log.warning("embeddings_wait", reason=str(later))
            return False
        except Fenced:
            return True
        if made.embedded:
            log.info("embeddings_made", model=made.model, embedded=made.embedded, kept=made.kept)
        return made.failed == 0


def _told(done: int, of: int) -> None:
    log.info("embedding", done=done, of=of)
