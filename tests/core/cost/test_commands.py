"""/cost and /report, as people type them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.cost.report_jobs import keep
from core.metering import Usage
from tests.core.cost.books import FAST, call, ledger_of, planned
from tests.world import World, open_world


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[World]:
    """A house that spent something on two properties."""
    async with open_world(tmp_path) as world:
        for place in ("warm_taipei_2br", "bali_villa"):
            await call(ledger_of(world), planned(property_id=place), Usage(1000, 1000))
        yield world


async def files(world: World, person: str) -> list[dict[str, Any]]:
    return [m for m in await world.chat(person) if m["type"] == "file"]


def stored(world: World, message: dict[str, Any]) -> bytes:
    (file,) = message["files"]
    path: Path = world.app.services.media / file["sha256"]
    return path.read_bytes()


async def test_the_founder_gets_the_sums_and_a_picture(house: World) -> None:
    await house.says("ben", "/cost")
    (text,) = await house.texts("ben")
    assert text.splitlines()[0] == "Models this month: 0.18 USD"
    assert "Warm Taipei 2BR" in text and "Bali Villa" in text
    (picture,) = await files(house, "ben")
    assert picture["text"] == "Models this month: 0.18 USD"
    assert picture["files"][0]["alt"] == text
    assert stored(house, picture).startswith(b"\x89PNG")


async def test_the_answer_does_not_wait_for_the_picture(house: World) -> None:
    await house.says("ben", "/cost")
    assert [m["type"] for m in await house.chat("ben") if m["author"] != "ben"] == ["text", "file"]


@pytest.mark.long
@pytest.mark.parametrize("typed", ["/cost week bali_villa", "/cost bali villa", "/cost MONTH Vila Bali"])
async def test_a_period_and_a_property_can_be_named(house: World, typed: str) -> None:
    await house.says("ben", typed)
    (text,) = await house.texts("ben")
    assert "0.09 USD" in text.splitlines()[0] and "Taipei" not in text
    assert "400.00 USD" in text


@pytest.mark.parametrize("typed", ["/cost", "/cost bali_villa", "/cost warm_taipei_2br"])
async def test_what_things_cost_is_not_for_the_team(house: World, typed: str) -> None:
    await house.says("celine", typed)
    (text,) = await house.texts("celine")
    assert "Ben" in text and "USD" not in text
    assert await files(house, "celine") == []


async def test_the_statement_is_for_founder_and_lead(house: World) -> None:
    await house.says("celine", "/report bali_villa")
    (text,) = await house.texts("celine")
    assert "Ben" in text
    await house.says("ben", "/report Bali Villa 2026-11")
    pdf, csv = await files(house, "ben")
    assert pdf["text"] == "Bali Villa: costs in November 2026"
    assert [one["files"][0]["name"] for one in (pdf, csv)] == [
        "bali_villa-2026-11.pdf",
        "bali_villa-2026-11.csv",
    ]
    assert stored(house, pdf).startswith(b"%PDF-")
    assert b"0.09" in stored(house, csv)


@pytest.mark.parametrize(
    "typed", ["/cost atlantis", "/report", "/report atlantis 2026-11", "/report 2026-11"]
)
async def test_an_unknown_property_is_asked_for(house: World, typed: str) -> None:
    await house.says("ben", typed)
    assert await house.texts("ben") == ["Which property? Please name one of them."]


async def test_where_nothing_was_spent_there_is_no_picture(world: World) -> None:
    await world.says("ben", "/cost today")
    (text,) = await world.texts("ben")
    assert "Nothing was spent." in text
    assert await files(world, "ben") == []


@pytest.mark.long
async def test_each_reader_is_answered_in_a_language_of_theirs(house: World) -> None:
    for person in ("shirley", "haru", "celine", "miguel"):
        await call(ledger_of(house), planned("fast", FAST, property_id="ito_stream_house"), Usage(1, 1))
        await house.says(person, "/cost")
        assert "{" not in "".join(await house.texts(person))


def test_a_file_is_kept_under_its_own_hash(tmp_path: Path) -> None:
    assert keep(tmp_path, b"x") == keep(tmp_path, b"x")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"x"]
