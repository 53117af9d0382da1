"""Processes as their system knows them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

_SET_DUMPABLE: Final = 4
"""Of prctl(2)."""


def began(pid: int) -> str | None:
    """When a process began, as its system counts: with its number it names one process for good. None: it is gone."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def parent(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def _stat(pid: int) -> list[str]:
    """From its state on."""
    try:
        found = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
    return found if len(found) > 19 else []


def keep_private() -> None:
    """Other processes of the same user may not look into this one: not at its environment, which holds secrets, nor at its
    memory. Where the system cannot do that nothing happens."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
