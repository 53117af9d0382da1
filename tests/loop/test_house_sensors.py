"""What the house itself sees, and what is done about it where nobody thinks."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.i18n import Words
from core.loop import house_sensors, reflexes
from core.loop.moves import Notify
from core.loop.world import World as Reading
from core.loop.world import canonical
from tests.loop.beating import Beating, beating
from tests.world import STORY, World

ENGLISH = Words("en", ZoneInfo("UTC"))


@pytest.fixture
async def loop(world: World) -> Beating:
    return await beating(world)


async def signal(loop: Beating, name: str) -> Any:
    now = loop.world.clock.now()
    return (await house_sensors.SENSORS[name](loop.pulse.house, now))["signal"]


async def test_a_job_that_nobody_takes_and_a_repair_that_is_late(loop: Beating) -> None:
    world = loop.world
    assert await signal(loop, "tickets") == {"overdue": [], "urgent": []}
    await world.says("shirley", STORY)
    assert await signal(loop, "tickets") == {"overdue": [], "urgent": ["T-1001"]}
    await world.wait(hours=4, minutes=1)
    assert (await signal(loop, "tickets"))["overdue"] == ["T-1001"], "nobody decides"
    await (await world.card("ben", "approval")).tap("approve")
    assert await signal(loop, "dispatches") == {"nobody_took": []}
    await world.wait(minutes=16)
    assert await signal(loop, "dispatches") == {"nobody_took": ["T-1001"]}
    await (await world.card("shirley", "job")).tap("ack")
    assert await signal(loop, "dispatches") == {"nobody_took": []}
    assert (await signal(loop, "tickets"))["overdue"] == []
    await world.wait(days=2)
    assert (await signal(loop, "tickets"))["overdue"] == ["T-1001"], "the time that was told has passed"


async def test_by_reflex_each_thing_is_told_once(loop: Beating) -> None:
    world = loop.world
    await loop.beat()
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await world.wait(minutes=16)
    beat = await loop.beat()
    assert beat.line == "moved: notify · Nobody has taken: T-1001."
    assert any("Nobody has taken: T-1001." in one for one in await world.texts("ben"))
    for _ in range(3):
        await loop.beat()
    assert len([one for one in await loop.journal() if "Nobody has taken" in one]) == 1


async def test_the_money_of_a_property_and_who_can_be_told(loop: Beating) -> None:
    assert await signal(loop, "budget") == {"over": [], "pace": []}
    assert await signal(loop, "cover") == {"uncovered": [], "no_backup": []}
    assert await signal(loop, "models") == "ok"
    assert await signal(loop, "line-quota") is None


def reading(**signals: Any) -> Reading:
    snapshots = {f"sensor-{name}": canonical({"signal": one}).encode() for name, one in signals.items()}
    return Reading(b"", {}, snapshots)


def test_a_schedule_whose_moment_has_come_is_told_with_its_note() -> None:
    def world(**signals: Any) -> Reading:
        value = {"signal": signals, "detail": {"notes": {"rent": "look at the bank"}}}
        return Reading(b"", {}, {"sys-schedules": canonical(value).encode()})

    looks: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {"rent": 0}),
        ({"rent": 0}, {"rent": 1}),
        ({"rent": 1}, {"rent": 1}),
        ({"once": "pending"}, {"once": "due"}),
        ({"once": "due"}, {"once": "due"}),
    ]
    told = [reflexes.decide(world(**now), world(**before).items, ENGLISH) for before, now in looks]
    assert [one.message if isinstance(one, Notify) else "" for one in told] == [
        "", "It is time for rent: look at the bank", "", "It is time for once: –", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({}, {"dispatches": {"nobody_took": []}}, None),
        ({}, {"dispatches": {"nobody_took": ["T-1"]}}, "Nobody has taken: T-1."),
        ({"dispatches": {"nobody_took": ["T-1"]}}, {"dispatches": {"nobody_took": ["T-1"]}}, None),
        ({"dispatches": {"nobody_took": ["T-1"]}}, {"dispatches": {"nobody_took": ["T-1", "T-2"]}}, "Nobody has taken: T-2."),
        ({"dispatches": {"nobody_took": ["T-1"]}}, {"dispatches": {"nobody_took": []}}, None),
        ({"models": "ok"}, {"models": "spent"}, "This month's money for models is spent."),
        ({}, {"dispatches": {"nobody_took": ["T-1"]}, "budget": {"over": ["bali"], "pace": []}}, "Nobody has taken: T-1. Over this month's budget: bali."),
        ({}, {"dispatches": {"error": True, "exit_code": 1}}, "The sensor dispatches fails: exit 1."),
        ({"mail": {"error": True, "exit_code": 6}}, {"mail": {"error": True, "exit_code": 6}}, None),
        ({}, {"mail": {"error": "too-large", "cap": 9}}, "The sensor mail fails: too-large."),
        ({}, {"mail": {"error": True, "pending": "pulse-1"}}, None),
        ({}, {"dispatches": "nonsense", "tickets": 3}, None),
    ],
)  # fmt: skip
def test_a_reflex(before: dict[str, Any], now: dict[str, Any], said: str | None) -> None:
    move = reflexes.decide(reading(**now), reading(**before).items, ENGLISH)
    assert (move.message if isinstance(move, Notify) else None) == said


async def test_a_sensor_of_the_companys_takes_the_place_of_ours(loop: Beating) -> None:
    loop.sensor("budget", 'echo \'{"signal": "ours"}\'')
    await loop.beat()
    assert loop.snapshot("sensor-budget") == {"signal": "ours"}


def test_what_was_told_is_not_told_again_when_a_long_reading_changes_elsewhere() -> None:
    late, many = ["T-1001"], {f"house_{n}": f"2026-11-2{n}T15:00:00+08:00" for n in range(10)}
    before = reading(stays={"arrivals": many, "threatened": late, "unreadable": []})
    now = reading(stays={"arrivals": dict(list(many.items())[1:]), "threatened": late, "unreadable": []})
    assert not isinstance(reflexes.decide(now, before.items, ENGLISH), Notify)
