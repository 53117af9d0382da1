"""The embedded adapter of the Jobs port, on the jobs table.

Running a job has two halves: an async one that may be slow, and the commit it returns, which lands together with the
end of the job. So a death anywhere repeats the slow half and never the effect."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Generic

import structlog
from sqlalchemy import delete, func, select, update

from core.clock import Clock
from core.errors import GiveUp, TryLater
from core.store import crashpoints
from core.store.engine import SLICE, EmbeddedStore
from core.store.ports import Happened, Task, U
from core.store.tables import JobRow
from core.store.unit import Fenced

log = structlog.get_logger(__name__)

MAX_ATTEMPTS: Final = 5
"""After the fifth failed attempt a job goes to the founder (W4)."""
SUSPECT: Final = 3
"""After so many deaths a job runs with nothing beside it: a death says nothing about which of the running jobs
it was, and without this a service that is killed again and again hands over messages that did nothing wrong
(the chaos run showed it)."""
MAX_DEATHS: Final = 25
"""So often may the process die while it works on a job before that job is held to be the reason: alone, so that
only a job that kills each time gets there, even where lives are cut off after half a second."""
CROWD: Final = 64
"""So many events that wait to be taken in make a crowd."""
MAX_HELD: Final = 2.0
LOOK_AGAIN: Final = 0.02
"""Seconds."""
TOGETHER: Final = 32
"""Most jobs of one lane that end in one commit."""
SOON: Final = 0.02
"""Seconds that finished jobs of a lane wait for the next one, to share its commit."""


def backoff(attempts: int) -> timedelta:
    """0.5 s, 1 s, 2 s, 4 s: short, because a later message of the same person waits behind it."""
    return timedelta(seconds=0.5 * 2 ** max(0, attempts - 1))


@dataclass(order=True, slots=True)
class _Job:
    id: int
    task: str = field(compare=False)
    args: dict[str, Any] = field(compare=False)
    lane: str = field(compare=False)
    run_at: datetime = field(compare=False)
    attempts: int = field(default=0, compare=False)
    deaths: int = field(default=0, compare=False)
    alone: bool = field(default=False, compare=False)
    """It was there when the process started: if it is what killed the one before, it must die alone."""


_Result = Callable[[U], None] | Happened[U] | None
"""What running a job comes to."""
_Done = tuple[_Job, Callable[[U], None] | None]


class _NotKept(Exception):
    """The end of an earlier job of the lane could not be written."""

    def __init__(self, job: _Job, error: Exception) -> None:
        super().__init__()
        self.job, self.error = job, error


@dataclass(slots=True)
class _Lane:
    waiting: list[_Job] = field(default_factory=list)
    """A heap by id."""
    resting: bool = False
    """Its head failed and waits for its next attempt."""
    together: int = TOGETHER
    """How many of its jobs may end in one commit: one, where something happens outside each time."""


class EmbeddedJobs(Generic[U]):
    """One process, the jobs table as the queue, its rows mirrored in memory: since only this process writes
    them, a commit hands its new jobs over and no query ever looks for work."""

    def __init__(self, store: EmbeddedStore[U], clock: Clock) -> None:
        """`clock`: by which jobs rest; nothing is written by it."""
        self._store = store
        self._held_since: float | None = None
        self._clock = clock
        self._tasks: dict[str, Task[U]] = {}
        self._last_id: int | None = None
        self._known: set[int] = set()
        self._lanes: dict[str, _Lane] = {}
        self._ready: deque[str] = deque()
        self._resting: list[tuple[datetime, int, str]] = []
        """A heap of the lanes whose head waits for its next attempt."""
        self._running: dict[str, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()
        """Running lanes by the task of their head."""
        self._crowded: dict[str, deque[str]] = defaultdict(deque)
        """Lanes whose task has no free slot."""
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    # --- owing

    def defer(self, tx: U, task: str, args: dict[str, Any], *, lane: str) -> None:
        if self._last_id is None:
            self._last_id = tx.session.scalar(select(func.max(JobRow.id))) or 0
        self._last_id += 1
        job = _Job(self._last_id, task, args, lane, tx.now)
        tx.add(JobRow(id=job.id, task=task, args=args, lane=lane, run_at=job.run_at, attempts=0, deaths=0))
        tx.on_commit(lambda: self._owe(job))

    def _owe(self, job: _Job) -> None:
        if job.id in self._known:
            return
        self._known.add(job.id)
        lane = self._lanes.setdefault(job.lane, _Lane())
        heapq.heappush(lane.waiting, job)
        self._ready.append(job.lane)
        if job.attempts and job.run_at > self._clock.now():
            self._rest(job.lane, job)
        self._wake.set()

    def _rest(self, name: str, head: _Job) -> None:
        self._lanes[name].resting = True
        heapq.heappush(self._resting, (head.run_at, head.id, name))

    # --- life

    def register(self, task: Task[U]) -> None:
        self._tasks[task.name] = task

    async def start(self) -> None:
        """Take over what the process before left."""

        def take_over(tx: U) -> list[_Job]:
            return [
                _Job(row.id, row.task, row.args, row.lane, row.run_at, row.attempts, row.deaths, alone=True)
                for row in tx.session.scalars(select(JobRow).order_by(JobRow.id))
            ]

        for memory in (self._known, self._lanes, self._ready, self._resting, self._busy, self._crowded):
            memory.clear()
        for job in await self._store.write(take_over):
            self._owe(job)
        self._loop = asyncio.create_task(self._dispatch(), name="jobs")

    async def _count_death(self, job: _Job, deaths: int) -> None:
        """Count the death of the process against `job` before it runs, or take that back after a stop."""
        job.deaths += deaths
        counted = update(JobRow).where(JobRow.id == job.id).values(deaths=job.deaths)
        await self._store.write(lambda tx: tx.change(counted))

    async def stop(self, drain: timedelta) -> None:
        if self._loop is None:
            return
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
        while (
            self._running
            or self._ready
            or any(self._crowded.values())
            or (self._resting and self._resting[0][0] <= self._clock.now())
        ):
            self._wake.set()
            await asyncio.sleep(0.001)

    # --- running

    async def _clear_suspects(self) -> None:
        """Before anything else, one by one, the jobs that may have killed the process."""
        suspects = [job for lane in self._lanes.values() for job in lane.waiting if job.deaths >= SUSPECT]
        for job in sorted(suspects):
            lane = self._lanes.get(job.lane)
            if lane is not None and not lane.resting and lane.waiting and lane.waiting[0] is job:
                await asyncio.shield(self._spawn(job.lane, lane))

    async def _dispatch(self) -> None:
        await self._clear_suspects()
        while True:
            self._wake.clear()
            now = self._clock.now()
            while self._resting and self._resting[0][0] <= now:
                _, _, name = heapq.heappop(self._resting)
                self._lanes[name].resting = False
                self._ready.append(name)
            held = self._held()
            while self._ready and not held:
                self._begin(self._ready.popleft())
            pause = max(0.0, (self._resting[0][0] - now).total_seconds()) if self._resting else None
            if held:
                pause = LOOK_AGAIN
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def _held(self) -> bool:
        """While a crowd stands at the door nothing new is begun: somebody outside counts the seconds. Not for long."""
        now = time.monotonic()
        if self._store.arrivals < CROWD:
            self._held_since = None
            return False
        if self._held_since is None:
            self._held_since = now
        return now - self._held_since < MAX_HELD

    def _begin(self, name: str) -> None:
        """Run the lane, if it has work that may run and a slot is free."""
        lane = self._lanes.get(name)
        if lane is None or not lane.waiting or lane.resting or name in self._running:
            return
        task = lane.waiting[0].task
        if self._busy[task] >= self._tasks[task].slots:
            self._crowded[task].append(name)
            return
        self._spawn(name, lane)

    def _spawn(self, name: str, lane: _Lane) -> asyncio.Task[None]:
        task = lane.waiting[0].task
        self._busy[task] += 1
        self._running[name] = asyncio.create_task(self._run_lane(name, lane, task))
        return self._running[name]

    async def _run_lane(self, name: str, lane: _Lane, task: str) -> None:
        """The head of the lane, with what can end in the same commit; then the lane queues up again."""
        try:
            await self._run_some(lane)
        except Fenced:
            lane.waiting.clear()
        except TryLater as error:
            await asyncio.sleep(error.after.total_seconds())
        except asyncio.CancelledError:
            if lane.waiting and lane.waiting[0].alone:
                with contextlib.suppress(TryLater, Fenced):
                    await self._count_death(lane.waiting[0], -1)  # a stop is no death
            raise
        finally:
            del self._running[name]
            self._busy[task] -= 1
            if self._crowded[task]:
                self._ready.append(self._crowded[task].popleft())
            if lane.waiting:
                self._ready.append(name)
            elif not lane.resting:
                del self._lanes[name]
            self._wake.set()

    async def _run_some(self, lane: _Lane) -> None:
        some = heapq.nsmallest(lane.together, lane.waiting)
        some = list(itertools.takewhile(lambda job: job.task == some[0].task, some))
        if some[0].alone:
            # The process before left it, and perhaps died of it: counted before it runs, since a message that
            # kills the process must not be tried for ever.
            some = some[:1]
            await self._count_death(some[0], 1)
        found = await self._find(some)
        done: list[_Done[U]] = []
        failed: tuple[_Job, Exception] | None = None
        for job, what in zip(some, found, strict=True):
            crashpoints.reach("claimed")
            working = self._work(job, what)
            try:
                result = await (self._beside(lane, done, working) if done else working)
            except _NotKept as before:
                failed, done = (before.job, before.error), []
                break
            except Exception as error:
                failed = job, error
                break
            if isinstance(result, Happened):
                lane.together = 1
                done.append((job, result.commit))
                break
            done.append((job, result))
        trouble = await self._finish(lane, done) or failed
        if trouble is not None:
            await self._failed(lane, *trouble)

    async def _beside(
        self, lane: _Lane, done: list[_Done[U]], working: Coroutine[Any, Any, _Result[U]]
    ) -> _Result[U]:
        """What comes of `working`. Where that takes its time, what is finished (`done`) does not wait for it."""
        task = asyncio.ensure_future(working)
        try:
            if not (await asyncio.wait({task}, timeout=SOON))[0]:
                trouble = await self._finish(lane, done)
                done.clear()
                if trouble is not None:
                    raise _NotKept(*trouble)
            return await task
        finally:
            if not task.done():  # repeated with its lane
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _work(self, job: _Job, what: Any) -> _Result[U]:
        if job.deaths > MAX_DEATHS:
            raise GiveUp("the process died each time it worked on this")
        if isinstance(what, Exception):
            raise what
        return await self._tasks[job.task].run(job.args, what)

    async def _find(self, some: list[_Job]) -> list[Any]:
        """What each of `some`, all of one task, needs from the database, or the error that was met."""
        find = self._tasks[some[0].task].find
        try:
            return await self._store.read(lambda session: find(session, [job.args for job in some]))
        except Exception as error:
            return [error] * len(some)

    async def _finish(self, lane: _Lane, done: list[_Done[U]]) -> tuple[_Job, Exception] | None:
        """Commit all of `done` together; where that fails, one by one up to the one that fails."""

        def finish(tx: U, ended: list[_Done[U]]) -> int:
            """As many as fit into SLICE: a webhook's commit waits behind this one. Returns how many."""
            until = time.perf_counter() + SLICE
            taken = 0
            for _, commit in ended:
                if taken and time.perf_counter() > until:
                    break
                if commit is not None:
                    commit(tx)
                    tx.finish()
                taken += 1
            tx.session.execute(
                delete(JobRow).where(JobRow.id.in_([job.id for job, _ in ended[:taken]])),
                execution_options={"synchronize_session": False},
            )
            return taken

        together = len(done) > 1
        while done:
            portion = done if together else done[:1]
            try:
                taken = await self._store.write(partial(finish, ended=portion))
            except Fenced:
                raise
            except Exception as error:
                if together:
                    together = False
                    continue
                return portion[0][0], error
            self._forget(lane, [job for job, _ in done[:taken]])
            done = done[taken:]
        return None

    def _forget(self, lane: _Lane, jobs: list[_Job]) -> None:
        gone = {job.id for job in jobs}
        lane.waiting = [job for job in lane.waiting if job.id not in gone]
        heapq.heapify(lane.waiting)
        self._known -= gone

    async def _failed(self, lane: _Lane, job: _Job, error: Exception) -> None:
        task = self._tasks[job.task]
        reason = f"{type(error).__name__}: {error}"[:300]
        attempts = job.attempts + 1
        deaths = job.deaths - job.alone
        outage = isinstance(error, TryLater)
        spent = not outage and (attempts >= MAX_ATTEMPTS or isinstance(error, GiveUp))
        foreseen = isinstance(error, TryLater | GiveUp)
        log.warning(
            "job_failed",
            task=job.task,
            job=job.id,
            attempt=attempts,
            error=type(error).__name__,
            # Of what nobody foresaw, where: or a fault in production leaves no trace.
            exc_info=None if foreseen else error,
        )

        def record(tx: U) -> tuple[int, timedelta] | None:
            """None when the job is handed over; else its attempts so far and how long it rests."""
            row = tx.get(JobRow, job.id)
            if row is None:
                return None
            row.deaths = deaths  # it failed, and the process lives
            if spent:
                try:
                    with tx.nested():
                        task.exhausted(tx, job.args, reason)
                    tx.session.delete(row)
                    return None
                except Exception as broken:
                    log.error("job_hand_over_failed", task=job.task, job=job.id, exc_info=broken)
                    row.run_at = tx.now + timedelta(minutes=5)
            elif isinstance(error, TryLater):
                # Not the message's fault: an outage may last for hours and must not spend its attempts.
                row.attempts, row.run_at = max(1, job.attempts), tx.now + error.after
            else:
                row.attempts, row.run_at = attempts, tx.now + backoff(attempts)
            row.error = reason
            return row.attempts, row.run_at - tx.now

        while True:
            try:
                following = await self._store.write(record)
                break
            except TryLater as later:
                await asyncio.sleep(later.after.total_seconds())
        if following is None:
            self._forget(lane, [job])
            return
        job.attempts, rests = following
        job.run_at = self._clock.now() + rests
        job.deaths, job.alone = deaths, False
        self._rest(job.lane, job)
