"""What a house does for itself once a day, in pieces."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core import housekeeping
from core.outbox import channel_watch
from core.store.tables import Deadline, InboxRow, OutboxRow
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


# --- what came in, and the files of what is over


async def inbox(world: World) -> list[InboxRow]:
    return await world.store.read(lambda s: list(s.scalars(select(InboxRow).order_by(InboxRow.id))))


async def test_what_came_in_is_let_go_after_its_time_and_never_worked_on_twice(
    repaired: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "PIECE", 2)
    await repaired.send("shirley", "vila Bali: mati lampu", id="again-0001")
    await repaired.settle()
    before = await repaired.tickets()
    repaired.app.services.keep_received = timedelta(days=30)
    await a_day(repaired, days=29)
    assert all(row.kept and row.payload for row in await inbox(repaired))
    await repaired.wait(days=3)
    rows = await inbox(repaired)
    assert len(rows) > 4 and all(row.payload == {} and not row.kept for row in rows)
    await repaired.send("shirley", "vila Bali: mati lampu", id="again-0001")
    await repaired.settle()
    after = await repaired.tickets()
    assert [one["raw_input"] for one in after] == [one["raw_input"] for one in before], (
        "the words stand there"
    )


async def test_what_a_stranger_waits_with_stays(repaired: World) -> None:
    await repaired.says("somebody", "the tap drips")
    repaired.app.services.keep_received = timedelta(days=1)
    await a_day(repaired, days=5)
    held = [row for row in await inbox(repaired) if row.status == "held"]
    assert len(held) == 1 and held[0].payload["text"] == "the tap drips"


async def test_photos_go_some_time_after_their_ticket_has_ended(world: World) -> None:
    media = world.app.services.media
    media.mkdir(parents=True, exist_ok=True)

    async def photo(text: str, data: bytes) -> Path:
        name = hashlib.sha256(data).hexdigest()
        (media / name).write_bytes(data)
        file = {
            "kind": "photo", "media_type": "image/png", "bytes": len(data), "sha256": name, "path": f"media/{name}",
        }  # fmt: skip
        await world.says("celine", text, files=[file])
        return media / name

    ended = await photo("vila Bali: wastafel mampet", b"one")
    shared = await photo("vila Bali: tikus di dapur", b"both")
    await photo("vila Bali: wifi mati", b"both")
    await world.says("celine", "/ack T-1001")
    await world.says("celine", "/resolve T-1001 30")
    await world.says("celine", "/ack T-1002")
    await world.says("celine", "/resolve T-1002 0")
    world.app.services.keep_media = timedelta(days=10)
    await a_day(world, days=9)
    assert ended.exists()
    await world.wait(days=3)
    first, second, third = await world.tickets()
    assert not ended.exists() and first["attachments"] == []
    assert second["attachments"] == [] and shared.exists(), "an open ticket has the same picture"
    assert len(third["attachments"]) == 1
