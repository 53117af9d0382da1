"""A skill's file: what is refused, and where the mistake stands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bot.settings import DATA
from core.company.company import Company
from core.company.loader import load_company
from core.company.skills import Skill, digest_of, schema, skill_json

ROOT = Path(__file__).parents[2]
PUBLISHED = json.loads((ROOT / "docs" / "skill.schema.json").read_text(encoding="utf-8"))
SEND = {"do": "dispatch_vendor", "with": {"vendor_id": "mr_wang_hvac"}}
STEPS = "workflow_steps"


def company_with(folder: Path, **changes: Any) -> Company:
    shutil.copytree(DATA / "company", folder)
    path = folder / "skills" / "taipei_ac_leak.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}, indent=1))
    return load_company(folder)


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({STEPS: []}, "workflow_steps", "at least 1"),
    ({STEPS: [SEND] * 2}, "workflow_steps", "dispatch_vendor stands once, not 2 times"),
    ({STEPS: [{"do": "follow_up"}]}, "workflow_steps", "not 0 times"),
    ({STEPS: [{"do": "dispatch_vendor"}], "preferred_vendors": []}, "workflow_steps.0", "names no vendor_id"),
    ({STEPS: [{"do": "wait_acknowledgement"}, SEND]}, "workflow_steps", "wait_acknowledgement stands after dispatch_vendor"),
    ({STEPS: [SEND, *[{"do": "follow_up"}] * 20]}, "workflow_steps", "at most 20"),
    ({STEPS: [SEND, {"do": "pay"}]}, "workflow_steps.1", "pay"),
    ({STEPS: [SEND, {"do": "follow_up", "goto": 1}]}, "workflow_steps.1.goto", "Extra inputs"),
    ({STEPS: [SEND, {"do": "follow_up", "with": {"shell": "rm"}}]}, "workflow_steps.1.with.shell", "Extra inputs"),
    ({STEPS: [SEND, {"do": "wait_acknowledgement", "with": {"seconds": 0}}]}, "workflow_steps.1.with.seconds", "greater"),
    ({STEPS: [{"do": "dispatch_vendor", "with": {"vendor_id": "nobody"}}]}, "workflow_steps.0.with.vendor_id", "no vendor"),
    ({"preferred_vendors": ["nobody"]}, "preferred_vendors.0", "no vendor 'nobody'"),
    ({"preferred_vendors": ["ito_setsubi"]}, "workflow_steps", "not approved at warm_taipei_2br"),
    ({"auth_cap_usd": "200.01"}, "auth_cap_usd", "above the cap of"),
    ({"auth_cap_usd": 199.99}, "auth_cap_usd", "a float is not exact"),
    ({"auth_cap_usd": "-1"}, "auth_cap_usd", "never negative"),
    ({"trigger_conditions": {"category": []}}, "trigger_conditions.category", "at least 1"),
    ({"trigger_conditions": {"category": ["rain"]}}, "trigger_conditions.category.0", "Input should be"),
    ({"trigger_conditions": {"category": ["hvac_leak"], "property_id": ["moon"]}}, "trigger_conditions.property_id.0", "no property"),
    ({"trigger_conditions": {"category": ["hvac_leak"], "severity": {"min": 4, "max": 2}}}, "trigger_conditions.severity", "min is above max"),
    ({"trigger_conditions": {"category": ["hvac_leak"], "python": "1"}}, "trigger_conditions.python", "Extra inputs"),
    ({"approval_rules": [{"ask": "nobody", "if": {}}]}, "approval_rules.0", "founder"),
    ({STEPS: [{"do": "offer_compensation", "with": {"up_to_usd": "500"}}, SEND]}, "workflow_steps.0.with.up_to_usd", "above what a guest may get"),
    *[
        ({STEPS: [{"do": "notify_reporter", "with": {"text": {"en": text}}}, SEND]}, "workflow_steps.0.with.text", why)
        for text, why in [
            ("call +886 912 345 678", "no address and no number"),
            ("see https://x.example", "no address and no number"),
            ("it costs 200 USD", "no amount of money"),
            ("NT$4,600, please", "no amount of money"),
            ("", "1 to 500 characters"),
            ("x" * 501, "1 to 500 characters"),
        ]
    ],
    ({STEPS: [{"do": "notify_reporter", "with": {"text": "unknown_key"}}, SEND]}, "workflow_steps.0.with.text", ""),
    ({STEPS: [{"do": "notify_reporter", "with": {"text": {"fr": "bonjour"}}}, SEND]}, "workflow_steps.0.with.text", ""),
    ({"surprise": 1}, "surprise", "Extra inputs"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "key", "problem"), BROKEN)
def test_a_broken_skill_is_left_out_alone_and_named_with_file_line_and_key(
    tmp_path: Path, changes: dict[str, Any], key: str, problem: str
) -> None:
    company = company_with(tmp_path / "c", **changes)
    assert company.skills == []
    assert "taipei_ac_leak" in company.skill_files
    assert company.refused
    first = company.refused[0]
    assert first.file == "skills/taipei_ac_leak.json"
    assert first.key.startswith(key)
    assert any(problem in one.problem for one in company.refused), company.refused
    lines = (tmp_path / "c" / first.file).read_text().splitlines()
    assert key == "" or key.rsplit(".", 1)[-1] in lines[first.line - 1] or first.line > 1
    assert len(company.vendors) > 5


@pytest.mark.parametrize("text", ["", "{", "[]", '{"skill_id": 1}', "[" * 100_000])
def test_what_is_no_skill_at_all_is_named(tmp_path: Path, text: str) -> None:
    shutil.copytree(DATA / "company", tmp_path / "c")
    (tmp_path / "c" / "skills" / "other.json").write_text(text)
    company = load_company(tmp_path / "c")
    assert [one.skill_id for one in company.skills] == ["taipei_ac_leak"]
    assert company.refused[0].file == "skills/other.json"


def test_a_link_a_huge_file_and_a_second_of_the_same_name_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    shutil.copytree(DATA / "company", folder)
    (folder / "skills" / "link.json").symlink_to(folder / "skills" / "taipei_ac_leak.json")
    (folder / "skills" / "huge.json").write_text(" " * (1 << 20) + "{}")
    shutil.copy(folder / "skills" / "taipei_ac_leak.json", folder / "skills" / "zz.json")
    company = load_company(folder)
    assert len(company.skills) == 1
    said = {one.file: one.problem for one in company.refused}
    assert "not read" in said["skills/link.json"]
    assert "1 MiB" in said["skills/huge.json"]
    assert "stands twice" in said["skills/zz.json"]


def test_the_schema_that_is_published_is_that_of_the_code() -> None:
    assert schema() == PUBLISHED, "python -m tools.skill_schema writes it"
    Draft202012Validator.check_schema(PUBLISHED)


def test_the_schema_takes_what_we_write_and_refuses_what_we_refuse(tmp_path: Path) -> None:
    (one,) = load_company(DATA / "company").skills
    validator = Draft202012Validator(PUBLISHED)
    content = skill_json(one)
    assert list(validator.iter_errors(content)) == []
    assert list(validator.iter_errors({**content, "workflow_steps": [{"do": "pay"}]}))
    assert list(validator.iter_errors({**content, "surprise": 1}))


def test_what_a_file_says_of_itself_and_its_number_are_not_its_content() -> None:
    (one,) = load_company(DATA / "company").skills
    assert digest_of(one) == digest_of(one.model_copy(update={"approved": False, "version": 9}))
    assert digest_of(one) != digest_of(one.model_copy(update={"name": "another"}))
    assert Skill.model_validate(skill_json(one)) == one
