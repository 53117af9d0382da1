"""The embedded database: one writer thread with group commit, readers beside it.

A unit of work is a plain function of a transaction. It cannot await, so nothing slow can ever hold the
write lock; and the same function runs on a server database through `AsyncSession.run_sync`."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sqlite3
import sys
import threading
import time
import traceback
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Generic

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool, StaticPool

from core.clock import Clock, Reading, TwoHands, jump, read
from core.errors import TryLater
from core.store import crashpoints
from core.store.ports import U
from core.store.unit import Fenced, T
from core.store.url import file_of

BUSY_MS: Final = 1500
"""How long a commit may wait for a foreign lock before the caller is told to come back (P1)."""
BATCH: Final = 256
"""Most units of work in one commit: enough for a burst, small enough that nobody waits long for it."""
READERS: Final = 8
"""Most reads at once, each a thread and a connection: a few slow ones (an export, a search) leave room for the others."""
SLICE: Final = 0.05
"""Seconds after which a commit takes no further unit, apart from those that somebody waits for."""


log = structlog.get_logger(__name__)

DEEPEST: Final = 6
"""Frames of a slow unit that are named, the innermost last."""
MAX_PASSES: Final = 8
LINGER: Final = 0.003
"""Seconds."""
SLOW: Final = 2.0
"""Seconds after which a commit that is not done is named in the log, and again after twice as long."""
RUSH: Final = 0.2
"""Seconds within which four commits from outside make a rush."""
PASSING: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR")
DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
AFTER_DAMAGE: Final = timedelta(minutes=1)
"""So long whoever met damage waits before they look whether a person has done something about it."""


@dataclass
class _Committed:
    """What a commit has to tell the event loop."""

    units: int = 0
    """How many of the batch were taken; the others come with the next commit."""
    topics: set[str] = field(default_factory=set)
    work: list[Callable[[], None]] = field(default_factory=list)


@dataclass
class _Pending(Generic[U]):
    work: Callable[[U], Any]
    done: asyncio.Future[Any]
    awaited: bool
    result: Any = None
    error: BaseException | None = None


def tune(connection: DBAPIConnection, _record: object = None) -> None:
    """SQLite as we need it: WAL for readers beside the writer, FULL so that an acknowledged row survives a
    power cut (kill -9 cannot show a missing fsync), our own BEGIN.

    It is never told to ANALYZE: what it counts of a small house it believes of the large one that this becomes, and
    then reads whole tables where an index stands. Without counts it goes by the indices alone, the same at any size."""
    connection.isolation_level = None
    cursor = connection.cursor()
    # secure_delete: what is taken back or let go is gone from the pages of the file too.
    pragmas = (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_MS}",
        "foreign_keys=ON",
        "secure_delete=ON",
    )
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _tune_reader(connection: DBAPIConnection, _record: object = None) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def writer_engine(url: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{file_of(url)}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "timeout": 1.5},
    )
    event.listen(engine, "connect", tune)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _reader_engine(url: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{file_of(url)}",
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _tune_reader)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


@dataclass
class _Jumps(Generic[U]):
    """What is done once the wall clock was set."""

    clock: TwoHands
    on_jump: Callable[[U, timedelta], None]
    seen: Reading
    """As of the last commit to which nothing of it was owed."""

    def saw(self, reading: Reading) -> None:
        self.seen = reading


class EmbeddedStore(Generic[U]):
    """`write` and `read` run units of work; `subscribe` hears what a commit told.

    Group commit: while the writer thread is busy, new units gather; it takes them as one batch, each in its
    own savepoint, and one fsync makes all of them durable. A failed unit rolls back alone; a failed commit
    fails every unit of its batch."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.clock = clock
        self.fence: int | None = None
        self.on_fenced: Callable[[], None] = lambda: None
        self.on_damaged: Callable[[str], None] = lambda why: None
        self._jumps: _Jumps[U] | None = None
        self._unit: Callable[[Session, datetime], U] | None = None
        self._engine = writer_engine(url)
        self._readers = _reader_engine(url)
        self._reading = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._pending: list[_Pending[U]] = []
        self._busy = False
        self._arrived: deque[float] = deque(maxlen=4)
        """When commits were made that somebody outside waited for."""
        self.arrivals = 0
        """Events from outside that wait to be kept."""
        self._passes = 0
        """Commits in a row that passed the house's own work by."""
        self._listeners: dict[str, set[Callable[[], None]]] = defaultdict(set)
        self._at_work = ""
        """The name of the unit that the writer thread is in."""
        self._writer: int | None = None
        """That thread."""
        self._watch: asyncio.TimerHandle | None = None

    def bind(self, unit: Callable[[Session, datetime], U]) -> None:
        """How a unit of work is made: with what it may use besides the session."""
        self._unit = unit

    def heed_jumps(self, clock: TwoHands, on_jump: Callable[[U, timedelta], None]) -> None:
        """Call `on_jump` before any other unit once the wall clock was set by so much."""
        self._jumps = _Jumps(clock, on_jump, read(clock))

    async def close(self) -> None:
        if self._busy or self._pending:
            await self.write(lambda tx: None)  # queued behind everything that was there before
        await asyncio.to_thread(self._reading.shutdown)  # once the reads are through that are at work
        self._readers.dispose()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()

    # --- writing

    async def write(self, work: Callable[[U], T], *, awaited: bool = False) -> T:
        """As the port has it."""
        loop = asyncio.get_running_loop()
        unit = _Pending(work, loop.create_future(), awaited)
        self._pending.append(unit)
        if not self._busy:
            self._busy = True
            # At the end of this loop tick: units of the same tick share one commit.
            loop.call_soon(self._flush, loop)
        result: T = await unit.done
        return result

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._lingers():
            loop.call_later(LINGER, self._flush, loop)
            return
        batch = self._next_batch()
        if not batch:
            self._busy = False
            return
        batch = [*self._after_jump(loop), *batch]
        commit = loop.run_in_executor(self._thread, self._commit, batch)
        self._watch = loop.call_later(SLOW, self._name_slow, loop, SLOW)
        commit.add_done_callback(lambda done: self._settle(loop, batch, done))

    def _name_slow(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """Nothing else in the house can be written while this unit is at work."""
        frame = sys._current_frames().get(self._writer or 0)
        stack = traceback.extract_stack(frame) if frame is not None else []
        where = [f"{Path(one.filename).name}:{one.lineno}:{one.name}" for one in stack]
        log.warning("slow_write", unit=self._at_work, seconds=seconds, where=where[-DEEPEST:])
        self._watch = loop.call_later(seconds, self._name_slow, loop, 2 * seconds)

    def _after_jump(self, loop: asyncio.AbstractEventLoop) -> list[_Pending[U]]:
        """The first unit of a commit before which the wall clock was set: no row is written by the new time, and no timer
        looked at, until those that stand there have been put right. Until it has succeeded it is owed to every commit."""
        jumps = self._jumps
        if jumps is None:
            return []
        reading = read(jumps.clock)
        by = jump(jumps.seen, reading)
        if not by:
            jumps.saw(reading)
            return []

        def meet(tx: U) -> None:
            jumps.on_jump(tx, by)
            tx.on_commit(lambda: jumps.saw(reading))

        def ended(done: asyncio.Future[None]) -> None:
            if done.exception() is not None:
                log.error("jump_not_met", exc_info=done.exception())

        unit: _Pending[U] = _Pending(meet, loop.create_future(), awaited=True)
        unit.done.add_done_callback(ended)
        return [unit]

    def _lingers(self) -> bool:
        """In a rush from outside the next arrival is a moment away: the house's own work waits for it."""
        rush = len(self._arrived) == self._arrived.maxlen and time.monotonic() - self._arrived[0] < RUSH
        only_ours = bool(self._pending) and not any(unit.awaited for unit in self._pending)
        if not rush or not only_ours or self._passes >= MAX_PASSES:
            return False
        self._passes += 1
        return True

    def _next_batch(self) -> list[_Pending[U]]:
        """Those that somebody outside waits for, alone while there are any: their commit is short, and the house's own
        work can wait. But not for ever: after MAX_PASSES commits it goes along."""
        self._pending.sort(key=lambda unit: not unit.awaited)  # stable: otherwise in their order
        awaited = sum(unit.awaited for unit in self._pending)
        if 0 < awaited < len(self._pending) and self._passes < MAX_PASSES:
            self._passes += 1
            size = min(awaited, BATCH)
        else:
            self._passes = 0 if awaited < len(self._pending) else self._passes
            size = BATCH
        if awaited:
            self._arrived.append(time.monotonic())
        batch, self._pending = self._pending[:size], self._pending[size:]
        return batch

    def _settle(
        self, loop: asyncio.AbstractEventLoop, batch: list[_Pending[U]], commit: asyncio.Future[_Committed]
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
        failure = commit.exception()
        if failure is None:
            taken = commit.result().units
            self._pending = batch[taken:] + self._pending
            batch = batch[:taken]
        for unit in batch:
            if unit.done.cancelled():
                continue
            if failure is not None:
                unit.done.set_exception(self._typed(failure))
            elif unit.error is not None:
                unit.done.set_exception(self._typed(unit.error))
            else:
                unit.done.set_result(unit.result)
        if failure is None:
            self._announce(commit.result())
        elif isinstance(failure, Fenced):
            self.on_fenced()
        self._flush(loop)

    def _commit(self, batch: list[_Pending[U]]) -> _Committed:
        """In the writer thread: the units, then one commit."""
        told = _Committed()
        self._writer = threading.get_ident()
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            self._check_fence(session.connection())
            until = time.perf_counter() + SLICE
            for unit in batch:
                if told.units and not unit.awaited and time.perf_counter() > until:
                    break
                self._run(unit, session, told, alone=len(batch) == 1)
                told.units += 1
            session.flush()
            crashpoints.reach("before_commit")
        crashpoints.reach("committed_unacknowledged")
        return told

    def _run(self, unit: _Pending[U], session: Session, told: _Committed, *, alone: bool) -> None:
        """One unit: in a savepoint of its own, unless the whole transaction is its own."""
        assert self._unit is not None, "the store was not bound"
        tx = self._unit(session, self.clock.now())
        self._at_work = getattr(unit.work, "__qualname__", type(unit.work).__name__)
        try:
            with contextlib.nullcontext() if alone else session.begin_nested():
                unit.result = unit.work(tx)
                tx.finish()
                session.flush()
            told.topics |= tx.topics
            told.work += tx.committed
        except Exception as error:
            unit.error = error
            if alone:
                session.rollback()

    def _check_fence(self, connection: Connection) -> None:
        if self.fence is None:
            return
        current = connection.exec_driver_sql("SELECT fence FROM owner WHERE id = 1").scalar()
        if current != self.fence:
            raise Fenced(f"this home has passed to owner {current}, we were {self.fence}")

    # --- reading

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on a snapshot beside the writer, in a thread: all of it in one, since each way there and back takes as
        long as a statement. It sees every commit made before the call."""
        context = contextvars.copy_context()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._reading, context.run, self._read, work
            )
        except DatabaseError as error:
            raise self._typed(error) from error

    def _read(self, work: Callable[[Session], T]) -> T:
        with Session(self._readers, expire_on_commit=False) as session:
            return work(session)

    def _typed(self, error: BaseException) -> BaseException:
        """What the caller can do about a database error: a lock, a full or a read-only disk may pass; damage is told, and
        whatever met it waits for a person, since it is no fault of the message's."""
        if isinstance(error, DatabaseError) and isinstance(error.orig, sqlite3.Error):
            code = getattr(error.orig, "sqlite_errorname", "")
            if code.startswith(PASSING):
                return TryLater(f"the database cannot take a write now ({code})")
            if code.startswith(DAMAGED):
                self.on_damaged(str(error.orig))
                return TryLater(f"the database is damaged ({code})", AFTER_DAMAGE)
        return error

    def arriving(self, events: int) -> None:
        """So many more (or, below zero, fewer) events from outside wait to be kept."""
        self.arrivals += events

    # --- hearing

    def subscribe(self, topic: str, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` on the event loop after each commit that told `topic`; returns the way out."""
        self._listeners[topic].add(listener)

        def leave() -> None:
            self._listeners[topic].discard(listener)
            if not self._listeners[topic]:
                del self._listeners[topic]

        return leave

    def _announce(self, told: _Committed) -> None:
        for work in told.work:
            work()
        for topic in told.topics:
            for listener in tuple(self._listeners.get(topic, ())):
                listener()
