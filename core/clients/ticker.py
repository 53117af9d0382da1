"""What was spent, for everybody who watches it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.clients import reading
from core.clients.operations import Operations
from core.company.schema import Person
from core.row_changes import COSTS


class Ticker:
    """One per process: read once per change and person, however many pages are open."""

    def __init__(self, desk: Operations) -> None:
        self._desk = desk
        self._read: dict[str, tuple[Person, asyncio.Task[dict[str, str] | None]]] = {}
        self._leave = desk.store.subscribe(COSTS, self._read.clear)

    def watch(self, spent: Callable[[], None]) -> Callable[[], None]:
        """Call `spent` after every change; returns the way out. By then `of` reads anew."""
        return self._desk.store.subscribe(COSTS, spent)

    async def of(self, person: Person) -> dict[str, str] | None:
        """As `reading.ticker`. Raises TryLater."""
        known, task = self._read.get(person.id, (None, None))
        if task is None or known != person or (task.done() and task.exception() is not None):
            task = asyncio.create_task(self._look(person))
            self._read[person.id] = (person, task)
        return await asyncio.shield(task)

    async def _look(self, person: Person) -> dict[str, str] | None:
        services = self._desk.services
        now = services.clock.now()
        return await self._desk.store.read(
            lambda session: reading.ticker(services.unit(session, now), person)
        )

    def stop(self) -> None:
        self._leave()
