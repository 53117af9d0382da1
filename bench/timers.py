"""1,000 durable timers due at one instant among 10,000 that are not: how late is the last fired mark on disk?
The bare minimum: a heap of deadlines in memory, nothing stored. Fired marks alone, and with an outbox row each."""

from __future__ import annotations

import asyncio
import heapq
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from core.context import Tx
from core.model import Address
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Deadline, OutboxRow
from tests.world import World, open_world

DUE, IDLE = 1000, 10_000


async def _fill(world: World) -> None:
    now = world.clock.now()

    def fill(tx: Tx) -> None:
        for number in range(DUE + IDLE):
            due = now + timedelta(seconds=1) if number < DUE else now + timedelta(days=1, seconds=number)
            deadlines.schedule(tx, "escalate", f"b{number}", due)

    await world.do(fill)


async def _fire(home: Path, *, outbox: bool) -> float:
    async with open_world(home) as world:
        await _fill(world)
        world.clock.at += timedelta(seconds=1)

        def handler(tx: Tx, deadline: Due) -> None:
            if outbox:
                card_publisher.say(tx, Address("web", "nobody"), deadline.subject)

        begun = time.perf_counter()
        while await world.do(lambda tx: deadlines.fire_due(tx, {"escalate": handler}, handler)):
            pass
        spent = (time.perf_counter() - begun) * 1000
        fired = await world.store.read(
            lambda s: s.scalar(select(func.count()).where(Deadline.fired_at.is_not(None)))
        )
        owed = await world.store.read(lambda s: s.scalar(select(func.count()).select_from(OutboxRow)))
        assert fired == DUE
        assert owed == (DUE if outbox else 0)
        return spent


def loopos() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        return {
            "1,000 fired ms": asyncio.run(_fire(Path(first), outbox=False)),
            "1,000 fired with outbox ms": asyncio.run(_fire(Path(second), outbox=True)),
        }


def bare() -> dict[str, float]:
    heap = [(1.0 if number < DUE else 86400.0 + number, number) for number in range(DUE + IDLE)]
    heapq.heapify(heap)
    begun = time.perf_counter()
    fired = []
    while heap[0][0] <= 1.0:
        fired.append(heapq.heappop(heap))
    spent = (time.perf_counter() - begun) * 1000
    assert len(fired) == DUE
    return {"1,000 fired ms": spent, "1,000 fired with outbox ms": spent}


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": loopos, "bare": bare}
