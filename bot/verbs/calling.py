"""Which worker runs a verb. What a process says of itself in its environment may be another's word: whoever descends from a worker's
supervisor is that worker, whatever it says."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CALLER: Final = "LOOPOS_CALLER"
"""As core.loop.environment has it."""
SESSION: Final = ("LOOPOS_SESSION_ID", "LOOOP_SESSION_ID", "SESSION_ID")
DEEPEST: Final = 100_000
"""Generations that are looked up."""
UNKNOWN: Final = "?"
"""Nobody can tell who calls: it may do what a worker may."""


def caller_of(database: Path, environ: Mapping[str, str]) -> str:
    """ "": no worker does."""
    return _ancestor(database) or environ.get(CALLER, "")


def session_of(environ: Mapping[str, str]) -> str:
    return next((environ[one] for one in SESSION if environ.get(one)), "")


def _ancestor(database: Path) -> str:
    """The worker whose supervisor this process descends from, as the service knows supervisors."""
    known = _supervisors(database)
    pid = os.getpid()
    for _ in range(DEEPEST if known else 0):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            if (pid, fields[19]) in known:
                return known[pid, fields[19]]
            pid = int(fields[1])
        except (OSError, IndexError, ValueError):
            return UNKNOWN
        if pid <= 1:
            return ""
    return UNKNOWN if known else ""


def _supervisors(database: Path) -> dict[tuple[int, str], str]:
    """Of every run, the ended too: what a worker left behind is no operator. Its newest few hundred."""
    if not database.exists():
        return {}
    try:
        with contextlib.closing(
            sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", timeout=5.0, uri=True)
        ) as one:
            rows = one.execute(
                "SELECT pid, began, id FROM workers WHERE pid IS NOT NULL ORDER BY run DESC LIMIT 500"
            )
            return {(int(pid), str(began)): str(worker) for pid, began, worker in rows}
    except sqlite3.Error:
        return {}  # there is no such table yet, or nothing to be read
