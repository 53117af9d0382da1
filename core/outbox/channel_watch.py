"""Notices a channel that is deaf or fails, or a database that is damaged, and tells the founder on another one; after an
outage pending cards are shown again, because platforms lose taps (W9, P6)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import lanes
from core.context import Commit, Services, Store, Task, Tx
from core.errors import TryLater
from core.i18n import N_
from core.model import ApprovalStatus, CardKind, Status
from core.outbox import card_publisher
from core.outbox.said_once import first_time, forget
from core.phrases import CHANNEL, label
from core.store.tables import Notice, Owner, Ticket
from core.store.unit import Fenced
from core.team.people import reader_for
from core.tickets.records import current_dispatch, find_ticket, is_open, latest_approval

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(seconds=15)
SHOW_AGAIN: Final = "show_again"
AT_ONCE: Final = 3
"""Tickets whose cards are shown again in one commit: about 15 ms each."""
OUTAGE: Final = timedelta(seconds=120)
"""From so long on clicks may have been lost."""


class ChannelWatch:
    """Looks at every channel's health now and then. One per process."""

    def __init__(self, store: Store, services: Services) -> None:
        self._store = store
        self._services = services
        self._deaf: dict[str, datetime] = {}
        """Channel -> since when it has been worrying."""
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="watch")

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except TryLater as later:
                log.warning("watch_late", reason=str(later))
            except Fenced:
                return
            await asyncio.sleep(EVERY.total_seconds())

    async def look(self) -> None:
        await self._store.write(lambda tx: None)  # a clock that was set is met first: it makes nobody deaf
        now = self._services.clock.now()
        for channel, health in self._services.health.items():
            if health.worrying:
                since = self._deaf.setdefault(channel, health.failing_since or health.last_ping or now)
                why = health.ailment or ""
                await self._store.write(lambda tx, c=channel, w=why, s=since: tell_worry(tx, c, w, s))  # type: ignore[misc]
            elif channel in self._deaf:
                lost_taps = now - self._deaf.pop(channel) >= OUTAGE
                await self._store.write(lambda tx, c=channel, lost=lost_taps: _well_again(tx, c, lost))  # type: ignore[misc]


def worry_about(channel: str) -> str:
    """The key of the notice."""
    return f"worry:{channel}"


def tell_worry(tx: Tx, channel: str, why: str, since: datetime) -> None:
    """The founder hears it once an episode, on every other channel that is well."""
    if not first_time(tx, worry_about(channel)):
        return
    founder = tx.services.company.founder
    words = reader_for(tx, founder).words
    text = words(
        N_("⚠️ {channel} does not work since {at}: {why}"),
        channel=label(CHANNEL, channel, words),
        at=words.time(since, tx.now),
        why=why,
    )
    log.error("channel_worry", channel=channel, why=why)
    _tell_elsewhere(tx, channel, text)


def _well_again(tx: Tx, channel: str, lost_taps: bool) -> None:
    if tx.get(Notice, worry_about(channel)) is not None:
        forget(tx, worry_about(channel))
        words = reader_for(tx, tx.services.company.founder).words
        _tell_elsewhere(
            tx, channel, words(N_("{channel} works again."), channel=label(CHANNEL, channel, words))
        )
    if lost_taps:
        show_again(tx, [channel])


def _tell_elsewhere(tx: Tx, channel: str, text: str) -> None:
    for address in card_publisher.addresses_of(tx, tx.services.company.founder):
        if address.channel != channel:
            card_publisher.say(tx, address, text, urgency=card_publisher.Urgency.PRESSING)


def show_again(tx: Tx, channels: Collection[str]) -> int:
    """Owe to show every card that still waits for somebody once more on `channels`; returns of how many tickets."""
    waiting = select(Ticket.ticket_id).where(
        is_open(), Ticket.status.in_((Status.AWAITING_HUMAN, Status.DISPATCHED))
    )
    tickets = sorted(tx.session.scalars(waiting))
    _owe_showing(tx, [*channels], tickets)
    return len(tickets)


def _owe_showing(tx: Tx, channels: list[str], tickets: list[str]) -> None:
    if tickets and channels:
        about = {"channels": channels, "tickets": tickets}
        lanes.later(tx, SHOW_AGAIN, about, lane=SHOW_AGAIN, subject=SHOW_AGAIN, at=None)


class ShowingAgain:
    """The job that shows waiting cards again, some tickets at a time: after an outage there may be hundreds, and
    somebody outside waits for a 200 meanwhile. What a death interrupts goes on where it was."""

    def task(self) -> Task:
        return Task(SHOW_AGAIN, find=_nothing, run=self.run, exhausted=lambda tx, args, why: None, slots=1)

    async def run(self, args: dict[str, Any], _found: None) -> Commit:
        tickets, channels = list(args["tickets"]), list(args["channels"])

        def commit(tx: Tx) -> None:
            for ticket_id in tickets[:AT_ONCE]:
                _show_again(tx, find_ticket(tx, ticket_id), channels)
            _owe_showing(tx, channels, tickets[AT_ONCE:])

        return commit


def _nothing(session: Session, some: list[dict[str, Any]]) -> list[None]:
    return [None for _ in some]


def _show_again(tx: Tx, ticket: Ticket, channels: Collection[str]) -> None:
    asked, dispatch = latest_approval(ticket), current_dispatch(ticket)
    kind: CardKind
    if asked is not None and asked.status == ApprovalStatus.PENDING:
        kind, people = "approval", list(asked.deciders)
    elif dispatch is not None and ticket.status == Status.DISPATCHED and not dispatch.acknowledged:
        kind, people = "job", list(dict.fromkeys(dispatch.paged))
    else:
        return
    for person_id in people:
        to = [
            (address, reader)
            for address, reader in card_publisher.readers_of(tx, tx.services.company.person(person_id))
            if address.channel in channels and card_publisher.stands(tx, kind, ticket, address)
        ]
        if to:
            card_publisher.show(tx, kind, ticket, to, again=True)


def after_outage(tx: Tx, before: datetime | None) -> int:
    """At the start: if nobody was here for long, taps on the platforms were lost. `before`: the last sign of life of
    the process before, None if there was none. Returns of how many tickets the cards are shown again."""
    if before is None or tx.now - before < OUTAGE:
        return 0
    outside = [name for name, channel in tx.services.channels.items() if not channel.capabilities.ours]
    return show_again(tx, outside)


def last_beat(tx: Tx) -> datetime | None:
    return tx.session.scalar(select(Owner.beat_at).where(Owner.id == 1))


def tell_quota(tx: Tx, channel: str, limit: int, used: int) -> None:
    """Four fifths of what was paid for are used: said once a month (W8)."""
    if not first_time(tx, f"quota80:{channel}:{tx.now:%Y-%m}"):
        return
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_(
                "{channel}: {used} of {limit} messages of this month are used. When they are gone I take other ways."
            ),
            channel=label(CHANNEL, channel, words),
            used=used,
            limit=limit,
        ),
    )
