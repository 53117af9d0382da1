"""Everything that happens to tickets, in the order in which it was committed: read after a cursor, or watched live.

The history is the feed: its row's number is the cursor. One reader looks once for everybody who watches, so that two hundred
open pages cost a change no more than one."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from core.context import Store
from core.money import exact
from core.row_changes import CHANGES
from core.store.tables import HistoryRow, Ticket
from core.text import shorten
from core.tickets.records import current_dispatch
from core.tickets.view import iso, money

log = structlog.get_logger(__name__)

MAX_MISSED: Final = 500
"""Changes that are told one by one to who comes back; beyond that they look at everything anew."""
MAX_WAITING: Final = 1000
"""Changes that may wait for a watcher who reads slowly."""
SUMMARY: Final = 140


@dataclass(frozen=True)
class Change:
    cursor: int
    ticket_id: str
    body: dict[str, Any]
    """core.clients.shapes.Change"""

    @cached_property
    def text(self) -> str:
        """As JSON: written once, however many watch."""
        return json.dumps(self.body, ensure_ascii=False)

    @cached_property
    def frame(self) -> bytes:
        """As an event of a stream, likewise."""
        return f"event: ticket\nid: {self.cursor}\ndata: {self.text}\n\n".encode()


def brief(ticket: Ticket, base: str) -> dict[str, Any]:
    """core.clients.shapes.Brief"""
    dispatch = current_dispatch(ticket)
    return {
        "ticket_id": ticket.ticket_id,
        "property_id": ticket.property_id,
        "status": ticket.status.value,
        "category": ticket.category,
        "severity": ticket.severity,
        "risk_tags": list(ticket.risk_tags),
        "reporter": ticket.reporter,
        "vendor_id": dispatch.vendor_id if dispatch is not None else None,
        "cost_estimate_usd": money(dispatch.cost_estimate_usd) if dispatch is not None else None,
        "created_at": iso(ticket.created_at),
        "resolved_at": iso(ticket.resolved_at),
        "cost_usd": exact(ticket.cost_usd),
        "summary": shorten(" ".join((ticket.transcript_en or ticket.raw_input).split()), SUMMARY),
        "url": f"{base}/tickets/{ticket.ticket_id}",
    }


def newest(session: Session) -> int:
    return session.scalar(select(func.max(HistoryRow.id))) or 0


def changes(session: Session, after: int, base: str, limit: int = MAX_MISSED) -> list[Change]:
    """What happened after the cursor `after`, oldest first, each with its ticket as it is now."""
    wanted = (
        select(HistoryRow)
        .where(HistoryRow.id > after)
        .order_by(HistoryRow.id)
        .limit(limit)
        .options(selectinload(HistoryRow.ticket).selectinload(Ticket.dispatches))
    )
    return [_change(row, base) for row in session.scalars(wanted)]


def _change(row: HistoryRow, base: str) -> Change:
    body = {
        "cursor": str(row.id),
        "at": row.at.isoformat(),
        "event": row.event,
        "actor": row.actor,
        "channel": row.channel,
        "ticket": brief(row.ticket, base),
    }
    return Change(row.id, row.ticket_id, body)


@dataclass(eq=False)
class Watcher:
    """One who watches. `more` is set whenever there is something to `take`."""

    more: asyncio.Event = field(default_factory=asyncio.Event)
    overrun: bool = False
    """Too much came at once: look at everything anew."""
    _waiting: deque[Change] = field(default_factory=deque)

    def put(self, some: Sequence[Change]) -> None:
        if len(self._waiting) + len(some) > MAX_WAITING:
            self._waiting.clear()
            self.overrun = True
        else:
            self._waiting.extend(some)
        self.more.set()

    def take(self) -> list[Change]:
        self.more.clear()
        found = list(self._waiting)
        self._waiting.clear()
        return found


class Feed:
    """One per process."""

    def __init__(self, store: Store, base: Callable[[], str]) -> None:
        self._store = store
        self._base = base
        self._watchers: set[Watcher] = set()
        self._at: int | None = None
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._leave: Callable[[], None] | None = None

    async def watch(self) -> Watcher:
        """From now on; give it back with `leave`."""
        if self._reader is None:
            self._leave = self._store.subscribe(CHANGES, self._news.set)
            self._at = await self._store.read(newest)
            self._reader = asyncio.create_task(self._run(), name="feed")
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    async def after(self, cursor: int, limit: int = MAX_MISSED) -> list[Change]:
        return await self._store.read(lambda session: changes(session, cursor, self._base(), limit))

    async def stop(self) -> None:
        if self._leave is not None:
            self._leave()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._look()
            except Exception as unexpected:
                log.error("feed_failed", exc_info=unexpected)
                await asyncio.sleep(1)
                self._news.set()

    async def _look(self) -> None:
        while True:
            assert self._at is not None
            if not self._watchers:
                self._at = await self._store.read(newest)
                return
            found = await self.after(self._at)
            if not found:
                return
            self._at = found[-1].cursor
            for watcher in tuple(self._watchers):
                watcher.put(found)
