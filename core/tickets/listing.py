"""Tickets as JSON, read without the ORM: agents call this in loops. One query for each table, whatever the history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from core.store.rows import Rows
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
    reader: Rows,
    *,
    status: str | None = None,
    property_id: str | None = None,
    ticket_id: str | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Oldest first; of more than `limit` the newest."""
    wanted = {"status": status, "property_id": property_id, "ticket_id": ticket_id}
    given = {column: value for column, value in wanted.items() if value is not None}
    where = "".join(f"{column} = :{column} AND " for column in given)
    if limit is not None:
        newest = reader.rows(
            f"SELECT * FROM tickets WHERE {where} TRUE ORDER BY number DESC LIMIT :most",  # noqa: S608
            most=limit,
            **given,
        )
        yield from _with_children(reader, newest[::-1])
        return
    last = -1
    while some := reader.rows(
        f"SELECT * FROM tickets WHERE {where} number > :last ORDER BY number LIMIT :most",  # noqa: S608
        last=last,
        most=BATCH,
        **given,
    ):
        yield from _with_children(reader, some)
        last = some[-1].number


def _with_children(reader: Rows, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for at in range(0, len(rows), BATCH):
        some = rows[at : at + BATCH]
        ids = [row.ticket_id for row in some]
        for name, (table, order) in CHILDREN.items():
            of: dict[str, list[Any]] = defaultdict(list)
            wanted = f"SELECT * FROM {table} WHERE ticket_id IN :ids ORDER BY ticket_id, {order}"  # noqa: S608
            for child in reader.rows(wanted, ids=ids):
                of[child.ticket_id].append(child)
            for row in some:
                setattr(row, name, of[row.ticket_id])
        for row in some:
            yield ticket_json(row)
