"""Which worker runs a verb. What a process says of itself in its environment may be another's word: whoever descends from a worker's
supervisor is that worker, whatever it says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CALLER: Final = "LOOPOS_CALLER"
"""As core.loop.environment has it."""
SESSION: Final = ("LOOPOS_SESSION_ID", "LOOOP_SESSION_ID", "SESSION_ID")
DEEPEST: Final = 100
"""Generations that are looked up."""


def caller_of(sessions: Path, environ: Mapping[str, str]) -> str:
    """ "": no worker does."""
    return _ancestor(sessions) or environ.get(CALLER, "")


def session_of(environ: Mapping[str, str]) -> str:
    return next((environ[one] for one in SESSION if environ.get(one)), "")


def _ancestor(sessions: Path) -> str:
    known: dict[tuple[int, str], str] = {}
    try:
        folders = list(os.scandir(sessions))
    except OSError:
        return ""
    for folder in folders:
        try:
            about = json.loads((Path(folder.path) / "run.json").read_text())
            known[int(about["pid"]), str(about["began"])] = folder.name
            known[int(about["child"]), str(about["child_began"])] = folder.name
        except (OSError, ValueError, KeyError, TypeError):
            continue
    pid = os.getpid()
    for _ in range(DEEPEST if known else 0):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            if (pid, fields[19]) in known:
                return known[pid, fields[19]]
            pid = int(fields[1])
        except (OSError, IndexError, ValueError):
            break
        if pid <= 1:
            break
    return ""
