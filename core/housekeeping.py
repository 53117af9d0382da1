"""Once a day: what is over is added up, what was sent long ago is let go, and what uploads left behind is swept. In small
pieces, so that nobody waits."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core import lanes, media
from core.access import credentials
from core.context import Commit, Services, Task, Tx
from core.cost import totals
from core.i18n import N_
from core.model import OPEN, InboxStatus, OutboxStatus
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Attachment, Deadline, InboxRow, OutboxRow, Ticket, table

log = structlog.get_logger(__name__)

DAILY: Final = "housekeeping"
"""The timer's kind, its subject, and the job's name and lane."""
EVERY: Final = timedelta(days=1)
PIECE: Final = 500
"""Rows in one commit."""
LEFT_BEHIND: Final = timedelta(hours=1)
"""So long after its last byte nobody goes on with an upload."""


def ensure(tx: Tx) -> None:
    """At the start: the timer runs. The first round is soon, for a home that was long without."""
    if not deadlines.pending(tx, DAILY, DAILY):
        deadlines.schedule(tx, DAILY, DAILY, tx.now + timedelta(minutes=10))


def on_daily(tx: Tx, deadline: Due) -> None:
    deadlines.schedule(tx, DAILY, DAILY, tx.now + EVERY)
    credentials.sweep(tx, tx.now - EVERY)
    _warn_of_rates(tx)
    _go_on(tx, begins=True)


def _warn_of_rates(tx: Tx) -> None:
    """Once a month, to the founder: by old rates what people bill is counted wrongly."""
    company = tx.services.company
    if company.rates is None or not company.rates_are_old(tx.now.date()):
        return
    if first_time(tx, f"rates:{tx.now:%Y-%m}"):
        as_of = company.rates.as_of.isoformat()
        card_publisher.tell(
            tx,
            company.founder,
            lambda words: words(
                N_(
                    "The exchange rates are of {as_of}. Please bring rates.json up to date: bills are counted by it."
                ),
                as_of=as_of,
            ),
        )


def _go_on(tx: Tx, *, begins: bool = False) -> None:
    lanes.later(tx, DAILY, {"begins": begins}, lane=DAILY, subject=DAILY, at=None)


async def sweep(services: Services) -> None:
    """At the start too: whatever killed the process before may have cut an upload off."""
    swept = await asyncio.to_thread(media.sweep, services.media, services.clock.now() - LEFT_BEHIND)
    if swept:
        log.info("uploads_swept", files=swept)


class Housekeeper:
    def __init__(self, services: Services) -> None:
        self._services = services

    def task(self) -> Task:
        return Task(DAILY, find=_nothing, run=self.run, exhausted=lambda tx, args, why: None, slots=1)

    async def run(self, args: dict[str, Any], _found: None) -> Commit | None:
        if args.get("begins"):
            await sweep(self._services)
        return _piece


def _nothing(session: Session, some: list[dict[str, Any]]) -> list[None]:
    return [None for _ in some]


def _piece(tx: Tx) -> None:
    """One piece of the work, and the next is owed."""
    if totals.add_up_next(tx) or let_go(tx):
        _go_on(tx)


def let_go(tx: Tx) -> int:
    """The contents of what was sent (or called off), of what came in, and media of tickets that ended, each longer ago than
    its setting; and timers that are over. The rows of messages stay, what each said stands on the ticket. Returns how many
    rows, at most PIECE of each."""
    services, gone = tx.services, 0
    if services.keep_sent is not None:
        before = tx.now - services.keep_sent
        gone += _let_go_payloads(tx, before) + _let_go_timers(tx, before)
    if services.keep_received is not None:
        gone += _let_go_received(tx, tx.now - services.keep_received)
    if services.keep_media is not None:
        gone += _let_go_media(tx, tx.now - services.keep_media)
    return gone


def _let_go_received(tx: Tx, before: datetime) -> int:
    """What is worked on; what a stranger or a quarantine still waits with stays whole."""
    rows = table(InboxRow)
    over = (
        select(rows.c.id)
        .where(
            rows.c.kept.is_(True),
            rows.c.received_at < before,
            rows.c.status.in_((InboxStatus.PROCESSED, InboxStatus.DISCARDED)),
        )
        .order_by(rows.c.received_at)
        .limit(PIECE)
    )
    ids = list(tx.session.scalars(over))
    return tx.change(update(rows).where(rows.c.id.in_(ids)).values(payload={}, kept=False)) if ids else 0


def _let_go_media(tx: Tx, before: datetime) -> int:
    """Photos and voice notes of tickets that ended; a file that another ticket or a memo has stays."""
    ended = (
        select(Attachment)
        .join(Ticket, Ticket.ticket_id == Attachment.ticket_id)
        .where(Ticket.status.not_in(OPEN), func.coalesce(Ticket.resolved_at, Ticket.created_at) < before)
        .order_by(Attachment.id)
        .limit(PIECE)
    )
    rows = tx.session.scalars(ended).all()
    for row in rows:
        tx.session.delete(row)
    tx.session.flush()
    of_memos = {one.audio_sha256 for one in tx.services.company.memos}
    for sha256 in {row.sha256 for row in rows} - of_memos:
        if tx.session.scalar(select(Attachment.id).where(Attachment.sha256 == sha256).limit(1)) is None:
            path = tx.services.media / sha256
            tx.on_commit(lambda path=path: path.unlink(missing_ok=True))  # type: ignore[misc]
    return len(rows)


def _let_go_payloads(tx: Tx, before: datetime) -> int:
    rows = table(OutboxRow)
    over = (
        select(rows.c.id)
        .where(
            rows.c.kept.is_(True),
            rows.c.created_at < before,
            rows.c.status.in_((OutboxStatus.SENT, OutboxStatus.CANCELLED)),
        )
        .order_by(rows.c.created_at)
        .limit(PIECE)
    )
    ids = list(tx.session.scalars(over))
    return tx.change(update(rows).where(rows.c.id.in_(ids)).values(payload={}, kept=False)) if ids else 0


def _let_go_timers(tx: Tx, before: datetime) -> int:
    rows = table(Deadline)
    gone = 0
    for ended in (rows.c.fired_at, rows.c.cancelled_at):
        ids = list(tx.session.scalars(select(rows.c.id).where(ended < before).limit(PIECE)))
        gone += tx.change(delete(rows).where(rows.c.id.in_(ids))) if ids else 0
    return gone
