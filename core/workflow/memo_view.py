"""Memos as other programs read them. Only looks, without the ORM."""

from __future__ import annotations

from typing import Any

from core.company.company import Company
from core.company.memos import memo_json
from core.errors import Refused
from core.model import MemoStatus
from core.store.rows import Rows


def told(rows: Rows, company: Company, memo_id: str) -> dict[str, Any]:
    """A Memo, whatever became of it. Raises Refused("unknown_memo")."""
    for row in rows.rows("SELECT status, content FROM memos WHERE memo_id = :memo", memo=memo_id):
        if row.status != MemoStatus.EXPECTED:
            return dict(row.content)
    for one in company.memos:
        if one.id == memo_id:
            return memo_json(one)
    raise Refused("unknown_memo", memo=memo_id[:60])


def proposed(rows: Rows) -> list[dict[str, Any]]:
    """Oldest first."""
    wanted = "SELECT content FROM memos WHERE status = :status ORDER BY at"
    return [dict(row.content) for row in rows.rows(wanted, status=MemoStatus.PROPOSED.value)]
