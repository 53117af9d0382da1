"""Somebody unknown who writes without end costs no more with every message, and keeps nobody else from the founder."""

from __future__ import annotations

from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine

from core.model import InboxStatus
from core.staff.joining import MAX_HELD, MAX_JOIN_CARDS
from core.store.tables import InboxRow
from tests.world import World


async def held(world: World) -> int:
    wanted = select(func.count()).select_from(InboxRow).where(InboxRow.status == InboxStatus.HELD)
    return await world.store.read(lambda s: s.scalar(wanted) or 0)


async def test_of_a_flood_the_first_are_kept(world: World) -> None:
    for number in range(MAX_HELD + 15):
        await world.says("nobody_knows", f"hello {number}")
    assert await held(world) == MAX_HELD
    assert len(await world.cards("ben", "join")) == 1
    await world.wait(days=1, minutes=1)
    await world.says("nobody_knows", "a new day")
    assert await held(world) == MAX_HELD + 1


async def test_what_a_message_costs_does_not_grow_with_those_before(world: World) -> None:
    rows: list[int] = []

    def count(_c: object, cursor: object, statement: str, *_more: object) -> None:
        if "FROM inbox" in statement and "digest" in statement.partition("WHERE")[2]:
            rows.append(1)

    for number in range(MAX_HELD):
        await world.says("nobody_knows", f"hello {number}")
    event.listen(Engine, "before_cursor_execute", count)
    try:
        await world.says("nobody_knows", "one more")
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert rows == [], "beyond the first of a day nothing is looked up"


async def test_the_founder_is_shown_so_many_a_day_and_told_of_the_rest(world: World) -> None:
    for number in range(MAX_JOIN_CARDS + 4):
        await world.says(f"visitor_{number}", "hello, the tap drips")
    assert len(await world.cards("ben", "join")) == MAX_JOIN_CARDS
    assert sum("unknown accounts" in text for text in await world.texts("ben")) == 1
