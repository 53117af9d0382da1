"""Procedures in chat: everybody reads how things are done here, the founder says it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.settings import DATA
from core import git
from core.company.editing import Edit
from core.company.loader import load_company
from core.company.procedures import NoProcedure, markdown_of, values_of
from core.company.schema import Sop
from core.company.widening import held_back
from core.company.widening import values_of as values_of_company
from core.store.tables import Ticket
from tests.brain.test_hand_made import change
from tests.brain.test_skill_runs import log_of
from tests.platforms import Phone, open_house
from tests.world import World

HARBOUR = load_company(DATA / "company")


def rows_in(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "sops.json").read_text(encoding="utf-8"))
    return found


def one_of(folder: Path, sop_id: str) -> dict[str, Any] | None:
    return next((one for one in rows_in(folder) if one["id"] == sop_id), None)


# --- the text


@pytest.mark.parametrize("sop", HARBOUR.sops, ids=lambda one: one.id)
def test_each_procedure_comes_back_from_its_own_text(sop: Sop) -> None:
    assert Sop.model_validate(values_of(markdown_of(sop))) == sop


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("---\ncap_usd: 12.50\n---\n# x\n- y", "cap_usd", "12.50"),
        ("---\ncap_usd: 150\n---\n# x\n- y", "cap_usd", "150"),
        ("---\nid: x\ntrigger_phrases: [2026-01-01]\n---\n# x\n- y", "trigger_phrases", ["2026-01-01"]),
        ("---\r\nid: tub\r\n---\r\n# x\r\n- y\r\n", "id", "tub"),
        ("# Hot tub\n1. Close it\n2) Shock it", "steps", ["Close it", "Shock it"]),
        ('{"id": "tub", "title": "x", "steps": ["y"], "cap_usd": null}', "id", "tub"),
        ('[{"id": "tub", "title": "x", "steps": ["y"]}]', "steps", ["y"]),
    ],
)
def test_what_a_person_types_is_read_as_a_file_keeps_it(text: str, key: str, value: Any) -> None:
    assert values_of(text)[key] == value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\ncap_usd: [\n---\n# x\n- y", 2),
        ("---\n- a\n---\n# x\n- y", 2),
        ('{"id": "tub",\n "steps": [}', 2),
        ("[1, 2]", 1),
        ("{" + '"a":{' * 5000, 1),
    ],
)
def test_what_is_no_procedure_says_where(text: str, line: int) -> None:
    with pytest.raises(NoProcedure) as none:
        values_of(text)
    assert none.value.line == line


# --- in chat


async def test_everybody_reads_how_it_is_done_and_only_the_founder_can_change_it(world: World) -> None:
    await world.says("celine", "/sops")
    assert "[lockout]" in (await world.texts("celine"))[-1]
    await world.says("celine", "/sops lockout")
    card = await world.card("celine", "sop")
    assert "1. " in card.text
    assert card.buttons() == {}
    await world.says("celine", "/sops nothing")
    assert "/sops" in (await world.texts("celine"))[-1]
    await world.says("ben", "/sops lockout")
    assert (await world.card("ben", "sop")).buttons().keys() == {"edit", "remove"}


async def test_the_founder_changes_the_text_and_it_holds_from_the_commit_on(world: World) -> None:
    folder = world.app.settings.company_folder
    await world.says("ben", "/sops hvac_leak")
    card = await world.card("ben", "sop")
    text = str(card.buttons()["edit"]["fields"][0]["value"])
    assert "# Water from an air conditioner or heater" in text
    changed = text.rstrip() + "\n- Take a photo of the drain pan.\n"
    changed = changed.replace("id: hvac_leak\n", "id: hvac_leak\nhuman_if_severity: 5\n")
    await card.tap("edit", text=changed)
    sop = one_of(folder, "hvac_leak")
    assert sop is not None
    assert sop["steps"][-1] == "Take a photo of the drain pan."
    assert "procedure hvac_leak: written\n\nApproved-by: ben\nProcedure: hvac_leak" in log_of(folder)
    assert "holds from now on" in (await world.texts("ben"))[-1]
    assert "Take a photo of the drain pan." in (await world.card("ben", "sop")).text, "the card follows"
    # His own word: what it widens waits for nobody.
    assert await world.cards("ben", "company") == []
    now = world.app.services.company.sop("hvac_leak")
    assert now is not None
    assert now.human_if_severity == 5


async def test_a_new_one_and_taking_it_away_again(world: World) -> None:
    folder = world.app.settings.company_folder
    await world.says("ben", "/sops new")
    await (await world.card("ben", "sop")).tap(
        "edit", text="# Hot tub is green\n\n- Close the lid.\n- Shock it."
    )
    assert one_of(folder, "hot_tub_is_green") == {
        "id": "hot_tub_is_green",
        "title": "Hot tub is green",
        "steps": ["Close the lid.", "Shock it."],
    }
    await world.says("shirley", "/brain hot tub green")
    assert "Shock it." in (await world.texts("shirley"))[-1]
    await world.says("ben", "/sops hot_tub_is_green")
    await (await world.card("ben", "sop")).tap("remove")
    assert one_of(folder, "hot_tub_is_green") is None
    assert "no procedure any more" in (await world.texts("ben"))[-1]
    assert world.app.services.company.sop("hot_tub_is_green") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no title, no steps", "title"),
        ("# Only a title", "steps"),
        ("---\nhuman_if_severity: 9\n---\n# x\n- y", "human_if_severity"),
        ("---\nid: another\n---\n# x\n- y", "another"),
        ("---\nwidens: 1\n---\n# x\n- y", "widens"),
        ("---\ncap_usd: [\n---\n# x\n- y", "2:"),
        ("---\nguest_offer: {fr: x}\n---\n# x\n- y", "guest_offer"),
        ("# x\n- " + "y" * 2950, "2900"),
    ],
)
async def test_what_does_not_fit_is_told_and_nothing_is_written(world: World, text: str, told: str) -> None:
    folder = world.app.settings.company_folder
    before = (folder / "sops.json").read_bytes()
    await world.says("ben", "/sops lockout")
    await (await world.card("ben", "sop")).tap("edit", text=text)
    assert told in (await world.texts("ben"))[-1]
    assert (folder / "sops.json").read_bytes() == before


async def test_nobody_else_writes_one_whatever_they_press(world: World) -> None:
    folder = world.app.settings.company_folder
    before = (folder / "sops.json").read_bytes()
    await world.says("ben", "/sops lockout")
    card = await world.card("ben", "sop")
    await card.tap("edit", by="celine", text="# Anybody may come in\n- Open the door.")
    await card.tap("remove", by="shirley")
    assert (folder / "sops.json").read_bytes() == before


@pytest.mark.parametrize("channel", ["telegram", "line", "slack"])
async def test_on_each_platform_the_text_keeps_its_lines(tmp_path: Path, channel: str) -> None:
    async with open_house(tmp_path, [("ben", channel)]) as house:
        ben: Phone = house.phone("ben", channel)
        await ben.says("/sops lockout")
        await ben.taps("edit", text="# Locked out\n\n- Call the guest.\n- Send a new code.")
        sop = one_of(house.app.settings.company_folder, "lockout")
        assert sop is not None, await ben.texts()
        assert sop["steps"] == ["Call the guest.", "Send a new code."]
        assert await ben.sees("“Locked out” holds from now on.")
        assert channel == "line" or await ben.sees("2. Send a new code."), "the card follows where one can"


# --- by hand


def test_a_procedure_that_is_taken_away_by_hand_holds_until_the_founder_says_yes(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    shutil.copytree(DATA / "company", folder)
    change(
        folder, "sops.json", lambda rows: rows.remove(next(one for one in rows if one["id"] == "hvac_leak"))
    )
    company, pending = held_back(load_company(folder), values_of_company(HARBOUR))
    assert [(one.entry, one.key, one.new) for one in pending] == [("sop:hvac_leak", "id", None)]
    assert company.sop("hvac_leak") == HARBOUR.sop("hvac_leak")


async def test_he_says_yes_and_it_is_gone(world: World) -> None:
    folder = world.app.settings.company_folder
    change(
        folder, "sops.json", lambda rows: rows.remove(next(one for one in rows if one["id"] == "hvac_leak"))
    )
    await world.app.company_files.look()
    await world.settle()
    assert world.app.services.company.sop("hvac_leak") is not None
    await (await world.card("ben", "company")).tap("accept")
    assert world.app.services.company.sop("hvac_leak") is None
    await world.app.company_files.look()
    await world.settle()
    assert len(await world.cards("ben", "company")) == 1, "asked once"


# --- what an attack found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("---\nid: lockout\ncap_usd: '10.00'\n# Locked out\n- a", "no end"),
        ("# A\n\nWARNING: never do X.\n\n- a", "3:"),
        ("# A\n- a\n# B\n- b", "3:"),
        ("# A\n```\n- a\n```", "2:"),
        ("---\ncap_usd: '10.00'\ncap_usd: '500.00'\n---\n# A\n- a", "cap_usd stands twice"),
        ("---\ncap_usd: 1:30\n---\n# A\n- a", "cap_usd"),
        ('{"title": "  ", "steps": ["a"]}', "title"),
        ('{"title": "A", "steps": [" "]}', "steps"),
    ],
)
async def test_nothing_of_what_he_wrote_is_passed_over(world: World, text: str, told: str) -> None:
    folder = world.app.settings.company_folder
    before = (folder / "sops.json").read_bytes()
    await world.says("ben", "/sops lockout")
    await (await world.card("ben", "sop")).tap("edit", text=text)
    assert told in (await world.texts("ben"))[-1]
    assert (folder / "sops.json").read_bytes() == before


async def test_a_step_may_go_on_in_the_next_line_and_a_title_have_no_letters(world: World) -> None:
    await world.says("ben", "/sops new")
    text = "# 温水プールが緑色\n• ふたを閉める\n– 水を\n  測る"
    await (await world.card("ben", "sop")).tap("edit", text=text)
    made = rows_in(world.app.settings.company_folder)[-1]
    assert made["id"].startswith("sop_")
    assert made["steps"] == ["ふたを閉める", "水を 測る"]


async def test_what_somebody_changed_meanwhile_is_not_overwritten_nor_called_approved(world: World) -> None:
    folder = world.app.settings.company_folder
    await world.says("ben", "/sops hvac_leak")
    shown = await world.card("ben", "sop")
    await world.says("ben", "/sops lockout")
    other = await world.card("ben", "sop")
    await other.tap("edit", text="# Locked out\n- Call.")  # there is a repository now
    path = folder / "sops.json"
    path.write_text(path.read_text().replace("Water from an air conditioner or heater", "By hand"))
    await world.app.company_files.look()
    await shown.tap("edit", text="# Mine\n- a")
    assert "changed meanwhile" in (await world.texts("ben"))[-1]
    await world.says("ben", "/sops lockout")
    await (await world.card("ben", "sop")).tap("edit", text="# Locked out\n- Call again.")
    assert "by hand: sops.json" in log_of(folder)
    diff = git.git(folder, "show", "HEAD", "--format=%s", "-U0")
    assert "Call again." in diff
    assert "By hand" not in diff


async def test_a_procedure_of_no_kind_of_problem_stands_on_the_ticket_that_names_it(world: World) -> None:
    """Beside the one of the kind, which alone says what is asked and paid."""
    await world.says("ben", "/sops new")
    await (await world.card("ben", "sop")).tap(
        "edit",
        text="---\ntrigger_phrases: [kolam hijau]\n---\n# Hot tub is green\n- Close the lid.\n- Shock it.",
    )
    await world.says("celine", "Bali Villa: the hot tub is green and smells")
    ticket = (await world.tickets())[-1]
    assert ticket["matched_sop_id"] != "hot_tub_is_green"
    row = await world.store.read(lambda s: s.scalars(select(Ticket)).one())
    assert row.knowledge is not None
    assert "hot_tub_is_green" in [one.id for one in row.knowledge.sources]


async def test_death_between_the_file_and_its_commit_leaves_the_commit_the_founders(world: World) -> None:
    """The next life finds the file as he wrote it: it is his change, and nobody's by hand."""
    folder = world.app.settings.company_folder
    await world.says("ben", "/sops lockout")
    await (await world.card("ben", "sop")).tap(
        "edit", text="# Locked out\n- Call."
    )  # there is a repository now
    text = (folder / "sops.json").read_text().replace('"Call."', '"Call again."')
    (folder / "sops.json").write_text(text)  # written; then the power went
    await world.app.company_edits.keep(
        lambda _: Edit("sops.json", text, "procedure lockout: written"), "ben", ("Approved-by: ben",)
    )
    newest = git.git(folder, "log", "-2", "--format=%s|%b")
    assert newest.splitlines()[0] == "procedure lockout: written|Approved-by: ben"
    assert "by hand" not in newest
