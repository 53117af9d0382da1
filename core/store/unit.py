"""One unit of work inside a transaction: what every part of the store may rely on, and nothing of the house."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import CursorResult, Delete, Insert, Update, event
from sqlalchemy.orm import Session, UOWTransaction

from core.errors import LoopOSError

T = TypeVar("T")
_UNIT = "unit"


class Fenced(LoopOSError):
    """Another process owns this home now; nothing of ours may be written any more."""


@dataclass
class Unit:
    """The session, and the moment it happens at."""

    session: Session
    now: datetime
    topics: set[str] = field(default_factory=set)
    committed: list[Callable[[], None]] = field(default_factory=list)
    _last: dict[str, Callable[[], None]] = field(default_factory=dict)
    _known: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session.info[_UNIT] = self

    def row_changed(self, row: object) -> None:
        """A flush wrote `row`: it is new, changed or gone. No query may be made here (it is the middle of a flush)."""

    @contextlib.contextmanager
    def nested(self) -> Iterator[None]:
        """A part that may fail alone: what it wrote, owed and was about to tell goes with it."""
        self.session.flush()  # what came before stays, and so does what it owes
        topics, committed, last = set(self.topics), len(self.committed), dict(self._last)
        try:
            with self.session.begin_nested():
                yield
        except BaseException:
            self.topics, self._last = topics, last
            del self.committed[committed:]
            self._known.clear()
            raise

    def memo(self, key: str, find: Callable[[], T]) -> T:
        """What `find` returns, looked up once in this unit of work."""
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    def preload(self, key: str, found: object) -> None:
        """What `memo` would look up under `key`, where it is known already. What was found before stays."""
        self._known.setdefault(key, found)

    def before_commit(self, key: str, work: Callable[[], None]) -> None:
        """Run `work` once at the end of this unit, however often it is asked for under `key`."""
        self._last.setdefault(key, work)

    def finish(self) -> None:
        """Write what there is, and do what that owes before the commit, until nothing is owed."""
        self.session.flush()
        while self._last:
            self._last.pop(next(iter(self._last)))()
            self.session.flush()

    def publish(self, topic: str) -> None:
        """Wake whoever listens to `topic`, once the commit is on disk."""
        self.topics.add(topic)

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


@event.listens_for(Session, "after_flush")
def _notice(session: Session, _context: UOWTransaction) -> None:
    """Tell the unit of work under way which rows its flush wrote."""
    unit = session.info.get(_UNIT)
    if unit is not None:
        for row in (*session.new, *session.dirty, *session.deleted):
            unit.row_changed(row)
