"""Mistakes in the company's data are named with file, line and key."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.settings import DATA
from core.company.findings import CompanyDataError
from core.company.loader import load_company


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA / "company", tmp_path / "company"))


def test_the_demo_company_is_right(folder: Path) -> None:
    company = load_company(folder)
    assert company.founder.id == "ben"
    assert company.deputy(excluding="miguel").id != "miguel"  # type: ignore[union-attr]


def edit(folder: Path, file: str, path: list[Any], value: Any) -> None:
    data = json.loads((folder / file).read_text())
    spot = data
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    (folder / file).write_text(json.dumps(data, indent=1, ensure_ascii=False))


@pytest.mark.parametrize(
    ("file", "path", "value", "said"),
    [
        ("vendors.json", [0, "cap_usd"], "-5", "0.cap_usd"),
        ("vendors.json", [0, "cap_usd"], 12.5, "float"),
        ("vendors.json", [0, "usual_usd", "high"], "1e", "not an amount"),
        ("team.json", [1, "timezone"], "Mars/Olympus", "not a time zone"),
        ("team.json", [1, "backup"], "miguel", "their own backup"),
        ("team.json", [1, "backup"], "nobody", "no person 'nobody'"),
        ("team.json", [0, "role"], "ops", "exactly one founder"),
        ("properties.json", [0, "colour"], "red", "0.colour"),
        ("properties.json", [1, "id"], "creekfront_cabin", "stands twice"),
        ("escalation.json", ["default", 1, "who"], "assignee", "already told"),
        ("escalation.json", ["default", 0, "wait"], 0, "default.0.wait"),
        ("vendors.json", [0, "properties"], ["atlantis"], "no property 'atlantis'"),
    ],
)
def test_a_mistake_is_named(folder: Path, file: str, path: list[Any], value: Any, said: str) -> None:
    edit(folder, file, path, value)
    with pytest.raises(CompanyDataError) as caught:
        load_company(folder)
    text = str(caught.value)
    assert file in text
    assert said in text
    named = caught.value.findings[0]
    if isinstance(path[-1], str) and named.key:
        line = (folder / file).read_text().splitlines()[named.line - 1]
        assert str(path[-1]) in line or str(path[0]) in line or "{" in line


def test_the_line_is_the_line(folder: Path) -> None:
    edit(folder, "vendors.json", [3, "response_hours"], -1)
    with pytest.raises(CompanyDataError) as caught:
        load_company(folder)
    (finding,) = caught.value.findings
    assert '"response_hours": -1' in (folder / "vendors.json").read_text().splitlines()[finding.line - 1]


def test_what_is_not_json_is_said_with_its_line_and_all_mistakes_at_once(folder: Path) -> None:
    (folder / "sops.json").write_text('[\n {"id": "lockout",\n]')
    (folder / "company.json").unlink()
    with pytest.raises(CompanyDataError) as caught:
        load_company(folder)
    assert "sops.json:3" in str(caught.value)
    assert "company.json:1: the file is missing" in str(caught.value)
