"""A wall clock that is set: whatever waits goes on waiting for as long as it would have (P13)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.clock import Reading, SteadyClock, SystemClock, jump, read
from core.context import Task, Tx
from core.errors import TryLater
from core.model import Status
from core.outbox import card_publisher
from core.store import alarm, deadlines
from tests.platforms import House, open_house, until
from tests.world import NOON_IN_TAIPEI as NOON
from tests.world import STORY, MovableClock, World, open_world

HOURS = (timedelta(hours=1), timedelta(hours=-1), timedelta(hours=30), timedelta(days=-3))
EACH_TIME = [HOURS[0], *(pytest.param(one, marks=pytest.mark.long) for one in HOURS[1:])]


@pytest.mark.parametrize(
    ("wall", "passed", "by"),
    [
        (3600, 3600, 0),
        (3610, 10, 3600),
        (-3590, 10, -3600),
        (70, 10, 0),
        (-50, 10, 0),
        (71, 10, 61),
        (-51, 10, -61),
        # Asleep for a night: both hands moved.
        (8 * 3600, 8 * 3600, 0),
    ],
)
def test_only_what_did_not_pass_is_a_jump(wall: float, passed: float, by: float) -> None:
    before = Reading(NOON, timedelta(days=5))
    after = Reading(NOON + timedelta(seconds=wall), timedelta(days=5, seconds=passed))
    assert jump(before, after) == timedelta(seconds=by)


def test_the_systems_clock_goes_on_in_both_hands() -> None:
    before, after = read(SystemClock()), read(SystemClock())
    assert before.passed <= after.passed
    assert jump(before, after) == timedelta(0)


def test_a_steady_clock_goes_by_what_passes() -> None:
    clock = MovableClock()
    steady = SteadyClock(clock)
    clock.jump(hours=1)
    assert steady.now() == NOON
    clock.at += timedelta(minutes=5)
    assert steady.now() == NOON + timedelta(minutes=5)


STEPS = (0, 200, 90, 20, 280, 20, 3600, 20 * 3600, 2 * 3600, 3600, 3600)
"""Seconds: around the reminder (5 min), the deputy (10 min) and the end (a day) of an approval."""


async def diary(home: Path, jumps: Mapping[int, timedelta], *, approve: bool = False) -> list[Any]:
    """What had happened after each step of time, if before some of them the clock is set."""
    async with open_world(home) as world:
        await world.says("shirley", STORY)
        if approve:
            await (await world.card("ben", "approval")).tap("approve")
        found: list[Any] = []
        for number, seconds in enumerate(STEPS):
            world.clock.ahead += jumps.get(number, timedelta(0))
            await world.wait(seconds=seconds)
            cards = [len(await world.cards(who)) for who in ("ben", "shirley", "haru", "celine")]
            found.append((await world.events(), (await world.ticket())["status"], cards))
        return found


@pytest.mark.parametrize("approve", [False, True], ids=["an approval", "pages"])
@pytest.mark.parametrize("by", EACH_TIME, ids=str)
async def test_nothing_fires_early_or_late_for_a_jump(by: timedelta, approve: bool, tmp_path: Path) -> None:
    as_ever = await diary(tmp_path / "a", {}, approve=approve)
    assert as_ever[0] != as_ever[-1]
    for name, jumps in {"b": {1: by}, "c": {4: by}, "d": {2: by, 5: -by}, "e": {0: by, 7: by}}.items():
        assert await diary(tmp_path / name, jumps, approve=approve) == as_ever


async def test_it_is_told_and_logged_once(world: World) -> None:
    with capture_logs() as log:
        for hours in (1, -2):
            world.clock.jump(hours=hours)
            for _ in range(3):
                await world.wait(seconds=10)
    assert [one["seconds"] for one in log if one["event"] == "clock_jumped"] == [3600, -7200]
    told = [text for text in await world.texts("ben") if "The clock of this machine" in text]
    assert [("+60" in text, "-120" in text) for text in told] == [(True, False), (False, True)]


async def test_small_steps_are_followed_and_nobody_hears_of_them(world: World) -> None:
    await world.says("shirley", STORY)
    due = await world.do(deadlines.next_due)
    for seconds in (30, -59, 60):
        world.clock.jump(seconds=seconds)
        assert await world.do(deadlines.next_due) == due
    assert not [text for text in await world.texts("ben") if "The clock of this machine" in text]


@pytest.mark.parametrize("by", HOURS, ids=str)
async def test_what_is_owed_after_the_jump_goes_by_the_new_time(by: timedelta, world: World) -> None:
    """Also where it is what first notices the jump: it is not moved itself."""
    world.clock.ahead += by
    await world.says("shirley", STORY)
    assert await world.do(deadlines.next_due) == world.clock.now() + timedelta(minutes=5)


@pytest.mark.parametrize("by", HOURS, ids=str)
async def test_after_a_restart_what_stands_in_the_rows_counts(by: timedelta, tmp_path: Path) -> None:
    clock = MovableClock()
    async with open_world(tmp_path, clock) as world:
        await world.says("shirley", STORY)
        clock.ahead += by
        await world.wait(seconds=60)
    clock.at += timedelta(seconds=60)
    async with open_world(tmp_path, clock) as world:
        assert await world.do(deadlines.next_due) == clock.now() + timedelta(minutes=3)


async def test_a_jump_that_cannot_be_written_down_is_met_by_the_next_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.says("shirley", STORY)
    due = await world.do(deadlines.next_due)

    def fails(tx: Tx, by: timedelta) -> None:
        raise TryLater("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(world.app.store._jumps, "on_jump", fails)
        world.clock.jump(hours=1)
        await world.do(lambda tx: None)
    assert await world.do(deadlines.next_due) == due + timedelta(hours=1)
    assert await world.do(deadlines.next_due) == due + timedelta(hours=1)


async def test_a_message_that_failed_is_tried_again_when_its_time_has_passed(world: World) -> None:
    async def run(args: dict[str, Any], found: None) -> None:
        runs.append(world.clock.passed())
        if len(runs) == 1:
            raise TryLater("down", timedelta(seconds=30))

    runs: list[timedelta] = []
    world.app.jobs.register(
        Task("bench", find=lambda s, some: [None] * len(some), run=run, exhausted=lambda tx, args, why: None)
    )
    await world.do(lambda tx: tx.services.jobs.defer(tx, "bench", {}, lane="bench"))
    await world.settle()
    world.clock.jump(hours=-1)
    await world.wait(seconds=31)
    assert len(runs) == 2


async def test_a_jump_makes_no_channel_deaf(world: World) -> None:
    health = world.app.services.health["database"]
    health.pinged()
    health.failing("a hiccup")
    world.clock.jump(hours=1)
    await world.app.watch.look()
    await world.settle()
    assert not health.worrying
    assert not [text for text in await world.texts("ben") if "does not work" in text]
    world.clock.at += timedelta(minutes=3)
    assert health.deaf


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, [("ben", "telegram"), ("shirley", "telegram")]) as one:
        yield one


async def test_a_message_that_waits_to_be_sent_is_not_forgotten_when_the_clock_is_set_back(
    house: House,
) -> None:
    ben = house.address("ben", "telegram")
    await house.app.store.write(
        lambda tx: card_publisher._owe(
            tx, ben, "text", {"text": "at seven"}, not_before=tx.now + timedelta(hours=2)
        )
    )
    house.clock.jump(hours=-1)
    await house.wait(hours=1, minutes=59)
    assert not await house.phone("ben", "telegram").sees("at seven")
    await house.wait(minutes=2)
    await until(lambda: house.phone("ben", "telegram").sees("at seven"))


async def test_the_alarm_does_not_sleep_while_the_wall_clock_stands_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """APScheduler goes by the wall clock, and no commit wakes it: only that time passes."""

    class Wall(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return world.clock.now().astimezone(tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Wall)
    monkeypatch.setattr(alarm, "BEAT", timedelta(seconds=0.05))
    await world.says("shirley", STORY)
    told = (await world.events()).count("notified")
    world.app.alarm.start()
    await asyncio.sleep(0.2)
    world.clock.jump(days=-1)
    await asyncio.sleep(0.2)
    world.clock.at += timedelta(minutes=5, seconds=1)

    async def reminded() -> bool:
        return (await world.events()).count("notified") > told

    await until(reminded)
    assert (await world.ticket())["status"] == Status.AWAITING_HUMAN
