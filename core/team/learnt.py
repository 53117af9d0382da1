"""Which skills run and which rules hold: those that were adopted, as they were adopted, while their file is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.company.company import Company
from core.company.rules import Rule
from core.company.skills import Skill
from core.company.widening import Pending, held_back
from core.model import RuleStatus, SkillStatus
from core.store.brain_tables import AcceptedRow, RuleRow, SkillVersion
from core.store.tables import Counter

TAKEN = "company_taken"
"""Counter: what lay in the folder at the first start was taken as the operator's word."""


def approved_skills(session: Session, written: Company) -> Sequence[Skill]:
    """In the order in which they were approved. Before the first start has taken what is there: that."""
    if session.get(Counter, TAKEN) is None:
        return written.skills
    wanted = (
        select(SkillVersion.skill_id, SkillVersion.content)
        .where(SkillVersion.status == SkillStatus.APPROVED)
        .order_by(SkillVersion.decided_at, SkillVersion.skill_id)
    )
    return [
        skill_from(content)
        for skill_id, content in session.execute(wanted)
        if skill_id in written.skill_files
    ]


def skill_from(content: dict[str, object]) -> Skill:
    """What a row of SkillVersion holds."""
    return _parsed(json.dumps(content, sort_keys=True))


@lru_cache(maxsize=512)
def _parsed(content: str) -> Skill:
    return Skill.model_validate_json(content)


def adopted_rules(session: Session, written: Company) -> Sequence[Rule]:
    """In the order in which they were adopted. Before the first start has taken what is there: that."""
    if session.get(Counter, TAKEN) is None:
        return written.rules
    wanted = (
        select(RuleRow.rule_id, RuleRow.content)
        .where(RuleRow.status == RuleStatus.APPROVED)
        .order_by(RuleRow.decided_at, RuleRow.rule_id)
    )
    return [
        rule_from(content) for rule_id, content in session.execute(wanted) if rule_id in written.rule_files
    ]


def rule_from(content: dict[str, object]) -> Rule:
    """What a row of RuleRow holds."""
    return _parsed_rule(json.dumps(content, sort_keys=True))


@lru_cache(maxsize=512)
def _parsed_rule(content: str) -> Rule:
    return Rule.model_validate_json(content)


def accepted(session: Session) -> dict[str, dict[str, object]]:
    """What the founder let through, as core.company.widening keeps it; {} before the first start."""
    return {row.entry: dict(row.value) for row in session.scalars(select(AcceptedRow))}


def let_through(session: Session, written: Company) -> tuple[Company, list[Pending]]:
    """`written` with what widens held back, and what waits for the founder's yes."""
    known = accepted(session)
    return held_back(written, known) if known else (written, [])
