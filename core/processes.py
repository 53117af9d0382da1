"""Processes as their system knows them."""

from __future__ import annotations

from pathlib import Path


def began(pid: int) -> str | None:
    """When a process began, as its system counts: with its number it names one process for good. None: it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
