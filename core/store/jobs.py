"""Work that must happen: the Jobs port and its embedded adapter on the jobs table.

A job is owed from the transaction that deferred it. Running it has two halves: an async one that may be slow
and has no effect on the house, and the commit it returns, which lands together with the end of the job. So
a death anywhere repeats the slow half and never the effect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from core.clock import Clock
from core.errors import GiveUp, TryLater
from core.store import crashpoints
from core.store.engine import Fenced, Store, Tx
from core.store.tables import JobRow

log = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 5
"""After the fifth failed attempt a job goes to the founder (WANTED W4)."""
MOST_DEATHS: Final = 25
"""So often may the process die while a job runs before that job is held to be the reason. Higher than
MOST_ATTEMPTS, since a death says nothing about which of the running jobs it was: with five, a service that is
killed again and again hands over messages that did nothing wrong (the chaos run showed it)."""

Commit = Callable[[Tx], None]


@dataclass(frozen=True)
class Task:
    """What to do for jobs named `name`. `exhausted` takes over when the attempts are spent."""

    name: str
    run: Callable[[dict[str, Any]], Awaitable[Commit | None]]
    exhausted: Callable[[Tx, dict[str, Any], str], None]


class Jobs(Protocol):
    """The port: two adapters, one contract test."""

    def defer(
        self, tx: Tx, task: str, args: dict[str, Any], *, lane: str, run_at: datetime | None = None
    ) -> None:
        """Owe `task` from this transaction on; jobs of one `lane` run one at a time and in order."""

    def register(self, task: Task) -> None: ...

    async def start(self) -> None: ...

    async def stop(self, drain: timedelta) -> None:
        """Take no more work; give what is running `drain` to end."""


def backoff(attempts: int) -> timedelta:
    """0.5 s, 1 s, 2 s, 4 s: short, because a later message of the same person waits behind it."""
    return timedelta(seconds=0.5 * 2 ** max(0, attempts - 1))


@dataclass(frozen=True)
class _Claim:
    id: int
    task: str
    args: dict[str, Any]
    attempts: int


class EmbeddedJobs:
    """One process, the jobs table as the queue. What is running is known in memory only: after a death
    nothing is, and every unfinished row is simply due again."""

    def __init__(self, store: Store, clock: Clock, slots: int = 16) -> None:
        self._store = store
        self._clock = clock
        self._slots = slots
        self._tasks: dict[str, Task] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._stopping = False

    def defer(
        self, tx: Tx, task: str, args: dict[str, Any], *, lane: str, run_at: datetime | None = None
    ) -> None:
        tx.add(JobRow(task=task, args=args, lane=lane, run_at=run_at or tx.now, attempts=0))
        tx.tell("jobs")

    def register(self, task: Task) -> None:
        self._tasks[task.name] = task

    async def start(self) -> None:
        self._store.subscribe("jobs", self._wake.set)
        self._wake.set()
        self._loop = asyncio.create_task(self._dispatch(), name="jobs")

    async def stop(self, drain: timedelta) -> None:
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
        running = set(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=drain.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing is due and nothing runs (for tests and the demo; a service never needs it)."""
        while True:
            due: bool = await self._store.read(self._any_due)
            if not due and not self._running:
                return
            self._wake.set()
            await asyncio.sleep(0.002)

    def _any_due(self, session: Session) -> bool:
        now = self._clock.now()
        return session.scalar(self._due(select(JobRow.id), now).limit(1)) is not None

    @staticmethod
    def _due(wanted: Select[*tuple[Any, ...]], now: datetime) -> Select[*tuple[Any, ...]]:
        """`wanted` of the head of each lane, where it is due. A head that waits for its next attempt holds
        its lane; one that was meant for later from the start does not."""
        heads = (
            select(func.min(JobRow.id).label("id"))
            .where((JobRow.run_at <= now) | (JobRow.attempts > 0))
            .group_by(JobRow.lane)
            .subquery()
        )
        return wanted.join(heads, heads.c.id == JobRow.id).where(JobRow.run_at <= now).order_by(JobRow.id)

    async def _dispatch(self) -> None:
        while True:
            self._wake.clear()
            pause: float | None = None
            if len(self._running) < self._slots:
                try:
                    claims, pause = await self._store.write(self._claim)
                except TryLater as error:
                    log.warning("jobs_wait", reason=str(error))
                    claims, pause = [], 1.0
                except Fenced:
                    return
                for claim in claims:
                    self._running[claim.id] = asyncio.create_task(self._run(claim))
                if claims:
                    continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def _claim(self, tx: Tx) -> tuple[list[_Claim], float | None]:
        """The head of each lane that is due, with its attempt counted before it runs: a message that kills
        the process must not be tried for ever. Also: seconds until the next job is due."""
        free = self._slots - len(self._running)
        running = list(self._running)
        wanted = self._due(select(JobRow.id, JobRow.task, JobRow.args, JobRow.attempts), tx.now)
        rows = tx.session.execute(wanted.where(JobRow.id.not_in(running)).limit(free)).all()
        if rows:
            tx.session.execute(
                update(JobRow)
                .where(JobRow.id.in_([row.id for row in rows]))
                .values(attempts=JobRow.attempts + 1)
            )
            return [_Claim(row.id, row.task, row.args, row.attempts + 1) for row in rows], None
        following = tx.session.scalar(
            select(func.min(JobRow.run_at)).where(JobRow.id.not_in(running), JobRow.run_at > tx.now)
        )
        return [], None if following is None else max(0.0, (following - tx.now).total_seconds())

    async def _run(self, claim: _Claim) -> None:
        crashpoints.reach("claimed")
        task = self._tasks[claim.task]
        try:
            if claim.attempts > MOST_DEATHS:
                raise GiveUp("the process died each time it worked on this")
            commit = await task.run(claim.args)
            await self._store.write(lambda tx: self._finish(tx, claim, commit))
        except Fenced:
            return
        except asyncio.CancelledError:
            # A stop, not a failure of the job: it runs again in the next process and is not counted.
            with contextlib.suppress(Exception):
                await self._store.write(lambda tx: self._uncount(tx, claim))
            raise
        except Exception as error:
            await self._failed(claim, task, error)
        finally:
            del self._running[claim.id]
            self._wake.set()

    @staticmethod
    def _finish(tx: Tx, claim: _Claim, commit: Commit | None) -> None:
        if commit is not None:
            commit(tx)
        tx.session.execute(delete(JobRow).where(JobRow.id == claim.id))

    @staticmethod
    def _uncount(tx: Tx, claim: _Claim) -> None:
        row = tx.get(JobRow, claim.id)
        if row is not None:
            row.attempts -= 1

    async def _failed(self, claim: _Claim, task: Task, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"[:300]
        spent = claim.attempts >= MOST_ATTEMPTS or isinstance(error, GiveUp)
        if isinstance(error, TryLater):
            spent = False
        log.warning(
            "job_failed", task=claim.task, job=claim.id, attempt=claim.attempts, error=type(error).__name__
        )
        if not isinstance(error, TryLater | GiveUp):
            log.debug("job_traceback", exc_info=error)

        def record(tx: Tx) -> None:
            row = tx.get(JobRow, claim.id)
            if row is None:
                return
            if spent:
                try:
                    with tx.session.begin_nested():
                        task.exhausted(tx, claim.args, reason)
                    tx.session.delete(row)
                except Exception as broken:
                    log.error("job_hand_over_failed", task=claim.task, job=claim.id, exc_info=broken)
                    row.run_at = tx.now + timedelta(minutes=5)
                return
            row.error = reason
            if isinstance(error, TryLater):
                # Not the message's fault: an outage may last for hours and must not spend its attempts.
                row.attempts = max(1, claim.attempts - 1)
                row.run_at = tx.now + error.after
            else:
                row.run_at = tx.now + backoff(claim.attempts)

        while True:
            try:
                await self._store.write(record)
                return
            except TryLater as later:
                await asyncio.sleep(later.after.total_seconds())
            except Fenced:
                return
