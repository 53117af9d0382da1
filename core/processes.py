"""Processes as their system knows them."""

from __future__ import annotations

from pathlib import Path


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
