"""Keeps the engine's lessons in step with the corrections: at the start, and after each commit that changes them."""

from __future__ import annotations

import asyncio

import structlog

from core.context import Store
from core.errors import TryLater
from core.triage.port import Understanding
from core.workflow.corrections import LEARNT, taught

log = structlog.get_logger(__name__)


class LearningSync:
    def __init__(self, store: Store, understanding: Understanding) -> None:
        self._store = store
        self._understanding = understanding
        self._lock = asyncio.Lock()
        self._soon: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._store.subscribe(LEARNT, self._teach_soon)
        await self.teach()

    def stop(self) -> None:
        if self._soon is not None:
            self._soon.cancel()

    def _teach_soon(self) -> None:
        self._soon = asyncio.get_running_loop().create_task(self.teach(), name="teacher")

    async def teach(self) -> None:
        """Read all corrections and let the engine learn them beside its work; it swaps when it is done."""
        async with self._lock:
            try:
                corrections = await self._store.read(taught)
            except TryLater as error:
                log.warning("lessons_wait", reason=str(error))
                return
            await asyncio.to_thread(self._understanding.teach, corrections)
