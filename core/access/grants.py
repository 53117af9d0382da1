"""What may act for people of the team: programs, tokens, browsers. Only looks, without the ORM."""

from __future__ import annotations

from datetime import datetime

from core.cards.programs import Acting
from core.model import GrantKind
from core.store.rows import Rows


def listed(rows: Rows, now: datetime, person_id: str | None = None) -> list[Acting]:
    """The newest first; of one person, or of all (None)."""
    whose, values = ("", {}) if person_id is None else ("AND person_id = :person", {"person": person_id})
    found = rows.rows(
        "SELECT * FROM grants WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now) "  # noqa: S608
        f"{whose} ORDER BY created_at DESC",
        now=now,
        **values,
    )
    return [
        Acting(
            one.id,
            one.client_id,
            one.name,
            GrantKind(one.kind),
            one.person_id,
            one.scope,
            one.audience,
            one.created_at,
            one.last_used_at,
            one.last_used_from,
            one.expires_at,
        )
        for one in found
    ]


def webhooks(rows: Rows) -> list[dict[str, str | None]]:
    """The addresses that are told of every change: the keys of `loopos clients webhooks --json`."""
    return [
        {
            "id": one.id,
            "url": one.url,
            "added_at": one.added_at.isoformat(),
            "told_up_to": str(one.told_up_to),
            "failing_since": one.failing_since.isoformat() if one.failing_since else None,
        }
        for one in rows.rows("SELECT * FROM webhooks WHERE removed_at IS NULL ORDER BY added_at")
    ]
