"""The founder changes the company from the page: the files are written, committed, and count at once."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.settings import DATA
from core.company import editing
from core.company.editing import Shape, Unreadable, read, shown
from core.model import Role
from core.store.brain_tables import AcceptedRow
from core.store.session_rows import SessionRows
from core.team.learnt import let_through
from tests.clients.browsers import Browser, Page
from tests.clients.programs import Programs
from tests.platforms import House


@pytest.fixture
async def browser(house: House, programs: Programs) -> Browser:
    one = Browser(house, programs.http)
    await one.signs_in("ben", "slack")
    return one


async def changes(browser: Browser, what: str, **typed: str) -> Page:
    csrf = json.loads((await browser.get("/api/v1/me")).text)["csrf"]
    headers = {"Content-Type": "application/json", "X-CSRF-Token": csrf}
    return await browser.post(f"/api/v1/company/{what}", json.dumps(typed), **headers)


def log_of(folder: Path) -> list[str]:
    said = ["git", "-C", str(folder), "log", "--format=%an|%s|%b", "--reverse"]
    out = subprocess.run(said, capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if line]


async def test_a_cap_is_changed_committed_and_counts(house: House, browser: Browser) -> None:
    form = json.loads((await browser.get("/api/v1/company/vendor/mr_wang_hvac")).text)["fields"]
    assert {"name": "usual_usd", "label": "Usual", "value": "80.00-200.00"} in form
    done = await changes(browser, "vendor/mr_wang_hvac", cap_usd="120", usual_usd="60 - 110.5")
    assert done.status == 200, done
    folder = house.app.settings.company_folder
    assert json.loads(done.text)["commit"] == _head(folder)
    assert log_of(folder) == [
        "LoopOS|The company as it was|",
        "LoopOS|mr_wang_hvac: cap_usd, usual_usd|Changed-by: ben",
    ]
    vendor = house.app.services.company.vendor("mr_wang_hvac")
    assert vendor is not None and str(vendor.cap_usd) == "120.00" and str(vendor.usual_usd.high) == "110.50"


async def test_what_the_founder_raises_here_waits_for_no_yes(house: House, browser: Browser) -> None:
    done = await changes(browser, "vendor/mr_wang_hvac", cap_usd="900")
    assert done.status == 200, done
    services = house.app.services
    vendor = services.company.vendor("mr_wang_hvac")
    assert vendor is not None and str(vendor.cap_usd) == "900.00"
    waits = await house.app.store.read(lambda s: let_through(SessionRows(s), services.written)[1])
    assert waits == []
    row = await house.app.store.read(lambda s: s.get_one(AcceptedRow, "vendor:mr_wang_hvac"))
    assert row.by == "ben"


async def test_a_lead_does_not_change_the_company(house: House, programs: Programs) -> None:
    services = house.app.services
    team = [
        one.model_copy(update={"role": Role.LEAD}) if one.id == "shirley" else one
        for one in services.company.team
    ]
    services.company = replace(services.company, team=team)
    lead = Browser(house, programs.http)
    await lead.signs_in("shirley", "slack")
    assert (await lead.get("/api/v1/company/vendor/mr_wang_hvac")).status == 403
    assert (await changes(lead, "vendor/mr_wang_hvac", cap_usd="900")).status == 403


def _head(folder: Path) -> str:
    said = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(said, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("what", "typed", "status", "field"),
    [
        ("vendor/mr_wang_hvac", {"cap_usd": "a lot"}, 422, "cap_usd"),
        ("vendor/mr_wang_hvac", {"cap_usd": "-5"}, 422, "cap_usd"),
        ("vendor/mr_wang_hvac", {"cap_usd": "1e50"}, 422, "cap_usd"),
        ("vendor/mr_wang_hvac", {"usual_usd": f"10 - {'9' * 40}"}, 422, "usual_usd"),
        ("vendor/mr_wang_hvac", {"usual_usd": "1" * 30_000}, 422, "usual_usd"),
        ("escalation/-", {"default": "a" * 30_000}, 422, "default"),
        ("vendor/mr_wang_hvac", {"identities": "{}"}, 422, "identities"),
        ("vendor/mr_wang_hvac", {}, 422, None),
        ("vendor/mr_wang_hvac", {"properties": "nowhere"}, 422, None),
        ("person/shirley", {"quiet_hours": "night"}, 422, "quiet_hours"),
        ("person/shirley", {"timezone": "Mars/Olympus"}, 422, None),
        ("person/nobody", {"name": "x"}, 422, None),
        ("escalation/-", {"default": "everybody 5"}, 422, None),
        ("secrets/-", {"x": "y"}, 404, None),
    ],
)
async def test_what_does_not_fit_is_said_and_nothing_is_written(
    house: House, browser: Browser, what: str, typed: dict[str, str], status: int, field: str | None
) -> None:
    folder = house.app.settings.company_folder
    before = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    answer = await changes(browser, what, **typed)
    assert (answer.status, json.loads(answer.text)["error"].get("field")) == (status, field), answer
    assert {path.name: path.read_bytes() for path in folder.glob("*.json")} == before


async def test_only_the_founder_changes_the_company(house: House, programs: Programs) -> None:
    browser = Browser(house, programs.http)
    await browser.signs_in("celine", "slack")
    assert "data-edit" not in (await browser.get("/people")).text
    assert (await browser.get("/api/v1/company/vendor/mr_wang_hvac")).status == 403
    assert (await changes(browser, "vendor/mr_wang_hvac", cap_usd="9999")).status == 403


async def test_quiet_hours_and_the_steps_of_the_escalation(house: House, browser: Browser) -> None:
    assert (await changes(browser, "person/shirley", quiet_hours="9:00-17:30, 23:00-06:00")).status == 200
    assert (await changes(browser, "escalation/-", default="assignee 45, founder 60")).status == 200
    company = house.app.services.company
    shirley = company.person("shirley")
    assert shirley is not None and [f"{one.start:%H:%M}" for one in shirley.quiet_hours] == ["09:00", "23:00"]
    assert [(one.who, one.wait) for one in company.escalation.default] == [("assignee", 45), ("founder", 60)]


@pytest.mark.parametrize(
    ("typed", "shape", "value"),
    [
        (" a , b,", "names", ["a", "b"]),
        ("80 – 200", "range", {"low": "80.00", "high": "200.00"}),
        ("yes", "yes", True),
        ("", "money", None),
        ("12.5", "money", "12.50"),
        ("assignee 30, backup 60", "waits", [{"who": "assignee", "wait": 30}, {"who": "backup", "wait": 60}]),
        ("", "hours", []),
    ],
)
def test_what_is_typed_and_what_stands_there(typed: str, shape: Shape, value: Any) -> None:
    assert read(typed, shape) == value
    assert read(shown(value, shape), shape) == value


def test_every_entry_of_the_demo_company_can_be_shown_and_typed_again(tmp_path: Path) -> None:
    folder = tmp_path / "company"
    shutil.copytree(DATA / "company", folder)
    for kind, file in editing.FILES.items():
        rows = json.loads((folder / file).read_text(encoding="utf-8"))
        for name in ["-"] if kind == "escalation" else [row["id"] for row in rows]:
            typed = {one["name"]: one["value"] for one in editing.form(folder, kind, name)}
            with pytest.raises(Unreadable) as same:
                editing.edit(folder, kind, name, typed)
            assert same.value.text == "nothing was changed", (kind, name)
