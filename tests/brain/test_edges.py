"""What went wrong when somebody looked closely: each with the story in which it did."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from bot.cli import main
from core.actors import LOOPOS
from core.brain.patterns import prices_in
from core.company.loader import load_company
from core.company.skills import Hours
from core.company.types import MAX_MONEY
from core.company.widening import held_back
from core.store import schema
from core.workflow import rule_view, rules
from tests.brain.test_hand_made import ACCEPTED, HARBOUR, change, of
from tests.brain.test_learning import blocked
from tests.brain.test_skill_runs import DRIP, company_with, detail_of
from tests.world import World, open_world


async def test_a_condition_of_the_vendors_own_step_that_does_not_hold_loses_no_ticket(tmp_path: Path) -> None:
    folder = company_with(
        tmp_path / "company",
        workflow_steps=[
            {"do": "dispatch_vendor", "with": {"vendor_id": "mr_wang_hvac"}, "if": {"over_usd": "5000"}},
            {"do": "follow_up"},
        ],
    )
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("shirley", DRIP)
        ticket = await world.ticket()
        assert [one["key"] for one in detail_of(ticket, "fallback")] == ["over_usd"]
        assert ticket["status"] == "DISPATCHED"


async def test_a_danger_after_memo_alone_is_no_memo(world: World) -> None:
    await world.says("shirley", "/memo")
    await world.says("shirley", "Warm Taipei: strong smell of gas in the kitchen, the guest is coughing!")
    assert (await world.ticket())["severity"] == 5


async def test_a_photo_after_memo_alone_is_a_report(world: World) -> None:
    await world.says("shirley", "/memo")
    assert await world.cards("ben", "memo") == []
    await world.says("shirley", "電源總開關在門後")
    assert len(await world.cards("ben", "memo")) == 1


async def test_a_memo_of_somebody_who_joined_in_chat_breaks_no_file(world: World) -> None:
    folder = world.app.settings.company_folder
    change(folder, "voice_corpus.json", lambda rows: rows[0].update(speaker="ana_who_joined"))
    assert load_company(folder).memos[0].speaker == "ana_who_joined"


async def test_a_hand_edited_rule_is_asked_about_once_and_takes_the_place_of_the_old_one(
    world: World,
) -> None:
    from tests.brain.test_rules import proposed, rule

    name = await proposed(world, rule("lower_cap", {"category": "pest"}, then={"cap_usd": "20"}))
    await (await world.card("ben", "rule")).tap("adopt")
    folder = world.app.settings.company_folder
    change(folder, f"rules/{name}.json", lambda content: content["then"].update(cap_usd="50"))
    for number in range(3):
        change(folder, "company.json", lambda about, n=number: about.update(name=f"Harbour {n}"))  # type: ignore[misc]
        await world.app.company_files.look()
        await world.settle()
    cards = await world.cards("ben", "rule")
    assert len(cards) == 2
    assert [str(one.then.cap_usd) for one in world.app.services.company.rules] == ["20.00"]
    await cards[-1].tap("adopt")
    assert [str(one.then.cap_usd) for one in world.app.services.company.rules] == ["50.00"]


async def test_a_change_by_somebody_who_may_accepts_nothing_else_that_waits(world: World) -> None:
    from core.workflow.company_changes import operators_word

    folder = world.app.settings.company_folder
    change(folder, "properties.json", lambda r: of(r, "warm_taipei_2br").update(cap_usd="99999.00"))
    await world.app.company_files.look()
    before = load_company(folder)
    change(folder, "properties.json", lambda r: of(r, "warm_taipei_2br").update(monthly_budget_usd="400.00"))
    after = load_company(folder)
    await world.do(lambda tx: operators_word(tx, before, after))
    await world.app.company_files.look()
    place = world.app.services.company.place("warm_taipei_2br")
    assert place is not None
    assert (str(place.cap_usd), str(place.monthly_budget_usd)) == ("250.00", "400.00")


async def test_a_new_vendor_is_shown_whole_and_another_under_the_same_name_is_asked_anew(
    world: World,
) -> None:
    folder = world.app.settings.company_folder

    def hire(cap: str) -> Any:
        def edit(rows: list[dict[str, Any]]) -> None:
            rows[:] = [one for one in rows if one["id"] != "cousin"]
            rows.append(
                {**of(rows, "mr_wang_hvac"), "id": "cousin", "name": "C", "identities": {}, "cap_usd": cap}
            )

        return edit

    for cap in ("50.00", "90000.00"):
        change(folder, "vendors.json", hire(cap))
        await world.app.company_files.look()
        await world.settle()
    first, second = await world.cards("ben", "company")
    assert "90000.00" in second.text
    await first.tap("accept")
    assert world.app.services.company.vendor("cousin") is None


async def test_the_same_widening_a_second_time_is_asked_again(world: World) -> None:
    folder = world.app.settings.company_folder
    for cap in ("300.00", "200.00", "300.00"):
        change(folder, "vendors.json", lambda r, cap=cap: of(r, "mr_wang_hvac").update(cap_usd=cap))  # type: ignore[misc]
        await world.app.company_files.look()
        await world.settle()
        cards = await world.cards("ben", "company")
        if "accept" in cards[-1].buttons():
            if len(cards) > 1:
                break
            await cards[-1].tap("accept")
    assert len(await world.cards("ben", "company")) == 2


def test_a_procedure_that_is_new_or_comes_back_asks_no_later_than_the_gate() -> None:
    from dataclasses import replace

    late = HARBOUR.sops[0].model_copy(update={"id": "brand_new", "human_if_severity": 5})
    company, pending = held_back(replace(HARBOUR, sops=[*HARBOUR.sops, late]), ACCEPTED)
    assert [(one.entry, one.key, one.old) for one in pending] == [("sop:brand_new", "human_if_severity", 4)]
    assert company.sops[-1].human_if_severity == 4


@pytest.mark.parametrize("said", ["never more than $" + "9" * 40, "at most 99999999999999 USD"])
async def test_a_huge_amount_in_a_memo_stops_nothing(world: World, said: str) -> None:
    await world.says("ben", f"/memo {said}")
    assert len(await world.cards("ben", "memo")) == 1
    assert prices_in(said) == []


def test_a_huge_amount_or_an_hour_with_a_zone_in_a_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Hours.model_validate({"from": "22:00Z", "to": "06:00"})
    folder = company_with(tmp_path / "c", auth_cap_usd=str(MAX_MONEY * 10))
    assert "mistake" in load_company(folder).refused[0].problem


async def test_a_demotion_takes_the_version_that_failed_and_no_other(world: World) -> None:
    from core.errors import Refused
    from core.workflow import skill_versions

    await blocked(world, 3)
    await (await world.card("ben", "skill")).tap("adopt")
    name = "ito_stream_house_plumbing_blockage"
    with pytest.raises(Refused):
        await world.do(lambda tx: skill_versions.roll_back(tx, name, LOOPOS, version=9))
    assert any(one.skill_id == name for one in world.app.services.company.skills)


async def test_what_is_over_is_said_to_be_over(world: World) -> None:
    from datetime import timedelta

    from tests.brain.test_rules import proposed, rule

    until = world.clock.now() + timedelta(days=5)
    name = await proposed(world, rule("lower_cap", {"category": "pest"}, then={"cap_usd": "20"}, until=until))
    await (await world.card("ben", "rule")).tap("adopt")
    await world.wait(days=6)
    await world.do(rules.expire_all)
    await world.settle()
    row = await world.do(lambda tx: rule_view.told(rules.find(tx, name)))
    assert row["status"] == "expired"
    assert not (world.app.settings.company_folder / "rules" / f"{name}.json").exists()


def test_rules_that_were_proposed_before_are_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    engine = create_engine(f"sqlite:///{home / 'loopos.db'}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
    engine.dispose()
    with sqlite3.connect(home / "loopos.db") as rows:
        rows.execute(
            "insert into rules (rule_id, text, ticket_id, property_id, proposed_by, proposed_at, status) "
            "values ('rule_old', 'Always two towels', null, 'bali_villa', 'celine', '2026-01-01 00:00:00', 'proposed')"
        )
    rows.close()
    monkeypatch.setenv("LOOPOS_HOME", str(home))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    assert main(["rules", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["rule_id"], one["kind"], one["text"]["en"]) == ("rule_old", "code", "Always two towels")
    assert one["when"] == {"property_id": "bali_villa"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"rule_id": "zz", "kind": "lower_cap", "then": {"cap_usd": "1e400"}}', "a mistake"),
        ('{"rule_id": "zz", "kind": "code", "version": 999999999999999999999999}', "less than or equal"),
        ('{"rule_id": "zz", "kind": "code", "version": ' + "9" * 5000 + "}", "a number that is none"),
        ('{"rule_id": "zz", "kind": "code", "text": {"en": "\\ud800"}}', "surrogate"),
        ("null", "valid dictionary"),
        (json.dumps({"rule_id": "zz", "kind": "code", **{f"a{n}": 1 for n in range(2000)}}), "Extra inputs"),
        ('{"rule_id": "other", "kind": "code"}', "is called other.json"),
    ],
)
def test_one_strange_file_is_left_out_alone(tmp_path: Path, text: str, problem: str) -> None:
    folder = company_with(tmp_path / "c")
    (folder / "rules").mkdir()
    (folder / "rules" / "zz.json").write_text(text)
    company = load_company(folder)
    assert company.rules == []
    assert len(company.skills) == 1
    assert problem in company.refused[0].problem
    assert len(company.refused) <= 50


def test_a_folder_of_rules_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    folder = company_with(tmp_path / "c")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "r.json").write_text('{"rule_id": "r", "kind": "code"}')
    (folder / "rules").symlink_to(tmp_path / "elsewhere")
    company = load_company(folder)
    assert company.rules == []
    assert [one.file for one in company.refused] == ["rules/"]


@pytest.mark.parametrize(
    ("file", "edit", "waits"),
    [
        ("team.json", lambda r: of(r, "ben").update(backup="haru"), ("person:ben", "backup")),
        ("company.json", lambda r: r.update(staff_minutes_cap=999_999), ("company:", "staff_minutes_cap")),
    ],
)
def test_who_decides_instead_and_our_own_minutes_wait_too(
    tmp_path: Path, file: str, edit: Any, waits: tuple[str, str]
) -> None:
    folder = company_with(tmp_path / "c")
    change(folder, file, edit)
    company, pending = held_back(load_company(folder), ACCEPTED)
    assert [(one.entry, one.key) for one in pending] == [waits]
    assert company.founder.backup == "miguel"
    assert company.about.staff_minutes_cap == HARBOUR.about.staff_minutes_cap


def test_the_shell_where_git_or_the_folder_is_unwell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")

    def shell(*said: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*said])
        done = capsys.readouterr()
        return code, done.out, done.err

    folder = tmp_path / "home" / "company"
    assert shell("company")[0] == 0
    (folder / ".gitignore").write_text("rules/\n")
    (folder / "rules").mkdir()
    (folder / "rules" / "r.json").write_text(
        '{"rule_id": "r", "kind": "lower_cap", "then": {"cap_usd": "5"}}'
    )
    code, out, _ = shell("rules", "approve", "r", "--as", "ben", "--json")
    assert code == 0
    assert len(json.loads(out)["commit"]) == 40, "an ignored folder is committed all the same"
    (folder / ".git" / "index.lock").write_text("")
    code, _, err = shell("rules", "rollback", "r", "--as", "ben")
    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert "Traceback" not in err
    (folder / ".git" / "index.lock").unlink()
    code, _, err = shell("rules", "ship", "r")
    assert (code, "no remote" in err) == (1, True)
    assert shell("skills", "show", "\udcff")[0] == 2


def test_an_import_may_name_the_changed_keys_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    path = tmp_path / "v.json"
    path.write_text('[{"id": "mr_wang_hvac", "cap_usd": "150.00"}]')
    assert main(["import", "vendors", str(path)]) == 0
    assert "1 changed" in capsys.readouterr().out
    path.write_text('[{"id": "mr_wang_hvac", "cap_usd": "1e400"}]')
    assert main(["import", "vendors", str(path)]) == 1
    path.write_text(
        '[{"id": "m", "property_id": "bali_villa", "language": "en", "transcript": "\\ud800", "recorded_at": "2026-01-01T00:00:00Z"}]'
    )
    assert main(["import", "memos", str(path)]) == 1
