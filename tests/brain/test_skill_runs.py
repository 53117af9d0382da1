"""A routine at work on real tickets: its steps in the history, and what it does where something is not as it expects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.settings import DATA
from tests.world import World, open_world

DRIP = "台北兩房 客廳冷氣漏水"
"""Water from the AC, nothing near a socket: severity 3."""


def detail_of(ticket: dict[str, Any], event: str) -> list[dict[str, Any]]:
    return [row["detail"] for row in ticket["history"] if row["event"] == event]


def steps_of(ticket: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(one["n"], one["do"], one["outcome"]) for one in detail_of(ticket, "skill_step")]


def company_with(folder: Path, **changes: Any) -> Path:
    """The demo's company, with another routine for the AC in Taipei."""
    import shutil

    shutil.copytree(DATA / "company", folder)
    path = folder / "skills" / "taipei_ac_leak.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))
    return folder


@pytest.fixture
async def mild(tmp_path: Path) -> AsyncIterator[World]:
    """The routine is for what is not urgent."""
    folder = company_with(
        tmp_path / "company",
        trigger_conditions={
            "category": ["hvac_leak"],
            "property_id": ["warm_taipei_2br"],
            "severity": {"max": 3},
        },
    )
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        yield world


async def test_a_recurring_ticket_is_done_by_its_routine_step_by_step(world: World) -> None:
    await world.says("shirley", DRIP)
    ticket = await world.ticket()
    assert ticket["status"] == "DISPATCHED"
    assert ticket["dispatches"][0]["vendor_id"] == "mr_wang_hvac"
    assert ticket["skill_artifact"] == {
        "skill_id": "taipei_ac_leak", "version": 1, "name": "AC leak in Taipei", "run": "running", "reason": "",
    }  # fmt: skip
    assert steps_of(ticket) == [
        (1, "notify_reporter", "done"), (2, "dispatch_vendor", "done"), (3, "notify_guest", "done"),
    ]  # fmt: skip
    await (await world.card("shirley", "job")).tap("ack")
    ticket = await world.ticket()
    assert steps_of(ticket)[3:] == [(4, "wait_acknowledgement", "done"), (5, "follow_up", "done")]
    assert ticket["skill_artifact"]["run"] == "done"
    assert {"skill_id", "version", "n", "do", "outcome"} == detail_of(ticket, "skill_step")[0].keys()


async def test_the_gate_stands_above_it_and_nobody_is_promised_before_the_founder_says_yes(
    world: World,
) -> None:
    await world.says("shirley", f"{DRIP},水滴到插座旁邊,客人在生氣")
    ticket = await world.ticket()
    assert ticket["status"] == "AWAITING_HUMAN"
    assert steps_of(ticket) == [(1, "notify_reporter", "done"), (2, "dispatch_vendor", "asked")]
    await (await world.card("ben", "approval")).tap("approve")
    assert steps_of(await world.ticket())[2:] == [(3, "notify_guest", "done")]


async def test_one_surprise_and_it_is_drafted_as_without_it_and_says_why(mild: World) -> None:
    await mild.says("shirley", f"{DRIP},水滴到插座旁邊,客人在生氣")
    ticket = await mild.ticket()
    assert detail_of(ticket, "fallback") == [
        {"skill_id": "taipei_ac_leak", "version": 1, "why": "condition", "key": "severity"}
    ]
    assert (ticket["skill_artifact"]["run"], ticket["skill_artifact"]["reason"]) == (
        "fell_back",
        "condition: severity",
    )
    assert steps_of(ticket) == []
    assert ticket["status"] == "AWAITING_HUMAN"
    for person, kind in (("ben", "approval"), ("shirley", "receipt")):
        assert "AC leak in Taipei v1" in (await mild.card(person, kind)).text
    assert "it does not fit here (Severity)" in (await mild.card("ben", "approval")).text


async def test_its_vendor_left_and_it_falls_back(tmp_path: Path) -> None:
    folder = company_with(tmp_path / "company")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        vendors = json.loads((folder / "vendors.json").read_text())
        for one in vendors:
            if one["id"] == "mr_wang_hvac":
                one["approved"] = False
        (folder / "vendors.json").write_text(json.dumps(vendors))
        await world.app.company_files.look()
        await world.says("shirley", DRIP)
        ticket = await world.ticket()
        assert [one["why"] for one in detail_of(ticket, "fallback")] == ["vendor_unavailable"]
        assert steps_of(ticket) == [(1, "notify_reporter", "done")]
        assert ticket["dispatches"][-1]["vendor_id"] != "mr_wang_hvac"
        assert ticket["skill_artifact"]["run"] == "fell_back"


async def test_nobody_takes_the_job_in_the_time_it_gives(tmp_path: Path) -> None:
    folder = company_with(
        tmp_path / "company",
        workflow_steps=[
            {"do": "dispatch_vendor", "with": {"vendor_id": "mr_wang_hvac"}},
            {"do": "wait_acknowledgement", "with": {"seconds": 45}},
        ],
    )
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("shirley", DRIP)
        await world.wait(seconds=44)
        assert detail_of(await world.ticket(), "fallback") == []
        await world.wait(seconds=2)
        ticket = await world.ticket()
        assert [one["why"] for one in detail_of(ticket, "fallback")] == ["no_acknowledgement"]
        assert ticket["status"] == "DISPATCHED"  # the ladder goes on as ever
        await world.wait(minutes=5)
        assert len(detail_of(await world.ticket(), "escalated")) == 2


@pytest.mark.parametrize("word", ["vendor", "change"])
async def test_the_founder_decides_otherwise_and_that_counts_as_a_correction(world: World, word: str) -> None:
    await world.says("shirley", f"{DRIP},水滴到插座旁邊,客人在生氣")
    asked = await world.card("ben", "approval")
    values = {"amount": "150"}
    if word == "vendor":
        (field,) = asked.buttons()["vendor"]["fields"]
        values = {"vendor": field["options"][0]["value"]}
    await asked.tap(word, **values)
    ticket = await world.ticket()
    assert [one["why"] for one in detail_of(ticket, "fallback")] == ["corrected"]
    assert ticket["skill_artifact"]["run"] == "fell_back"


async def test_what_it_is_about_is_corrected(world: World) -> None:
    await world.says("shirley", f"{DRIP},水滴到插座旁邊,客人在生氣")
    await (await world.card("shirley", "receipt")).tap("correct", category="plumbing_leak")
    ticket = await world.ticket()
    assert detail_of(ticket, "fallback")[0]["key"] == "category"
    assert ticket["dispatches"][-1]["vendor_id"] != "mr_wang_hvac"


async def test_the_founder_says_no(world: World) -> None:
    await world.says("shirley", f"{DRIP},水滴到插座旁邊,客人在生氣")
    await (await world.card("ben", "approval")).tap("reject", reason="not today")
    artifact = (await world.ticket())["skill_artifact"]
    assert (artifact["run"], artifact["reason"]) == ("stopped", "rejected")


async def test_what_came_back_goes_on_without_it(world: World) -> None:
    await world.says("shirley", DRIP)
    await (await world.card("shirley", "job")).tap("ack")
    await (await world.card("shirley", "job")).tap("resolve", amount="132", outcome="", rating="5")
    before = steps_of(await world.ticket())
    await (await world.card("shirley", "receipt")).tap("reopen")
    ticket = await world.ticket()
    assert steps_of(ticket) == before
    assert ticket["skill_artifact"]["run"] == "done"


async def test_a_rule_of_its_own_asks_beside_all_else(tmp_path: Path) -> None:
    folder = company_with(
        tmp_path / "company",
        approval_rules=["words for people", {"ask": "founder", "if": {"over_usd": "100"}}],
    )
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("shirley", DRIP)
        ticket = await world.ticket()
        assert ticket["status"] == "AWAITING_HUMAN"
        assert [one["code"] for one in ticket["approvals"][-1]["reasons"]] == ["skill_asks"]
        assert "AC leak in Taipei" in (await world.card("ben", "approval")).text


async def test_every_kind_of_step_says_what_it_is_for_in_the_language_of_who_reads(tmp_path: Path) -> None:
    folder = company_with(
        tmp_path / "company",
        workflow_steps=[
            {"do": "notify_reporter", "with": {"text": "meanwhile"}},
            {"do": "ask_reporter", "with": {"text": {"en": "Which room?", "zh-TW": "哪一間房?"}}},
            {"do": "dispatch_vendor", "with": {"vendor_id": "mr_wang_hvac"}},
            {"do": "notify_guest", "with": {"text": {"en": "Somebody is coming.", "zh-TW": "師傅會過來。"}}},
            {"do": "offer_compensation", "with": {"up_to_usd": "20"}, "if": {"when": {"guest_inside": True}}},
            {"do": "escalate", "with": {"to": "lead"}},
            {"do": "wait_acknowledgement"},
            {"do": "check", "with": {"text": "holds"}},
            {"do": "close"},
        ],
    )
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("shirley", DRIP)
        said = await world.texts("shirley")
        assert any("哪一間房?" in one for one in said)
        assert any("師傅會過來。" in one for one in said)
        await (await world.card("shirley", "job")).tap("ack")
        await (await world.card("shirley", "job")).tap("resolve", amount="132", outcome="", rating="5")
        assert [(do, outcome) for _, do, outcome in steps_of(await world.ticket())] == [
            ("notify_reporter", "done"),
            ("ask_reporter", "asked"),
            ("dispatch_vendor", "done"),
            ("notify_guest", "done"),
            ("offer_compensation", "skipped"),
            ("escalate", "done"),
            ("wait_acknowledgement", "done"),
            ("check", "asked"),
            ("close", "skipped"),
        ]
        assert (await world.ticket())["skill_artifact"]["run"] == "done"


# --- what runs is what the founder approved


def log_of(folder: Path) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), "log", "--format=%an|%B", "--name-only"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


async def test_a_file_that_was_changed_by_hand_runs_only_after_the_founders_yes(tmp_path: Path) -> None:
    folder = company_with(tmp_path / "company")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        path = folder / "skills" / "taipei_ac_leak.json"
        content = json.loads(path.read_text())
        changed = {
            **content,
            "approved": True,
            "workflow_steps": [{"do": "dispatch_vendor", "with": {"vendor_id": "mr_wang_hvac"}}],
        }
        path.write_text(json.dumps(changed))
        await world.app.company_files.look()
        await world.settle()
        asked = await world.card("ben", "skill")
        assert "taipei_ac_leak v2" in asked.text
        assert asked.buttons().keys() == {"adopt", "try", "dismiss"}
        assert await world.cards("shirley", "skill") == []
        # Until then the routine that he approved goes on.
        await world.says("shirley", DRIP)
        assert len(steps_of(await world.ticket())) == 3

        await world.tap("shirley", asked.buttons()["adopt"]["id"])
        await asked.tap("try")
        assert any("taipei_ac_leak v2" in one for one in await world.texts("ben"))
        await asked.tap("adopt")
        assert (await world.card("ben", "skill")).buttons().keys() == {"rollback"}
        assert json.loads(path.read_text())["version"] == 2
        log = log_of(folder)
        assert log.startswith(
            "LoopOS|skill taipei_ac_leak: version 2\n\nApproved-by: ben\nSkill: taipei_ac_leak v2"
        )
        (now,) = world.app.services.company.skills
        assert (now.version, len(now.workflow_steps)) == (2, 1)

        await (await world.card("ben", "skill")).tap("rollback")
        (now,) = world.app.services.company.skills
        assert (now.version, len(now.workflow_steps)) == (1, 5)
        assert json.loads(path.read_text())["version"] == 1


async def test_what_he_does_not_want_is_not_asked_again(tmp_path: Path) -> None:
    folder = company_with(tmp_path / "company")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        path = folder / "skills" / "taipei_ac_leak.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "description": "another"}))
        await world.app.company_files.look()
        await world.settle()
        await (await world.card("ben", "skill")).tap("dismiss")
        path.write_text(json.dumps({**content, "description": "another", "approved": False}))
        await world.app.company_files.look()
        await world.settle()
        assert len(await world.cards("ben", "skill")) == 1
        assert [one.description for one in world.app.services.company.skills] == [content["description"]]


async def test_a_broken_file_keeps_what_was_approved_and_the_founder_is_told_once(tmp_path: Path) -> None:
    folder = company_with(tmp_path / "company")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        path = folder / "skills" / "taipei_ac_leak.json"
        whole = path.read_text()
        path.write_text(whole.replace('"dispatch_vendor"', '"pay_vendor"'))
        for _ in range(3):
            await world.app.company_files.look()
            await world.settle()
        told = [one for one in await world.texts("ben") if "skills/taipei_ac_leak.json:" in one]
        assert len(told) == 1
        assert "workflow_steps.1" in told[0]
        assert len(world.app.services.company.skills) == 1
        # Whoever takes the file away takes the routine away: what tightens counts at once.
        path.unlink()
        await world.app.company_files.look()
        assert world.app.services.company.skills == []


async def test_a_broken_file_stops_no_start(tmp_path: Path) -> None:
    folder = company_with(tmp_path / "company", auth_cap_usd="5000")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.do(world.app._notice)
        await world.settle()
        assert world.app.services.company.skills == []
        assert any("auth_cap_usd" in one for one in await world.texts("ben"))
        await world.says("shirley", DRIP)
        assert (await world.ticket())["skill_artifact"] is None
