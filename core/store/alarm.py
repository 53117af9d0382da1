"""The alarm clock of the house: APScheduler wakes it at the earliest deadline row, the rows decide."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Generic

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from core.clock import Clock
from core.errors import TryLater
from core.model import TimerKind
from core.store import deadlines
from core.store.deadlines import Due, Handler
from core.store.ownership import BEAT, beat
from core.store.ports import Store, U
from core.store.unit import Fenced

log = structlog.get_logger(__name__)


class Alarm(Generic[U]):
    """One scheduler job at the earliest due row: never one per deadline (10,000 of those cost a second)."""

    def __init__(
        self,
        store: Store[U],
        clock: Clock,
        handlers: Mapping[TimerKind, Handler[U]],
        given_up: Handler[U],
        prepare: Callable[[U, list[Due]], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._handlers = handlers
        self._given_up = given_up
        self._prepare = prepare
        # APScheduler by itself drops a one-shot that is late; None means "run it however late". It also drops
        # one whose job still runs, hence more than one instance: the lock below keeps them apart.
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 3}
        )
        self._firing = asyncio.Lock()
        self._soon: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._store.subscribe("deadlines", self._ring_soon)
        self._scheduler.start()
        self._ticking = asyncio.get_running_loop().create_task(self._tick(), name="tick")
        self._ring_soon()

    def stop(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _tick(self) -> None:
        """Shows that we live, and looks even if no alarm rang. By the time that really passes: APScheduler goes by the wall
        clock, and one that is set back by an hour lets it sleep for as long."""
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            try:
                await self._beat()
                await self.ring()
            except Exception as error:
                log.error("tick_failed", exc_info=error)

    def _ring_soon(self) -> None:
        """A commit changed the deadlines: look at them anew, once however many commits there were."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().create_task(self.ring(), name="alarm")

    async def ring(self) -> None:
        """Fire whatever is due, then set the alarm to the next."""
        async with self._firing:
            self._soon = None
            try:
                following = await self._fire()
            except TryLater as later:
                following = self._clock.now() + later.after
            except Fenced:
                return
            if following is not None and self._scheduler.running:
                self._scheduler.add_job(self.ring, DateTrigger(following), id="alarm", replace_existing=True)

    async def _fire(self) -> datetime | None:
        """Fire in rounds until nothing is due; returns when the next will be."""

        def one_round(tx: U) -> tuple[int, datetime | None]:
            fired = deadlines.fire_due(tx, self._handlers, self._given_up, self._prepare)
            return fired, deadlines.next_due(tx)

        while True:
            fired, following = await self._store.write(one_round)
            if not fired:
                return following

    async def _beat(self) -> None:
        try:
            await self._store.write(beat)
        except TryLater as error:
            log.warning("beat_late", reason=str(error))
        except Fenced:
            return
