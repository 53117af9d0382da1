"""Taking events in: the row that makes a 200 honest (P1, P4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import bindparam, insert, select

from core import lanes
from core.concepts import fold
from core.context import Store, Tx
from core.errors import TryLater
from core.ids import new_id
from core.inbound import Message
from core.model import Address, InboxStatus
from core.store.tables import InboxRow, table
from core.text import folded
from core.triage import hazards

_ROWS: Final = table(InboxRow)
_INSERT: Final = insert(_ROWS)
_KNOWN: Final = select(_ROWS.c.channel, _ROWS.c.event_id).where(
    _ROWS.c.channel.in_(bindparam("channels", expanding=True)),
    _ROWS.c.event_id.in_(bindparam("ids", expanding=True)),
)
GLANCE: Final = 1000
"""Characters that are looked at for a danger while a message is taken in."""
TOGETHER: Final = 200
"""Most arrivals that are kept in one unit of work."""
ALBUM_GATHERS: Final = timedelta(seconds=1.5)
"""Photos sent together come in one by one: the first waits this long for the others."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One verified event. `event_id` is what a redelivery repeats."""

    channel: str
    event_id: str
    conversation_id: str
    payload: dict[str, Any]
    album: str | None = None
    """Photos sent together carry the same name."""


def accept(tx: Tx, arrivals: Sequence[Arrival]) -> int:
    """Keep what was not here before and owe its work, in one commit; returns how many were new. For the others nothing
    happens, however often and late the platform repeats them."""
    first: dict[tuple[str, str], Arrival] = {}
    for one in arrivals:
        first.setdefault((one.channel, one.event_id), one)
    wanted = {"channels": list({key[0] for key in first}), "ids": [key[1] for key in first]}
    known = {tuple(row) for row in tx.session.execute(_KNOWN, wanted)}
    # The transaction holds the write lock from its first statement: nobody can come between.
    fresh = [one for key, one in first.items() if key not in known]
    if not fresh:
        return 0
    rows = [_row(tx, one) for one in fresh]
    tx.session.execute(_INSERT, rows)
    for one, row in zip(fresh, rows, strict=True):
        if _names_danger(tx, one):
            lanes.read_apart(tx, row["id"])
            continue
        source = Address(one.channel, one.conversation_id)
        lanes.read(tx, row["id"], source, tx.now + ALBUM_GATHERS if one.album else None)
    return len(fresh)


def _names_danger(tx: Tx, one: Arrival) -> bool:
    """Its words name what can hurt somebody: a fraction of a millisecond for each message that comes in, so that none of
    them waits behind a voice note or somebody's backlog."""
    try:
        inbound = tx.services.channel(one.channel).parse(one.payload)
    except Exception:  # it cannot be read now, or never: the job that works on it says so
        return False
    if not isinstance(inbound, Message) or not inbound.text:
        return False
    return any(one.state == "now" for one in hazards.load().find(fold(folded(inbound.text[:GLANCE]))))


def _row(tx: Tx, one: Arrival) -> dict[str, Any]:
    return {
        "id": new_id(),
        "channel": one.channel,
        "event_id": one.event_id,
        "conversation_id": one.conversation_id,
        "payload": one.payload,
        "received_at": tx.now,
        "status": InboxStatus.ACCEPTED,
        "album": f"{one.channel}:{one.conversation_id}:{one.album}" if one.album else None,
    }


class ArrivalBatcher:
    """Gathers what comes in at the same time: a burst costs a few statements, not a few for each event."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Sequence[Arrival], asyncio.Future[None]]] = []
        self._keeper: asyncio.Task[None] | None = None

    async def take(self, arrivals: Sequence[Arrival]) -> None:
        """Returns once `arrivals` are on disk. Raises TryLater where they cannot be kept now."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrivals, kept))
        self._store.arriving(1)
        kept.add_done_callback(lambda _kept: self._store.arriving(-1))
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep(), name="entrance")
        await kept

    async def _keep(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            if not await self._keep_together(some) and len(some) > 1:
                # One of them cannot be kept: it fails alone.
                for one in some:
                    await self._keep_together([one])

    async def _keep_together(self, some: list[tuple[Sequence[Arrival], asyncio.Future[None]]]) -> bool:
        """False where something else than the database's state is in the way, and `some` are several."""
        every = [arrival for arrivals, _ in some for arrival in arrivals]
        error: Exception | None = None
        try:
            await self._store.write(lambda tx: accept(tx, every), awaited=True)
        except Exception as failed:
            if len(some) > 1 and not isinstance(failed, TryLater):
                return False
            error = failed
        for _, kept in some:
            if kept.done():
                continue  # whoever asked has gone
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)
        return True
