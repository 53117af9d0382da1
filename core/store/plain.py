"""The embedded database to be looked at without the ORM and without a writer, beside a service that may be running."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from core.errors import StartupError
from core.store import schema
from core.store.rows import typed
from core.store.url import file_of

WAIT: Final = 1.5
"""Seconds for a lock."""


class PlainRows:
    """core.store.rows.Rows on a connection of its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, **values: Any) -> list[Any]:
        kept: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, list):
                marks = {f"{name}_{n}": one for n, one in enumerate(value)}
                listed = ", ".join(f":{mark}" for mark in marks)
                statement = re.sub(rf":{name}\b", f"({listed})", statement)
                kept |= marks
            else:
                kept[name] = _kept(value)
        cursor = self._connection.execute(statement, kept)
        names = [column[0] for column in cursor.description]
        return [SimpleNamespace(**typed(dict(zip(names, row, strict=True)))) for row in cursor]


def _kept(value: Any) -> Any:
    """As SQLAlchemy writes it into SQLite."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")
    return value


@contextlib.contextmanager
def reading(url: str) -> Iterator[PlainRows | None]:
    """None where there is no database yet. Raises StartupError for one of another version, or one that cannot be read."""
    at, path = schema.present(url), file_of(url)
    if at is None:
        yield None
        return
    if at != schema.HEAD:
        raise StartupError(
            f"The database is at schema {at}, this version reads {schema.HEAD}.", "Run: loopos db upgrade"
        )
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=WAIT, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN")  # one snapshot for all that is read
            yield PlainRows(connection)
    except sqlite3.Error as error:
        raise StartupError(f"The database cannot be read ({error}).", "Run: loopos doctor") from error
