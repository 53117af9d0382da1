"""Somebody edits the company's files by hand: what tightens counts at once, what widens waits for the founder's yes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.settings import DATA
from core.company.loader import load_company
from core.company.widening import held_back, values_of
from core.workflow import company_changes
from tests.world import World, open_world

HARBOUR = load_company(DATA / "company")
ACCEPTED = values_of(HARBOUR)


def change(folder: Path, file: str, edit: Callable[[Any], object]) -> None:
    path = folder / file
    rows = json.loads(path.read_text())
    edit(rows)
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1))


def of(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in rows if one["id"] == name)


CASES: list[tuple[str, Callable[[Any], object], list[tuple[str, str]]]] = [
    ("properties.json", lambda r: of(r, "warm_taipei_2br").update(monthly_budget_usd="99999.00"), [("property:warm_taipei_2br", "monthly_budget_usd")]),
    ("properties.json", lambda r: of(r, "warm_taipei_2br").update(monthly_budget_usd="1.00"), []),
    ("properties.json", lambda r: of(r, "warm_taipei_2br").update(name="Warm"), []),
    ("properties.json", lambda r: of(r, "bali_villa").update(currency="IDR"), [("property:bali_villa", "currency")]),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(currency="IDR"), [("vendor:mr_wang_hvac", "currency")]),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(cap_usd="9000.00"), [("vendor:mr_wang_hvac", "cap_usd"), ("vendor:mr_wang_hvac", "day_cap_usd")]),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(cap_usd="1.00"), []),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(properties=["warm_taipei_2br", "bali_villa"]), [("vendor:mr_wang_hvac", "properties")]),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(properties=[]), []),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(approved=False), []),
    ("vendors.json", lambda r: r.append({**of(r, "mr_wang_hvac"), "id": "my_cousin", "name": "My cousin", "identities": {}}), [("vendor:my_cousin", "id")]),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(identities={"telegram": ["666"]}), [("vendor:mr_wang_hvac", "identities")]),
    ("vendors.json", lambda r: of(r, "mr_wang_hvac").update(usual_usd={"low": "1.00", "high": "2.00"}), []),
    ("sops.json", lambda r: of(r, "hvac_leak").update(human_if_severity=5), [("sop:hvac_leak", "human_if_severity")]),
    ("sops.json", lambda r: of(r, "hvac_leak").update(human_if_severity=1), []),
    ("sops.json", lambda r: of(r, "hvac_leak")["steps"].append("one more"), []),
    ("team.json", lambda r: [of(r, "ben").update(role="ops"), of(r, "shirley").update(role="founder")], [("person:ben", "role"), ("person:shirley", "role")]),
    ("team.json", lambda r: of(r, "haru").update(role="lead"), [("person:haru", "role")]),
    ("team.json", lambda r: of(r, "haru").update(identities={"telegram": ["666"]}), [("person:haru", "identities")]),
    ("team.json", lambda r: of(r, "haru").update(identities={}), []),
    ("team.json", lambda r: of(r, "haru").update(name="Haruka"), []),
    ("company.json", lambda r: r.update(guest_credit_cap_usd="5000.00"), [("company:", "guest_credit_cap_usd")]),
]  # fmt: skip


@pytest.mark.parametrize(("file", "edit", "waits"), CASES)
def test_what_widens_is_held_back_and_the_rest_counts(
    tmp_path: Path, file: str, edit: Callable[[Any], object], waits: list[tuple[str, str]]
) -> None:

    folder = tmp_path / "c"
    shutil.copytree(DATA / "company", folder)
    change(folder, file, edit)
    written = load_company(folder)
    company, pending = held_back(written, ACCEPTED)
    assert [(one.entry, one.key) for one in pending] == waits
    now = values_of(company)
    for entry, key in waits:
        if key == "id":
            assert entry not in now
        else:
            assert now[entry][key] == (
                ACCEPTED[entry][key] if key != "identities" else {k: [] for k in now[entry][key]}
            )
    if not waits:
        assert company == written


@pytest.mark.parametrize(
    ("rate", "counts"), [("162500000", False), ("25000", False), ("18000", True), ("9000", True)]
)
def test_a_rate_may_creep_and_not_leap(tmp_path: Path, rate: str, counts: bool) -> None:
    """A bill of a million rupiah is no bill of six cents because somebody wrote so into a file."""
    folder = tmp_path / "c"
    shutil.copytree(DATA / "company", folder)
    change(folder, "rates.json", lambda rates: rates["per_usd"].update(IDR=rate))
    company, pending = held_back(load_company(folder), ACCEPTED)
    assert company.rates is not None
    assert str(company.rates.per_usd["IDR"]) == (rate if counts else "16250")
    assert [(one.file, one.key) for one in pending] == ([] if counts else [("rates.json", "per_usd IDR")])


def test_who_takes_the_founder_out_of_the_file_has_not_become_one(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    shutil.copytree(DATA / "company", folder)
    change(folder, "team.json", lambda r: [r.remove(of(r, "ben")), of(r, "shirley").update(role="founder")])
    company, pending = held_back(load_company(folder), ACCEPTED)
    assert [(one.entry, one.key) for one in pending] == [("person:shirley", "role"), ("person:ben", "id")]
    assert company.founder == HARBOUR.founder
    assert [one.role.value for one in company.team].count("founder") == 1


async def test_another_founder_waits_for_the_one_there_was_also_over_a_start(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        folder = world.app.settings.company_folder
    change(
        folder,
        "team.json",
        lambda r: [of(r, "ben").update(role="ops"), of(r, "shirley").update(role="founder")],
    )
    async with open_world(tmp_path) as world:
        assert world.app.services.company.founder.id == "ben"
        await world.do(lambda tx: company_changes.notice(tx, world.app.services.written))  # as a start does
        await world.settle()
        assert await world.cards("shirley", "company") == []
        asked = await world.card("ben", "company")
        assert "shirley role: ops → founder" in asked.text
        await asked.tap("accept", by="shirley")
        assert world.app.services.company.founder.id == "ben"
        await asked.tap("accept")
        assert world.app.services.company.founder.id == "shirley"


def test_an_untouched_company_waits_for_nothing() -> None:
    assert held_back(HARBOUR, ACCEPTED) == (HARBOUR, [])


async def test_the_founder_sees_old_and_new_and_his_yes_makes_it_count(world: World) -> None:
    folder = world.app.settings.company_folder
    change(folder, "vendors.json", lambda r: of(r, "mr_wang_hvac").update(cap_usd="9000.00"))
    await world.app.company_files.look()
    await world.settle()
    asked = await world.card("ben", "company")
    assert "vendors.json mr_wang_hvac cap_usd: 200.00 → 9000.00" in asked.text
    wang = world.app.services.company.vendor("mr_wang_hvac")
    assert wang is not None
    assert str(wang.cap) == "200.00"
    await world.tap("shirley", asked.buttons()["accept"]["id"])
    await world.app.company_files.look()
    assert str(world.app.services.company.vendor("mr_wang_hvac").cap) == "200.00"  # type: ignore[union-attr]
    await asked.tap("accept")
    assert str(world.app.services.company.vendor("mr_wang_hvac").cap) == "9000.00"  # type: ignore[union-attr]
    assert (await world.card("ben", "company")).buttons() == {}


async def test_what_changed_meanwhile_is_not_what_he_saw(world: World) -> None:
    folder = world.app.settings.company_folder
    change(folder, "vendors.json", lambda r: of(r, "mr_wang_hvac").update(cap_usd="300.00"))
    await world.app.company_files.look()
    await world.settle()
    asked = await world.card("ben", "company")
    change(folder, "vendors.json", lambda r: of(r, "mr_wang_hvac").update(cap_usd="9000.00"))
    await world.app.company_files.look()
    await world.settle()
    await asked.tap("accept")
    assert str(world.app.services.company.vendor("mr_wang_hvac").cap) == "200.00"  # type: ignore[union-attr]
    assert len(await world.cards("ben", "company")) == 2


async def test_what_was_tightened_does_not_widen_again_by_itself(world: World) -> None:
    folder = world.app.settings.company_folder
    for cap in ("100.00", "200.00"):
        change(folder, "vendors.json", lambda r, cap=cap: of(r, "mr_wang_hvac").update(cap_usd=cap))  # type: ignore[misc]
        await world.app.company_files.look()
        await world.settle()
    assert str(world.app.services.company.vendor("mr_wang_hvac").cap) == "100.00"  # type: ignore[union-attr]
    assert "100.00 → 200.00" in (await world.card("ben", "company")).text


def test_the_shell_shows_what_waits_and_says_yes_for_the_founder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")

    def shell(*said: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main(["company", *said]) == code
        done = capsys.readouterr()
        return json.loads(done.out) if "--json" in said and code == 0 else done.out + done.err

    folder = tmp_path / "home" / "company"
    first = shell("--json")
    assert first == {"folder": str(folder), "commit": "", "refused": [], "pending": []}
    change(folder, "vendors.json", lambda r: of(r, "mr_wang_hvac").update(cap_usd="9000.00"))
    path = folder / "skills" / "taipei_ac_leak.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "auth_cap_usd": "150.00"}))
    (folder / "skills" / "broken.json").write_text("{")
    told = shell("--json")
    assert [(one["file"], one["old"], one["new"]) for one in told["pending"]] == [
        ("vendors.json", "200.00", "9000.00"),
        ("vendors.json", "600.00", "27000.00"),
        ("skills/taipei_ac_leak.json", "v1", "v2"),
    ]
    line = (folder / "vendors.json").read_text().splitlines()[told["pending"][0]["line"] - 1]
    assert "cap_usd" in line
    assert [one["file"] for one in told["refused"]] == ["skills/broken.json"]
    assert "Ben" in shell("approve", "--as", "shirley", code=1)
    done = shell("approve", "--as", "ben", "--json")
    assert done["pending"] == []
    assert len(done["commit"]) == 40
    assert json.loads(path.read_text())["version"] == 2
    assert shell("approve", "--as", "ben", "--json")["pending"] == []


def test_an_import_is_the_operators_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    assert main(["company"]) == 0
    row = {
        **of(json.loads((DATA / "company" / "vendors.json").read_text()), "mr_wang_hvac"),
        "id": "lin_hvac",
        "name": "Lin",
        "identities": {},
    }
    path = tmp_path / "more.json"
    path.write_text(json.dumps([row]))
    assert main(["import", "vendors", str(path)]) == 0
    capsys.readouterr()
    assert main(["company", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pending"] == []
