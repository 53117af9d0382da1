"""Tickets as JSON, read without the ORM: agents call this in loops. One query for each table, whatever the history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Final

from core.store.plain import PlainReader
from core.tickets.view import ticket_json

BATCH: Final = 200
"""Tickets that are held at the same time."""
CHILDREN: Final = {
    "dispatches": ("dispatches", "created_at"),
    "reports": ("reports", "id"),
    "attachments": ("attachments", "id"),
    "history": ("history", "id"),
    "approvals": ("approvals", "created_at"),
}
"""What belongs to a ticket: (table, order)."""


def tickets(
    reader: PlainReader,
    *,
    status: str | None = None,
    property_id: str | None = None,
    ticket_id: str | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Oldest first; of more than `limit` the newest."""
    wanted = {"status": status, "property_id": property_id, "ticket_id": ticket_id}
    given = {column: value for column, value in wanted.items() if value is not None}
    where = " AND ".join(f"{column} = ?" for column in given)
    where = f"WHERE {where}" if where else ""
    values = list(given.values())
    if limit is not None:
        newest = reader.rows("tickets", f"{where} ORDER BY number DESC LIMIT ?", [*values, limit])
        yield from _with_children(reader, newest[::-1])
        return
    last = -1
    more = f"{where} AND" if where else "WHERE"
    while some := reader.rows(
        "tickets", f"{more} number > ? ORDER BY number LIMIT ?", [*values, last, BATCH]
    ):
        yield from _with_children(reader, some)
        last = some[-1].number


def _with_children(reader: PlainReader, rows: Sequence[SimpleNamespace]) -> Iterator[dict[str, Any]]:
    for at in range(0, len(rows), BATCH):
        some = rows[at : at + BATCH]
        ids = [row.ticket_id for row in some]
        marks = ", ".join("?" * len(ids))
        for name, (table, order) in CHILDREN.items():
            of: dict[str, list[SimpleNamespace]] = defaultdict(list)
            for child in reader.rows(table, f"WHERE ticket_id IN ({marks}) ORDER BY ticket_id, {order}", ids):
                of[child.ticket_id].append(child)
            for row in some:
                setattr(row, name, of[row.ticket_id])
        for row in some:
            yield ticket_json(row)  # type: ignore[arg-type]
