"""Writes docs/skill.schema.json from the types: `python -m tools.skill_schema`."""

from __future__ import annotations

import json
from pathlib import Path

from core.company.skills import schema

if __name__ == "__main__":
    path = Path(__file__).parents[1] / "docs" / "skill.schema.json"
    path.write_text(json.dumps(schema(), indent=2) + "\n", encoding="utf-8")
