"""The embedded database: one writer thread with group commit, readers beside it.

A unit of work is a plain function of a transaction. It cannot await, so nothing slow can ever hold the
write lock; and the same function runs on a server database through `AsyncSession.run_sync`."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Delete, Engine, Insert, Update, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from core.clock import Clock
from core.errors import LoopOSError, TryLater
from core.store import crashpoints

if TYPE_CHECKING:
    from core.context import Office

T = TypeVar("T")

BUSY_MS: Final = 1500
"""How long a commit may wait for a foreign lock before the caller is told to come back (RELIABILITY P1)."""
BATCH: Final = 256
"""Most units of work in one commit: enough for a burst, small enough that nobody waits long for it."""
SLICE: Final = 0.05
"""Seconds after which a commit takes no further unit, apart from those that somebody waits for."""


MOST_PASSES: Final = 8
LINGER: Final = 0.003
"""Seconds."""
RUSH: Final = 0.2
"""Seconds within which four commits from outside make a rush."""


class Fenced(LoopOSError):
    """Another process owns this home now; nothing of ours may be written any more."""


@dataclass
class Tx:
    """One unit of work inside a transaction: the session, the moment it happens at, and the office."""

    session: Session
    now: datetime
    office: Office
    topics: set[str] = field(default_factory=set)
    committed: list[Callable[[], None]] = field(default_factory=list)
    _last: dict[str, Callable[[], None]] = field(default_factory=dict)
    _known: dict[str, Any] = field(default_factory=dict)

    @contextlib.contextmanager
    def nested(self) -> Iterator[None]:
        """A part that may fail alone: what it wrote, owed and was about to tell goes with it."""
        topics, committed, last = set(self.topics), len(self.committed), dict(self._last)
        try:
            with self.session.begin_nested():
                yield
        except BaseException:
            self.topics, self._last = topics, last
            del self.committed[committed:]
            self._known.clear()
            raise

    def once(self, key: str, find: Callable[[], T]) -> T:
        """What `find` returns, looked up once in this unit of work."""
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    def finally_do(self, key: str, work: Callable[[], None]) -> None:
        """Run `work` once at the end of this unit, however often it is asked for under `key`."""
        self._last.setdefault(key, work)

    def finish(self) -> None:
        while self._last:
            self._last.pop(next(iter(self._last)))()

    def tell(self, topic: str) -> None:
        """Wake whoever listens to `topic`, once the commit is on disk."""
        self.topics.add(topic)

    def know(self, key: str, found: object) -> None:
        """What `once` would look up under `key`, where it is known already. What was found before stays."""
        self._known.setdefault(key, found)

    def on_commit(self, work: Callable[[], None]) -> None:
        """Run `work` on the event loop once the commit is on disk."""
        self.committed.append(work)

    def get(self, table: type[T], key: object) -> T | None:
        found = self.session.get(table, key)
        if found is not None:
            self.hold(found)
        return found

    def hold(self, *rows: object) -> None:
        """Keep `rows` until the commit. The session holds them weakly: without this, a thousand taps on one
        button read it a thousand times."""
        self.session.info.setdefault("held", set()).update(rows)

    def change(self, statement: Insert | Update | Delete, values: dict[str, Any] | None = None) -> int:
        """Run one writing statement; returns how many rows it changed. Rows already loaded do not notice."""
        result = self.session.execute(
            statement, values or {}, execution_options={"synchronize_session": False}
        )
        return cast("CursorResult[Any]", result).rowcount

    def add(self, row: T) -> T:
        self.session.add(row)
        return row


@dataclass
class _Committed:
    """What a commit has to tell the event loop."""

    units: int = 0
    """How many of the batch were taken; the others come with the next commit."""
    topics: set[str] = field(default_factory=set)
    work: list[Callable[[], None]] = field(default_factory=list)


@dataclass
class _Unit:
    work: Callable[[Tx], Any]
    done: asyncio.Future[Any]
    awaited: bool
    result: Any = None
    error: BaseException | None = None


def tune(connection: DBAPIConnection, _record: object = None) -> None:
    """SQLite as we need it: WAL for readers beside the writer, FULL so that an acknowledged row survives a
    power cut (kill -9 cannot show a missing fsync), our own BEGIN."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _tune_reader(connection: DBAPIConnection, _record: object = None) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def writer_engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False, "timeout": 1.5}
    )
    event.listen(engine, "connect", tune)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _reader_engine(path: Path) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=4, max_overflow=8)
    event.listen(engine.sync_engine, "connect", _tune_reader)
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _typed(error: BaseException) -> BaseException:
    """What the caller can do about a database error: a lock, a full or a read-only disk may pass."""
    if isinstance(error, DatabaseError) and isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorname", "")
        if code.startswith(
            ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR")
        ):
            return TryLater(f"the database cannot take a write now ({code})")
    return error


class Store:
    """`write` and `read` run units of work; `subscribe` hears what a commit told.

    Group commit: while the writer thread is busy, new units gather; it takes them as one batch, each in its
    own savepoint, and one fsync makes all of them durable. A failed unit rolls back alone; a failed commit
    fails every unit of its batch."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock
        self.fence: int | None = None
        self.on_fenced: Callable[[], None] = lambda: None
        self._office: Office | None = None
        self._engine = writer_engine(path)
        self._readers = _reader_engine(path)
        self._read_session = async_sessionmaker(self._readers, expire_on_commit=False)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._pending: list[_Unit] = []
        self._busy = False
        self._arrived: deque[float] = deque(maxlen=4)
        """When commits were made that somebody outside waited for."""
        self.at_the_door = 0
        """Events from outside that wait to be taken in."""
        self._passes = 0
        """Commits in a row that passed the house's own work by."""
        self._listeners: dict[str, set[Callable[[], None]]] = defaultdict(set)

    def bind(self, office: Office) -> None:
        """Give units of work the office they work in."""
        self._office = office

    async def close(self) -> None:
        if self._busy or self._pending:
            await self.write(lambda tx: None)  # queued behind everything that was there before
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown()
        await self._readers.dispose()

    # --- writing

    async def write(self, work: Callable[[Tx], T], *, awaited: bool = False) -> T:
        """Run `work` in a transaction; returns its result once the commit is on disk. `awaited`: somebody
        outside waits for it (a webhook's 200), so it goes before the house's own work.

        Raises what `work` raised (nothing of it is kept), TryLater where the database cannot write now."""
        loop = asyncio.get_running_loop()
        unit = _Unit(work, loop.create_future(), awaited)
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
        commit = loop.run_in_executor(self._thread, self._commit, batch)
        commit.add_done_callback(lambda done: self._settle(loop, batch, done))

    def _lingers(self) -> bool:
        """In a rush from outside the next arrival is a moment away: the house's own work waits for it."""
        rush = len(self._arrived) == self._arrived.maxlen and time.monotonic() - self._arrived[0] < RUSH
        only_ours = bool(self._pending) and not any(unit.awaited for unit in self._pending)
        if not rush or not only_ours or self._passes >= MOST_PASSES:
            return False
        self._passes += 1
        return True

    def _next_batch(self) -> list[_Unit]:
        """Those that somebody outside waits for, alone while there are any: their commit is short, and the house's own
        work can wait. But not for ever: after MOST_PASSES commits it goes along."""
        self._pending.sort(key=lambda unit: not unit.awaited)  # stable: otherwise in their order
        awaited = sum(unit.awaited for unit in self._pending)
        if 0 < awaited < len(self._pending) and self._passes < MOST_PASSES:
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
        self, loop: asyncio.AbstractEventLoop, batch: list[_Unit], commit: asyncio.Future[_Committed]
    ) -> None:
        failure = commit.exception()
        if failure is None:
            taken = commit.result().units
            self._pending = batch[taken:] + self._pending
            batch = batch[:taken]
        for unit in batch:
            if unit.done.cancelled():
                continue
            if failure is not None:
                unit.done.set_exception(_typed(failure))
            elif unit.error is not None:
                unit.done.set_exception(_typed(unit.error))
            else:
                unit.done.set_result(unit.result)
        if failure is None:
            self._announce(commit.result())
        elif isinstance(failure, Fenced):
            self.on_fenced()
        self._flush(loop)

    def _commit(self, batch: list[_Unit]) -> _Committed:
        """In the writer thread: the units, then one commit."""
        told = _Committed()
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

    def _run(self, unit: _Unit, session: Session, told: _Committed, *, alone: bool) -> None:
        """One unit: in a savepoint of its own, unless the whole transaction is its own."""
        assert self._office is not None, "the store was not bound to an office"
        tx = Tx(session, self.clock.now(), self._office)
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
        """Run `work` on a snapshot beside the writer. It sees every commit made before the call."""
        async with self._read_session() as session:
            try:
                return await session.run_sync(work)
            except DatabaseError as error:
                raise _typed(error) from error

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
