"""People type in lines: what comes within seconds is one report, but for a danger and what is clearly something else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.world import World

SECONDS = 3


async def typed(world: World, person: str, *lines: str, apart: float = SECONDS) -> list[dict[str, Any]]:
    for line in lines:
        await world.says(person, line)
        await world.wait(seconds=apart)
    return await world.tickets()


@pytest.mark.parametrize(
    ("person", "lines", "place", "category"),
    [
        ("shirley", ("Warm Taipei", "主臥冷氣在漏水", "客人在生氣"), "warm_taipei_2br", "hvac_leak"),
        ("shirley", ("Warm Taipei 熱水器壞了", "沒有熱水", "可以快一點嗎"), "warm_taipei_2br", "appliance"),
        ("celine", ("vila Bali", "wastafel mampet", "tamu datang jam 5"), "bali_villa", "plumbing_blockage"),
        ("haru", ("伊東の家", "トイレが詰まりました", "2階です"), "ito_stream_house", "plumbing_blockage"),
        ("miguel", ("Reno", "hay una fuga en la cocina", "debajo del fregadero"), "mtn_city_reno", "plumbing_leak"),
        ("miguel", ("Creekfront: no hot water", "guest checks in at 3", "please hurry"), "creekfront_cabin", "appliance"),
        ("miguel", ("the toilet is blocked", "upstairs bathroom", "Creekfront"), "creekfront_cabin", "plumbing_blockage"),
    ],
)  # fmt: skip
async def test_three_lines_are_one_report(
    world: World, person: str, lines: tuple[str, ...], place: str, category: str
) -> None:
    (ticket,) = await typed(world, person, *lines)
    assert (ticket["property_id"], ticket["category"]) == (place, category)
    assert sorted(report["raw_input"] for report in ticket["reports"]) == sorted(lines), "every word is kept"


@pytest.mark.parametrize(
    ("person", "lines"),
    [
        ("celine", ("vila Bali: wastafel mampet", "wifi mati")),
        ("shirley", ("Warm Taipei 毛巾不夠了", "洗衣機壞了")),
        ("miguel", ("Creekfront: the toilet is blocked", "and the wifi is down")),
        ("miguel", ("Creekfront: no hot water", "Reno: no hot water")),
        ("haru", ("伊東の家 タオルが足りません", "鍵が開きません")),
        ("miguel", ("Creekfront: the AC is leaking", "there are bed bugs")),
        (
            "miguel",
            ("Creekfront: towels are missing, big ones", "Creekfront: no soap and no shampoo, towels fine"),
        ),
        ("miguel", ("Creekfront: the AC is leaking", "the TV does not turn on")),
        ("miguel", ("Creekfront: the pool is green", "Miguel: no hot water, guests arrive at 4")),
        ("shirley", ("Warm Taipei 主臥冷氣還在滴水，插座那邊都濕了", "客廳燈泡壞了一顆，有空再換")),
        (
            "shirley",
            ("Warm Taipei 主臥冷氣還在滴水，插座那邊都濕了", "Warm Taipei 客廳燈泡壞了一顆，有空再換"),
        ),
    ],
)
async def test_another_problem_or_place_is_a_report_of_its_own(
    world: World, person: str, lines: tuple[str, ...]
) -> None:
    first, second = await typed(world, person, *lines)
    assert [len(one["reports"]) for one in (first, second)] == [1, 1]
    if "Reno" not in lines[1]:
        assert second["property_id"] == first["property_id"], "the place that was named a moment ago"


async def test_a_danger_never_hides_in_another_report(world: World) -> None:
    tickets = await typed(world, "celine", "vila Bali: handuk kurang", "bau gas kuat sekali, kami di dalam")
    assert [one["severity"] for one in tickets] == [tickets[0]["severity"], 5]
    assert "gas_risk" in tickets[1]["risk_tags"]
    assert any("112" in text or "110" in text for text in await world.texts("celine"))


async def test_what_becomes_worse_in_the_next_line_counts(world: World) -> None:
    (ticket,) = await typed(world, "shirley", "Warm Taipei 冷氣在漏水", "水滴到插座旁邊")
    assert ticket["severity"] >= 4 and "electrical_risk" in ticket["risk_tags"]


async def test_a_minute_later_it_is_read_by_itself(world: World) -> None:
    tickets = await typed(world, "miguel", "Creekfront: no hot water", "upstairs bathroom", apart=60)
    assert len(tickets) == 2


async def test_what_lay_somewhere_for_a_while_and_comes_all_at_once_is_read_as_it_was_written(
    world: World,
) -> None:
    now = world.clock.now()
    await world.send("miguel", "Creekfront: no hot water", at=(now - timedelta(minutes=9)).isoformat())
    await world.send("miguel", "upstairs bathroom", at=(now - timedelta(minutes=2)).isoformat())
    await world.settle()
    assert len(await world.tickets()) == 2


async def test_somebody_elses_line_is_theirs(world: World) -> None:
    await world.says("celine", "vila Bali: wastafel mampet")
    await world.says("miguel", "upstairs bathroom")
    first, second = await world.tickets()
    assert (len(first["reports"]), second["reporter"]) == (1, "miguel")


async def test_only_a_place_is_asked_what_is_wrong_there(world: World) -> None:
    await world.says("miguel", "Creekfront")
    assert (await world.texts("miguel"))[-1] == "What is wrong at Creekfront Cabin?"
    assert await world.tickets() == []


async def test_what_the_rules_let_go_before_it_became_urgent_is_told_to_the_founder(world: World) -> None:
    await typed(world, "shirley", "溫暖台北冷氣漏水", "已經滴到插座了 客人很生氣")
    told = [text for text in await world.texts("ben") if "has become urgent" in text]
    assert len(told) == 1 and "145.00 USD" in told[0]
