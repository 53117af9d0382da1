"""Which skills run and which rules hold: those that were adopted, as they were adopted, while their file is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from core import actors
from core.company.company import Company
from core.company.rules import Rule
from core.company.skills import Skill
from core.company.widening import Pending, held_back
from core.model import RuleStatus, SkillStatus
from core.store.rows import Rows

OPERATOR: Final = actors.OPERATOR.person_id
"""Whoever writes files by hand, or runs the house from the shell: what lies in the folder at the first start is their word."""
TAKEN: Final = "company_taken"
"""Counter: what lay in the folder at the first start was taken as the operator's word."""


def is_taken(rows: Rows) -> bool:
    """The first start was."""
    return bool(rows.rows("SELECT name FROM counters WHERE name = :name", name=TAKEN))


def approved_skills(rows: Rows, written: Company) -> Sequence[Skill]:
    """In the order in which they were approved. Before the first start has taken what is there: that."""
    if not is_taken(rows):
        return written.skills
    found = rows.rows(
        "SELECT skill_id, content FROM skill_versions WHERE status = :status ORDER BY decided_at, skill_id",
        status=SkillStatus.APPROVED.value,
    )
    return [skill_from(one.content) for one in found if one.skill_id in written.skill_files]


def skill_from(content: dict[str, object]) -> Skill:
    """What a row of SkillVersion holds."""
    return _parsed(json.dumps(content, sort_keys=True))


@lru_cache(maxsize=512)
def _parsed(content: str) -> Skill:
    return Skill.model_validate_json(content)


def adopted_rules(rows: Rows, written: Company) -> Sequence[Rule]:
    """In the order in which they were adopted. Before the first start has taken what is there: that."""
    if not is_taken(rows):
        return written.rules
    found = rows.rows(
        "SELECT rule_id, content FROM rules WHERE status = :status ORDER BY decided_at, rule_id",
        status=RuleStatus.APPROVED.value,
    )
    return [rule_from(one.content) for one in found if one.rule_id in written.rule_files]


def rule_from(content: dict[str, object]) -> Rule:
    """What a row of RuleRow holds."""
    return _parsed_rule(json.dumps(content, sort_keys=True))


@lru_cache(maxsize=512)
def _parsed_rule(content: str) -> Rule:
    return Rule.model_validate_json(content)


def accepted(rows: Rows) -> dict[str, dict[str, object]]:
    """What the founder let through, as core.company.widening keeps it; {} before the first start."""
    return {one.entry: one.value for one in rows.rows("SELECT entry, value FROM accepted")}


def let_through(rows: Rows, written: Company) -> tuple[Company, list[Pending]]:
    """`written` with what widens held back, and what waits for the founder's yes."""
    known = accepted(rows)
    return held_back(written, known) if known else (written, [])
