"""Which worker runs a verb. What a process says of itself in its environment may be another's word: whoever descends from a worker's
supervisor is that worker, whatever it says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from core.store.calls import supervisors

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
    """The worker whose supervisor this process descends from, as the service knows supervisors. Of every run, the ended too:
    what a worker left behind is no operator."""
    known = supervisors(database)
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
