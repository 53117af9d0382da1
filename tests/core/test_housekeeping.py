"""What a house does for itself once a day, in pieces."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core import housekeeping
from core.outbox import channel_watch
from core.store.tables import Deadline, OutboxRow
from tests.world import STORY, World


async def outbox(world: World) -> list[OutboxRow]:
    return await world.store.read(lambda s: list(s.scalars(select(OutboxRow).order_by(OutboxRow.id))))


async def a_day(world: World, **days: float) -> None:
    await world.do(housekeeping.ensure)
    await world.wait(**(days or {"days": 2}))


@pytest.fixture
async def repaired(world: World) -> World:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("shirley", "job")).tap("ack")
    await (await world.card("shirley", "job")).tap("resolve", amount="132")
    return world


async def test_what_was_sent_yesterday_is_let_go_and_the_ticket_stays(
    repaired: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "PIECE", 3)
    before, ticket = await outbox(repaired), await repaired.ticket()
    chat = await repaired.chat("ben")
    await a_day(repaired)
    after = await outbox(repaired)
    assert [row.id for row in after[: len(before)]] == [row.id for row in before]
    assert all(row.payload == {} and not row.kept for row in after[: len(before)])
    assert await repaired.ticket() == ticket
    assert (await repaired.chat("ben"))[: len(chat)] == chat


async def test_what_is_still_owed_is_never_let_go(repaired: World) -> None:
    def hold(tx) -> None:  # type: ignore[no-untyped-def]
        rows = list(tx.session.scalars(select(OutboxRow).order_by(OutboxRow.id)))
        for row, status in zip(rows, ("pending", "sending", "dead"), strict=False):
            row.status = status

    await repaired.do(hold)
    await a_day(repaired)
    held = {row.status for row in await outbox(repaired) if row.kept}
    assert {"pending", "sending", "dead"} <= held


async def test_today_is_kept_and_for_ever_is_for_ever(repaired: World) -> None:
    await a_day(repaired, hours=12)
    assert all(row.kept for row in await outbox(repaired))
    repaired.app.services.keep_sent = None
    await a_day(repaired, days=40)
    assert all(row.kept for row in await outbox(repaired))


async def test_timers_that_are_over_go_and_those_that_run_stay(repaired: World) -> None:
    await a_day(repaired, days=3)
    now = repaired.clock.now()
    timers = await repaired.store.read(lambda s: list(s.scalars(select(Deadline))))
    ended = [one.fired_at or one.cancelled_at for one in timers]
    assert all(at is None or at >= now - timedelta(days=2) for at in ended)
    assert [one.kind for one in timers if one.fired_at is None and one.cancelled_at is None] == [
        "housekeeping"
    ]


async def test_it_runs_every_day_once(repaired: World) -> None:
    await repaired.do(housekeeping.ensure)
    await repaired.do(housekeeping.ensure)
    wanted = select(Deadline).where(Deadline.kind == "housekeeping", Deadline.fired_at.is_(None))
    assert len(await repaired.store.read(lambda s: list(s.scalars(wanted)))) == 1
    await repaired.wait(days=5)
    assert len(await repaired.store.read(lambda s: list(s.scalars(wanted)))) == 1


URGENT = (
    ("shirley", STORY),
    ("shirley", "Warm Taipei 廚房有瓦斯味"),
    ("haru", "伊東の家 台所でガスの匂いがします"),
    ("celine", "vila Bali bau gas di dapur"),
    ("miguel", "Reno: it smells of gas in the kitchen"),
)


async def test_after_an_outage_waiting_cards_come_again_some_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_watch, "AT_ONCE", 2)
    for who, text in URGENT:
        await world.says(who, text)
    waiting = [one for one in await world.tickets() if one["status"] == "AWAITING_HUMAN"]
    assert len(waiting) == len(URGENT)
    before = len(await world.cards("ben", "approval"))
    commits = 0

    def count() -> None:
        nonlocal commits
        commits += 1

    stop = world.store.subscribe("web:ben", count)
    assert await world.do(lambda tx: channel_watch.show_again(tx, ["web"])) == len(waiting)
    await world.settle()
    stop()
    cards = await world.cards("ben", "approval")
    assert len(cards) == before + len(waiting)
    assert {one.card["ticket_id"] for one in cards[-len(waiting) :]} == {one["ticket_id"] for one in waiting}
    assert commits >= 2
