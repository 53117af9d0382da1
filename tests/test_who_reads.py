"""Who may read what, on every surface: tickets the whole team; the Brain what is general or of one's places; money the
founder, and leads for theirs; how to get in whoever has the job."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.settings import DATA
from core.metering import Usage
from core.outbox.home_page import _snapshot
from tests.core.cost.books import call, ledger_of, planned
from tests.fakes.telegram import BOT
from tests.platforms import open_house
from tests.test_local_money import changed
from tests.world import STORY, World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Miguel is a lead, of his two houses in America."""
    folder = tmp_path / "company"
    shutil.copytree(DATA / "company", folder)

    def promote(rows: Any) -> None:
        for row in rows:
            row["role"] = "lead" if row["id"] == "miguel" else row["role"]

    changed(folder, "team.json", promote)
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as one:
        for place in ("warm_taipei_2br", "mtn_city_reno"):
            await call(ledger_of(one), planned(property_id=place), Usage(1000, 1000))
        yield one


async def last(world: World, person: str, text: str) -> str:
    await world.says(person, text)
    return (await world.texts(person))[-1]


async def test_the_team_reads_the_tickets_of_all_properties(world: World) -> None:
    await world.says("shirley", STORY)
    for person in ("celine", "haru", "miguel", "ben"):
        assert "T-1001" in await last(world, person, "/tickets")


@pytest.mark.parametrize(
    ("person", "asked", "found"),
    [
        ("shirley", "/brain AC Taipei Wang", True),
        ("celine", "/brain AC Taipei Wang", False),
        ("haru", "/brain Reno checkout late hour", False),
        ("miguel", "/brain AC Taipei Wang", True),
        ("ben", "/brain AC Taipei Wang", True),
        ("celine", "/brain locked out", True),
    ],
)
async def test_the_brain_is_general_or_of_ones_own_places(
    world: World, person: str, asked: str, found: bool
) -> None:
    answer = await last(world, person, asked)
    assert ("memo" in answer or "[lockout]" in answer or "hist" in answer) is found, answer


async def test_whoever_covers_a_place_reads_what_is_known_about_it(world: World) -> None:
    before = await last(world, "haru", "/brain AC Taipei Wang")
    await world.says("shirley", "/oncall haru")
    after = await last(world, "haru", "/brain AC Taipei Wang")
    assert "Wang" in after and "Wang" not in before


@pytest.mark.parametrize(
    ("person", "asked", "seen"),
    [
        ("ben", "/cost", ("Warm Taipei 2BR", "Mountain City Reno")),
        ("miguel", "/cost", ("Mountain City Reno",)),
        ("miguel", "/cost mtn_city_reno", ("Mountain City Reno",)),
        ("miguel", "/cost warm_taipei_2br", ()),
        ("shirley", "/cost", ()),
        ("shirley", "/cost warm_taipei_2br", ()),
        ("miguel", "/report warm_taipei_2br", ()),
        ("shirley", "/report warm_taipei_2br", ()),
    ],
)
async def test_money_is_the_founders_to_see_and_the_leads_for_their_places(
    world: World, person: str, asked: str, seen: tuple[str, ...]
) -> None:
    answer = await last(world, person, asked)
    every = ("Warm Taipei 2BR", "Mountain City Reno")
    assert tuple(one for one in every if one in answer) == seen, answer
    assert bool(seen) or "USD" not in answer


async def test_the_home_page_keeps_to_it(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    company = world.app.services.company
    shown = {}
    for name in ("ben", "miguel", "shirley"):
        person = company.person(name)
        assert person is not None
        page = await world.store.write(lambda tx, who=person: _snapshot(tx, who))  # type: ignore[misc]
        shown[name] = (page.authorised_today, page.open_count)
    assert [str(shown[name][0]) for name in ("ben", "miguel", "shirley")] == ["145", "0", "None"]
    assert {count for _, count in shown.values()} == {1}


async def test_how_to_get_in_is_for_whoever_has_the_job(world: World) -> None:
    secret = "一樓管理員登記"
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    assert secret in (await world.card("shirley", "job")).text
    for person, told in (("haru", False), ("celine", False), ("ben", True), ("miguel", True)):
        await world.says(person, "/ticket T-1001")
        card = await world.card(person, "ticket")
        assert (secret in card.text) is told, person
        if person in {"haru", "celine"}:
            assert "Wang first" not in card.text, "what the founder said about another's place"


async def test_in_a_group_nobody_brings_out_what_others_may_not_read(tmp_path: Path) -> None:
    people = [("ben", "telegram"), ("shirley", "telegram")]
    async with open_house(tmp_path, people, {"mr_wang_hvac": "telegram"}) as house:
        ben, shirley = house.phone("ben", "telegram"), house.phone("shirley", "telegram")
        room = str(house.fakes["telegram"].room("Taipei"))
        await shirley.says(STORY)
        await ben.taps("approve")
        await shirley.taps("ack")
        bot = f"@{BOT['username']}"
        for text in (f"/ticket{bot} T-1001", f"/brain{bot} AC Taipei Wang"):
            await ben.says(text, room=room)
        shown = "\n".join(one.text for one in await ben.chat(room))
        assert "T-1001" in shown
        for secret in ("一樓管理員登記", "/v/", "memo"):
            assert secret not in shown, secret
        assert any("memo" in text for text in await ben.texts()), "he reads it where he is alone"
