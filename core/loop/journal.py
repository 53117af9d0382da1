"""The journal: a row for each thing that was done or failed, mirrored as a line of journal.md. Rows are the truth."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.context import Store
from core.store.loop_tables import LoopLine
from core.store.tables import table

log = structlog.get_logger(__name__)

FILE: Final = "journal.md"
LOOKED_BACK: Final = 64 * 1024
"""Bytes of the end of journal.md in which a line that was written before a crash is found again."""


def tail(session: Session, zone: ZoneInfo, most: int = 20) -> list[str]:
    """The last lines as journal.md has them, oldest first."""
    rows = session.scalars(select(LoopLine).order_by(LoopLine.seq.desc()).limit(most)).all()
    return [line_of(row.at, row.text, zone) for row in reversed(rows)]


def line_of(at: datetime, text: str, zone: ZoneInfo) -> str:
    return f"- {at.astimezone(zone):%Y-%m-%d %H:%M} {text}"


async def mirror(store: Store, folder: Path, zone: ZoneInfo, most: int, *, first: bool = False) -> list[str]:
    """Bring journal.md up to the rows; returns the lines that were added. A disk that takes nothing delays it, and fails no
    move. `most`: bytes after which the file is put aside; `first`: of a process, whose last may have died between the file and
    the mark on its row."""

    def owed(session: Session) -> list[tuple[int, str]]:
        wanted = select(LoopLine).where(LoopLine.mirrored.is_(False)).order_by(LoopLine.seq).limit(500)
        return [(row.seq, line_of(row.at, row.text, zone)) for row in session.scalars(wanted)]

    rows = await store.read(owed)
    if not rows:
        return []
    try:
        added = await asyncio.to_thread(_append, folder / FILE, [line for _, line in rows], most, first)
    except OSError as error:
        log.warning("journal_not_mirrored", why=error.strerror)
        return []
    seqs = [seq for seq, _ in rows]
    lines = table(LoopLine)
    await store.write(
        lambda tx: tx.change(update(lines).where(lines.c.seq.in_(seqs)).values(mirrored=True)) and None
    )
    return added


def _append(path: Path, lines: Sequence[str], most: int, first: bool) -> list[str]:
    if path.exists() and most and path.stat().st_size > most:
        number = 1
        while (aside := path.with_name(f"journal.{number}.md")).exists():
            number += 1
        path.replace(aside)
    known: set[str] = set()
    if first:
        with contextlib.suppress(OSError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOOKED_BACK))
            known = set(file.read().decode("utf-8", "replace").split("\n"))
    fresh = [one for one in lines if one not in known]
    if fresh:
        with path.open("ab") as file:
            file.write("".join(f"{one}\n" for one in fresh).encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
    return fresh
