"""A skill as other programs read it. Only looks, without the ORM: `row` is one of the table skill_versions, whoever read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.company.skills import skill_json
from core.errors import Refused
from core.model import SkillStatus
from core.store.rows import Rows
from core.team.learnt import skill_from
from core.workflow import skill_record


def shown(rows: Rows) -> Sequence[Any]:
    """Of every skill the version that matters: the approved one, else the newest."""
    every = rows.rows("SELECT * FROM skill_versions ORDER BY skill_id, version")
    ids = dict.fromkeys(row.skill_id for row in every)
    return [_that_matters([row for row in every if row.skill_id == one]) for one in ids]


def find(rows: Rows, skill_id: str, version: int | None = None) -> Any:
    """That version; without one the one that matters. Raises Refused("unknown_skill")."""
    every = rows.rows("SELECT * FROM skill_versions WHERE skill_id = :skill ORDER BY version", skill=skill_id)
    found = [row for row in every if version in {None, row.version}]
    if not found:
        raise Refused("unknown_skill", skill=skill_id[:60])
    return _that_matters(found)


def _that_matters(versions: Sequence[Any]) -> Any:
    return next((row for row in versions if row.status == SkillStatus.APPROVED), versions[-1])


def told(rows: Rows, row: Any) -> dict[str, Any]:
    """A SkillArtifact with `approved` as it really is, `status` and `record`."""
    return {
        **skill_json(skill_from(row.content)),
        "approved": row.status == SkillStatus.APPROVED,
        "status": str(row.status),
        "record": skill_record.of(rows, row.skill_id, row.version),
    }
