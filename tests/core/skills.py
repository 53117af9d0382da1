"""Skills to test with."""

from __future__ import annotations

from typing import Any

from core.company.skills import Skill


def skill(skill_id: str = "s", **more: Any) -> Skill:
    """One that sends Ed for pests, with `more` of its keys."""
    content = {
        "skill_id": skill_id,
        "version": 1,
        "name": skill_id,
        "description": "d",
        "trigger_conditions": {"category": ["pest"]},
        "workflow_steps": [{"do": "dispatch_vendor", "with": {"vendor_id": "ed"}}],
        "auth_cap_usd": "100",
        "sources": {"generated_by": "ben", "generated_at": "2026-01-01T00:00:00Z"},
    }
    return Skill.model_validate({**content, **more})
