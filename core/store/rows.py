"""Rows without the ORM: what only looks is written once, as SQL with named values, and read on two connections. A command of the
shell has one of its own and imports no ORM (core.store.plain: importing it would be most of what such a command costs); the
service reads within its session (core.store.session_rows)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

# How the columns of the tables are kept, by their names; a test holds this against them.
JSON: Final = frozenset(
    {
        "risk_tags",
        "source",
        "triage",
        "knowledge",
        "matched_voice_memo_ids",
        "matched_historical_ids",
        "skill_artifact",
        "facts",
        "heard",
        "detail",
        "reasons",
        "changes",
        "texts",
        "steps",
        "paged",
        "action",
        "deciders",
        "unreached",
        "options",
        "cost_estimate_local",
        "actual_cost_local",
        "guest_credit_local",
        "person",
        "content",
        "evidence",
        "history",
        "value",
    }
)
MONEY: Final = frozenset({"cost_usd", "guest_credit_usd", "cost_estimate_usd", "cap_usd", "actual_cost_usd"})
TRUTH: Final = frozenset(
    {"authorized", "acknowledged", "escalated", "void", "recalled", "doubtful", "told", "waited_out"}
)
MOMENT: Final = frozenset(
    {
        "at",
        "created_at",
        "resolved_at",
        "authorized_at",
        "eta_iso",
        "acknowledged_at",
        "decided_at",
        "answered_at",
        "proposed_at",
        "added_at",
        "failing_since",
        "expires_at",
        "last_used_at",
        "revoked_at",
        "since",
        "until",
        "begun_at",
        "ended_at",
        "removed_at",
    }
)


class Rows(Protocol):
    def rows(self, statement: str, **values: Any) -> list[Any]:
        """What a SELECT finds: objects with the names of its columns, each typed by its name. `:name` stands for one of
        `values`, of which a moment is aware, and a list stands behind IN. Never anything that a person said in `statement`."""


def typed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the database keeps it, as core.store.tables has it; what is one of a closed set stays its name."""
    return {name: value if value is None else _typed(name, value) for name, value in row.items()}


def _typed(name: str, value: Any) -> Any:
    if name in TRUTH:
        return bool(value)
    if name in MOMENT:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not isinstance(value, str):
        return value
    if name in JSON:
        return json.loads(value)
    return Decimal(value) if name in MONEY else value
