"""The alarm clock of the house: APScheduler wakes it at the earliest deadline row, the rows decide."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from core.clock import Clock
from core.errors import TryLater
from core.i18n import N_
from core.outbox import card_publisher
from core.staff import handover
from core.store import deadlines
from core.store.deadlines import Due, Handler
from core.store.engine import Fenced, Store, Tx
from core.store.ownership import BEAT, beat
from core.tickets.records import read_tickets
from core.workflow import approvals, dispatching, filing, offers

log = structlog.get_logger(__name__)

HANDLERS: Final[dict[str, Handler]] = {
    "escalate": dispatching.on_escalate,
    "follow_up": dispatching.on_follow_up,
    "follow_up_silent": dispatching.on_follow_up_silent,
    "approval_remind": approvals.on_remind,
    "approval_deputy": approvals.on_deputy,
    "approval_lapse": approvals.on_lapse,
    "question_silent": filing.on_question_silent,
    "place_remind": filing.on_place_remind,
    "place_lapse": filing.on_place_lapse,
    "offer_silent": offers.on_silent,
    "cover_ends": handover.on_cover_ends,
}
SWEEP: Final = timedelta(seconds=15)
"""Look even if no alarm rang: the machine's clock may have jumped."""


def given_up(tx: Tx, deadline: Due) -> None:
    """A timer whose handler fails for ever is not dropped in silence."""
    card_publisher.tell(
        tx,
        tx.office.company.founder,
        lambda words: words(
            N_("A timer ({kind}) keeps failing and was stopped: {why}"),
            kind=deadline.kind,
            why=deadline.error or "",
        ),
    )


def prepare(tx: Tx, due: list[Due]) -> None:
    """Read ahead the tickets of `due` with their cards: nine queries for all of them, not for each."""
    tickets = read_tickets(tx, [one.subject for one in due])
    card_publisher.read_shown(tx, [ticket.ticket_id for ticket in tickets])


class Alarm:
    """One scheduler job at the earliest due row: never one per deadline (10,000 of those cost a second)."""

    def __init__(self, store: Store, clock: Clock, handlers: dict[str, Handler] | None = None) -> None:
        self._store = store
        self._clock = clock
        self._handlers = handlers or HANDLERS
        # APScheduler by itself drops a one-shot that is late; None means "run it however late". It also drops
        # one whose job still runs, hence more than one instance: the lock below keeps them apart.
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 3}
        )
        self._firing = asyncio.Lock()
        self._soon: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._store.subscribe("deadlines", self._ring_soon)
        self._scheduler.add_job(self.ring, "interval", seconds=SWEEP.total_seconds(), id="sweep")
        self._scheduler.add_job(self._beat, "interval", seconds=BEAT.total_seconds(), id="beat")
        self._scheduler.start()
        self._ring_soon()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

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

        def one_round(tx: Tx) -> tuple[int, datetime | None]:
            fired = deadlines.fire_due(tx, self._handlers, given_up, prepare)
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
