"""Rules: what one changes, who says yes, and what becomes of it; standing orders from the founder's card."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from core.company.rules import Rule
from core.knowledge.rules_in_force import applying
from core.workflow import rules
from tests.brain.test_skill_runs import detail_of, log_of
from tests.world import STORY, World

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DRAIN = "Ito Stream House: the shower drain is slow"
LEAK = "Reno Midtown Studio: water drips from the AC onto the floor"


def rule(kind: str, when: dict[str, Any] | None = None, **more: Any) -> Rule:
    then = more.pop("then", {})
    return Rule.model_validate({"rule_id": "r", "kind": kind, "when": when or {}, "then": then, **more})


# --- what a file may say

WIDE = {"property_id": "reno_midtown", "category": "hvac_leak", "vendor_id": "reno_hvac_pros"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"kind": "pay"}, "kind"),
        ({"kind": "prefer_vendor"}, "vendor_id"),
        ({"kind": "prefer_vendor", "then": {"vendor_id": "ed", "cap_usd": "5"}}, "cap_usd"),
        ({"kind": "lower_cap", "then": {"cap_usd": 1.5}}, "float"),
        ({"kind": "lower_cap", "then": {"cap_usd": "-1"}}, "never negative"),
        ({"kind": "escalation_wait", "then": {"seconds": 1}}, "greater"),
        (
            {"kind": "escalation_wait", "when": {"vendor_id": "ed"}, "then": {"seconds": 60}},
            "not about a vendor",
        ),
        ({"kind": "sop_step", "then": {"step": "call +886 912 345 678"}}, "no address"),
        ({"kind": "raise_cap", "then": {"cap_usd": "300"}}, "needs property_id, category, vendor_id, until"),
        ({"kind": "standing_order", "when": WIDE, "then": {"up_to_usd": "300"}}, "needs until"),
        ({"kind": "code", "when": {"severity_max": 6}}, "less than or equal"),
        ({"kind": "code", "max_uses": 101}, "less than or equal"),
        ({"kind": "lower_cap", "then": {"cap_usd": "5"}, "until": "2027-01-01T00:00:00"}, "time zone"),
        ({"kind": "code", "surprise": 1}, "Extra inputs"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(content: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Rule.model_validate({"rule_id": "r", **content})


@pytest.mark.parametrize(
    ("of_rule", "holds"),
    [
        ({}, True),
        ({"when": {"property_id": "flat"}}, True),
        ({"when": {"property_id": "house"}}, False),
        ({"when": {"category": "pest"}}, True),
        ({"when": {"category": "cleaning"}}, False),
        ({"when": {"severity_max": 3}}, True),
        ({"when": {"severity_max": 2}}, False),
        ({"when": {"vendor_id": "ed"}}, True),
        ({"until": NOW + timedelta(seconds=1)}, True),
        ({"until": NOW}, False),
    ],
)
def test_which_rules_a_ticket_is_under(of_rule: dict[str, Any], holds: bool) -> None:
    one = rule("code", **of_rule)
    assert (applying([one], "flat", "pest", 3, NOW) == (one,)) == holds


# --- proposed, adopted, in force


async def proposed(world: World, one: Rule) -> str:
    def work(tx: Any) -> str:
        row = rules.propose(tx, one)
        assert row is not None
        return str(row.rule_id)

    name = await world.do(work)
    await world.settle()
    return str(name)


async def drafted(world: World, text: str, who: str = "haru") -> dict[str, Any]:
    await world.says(who, text)
    return (await world.tickets())[-1]


@pytest.mark.parametrize(
    ("one", "key", "value", "effect"),
    [
        (rule("lower_cap", {"category": "plumbing_blockage"}, then={"cap_usd": "20"}), "cap_usd", "20.00", "cap 20.00"),
        (rule("estimate", {"property_id": "ito_stream_house"}, then={"usd": "77"}), "cost_estimate_usd", "77.00", "estimate 77.00"),
        (rule("avoid_vendor", {"property_id": "ito_stream_house"}, then={"vendor_id": "ito_setsubi"}), "vendor_id", None, "vendor"),
        (rule("escalation_wait", {"property_id": "ito_stream_house"}, then={"seconds": 77}), "auto_escalate_after_seconds", 77, "wait 77"),
    ],
)  # fmt: skip
async def test_a_rule_changes_the_draft_from_the_founders_yes_on_and_the_history_says_so(
    world: World, one: Rule, key: str, value: Any, effect: str
) -> None:
    before = (await drafted(world, DRAIN))["dispatches"][-1][key]
    await world.says("ben", "/ack T-1001")
    await world.says("ben", "/resolve T-1001 60")
    name = await proposed(world, one)
    asked = await world.card("ben", "rule")
    assert asked.buttons().keys() >= {"adopt", "dismiss"}
    await world.wait(days=10)
    await world.tap("shirley", asked.buttons()["adopt"]["id"])
    same = await drafted(world, DRAIN)
    assert same["dispatches"][-1][key] in {before, "60.00"}
    assert detail_of(same, "ruled") == []
    await asked.tap("adopt")
    await world.says("ben", f"/ack {same['ticket_id']}")
    await world.says("ben", f"/resolve {same['ticket_id']} 60")
    await world.wait(days=40)
    ticket = await drafted(world, DRAIN)
    if value is not None:
        assert ticket["dispatches"][-1][key] == value
    assert ticket["dispatches"][-1][key] != before
    (said,) = detail_of(ticket, "ruled")
    assert (said["rule_id"], said["version"]) == (name, 1)
    assert said["effect"].startswith(effect)
    folder = world.app.settings.company_folder
    assert json.loads((folder / "rules" / f"{name}.json").read_text())["approved_by"] == "ben"
    assert f"Approved-by: ben\nRule: {name} v1" in log_of(folder)

    await (await world.card("ben", "rule")).tap("rollback")
    assert not (folder / "rules" / f"{name}.json").exists()
    assert world.app.services.company.rules == []


async def test_the_same_is_not_proposed_twice_and_what_does_not_fit_not_at_all(world: World) -> None:
    one = rule("prefer_vendor", {"property_id": "ito_stream_house"}, then={"vendor_id": "ito_setsubi"})
    await proposed(world, one)
    await (await world.card("ben", "rule")).tap("dismiss")
    assert await world.do(lambda tx: rules.propose(tx, one)) is None
    stranger = rule("prefer_vendor", {"property_id": "ito_stream_house"}, then={"vendor_id": "mr_wang_hvac"})
    assert await world.do(lambda tx: rules.propose(tx, stranger)) is None


async def test_another_value_before_the_yes(world: World) -> None:
    name = await proposed(world, rule("lower_cap", {"category": "pest"}, then={"cap_usd": "20"}))
    await (await world.card("ben", "rule")).tap("edit", cap_usd="35")
    asked = await world.card("ben", "rule")
    assert f"{name} v2" in asked.text
    assert "35.00 USD" in asked.text
    await asked.tap("adopt")
    (now,) = world.app.services.company.rules
    assert now.then.model_dump(exclude_none=True) == {"cap_usd": Decimal("35.00")}


# --- always like this


async def asked_in_taipei(world: World) -> None:
    await world.says("shirley", "台北兩房 客廳冷氣漏水,水滴到插座旁邊")


async def test_always_like_this_and_the_next_time_nobody_is_asked(world: World) -> None:
    await asked_in_taipei(world)
    asked = await world.card("ben", "approval")
    fields = {one["name"]: one["value"] for one in asked.buttons()["always"]["fields"]}
    assert (fields["days"], fields["uses"], fields["severity_max"]) == ("90", "10", "3")
    await asked.tap("always", amount="200", days="30", uses="1", severity_max="4")
    said = await world.card("ben", "standing")
    assert "200.00 USD" in said.text
    assert "2026-12-20" in said.text
    assert (await world.ticket())["status"] == "AWAITING_HUMAN"  # nothing holds before it is kept
    await said.tap("keep")
    ticket = await world.ticket()
    assert ticket["status"] == "DISPATCHED"
    assert ticket["dispatches"][-1]["authorized_by"] == "ben"
    assert ticket["dispatches"][-1]["rule_id"] is None  # by him, not a use
    await world.says("shirley", "/ack T-1001")
    await world.says("shirley", "/resolve T-1001 140")
    await world.wait(days=8)

    await asked_in_taipei(world)
    ticket = (await world.tickets())[-1]
    assert ticket["status"] == "DISPATCHED"
    gated = detail_of(ticket, "gated")[-1]
    assert (gated["use"], gated["of"]) == (1, 1)
    assert ticket["dispatches"][-1]["rule_id"] == gated["rule_id"]
    order = await world.card("ben", "order")
    assert f"By standing order {gated['rule_id']}, 1 of 1." in order.lead
    await world.says("shirley", f"/ack {ticket['ticket_id']}")
    await world.says("shirley", f"/resolve {ticket['ticket_id']} 140")
    await world.wait(days=8)

    await asked_in_taipei(world)  # used up: he is asked, and told why
    assert (await world.tickets())[-1]["status"] == "AWAITING_HUMAN"
    assert "is used up" in (await world.card("ben", "approval")).text


async def test_it_is_taken_back_on_the_card(world: World) -> None:
    await asked_in_taipei(world)
    await (await world.card("ben", "approval")).tap(
        "always", amount="200", days="30", uses="5", severity_max="4"
    )
    await (await world.card("ben", "standing")).tap("keep")
    await world.says("shirley", "/ack T-1001")
    await world.says("shirley", "/resolve T-1001 140")
    await world.wait(days=8)
    await asked_in_taipei(world)
    await (await world.card("ben", "order")).tap("revoke")
    assert (await world.card("ben", "order")).buttons() == {}
    await world.says("shirley", "/ack T-1002")
    await world.says("shirley", "/resolve T-1002 140")
    await world.wait(days=8)
    await asked_in_taipei(world)
    assert (await world.tickets())[-1]["status"] == "AWAITING_HUMAN"
    assert "was taken back" in (await world.card("ben", "approval")).text


@pytest.mark.parametrize(
    "values",
    [
        {"days": "0"}, {"days": "366"}, {"days": "soon"}, {"uses": "0"}, {"uses": "101"}, {"severity_max": "5"},
        {"amount": "much"},
    ],
)  # fmt: skip
async def test_numbers_that_are_none_are_asked_again(world: World, values: dict[str, str]) -> None:
    await asked_in_taipei(world)
    before = len(await world.texts("ben"))
    good = {"amount": "200", "days": "30", "uses": "5", "severity_max": "4"}
    await (await world.card("ben", "approval")).tap("always", **{**good, **values})
    assert await world.cards("ben", "standing") == []
    assert len(await world.texts("ben")) == before + 1


async def test_only_the_founder_and_no_deputy(world: World) -> None:
    await asked_in_taipei(world)
    button = (await world.card("ben", "approval")).buttons()["always"]["id"]
    await world.wait(minutes=11)
    others = [one.id for one in world.app.services.company.team if one.id != "ben"]
    deputies = [who for who in others if await world.cards(who, "approval")]
    for who in deputies:
        assert "always" not in (await world.card(who, "approval")).buttons()
        await world.tap(who, button, amount="200", days="30", uses="5", severity_max="4")
    assert deputies
    assert world.app.services.company.rules == []


async def test_he_thinks_better_of_it(world: World) -> None:
    await asked_in_taipei(world)
    await (await world.card("ben", "approval")).tap(
        "always", amount="200", days="30", uses="5", severity_max="4"
    )
    await (await world.card("ben", "standing")).tap("drop")
    assert (await world.ticket())["status"] == "AWAITING_HUMAN"
    assert world.app.services.company.rules == []
    assert (await world.card("ben", "standing")).buttons() == {}


# --- from the shell


def test_a_file_that_nobody_adopted_waits_and_the_shell_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")

    def shell(*said: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["rules", *said]) == code
        done = capsys.readouterr()
        return json.loads(done.out) if "--json" in said and code == 0 else done.out + done.err

    assert shell("--json") == []
    folder = tmp_path / "home" / "company" / "rules"
    folder.mkdir()
    content = {"rule_id": "bali_first", "version": 1, "kind": "lower_cap", "approved_by": "ben",
               "when": {"category": "pest"}, "then": {"cap_usd": "50"}}  # fmt: skip
    (folder / "bali_first.json").write_text(json.dumps(content))
    (folder / "broken.json").write_text('{"rule_id": "broken", "kind": "pay"}')
    (one,) = shell("--json")
    assert (one["rule_id"], one["status"], one["approved_by"]) == ("bali_first", "proposed", None)
    assert one["diff"].startswith("--- /dev/null\n+++ b/rules/bali_first.json\n@@ -0,0 +1,")
    assert set(one["text"]) == {"en", "zh-TW", "ja", "id", "es"}
    assert "Goal:" in one["lightsprint_prompt"]
    assert "Ben" in shell("approve", "bali_first", "--as", "shirley", code=1)
    assert "cap_usd" in shell("edit", "bali_first", "cap_usd=-5", "--as", "ben", code=1)
    assert shell("edit", "bali_first", "cap_usd=40", "--as", "ben", "--json")["then"] == {"cap_usd": "40.00"}
    done = shell("approve", "bali_first", "--as", "ben", "--json")
    assert (done["status"], done["approved_by"], len(done["commit"])) == ("approved", "ben", 40)
    assert [one["event"] for one in done["history"]] == ["proposed", "edited", "approved", "committed"]
    assert json.loads((folder / "bali_first.json").read_text())["then"] == {"cap_usd": "40.00"}
    gone = shell("rollback", "bali_first", "--as", "ben", "--json")
    assert gone["status"] == "rolled_back"
    assert not (folder / "bali_first.json").exists()
    assert "no rule" in shell("show", "nothing", code=1)


async def test_an_order_that_does_not_cover_what_is_open_says_so(world: World) -> None:
    """Up to severity 3 he lets it go from now on; this one is a 4."""
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("always", amount="200", severity_max="3")
    await (await world.card("ben", "standing")).tap("keep")
    assert (await world.tickets())[0]["status"] == "AWAITING_HUMAN"
    assert "T-1001 asks for more than it says" in (await world.texts("ben"))[-1]
