"""What the house asks of a database and of a queue: two ports, and one contract suite over every adapter
(tests/contracts). Nothing here knows which database it is.

`U` is the unit of work of whoever uses them: core.context.Tx."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from core.store.unit import T, Unit

U = TypeVar("U", bound=Unit)
U_co = TypeVar("U_co", bound=Unit, covariant=True)


class Store(Protocol[U_co]):
    async def write(self, work: Callable[[U_co], T], *, awaited: bool = False) -> T:
        """Run `work` in a transaction; returns its result once the commit is on disk. `awaited`: somebody
        outside waits for it (a webhook's 200), so it goes before the house's own work.

        Raises what `work` raised (nothing of it is kept), TryLater where the database cannot write now."""

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work` on a snapshot beside the writers. It sees every commit made before the call."""

    def subscribe(self, topic: str, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` on the event loop after each commit that published `topic`; returns the way out."""

    def arriving(self, events: int) -> None:
        """So many more (or, below zero, fewer) events from outside wait to be kept: the house's own work may
        stand back for them."""


@dataclass(frozen=True)
class Happened(Generic[U]):
    """What `run` returns where something happened outside the house: it is recorded at once, alone."""

    commit: Callable[[U], None]


@dataclass(frozen=True)
class Task(Generic[U]):
    """What to do for jobs named `name`. `find` reads what `run` needs, for several jobs in one go and in their
    order; what it finds may be old by the time of the commit, which looks again. `exhausted` takes over when
    the attempts are spent."""

    name: str
    find: Callable[[Session, list[dict[str, Any]]], list[Any]]
    run: Callable[[dict[str, Any], Any], Awaitable[Callable[[U], None] | Happened[U] | None]]
    exhausted: Callable[[U, dict[str, Any], str], None]
    slots: int = 16
    """Lanes whose head is such a job run at the same time; each task has its own, so that a platform that is slow
    to take messages never keeps one from being read."""


class Jobs(Protocol[U]):
    """Work that must happen. A job is owed from the transaction that deferred it, and ends in the transaction that
    commits its effect: a death in between repeats the slow half, and never the effect."""

    def defer(self, tx: U, task: str, args: dict[str, Any], *, lane: str) -> None:
        """Owe `task` from this transaction on; jobs of one `lane` run one at a time and in order."""

    def register(self, task: Task[U]) -> None: ...

    async def start(self) -> None: ...

    async def stop(self, drain: timedelta) -> None:
        """Take no more work; give what is running `drain` to end."""
