"""The line from a verb of the shell to the service that owns the home: rows that are put and read without the ORM, which
would be most of what a verb costs (agents call them in loops). Their columns are those of core.store.loop_tables."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

WAIT: Final = 5.0
"""Seconds for a lock."""
SUPERVISORS: Final = 500


class Unusable(Exception):
    """The database cannot be used, and why."""


class Gone(Exception):
    """There is no such row."""


class Calls:
    def __init__(self, database: Path) -> None:
        self._database = database
        self._opened: sqlite3.Connection | None = None

    def put(self, verb: str, args: Mapping[str, Any], worker: str) -> str | None:
        """The id of the call; None: the database is not there, or of another version. Raises Unusable."""
        name = secrets.token_hex(10)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        row = (name, verb, json.dumps(dict(args)), "cli", worker, "cli", None, "new", now, "", "")
        try:
            self._connection().execute(
                "INSERT INTO loop_requests (id, verb, args, actor, worker, channel, reply_to, state, at, out, err) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        except sqlite3.OperationalError as error:
            if "no such table" in str(error) or "unable to open" in str(error):
                return None
            raise Unusable(f"the database is busy or cannot be written: {error}") from None
        except sqlite3.DatabaseError as error:
            raise Unusable(f"the database cannot be used: {error}") from None
        return name

    def reply(self, name: str) -> tuple[int, str, str] | None:
        """(exit code, what is said, what is complained of); None while it is not done. Raises Gone, Unusable."""
        row = self._row("SELECT state, code, out, err FROM loop_requests WHERE id = ?", name)
        if row is None:
            raise Gone
        return (row[1] or 0, row[2], row[3]) if row[0] == "done" else None

    def take_back(self, name: str) -> bool:
        """Whether nobody had begun it. Raises Unusable."""
        try:
            taken = self._connection().execute(
                "DELETE FROM loop_requests WHERE id = ? AND state = 'new'", (name,)
            )
        except sqlite3.DatabaseError as error:
            raise Unusable(f"the database is busy or cannot be written: {error}") from None
        return taken.rowcount > 0

    def is_answered(self, ask_id: str) -> bool:
        """Raises Gone, Unusable."""
        try:
            row = self._row("SELECT answer FROM asks WHERE id = ?", ask_id)
        except Unusable as error:
            if isinstance(error.__cause__, sqlite3.OperationalError):
                return False  # it is busy: the next look will tell
            raise
        if row is None:
            raise Gone
        return row[0] is not None

    def _row(self, statement: str, name: str) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection().execute(statement, (name,)).fetchone()
        except sqlite3.DatabaseError as error:
            raise Unusable(f"the database cannot be read: {error}") from error
        return row

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            # Never made here: a service that starts just now makes it.
            address = f"{self._database.absolute().as_uri()}?mode=rw"
            self._opened = sqlite3.connect(address, timeout=WAIT, isolation_level=None, uri=True)
            self._opened.execute("PRAGMA synchronous=FULL")
        return self._opened


def supervisors(database: Path) -> dict[tuple[int, str], str]:
    """The worker of each supervisor (its process, when that began), of the newest runs, the ended too."""
    try:
        if not database.exists():
            return {}
        with contextlib.closing(
            sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", timeout=WAIT, uri=True)
        ) as one:
            rows = one.execute(
                "SELECT pid, began, id FROM workers WHERE pid IS NOT NULL ORDER BY run DESC LIMIT ?",
                (SUPERVISORS,),
            )
            return {(int(pid), str(began)): str(worker) for pid, began, worker in rows}
    except (sqlite3.Error, OSError):
        return {}  # there is no such table yet, or nothing to be read
