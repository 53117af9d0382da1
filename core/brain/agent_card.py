"""A skill as an agent card (A2A's agent.json), for other agents to read. Pure."""

from __future__ import annotations

from typing import Any

from core.company.company import Company
from core.company.skills import Skill, schema, skill_json


def agent_card(company: Company, skill: Skill, told: dict[str, Any]) -> dict[str, Any]:
    """`told`: its status and record. Names the keys of A2A's card; what only LoopOS knows stands under x-loopos."""
    places = [place.name for one in skill.trigger_conditions.property_id if (place := company.place(one))]
    kinds = [one.value for one in skill.trigger_conditions.category]
    modes = ["text/plain", "application/json"]
    where = ", ".join(places) or "any property"
    return {
        "name": skill.name,
        "description": skill.description,
        "version": str(skill.version),
        "capabilities": {"streaming": False, "pushNotifications": False},
        "defaultInputModes": modes,
        "defaultOutputModes": modes,
        "skills": [
            {
                "id": skill.skill_id,
                "name": skill.name,
                "description": skill.description,
                "tags": [*kinds, *skill.trigger_conditions.property_id],
                "examples": [f"{kind.replace('_', ' ')} at {where}" for kind in kinds],
                "inputModes": modes,
                "outputModes": modes,
            }
        ],
        "x-loopos": {
            "owner": company.about.name,
            "status": told["status"],
            "record": told["record"],
            "skill": skill_json(skill),
            "steps": [step.do for step in skill.workflow_steps],
            "schema": schema(),
            "provenance": skill.sources.model_dump(mode="json"),
        },
    }
