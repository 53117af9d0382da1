"""Every adapter of the store's two ports, opened alike. A new one is one more entry of ADAPTERS."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.store.engine import EmbeddedStore
from core.store.jobs import EmbeddedJobs
from core.store.ports import Jobs, Store
from core.store.unit import Unit
from core.store.url import sqlite_url
from tests.homes import furnish


class HandClock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@dataclass
class House:
    """A store and its queue on one database, as a process of the service has them."""

    store: Store[Unit]
    jobs: Jobs[Unit]
    clock: HandClock
    _wake: Callable[[], None] = field(default=lambda: None)

    async def later(self, seconds: float) -> None:
        """Time passes for whoever waits for its next attempt."""
        self.clock.at += timedelta(seconds=seconds)
        self._wake()
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits with patience, time passing meanwhile; a condition that never comes is the test's failure."""
        async with asyncio.timeout(30):
            while not condition():
                await self.later(1)
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[House]:
    url, clock = sqlite_url(folder / "contract.db"), HandClock()
    furnish(url)
    store: EmbeddedStore[Unit] = EmbeddedStore(url, clock)
    store.bind(Unit)
    jobs: EmbeddedJobs[Unit] = EmbeddedJobs(store, clock)
    try:
        yield House(store, jobs, clock, jobs._wake.set)
    finally:
        await jobs.stop(timedelta(seconds=1))
        await store.close()


ADAPTERS: dict[str, Callable[[Path], Any]] = {"embedded": embedded}
