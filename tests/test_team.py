"""Who joins, and who leaves: the founder knows of each, and whoever is gone has no right any more."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot import company_files
from bot.cli import main
from bot.settings import DATA
from tests.platforms import House, Phone, open_house, until
from tests.test_local_money import changed
from tests.world import STORY, World, open_world

ALL = [("ben", "telegram"), ("shirley", "telegram"), ("haru", "telegram"), ("celine", "telegram")]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, ALL) as one:
        yield one


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Whose company is a folder of its own."""
    folder = tmp_path / "company"
    shutil.copytree(DATA / "company", folder)
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as one:
        yield one


async def invited(house: House, name: str, words: str, by: str = "ben") -> Phone:
    """Somebody new who has written the code that was made for them."""
    boss, newcomer = house.phone(by, "telegram"), house.stranger("telegram", name)
    await boss.says(f"/invite {name} {words}".strip())
    code = re.findall(r"/link ([a-z0-9-]{11})", "\n".join(await boss.texts()))[-1]
    await newcomer.says(f"/link {code}")
    return newcomer


def team_of(world: World) -> set[str]:
    return {person.id for person in world.app.services.company.team}


def folder_of(world: World) -> Path:
    return world.app.settings.company_folder


async def look(world: World) -> None:
    await world.app.company_files.look()
    await world.settle()


def take_out(world: World) -> None:
    """Shirley, of every file that names her."""

    def without_shirley(rows: Any) -> Any:
        rows[:] = [row for row in rows if row["id"] != "shirley"]
        for row in rows:
            if row.get("backup") == "shirley":
                row["backup"] = None

    changed(folder_of(world), "team.json", without_shirley)
    changed(
        folder_of(world),
        "vendors.json",
        lambda rows: (
            [row.update(person_id=None) for row in rows if row.get("person_id") == "shirley"] and None
        ),
    )
    changed(
        folder_of(world),
        "voice_corpus.json",
        lambda rows: [row.update(speaker="ben") for row in rows] and None,
    )


# --- joining


async def test_only_the_founder_makes_leads(house: House) -> None:
    dewi = await invited(house, "Dewi", "bali_villa lead")
    assert house.app.services.company.person("dewi").role == "lead"  # type: ignore[union-attr]
    await dewi.says("/invite Rani bali_villa lead")
    assert "/link" not in (await dewi.texts())[-1]
    await dewi.says("/invite Rani bali_villa")
    assert "/link" in "\n".join(await dewi.texts()), "a lead lets in whom they like"


async def test_the_founder_is_told_of_a_join_and_undoes_it_with_one_tap(house: House) -> None:
    ben = house.phone("ben", "telegram")
    dewi = await invited(house, "Dewi", "bali_villa")
    card = await ben.card("remove")
    assert "Dewi" in card.text and "Telegram" in card.text and "Bali Villa" in card.text
    await ben.taps("remove")
    assert house.app.services.company.person("dewi") is None
    await dewi.says("vila Bali: mati lampu")
    assert await house.tickets() == [], "she is a stranger again"


async def test_undoing_a_join_takes_what_they_added_since_with_it(house: House) -> None:
    ben = house.phone("ben", "telegram")
    dewi = await invited(house, "Dewi", "bali_villa")
    joined = await ben.card("remove")
    await dewi.says("/link")
    code = re.findall(r"/link ([a-z0-9-]{11})", "\n".join(await dewi.texts()))[-1]
    second = house.stranger("telegram", "dewi_at_home")
    await second.says(f"/link {code}")
    await ben.taps("remove", joined)
    assert house.app.services.company.person("dewi") is None
    await second.says("vila Bali: mati lampu")
    assert await house.tickets() == []


async def test_he_is_told_of_one_more_account_too(house: House) -> None:
    haru, other = house.phone("haru", "telegram"), house.stranger("telegram", "haru_at_home")
    await haru.says("/link")
    code = re.findall(r"/link ([a-z0-9-]{11})", "\n".join(await haru.texts()))[-1]
    await other.says(f"/link {code}")
    ben = house.phone("ben", "telegram")
    card = await ben.card("unlink")
    assert "Haru" in card.text
    await ben.taps("unlink")
    await other.says("伊東の家 水漏れ")
    assert await house.tickets() == []
    await haru.says("伊東の家 タオルが足りません")
    assert (await house.ticket())["reporter"] == "haru", "the account that he had is his"


async def test_nobody_but_the_founder_undoes_it(house: House) -> None:
    dewi = await invited(house, "Dewi", "bali_villa")
    celine, account = house.phone("celine", "telegram"), dewi.account
    await celine.says(f"/team unlink telegram {account}")
    await celine.says("/team remove dewi")
    assert house.app.services.company.person("dewi") is not None


async def test_nobody_is_deputy_by_being_invited(house: House) -> None:
    await invited(house, "Dewi", "bali_villa lead")
    company = house.app.services.company
    written = {person.id for person in house.app.services.written.team}
    for reporter in sorted(written):
        deputy = company.deputy(excluding=reporter)
        assert deputy is not None and deputy.id in written


# --- leaving


async def test_the_team_is_listed_and_somebody_removed(world: World) -> None:
    await world.says("haru", "/team")
    assert "shirley" in (await world.texts("haru"))[-1]
    await world.says("ben", "/team remove shirley")
    assert "shirley" not in team_of(world)
    await world.says("shirley", "Warm Taipei 毛巾不夠了")
    assert await world.tickets() == []
    await world.says("ben", "/team")
    assert "shirley" not in (await world.texts("ben"))[-1]


async def test_one_tap_takes_a_removal_back_with_everything_that_was_theirs(house: House) -> None:
    ben, celine = house.phone("ben", "telegram"), house.phone("celine", "telegram")
    dewi = await invited(house, "Dewi", "bali_villa")
    for name in ("celine", "dewi"):
        await ben.says(f"/team remove {name}")
        await ben.taps("restore")
    await celine.says("vila Bali: wastafel mampet")
    await dewi.says("vila Bali: mati lampu")
    assert [one["reporter"] for one in await house.tickets()] == ["celine", "dewi"]


async def test_whoever_is_let_in_again_on_the_page_is_answered(world: World) -> None:
    await world.says("ben", "/team remove shirley")
    await world.says("ben", "/invite Shirley warm_taipei_2br")
    code = re.findall(r"/link ([a-z0-9-]{11})", "\n".join(await world.texts("ben")))[-1]
    await world.says("shirley", f"/link {code}")
    await world.says("shirley", "Warm Taipei 毛巾不夠了")
    assert (await world.ticket())["reporter"] == "shirley_2"


async def test_whoever_is_gone_from_a_file_that_is_broken_otherwise_is_gone(world: World) -> None:
    """Others still name her: as a backup, and as somebody who does jobs."""
    changed(folder_of(world), "team.json", lambda rows: [row for row in rows if row["id"] != "celine"])
    await look(world)
    assert "celine" not in team_of(world)
    await world.says("celine", "/tickets")
    await world.says("celine", "vila Bali: mati lampu")
    assert await world.tickets() == []
    told = [text for text in await world.texts("ben") if "team.json" in text]
    assert len(told) == 1 and "celine" in told[0] and "start again" not in told[0]


async def test_what_somebody_did_keeps_their_name(world: World) -> None:
    await world.says("shirley", STORY)
    await world.says("ben", "/team remove shirley")
    assert "Shirley" in (await world.card("ben", "approval")).text


async def test_what_was_lent_comes_back_to_its_owner(world: World) -> None:
    await world.says("haru", "/oncall celine")
    await world.says("celine", "/oncall haru ito_stream_house")
    await world.says("ben", "/oncall")
    line = next(one for one in (await world.texts("ben"))[-1].splitlines() if one.startswith("Ito"))
    assert line.startswith("Ito Stream House: Haru") and "instead of" not in line


async def test_the_founder_stays(world: World) -> None:
    await world.says("ben", "/team remove ben")
    assert "ben" in team_of(world)


async def test_what_somebody_had_goes_to_the_next_when_they_leave(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    job = await world.card("shirley", "job")
    await job.tap("ack")
    done = (await world.card("shirley", "job")).buttons()["resolve"]["id"]
    await world.says("ben", "/team remove shirley")
    dispatch = (await world.ticket())["dispatches"][-1]
    assert not dispatch["acknowledged"]
    assert (await world.events())[-3:] == ["unacknowledged", "escalated", "notified"]
    await world.tap("shirley", done, amount="1")
    assert (await world.ticket())["status"] == "DISPATCHED", "her buttons do nothing any more"


@pytest.mark.parametrize("how", ["a word", "the file"])
async def test_nothing_new_is_shown_to_somebody_who_left(world: World, how: str) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("shirley", "job")).tap("ack")
    if how == "a word":
        await world.says("ben", "/team remove shirley")
    else:
        take_out(world)
        await look(world)
    before = await world.chat("shirley")
    await world.says("ben", "/resolve T-1001 140 secretpan")
    assert (await world.ticket())["status"] == "RESOLVED"
    assert await world.chat("shirley") == before


async def test_whoever_is_taken_out_of_team_json_loses_every_right_at_once(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")

    take_out(world)
    await look(world)
    assert "shirley" not in team_of(world)
    await (await world.card("shirley", "job")).tap("ack")
    assert not (await world.ticket())["dispatches"][-1]["acknowledged"]
    await world.says("shirley", "/tickets")
    assert "T-1001" not in (await world.texts("shirley"))[-1]


async def test_a_broken_file_keeps_what_was_known_and_is_told_once(world: World) -> None:
    path = folder_of(world) / "team.json"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace('"ops"', '"boss"', 1), encoding="utf-8")
    for _ in range(3):
        await look(world)
    told = [text for text in await world.texts("ben") if "team.json" in text]
    assert len(told) == 1 and "role" in told[0]
    await world.says("shirley", "Warm Taipei 毛巾不夠了")
    assert len(await world.tickets()) == 1
    path.write_text(good, encoding="utf-8")
    await look(world)
    assert "shirley" in team_of(world)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "", '[1, "two"]', "\ud83d"])
async def test_whatever_stands_in_a_file_the_rights_are_watched(
    world: World, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(company_files, "EVERY", 0.02)
    path = folder_of(world) / "team.json"
    good = path.read_text(encoding="utf-8")

    async def told() -> bool:
        return any("team.json" in one for one in await world.texts("ben"))

    world.app.company_files.start()
    try:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        await until(told)
        assert "shirley" in team_of(world)
        path.write_text(good, encoding="utf-8")
        await world.says("ben", "/team remove shirley")
        take_out(world)
        await until(lambda: "shirley" not in {one.id for one in world.app.services.written.team})
    finally:
        await world.app.company_files.stop()


async def test_another_founder_takes_a_start(world: World) -> None:
    def crown(rows: Any) -> None:
        for row in rows:
            row["role"] = {"ben": "ops", "celine": "founder"}.get(row["id"], row["role"])

    changed(folder_of(world), "team.json", crown)
    await look(world)
    assert world.app.services.company.founder.id == "ben"


async def test_a_place_that_is_new_in_the_files_is_understood(world: World) -> None:
    def one_more(rows: Any) -> None:
        rows.append(
            {**rows[2], "id": "beitou_loft", "name": "Beitou Loft", "aliases": ["北投"], "access": ""}
        )

    changed(folder_of(world), "properties.json", one_more)
    await look(world)
    await world.says("shirley", "北投 毛巾不夠了")
    assert (await world.ticket())["property_id"] == "beitou_loft"


async def test_of_whom_somebody_brought_who_left_the_founder_is_asked(house: House) -> None:
    rani = await invited(house, "Rani", "bali_villa lead")
    await rani.says("/invite Dewi bali_villa")
    code = re.findall(r"/link ([a-z0-9-]{11})", "\n".join(await rani.texts()))[-1]
    await house.stranger("telegram", "Dewi").says(f"/link {code}")
    ben = house.phone("ben", "telegram")
    await ben.says("/team remove rani")
    card = await ben.card("keep")
    assert "Dewi" in card.text and "rani" in card.text
    await ben.taps("remove", card)
    assert {"rani", "dewi"}.isdisjoint(one.id for one in house.app.services.company.team)


async def test_a_code_of_somebody_who_left_lets_nobody_in(house: House) -> None:
    rani = await invited(house, "Rani", "bali_villa lead")
    await rani.says("/invite Dewi bali_villa")
    code = re.findall(r"/link ([a-z0-9-]{11})", "\n".join(await rani.texts()))[-1]
    await house.phone("ben", "telegram").says("/team remove rani")
    await house.stranger("telegram", "Dewi").says(f"/link {code}")
    assert house.app.services.company.person("dewi") is None


async def test_whoever_comes_back_inherits_nothing(world: World) -> None:
    await world.says("ben", "/team remove haru")
    await world.says("ben", "/invite Haru ito_stream_house")
    code = re.findall(r"/link ([a-z0-9-]{11})", "\n".join(await world.texts("ben")))[-1]
    await world.says("somebody", f"/link {code}")
    assert "haru" not in team_of(world) and "haru_2" in team_of(world)


# --- the shell


def shell(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["team", *args])
    said = capsys.readouterr()
    return code, said.out, said.err


async def test_the_shell_lists_and_removes_and_a_running_service_notices(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(world.app.settings.home))
    monkeypatch.setenv("LOOPOS_COMPANY", str(folder_of(world)))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    code, out, _ = await asyncio.to_thread(shell, capsys, "ls", "--json")
    assert code == 0 and {row["id"] for row in json.loads(out)} == team_of(world)
    code, out, _ = await asyncio.to_thread(shell, capsys, "remove", "haru", "--json")
    assert code == 0 and "haru" not in {row["id"] for row in json.loads(out)}
    await look(world)
    assert "haru" not in team_of(world)
    for wrong in (("remove", "nobody"), ("remove", "ben"), ("unlink", "telegram", "5")):
        code, _, err = await asyncio.to_thread(shell, capsys, *wrong)
        assert code == 1 and err.startswith("loopos: ")
