"""What a company learns from its tickets: proposed with evidence, adopted by the founder, taken back when it does worse."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.settings import DATA
from core.brain.distilling import Repair, alike, differs, distil
from core.company.loader import load_company
from core.model import Category, RiskTag
from tests.brain.test_skill_runs import detail_of, steps_of
from tests.world import World, open_world

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HARBOUR = load_company(DATA / "company")
DRAIN = "Ito Stream House: the shower drain is slow"


def repair(number: int, vendor: str | None = "ed", days: int = 0, **more: Any) -> Repair:
    values: dict[str, Any] = {"severity": 3, "risk_tags": (), "bill": Decimal(100), "rating": None, **more}
    return Repair(f"T-{number}", NOW - timedelta(days=days), vendor, **values)


@pytest.mark.parametrize(
    ("repairs", "found"),
    [
        ([], []),
        ([repair(1), repair(2)], []),
        ([repair(1), repair(2), repair(3)], ["T-1", "T-2", "T-3"]),
        ([repair(1), repair(2, "joe"), repair(3), repair(4, "joe"), repair(5)], ["T-1", "T-3", "T-5"]),
        ([repair(1), repair(2, "joe"), repair(3), repair(4, "joe"), repair(5, "kim"), repair(6)], []),
        ([repair(1), repair(2), repair(3, days=365)], ["T-1", "T-2", "T-3"]),
        ([repair(1), repair(2), repair(3, days=366)], []),
        ([repair(1), repair(2), repair(3, rating=3)], ["T-1", "T-2", "T-3"]),
        ([repair(1), repair(2), repair(3, rating=2)], []),
        ([repair(1), repair(2), repair(3, bill=None)], []),
        ([repair(1), repair(2), repair(3, teaches=False)], []),
        ([repair(1, None), repair(2, None), repair(3, None)], []),
    ],
)
def test_three_of_the_newest_five_by_one_vendor_are_alike(repairs: list[Repair], found: list[str]) -> None:
    assert [one.ticket_id for one in alike(repairs, NOW)] == found


def test_a_skill_is_made_of_what_they_have_in_common_and_of_no_word_of_theirs() -> None:
    place = HARBOUR.place("warm_taipei_2br")
    assert place is not None
    like = [
        repair(9, "mr_wang_hvac", severity=3, bill=Decimal("150"), risk_tags=("water_damage",)),
        repair(7, "mr_wang_hvac", severity=2, bill=Decimal("120")),
        repair(5, "mr_wang_hvac", severity=3, bill=Decimal("132")),
    ]
    made = distil(HARBOUR, place, Category.HVAC_LEAK, like, NOW)
    assert made is not None
    assert made.skill_id == "warm_taipei_2br_hvac_leak"
    condition = made.trigger_conditions
    assert (condition.severity and (condition.severity.min, condition.severity.max)) == (2, 3)
    assert condition.risk_tags is not None
    assert set(condition.risk_tags.none) == set(RiskTag) - {RiskTag.WATER_DAMAGE}
    assert made.auth_cap_usd == Decimal("150.00")
    assert made.vendor_id == "mr_wang_hvac"
    assert [one.do for one in made.workflow_steps] == [
        "notify_reporter", "dispatch_vendor", "notify_guest", "wait_acknowledgement", "follow_up",
    ]  # fmt: skip
    assert made.sources.derived_from_ticket == "T-9"
    assert made.sources.derived_from_tickets == ["T-9", "T-7", "T-5"]
    assert (made.sources.generated_by, made.sources.generated_at) == ("rule", NOW)
    dearer = distil(
        HARBOUR, place, Category.HVAC_LEAK, [repair(1, "mr_wang_hvac", bill=Decimal(900))] * 3, NOW
    )
    assert dearer is not None
    assert dearer.auth_cap_usd == Decimal("200.00")  # never above the smallest of the others
    assert differs(dearer, made)
    cheaper = distil(
        HARBOUR, place, Category.HVAC_LEAK, [replace(one, bill=Decimal(90)) for one in like[:2]], NOW
    )
    assert cheaper is not None
    assert not differs(cheaper, made), "what is cheaper or narrower is not worth a question"
    wider = distil(
        HARBOUR, place, Category.HVAC_LEAK, [*like[:2], repair(1, "mr_wang_hvac", severity=4)], NOW
    )
    assert wider is not None
    assert differs(wider, made)
    assert not differs(made, made.model_copy(update={"name": "another", "version": 7}))
    assert distil(HARBOUR, place, Category.HVAC_LEAK, [repair(1, "ito_setsubi")] * 3, NOW) is None


async def blocked(world: World, times: int = 1, cost: str = "90") -> None:
    """The drain of the house in Kyoto, reported, done and paid for."""
    for _ in range(times):
        await world.says("haru", DRAIN)
        ticket = (await world.tickets())[-1]
        if ticket["status"] == "AWAITING_HUMAN":
            await (await world.card("ben", "approval")).tap("approve")
        await (await world.card("haru", "job")).tap("ack")
        await (await world.card("haru", "job")).tap("resolve", amount=cost, outcome="cleared", rating="5")
        for really in await world.cards("haru", "really"):  # above what was agreed: is it so?
            if "resolve" in really.buttons():
                await really.tap("resolve")
        await world.wait(days=20)


async def test_the_third_like_repair_proposes_a_routine_and_the_fourth_is_done_by_it(world: World) -> None:
    await blocked(world, 2)
    assert await world.cards("ben", "skill") == []
    await blocked(world)
    (asked,) = await world.cards("ben", "skill")
    tickets = await world.tickets()
    for ticket in tickets:
        assert ticket["ticket_id"] in asked.text
    assert asked.buttons().keys() == {"adopt", "try", "dismiss"}
    assert "slow" not in asked.text
    assert not any("ito" in one.skill_id for one in world.app.services.company.skills)
    await blocked(world)  # nothing runs before his yes, and he is not asked twice
    assert (await world.tickets())[-1]["skill_artifact"] is None
    assert len(await world.cards("ben", "skill")) == 1

    await asked.tap("adopt")
    await blocked(world)
    ticket = (await world.tickets())[-1]
    assert ticket["skill_artifact"]["run"] == "done"
    assert steps_of(ticket)[1] == (2, "dispatch_vendor", "done")
    await world.says("ben", "/skills")
    listed = (await world.texts("ben"))[-1]
    assert "[ito_stream_house_plumbing_blockage v1]: in force, 1 of 1 times to the end" in listed
    await world.says("haru", "/skills ito_stream_house_plumbing_blockage")
    shown = await world.card("haru", "skill")
    assert shown.buttons() == {}, "everybody reads, the founder decides"


async def test_what_came_back_or_was_rated_badly_teaches_nothing(world: World) -> None:
    await blocked(world, 2)
    await world.says("haru", DRAIN)
    if (await world.tickets())[-1]["status"] == "AWAITING_HUMAN":
        await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("haru", "job")).tap("ack")
    await (await world.card("haru", "job")).tap("resolve", amount="90", outcome="", rating="2")
    assert await world.cards("ben", "skill") == []


async def test_a_routine_that_does_not_hold_is_stopped_and_the_founder_told(world: World) -> None:
    await blocked(world, 3)
    await (await world.card("ben", "skill")).tap("adopt")
    for _ in range(5):
        await world.says("haru", DRAIN)
        await (await world.card("haru", "job")).tap("ack")
        await (await world.card("haru", "job")).tap("resolve", amount="90", outcome="", rating="1")
        await world.wait(days=20)
    assert not any("ito" in one.skill_id for one in world.app.services.company.skills)
    assert any("no longer runs" in one for one in await world.texts("ben"))
    await world.says("haru", DRAIN)
    assert detail_of((await world.tickets())[-1], "skill_step") == []


async def test_a_routine_whose_price_went_up_a_little_is_asked_about_instead_of_left_again_and_again(
    world: World,
) -> None:
    """Five dollars dearer: not worth a question by itself, but the routine is left for it each time."""
    await blocked(world, 3)
    await (await world.card("ben", "skill")).tap("adopt")
    await blocked(world, cost="95")
    assert (await world.tickets())[-1]["skill_artifact"]["run"] == "done"
    await blocked(world, 3, cost="95")
    left = [detail_of(one, "fallback") for one in (await world.tickets())[-3:]]
    assert [one["why"] for found in left for one in found] == ["over_cap"] * 3
    asked = await world.card("ben", "skill")
    assert "v2" in asked.text
    await asked.tap("adopt")
    await blocked(world, cost="95")
    ticket = (await world.tickets())[-1]
    assert (ticket["skill_artifact"]["version"], ticket["skill_artifact"]["run"]) == (2, "done")


# --- from the shell


def shell(capsys: pytest.CaptureFixture[str], *said: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["skills", *said]) == code
    done = capsys.readouterr()
    return json.loads(done.out) if "--json" in said and code == 0 else done.out + done.err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    monkeypatch.setenv("LOOPOS_EMBED", "off")
    return tmp_path / "home"


def test_the_shell_lists_shows_tries_exports_and_decides(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = shell(capsys, "--json")
    assert (one["skill_id"], one["status"], one["approved"]) == ("taipei_ac_leak", "approved", True)
    assert one["record"]["runs"] == 0
    assert shell(capsys, "show", "taipei_ac_leak", "--version", "1", "--json") == one
    assert shell(capsys, "try", "taipei_ac_leak", "--json") == {
        "skill_id": "taipei_ac_leak", "version": 1, "tickets": [],
        "saved": {"strong_calls": 0, "usd": "0", "minutes": 0},
    }  # fmt: skip
    card = json.loads(shell(capsys, "export", "taipei_ac_leak"))
    assert {"name", "description", "version", "capabilities", "defaultInputModes", "skills"} <= card.keys()
    assert card["skills"][0].keys() == {
        "id", "name", "description", "tags", "examples", "inputModes", "outputModes",
    }  # fmt: skip
    assert "Ben" in shell(capsys, "rollback", "taipei_ac_leak", "--as", "shirley", code=1)
    assert "nobody" in shell(capsys, "rollback", "taipei_ac_leak", "--as", "nobody", code=2)
    assert "unknown" in shell(capsys, "show", "unknown", code=1)
    gone = shell(capsys, "rollback", "taipei_ac_leak", "--as", "ben", "--json")
    assert gone["status"] == "rolled_back"
    assert not (home / "company" / "skills" / "taipei_ac_leak.json").exists()


def test_the_founder_adopts_a_changed_file_from_the_shell(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell(capsys)
    path = home / "company" / "skills" / "taipei_ac_leak.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "auth_cap_usd": "150.00"}))
    assert shell(capsys, "show", "taipei_ac_leak", "--json")["auth_cap_usd"] == "200.00"
    new = shell(capsys, "show", "taipei_ac_leak", "--version", "2", "--json")
    assert (new["auth_cap_usd"], new["status"], new["approved"]) == ("150.00", "proposed", False)
    done = shell(capsys, "approve", "taipei_ac_leak", "--as", "ben", "--json")
    assert (done["version"], done["status"]) == (2, "approved")
    assert json.loads(path.read_text())["version"] == 2
    assert "already" in shell(capsys, "approve", "taipei_ac_leak", "--as", "ben", code=1)


async def test_a_yes_from_the_shell_counts_in_the_running_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    async with open_world(tmp_path / "home") as world:
        path = tmp_path / "home" / "company" / "skills" / "taipei_ac_leak.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "auth_cap_usd": "150.00"}))
        await world.app.company_files.look()
        await world.settle()
        assert await asyncio.to_thread(main, ["skills", "approve", "taipei_ac_leak", "--as", "ben"]) == 0
        await world.app.company_files.look()
        (now,) = world.app.services.company.skills
        assert (now.version, now.auth_cap_usd) == (2, Decimal("150.00"))
