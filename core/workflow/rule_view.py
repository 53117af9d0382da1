"""A rule as other programs read it, and as its file says it. Only looks, without the ORM: `row` is one of the table rules, whoever
read it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from typing import Any

from core.errors import Refused
from core.model import RuleStatus
from core.store.rows import Rows
from core.team.learnt import rule_from


def listed(rows: Rows) -> Sequence[Any]:
    """In force first, then what waits, then the rest; each newest first."""
    order = {RuleStatus.APPROVED: 0, RuleStatus.PROPOSED: 1}
    found = rows.rows("SELECT * FROM rules ORDER BY proposed_at DESC LIMIT 200")
    return sorted(found, key=lambda row: order.get(row.status, 2))


def find(rows: Rows, rule_id: str) -> Any:
    """Raises Refused("unknown_rule")."""
    found = rows.rows("SELECT * FROM rules WHERE rule_id = :rule", rule=rule_id)
    if not found:
        raise Refused("unknown_rule", rule=rule_id[:60])
    return found[0]


def told(row: Any) -> dict[str, Any]:
    """A Rule: every key, null or "" where there is nothing."""
    rule = rule_from(row.content)
    return {
        "rule_id": row.rule_id,
        "version": row.version,
        "kind": row.kind,
        "when": row.content.get("when", {}),
        "then": row.content.get("then", {}),
        "until": row.content.get("until"),
        "max_uses": rule.max_uses,
        "uses": row.uses,
        "proposed_by": row.proposed_by,
        "approved_by": rule.approved_by or None,
        "evidence": row.evidence,
        "status": str(row.status),
        "text": dict(rule.text),
        "diff": diff_of(row),
        "lightsprint_prompt": brief_of(row),
        "commit": row.commit or None,
        "branch": row.branch or None,
        "pull_request": row.pull_request or None,
        "history": row.history,
    }


def file_of(row: Any) -> str:
    return f"rules/{row.rule_id}.json"


def text_of(row: Any) -> str:
    """The whole of its file."""
    return json.dumps(row.content, ensure_ascii=False, indent=2) + "\n"


def diff_of(row: Any) -> str:
    """What adopting it adds to the company's folder, as a unified diff."""
    lines = text_of(row).splitlines(keepends=True)
    return "".join(difflib.unified_diff([], lines, "/dev/null", f"b/{file_of(row)}"))


def brief_of(row: Any) -> str:
    """A complete task for whoever makes it part of the company, or of the code where data cannot say it."""
    rule = rule_from(row.content)
    said = rule.text.get("en") or row.text
    scope = f"property {rule.when.property_id}" if rule.when.property_id else "every property"
    evidence = [
        f"- {one.ticket_id or one.resolution_id or one.memo_id}, {one.at:%Y-%m-%d}{f': {one.value}' if one.value else ''}"
        for one in rule.evidence
    ]
    return "\n".join(
        [
            f"Goal: make this rule of the company hold for {scope}: {said}",
            "Evidence:",
            *(evidence or ["- none was named"]),
            f"Files: {file_of(row)} in the company's folder"
            + (" (data cannot say it: the code has to change)." if rule.kind == "code" else "."),
            "Tests: a report that the rule is about is drafted by it; a report that it is not about is drafted as before; "
            "no other cap is widened and no vendor is added.",
        ]
    )
