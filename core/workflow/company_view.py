"""What of the company's files waits for a yes. Only looks, without the ORM."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from core.company.company import Company
from core.company.rules import digest_of as rule_digest
from core.company.skills import digest_of as skill_digest
from core.company.widening import Pending, values_of
from core.model import RuleStatus, SkillStatus
from core.store.rows import Rows
from core.team.learnt import OPERATOR, accepted, is_taken, let_through, rule_from
from core.workflow.rule_view import file_of


def waiting_files(rows: Rows) -> list[tuple[str, str, str]]:
    """(file, what holds now, what it says) of skills and rules that somebody wrote and nobody adopted."""
    proposed = {"status": SkillStatus.PROPOSED.value, "by": OPERATOR}
    skills = rows.rows(
        "SELECT skill_id, version, (SELECT MAX(version) FROM skill_versions AS now "
        "WHERE now.skill_id = skill_versions.skill_id AND now.status = :approved) AS held FROM skill_versions "
        "WHERE status = :status AND proposed_by = :by ORDER BY version",
        approved=SkillStatus.APPROVED.value,
        **proposed,
    )
    rules = rows.rows(
        "SELECT rule_id, version FROM rules WHERE status = :status AND proposed_by = :by ORDER BY proposed_at",
        status=RuleStatus.PROPOSED.value,
        by=OPERATOR,
    )
    return [
        *(
            (f"skills/{row.skill_id}.json", f"v{row.held}" if row.held is not None else "", f"v{row.version}")
            for row in skills
        ),
        *((file_of(row), "", f"v{row.version}") for row in rules),
    ]


def is_noticed(rows: Rows, written: Company) -> bool:
    """Nothing lies in the files that core.workflow.company_changes.notice would put before the founder, or keep in mind."""
    if not is_taken(rows):
        return False
    skills = {(one.skill_id, one.digest) for one in rows.rows("SELECT skill_id, digest FROM skill_versions")}
    if any((one.skill_id, skill_digest(one)) not in skills for one in written.skills):
        return False
    rules = rows.rows("SELECT rule_id, digest, content FROM rules")
    known = {one.digest for one in rules} | {rule_digest(rule_from(one.content)) for one in rules}
    if any(rule_digest(one) not in known for one in written.rules):
        return False
    allowed, (company, waits) = accepted(rows), let_through(rows, written)
    if any(allowed.get(entry) != value for entry, value in values_of(company).items()):
        return False
    if any(one.startswith("vendor:") for one in set(allowed) - set(values_of(written))):
        return False
    return not waits or bool(
        rows.rows("SELECT key FROM notices WHERE key = :key", key=f"pending:{pending_digest(waits)}")
    )


def pending_digest(waits: Sequence[Pending]) -> str:
    said = json.dumps([[one.entry, one.key, one.old, one.new] for one in waits], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:32]
