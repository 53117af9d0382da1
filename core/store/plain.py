"""Rows without the ORM and without a writer: for commands that are called in loops, where importing it would be most of
what they cost. Reads only, beside a service that may be running."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final

from core.errors import StartupError
from core.store.url import file_of

WAIT: Final = 1.5
"""Seconds for a lock."""
# How the columns of core.store.tables are kept; a test holds this against them.
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
    }
)
MONEY: Final = frozenset({"cost_usd", "guest_credit_usd", "cost_estimate_usd", "cap_usd", "actual_cost_usd"})
TRUTH: Final = frozenset({"authorized", "acknowledged", "escalated", "void", "recalled", "doubtful"})
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
    }
)


class PlainReader:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, table: str, where: str = "", values: Iterable[Any] = ()) -> list[SimpleNamespace]:
        """Whole rows of `table` as objects with the names of its columns, typed as core.store.tables has them. `where`:
        what follows the table's name in a SELECT, with ? for each of `values`; never anything that a person said."""
        cursor = self._connection.execute(f"SELECT * FROM {table} {where}", tuple(values))  # noqa: S608
        names = [column[0] for column in cursor.description]
        return [SimpleNamespace(**_typed(dict(zip(names, row, strict=True)))) for row in cursor]


def _typed(row: dict[str, Any]) -> Mapping[str, Any]:
    for name, value in row.items():
        if value is None:
            continue
        if name in JSON:
            row[name] = json.loads(value)
        elif name in MONEY:
            row[name] = Decimal(value)
        elif name in TRUTH:
            row[name] = bool(value)
        elif name in MOMENT:
            row[name] = datetime.fromisoformat(value).replace(tzinfo=UTC)
    return row


@contextlib.contextmanager
def reading(url: str) -> Iterator[PlainReader | None]:
    """None where there is no database yet. Raises StartupError for one that cannot be read."""
    path = file_of(url)
    if not path.exists() or path.stat().st_size == 0:
        yield None
        return
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=WAIT, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN")  # one snapshot for all that is read
            yield PlainReader(connection)
    except sqlite3.Error as error:
        raise StartupError(f"The database cannot be read ({error}).", "Run: loopos doctor") from error
