"""Questions and answers as files, for programs that look there. Rows are the truth; a file that is missing is made again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.asks.asks import ask_json
from core.files import put
from core.loop.world import canonical
from core.store.loop_tables import AskRow

log = structlog.get_logger(__name__)

NEWEST: Final = 200
"""So many of the answered ones are looked at."""


def mirrored(session: Session) -> list[dict[str, Any]]:
    """Every open question, and the newest that were answered."""
    open_ones = session.scalars(select(AskRow).where(AskRow.answered_at.is_(None))).all()
    answered = session.scalars(
        select(AskRow)
        .where(AskRow.answered_at.is_not(None))
        .order_by(AskRow.answered_at.desc())
        .limit(NEWEST)
    ).all()
    return [_shape(row) for row in (*open_ones, *answered)]


def _shape(row: AskRow) -> dict[str, Any]:
    told = ask_json(row)
    if row.answered_at is not None:
        told["answered_ts"] = int(row.answered_at.timestamp())
    return told


def write(folder: Path, asks: Sequence[dict[str, Any]], known: set[str]) -> None:
    """`known`: what is there already, and grows."""
    for one in asks:
        _once(folder / "asks" / f"{one['id']}.json", _without(one), known)
        if "answer" in one:
            answer = {"answer": one["answer"], "ts": one["answered_ts"]}
            _once(folder / "answers" / f"{one['id']}.json", answer, known)


def _without(one: dict[str, Any]) -> dict[str, Any]:
    kept = ("id", "worker", "prompt", "reference", "options", "ts", "kind", "to", "channel")
    return {"v": 1, **{key: one[key] for key in kept}}


def _once(path: Path, value: dict[str, Any], known: set[str]) -> None:
    text = canonical(value)
    key = f"{path.parent.name}/{path.name}:{hash(text)}"
    if key in known:
        return
    try:
        put(path, text)
    except OSError as error:  # rows are the truth
        log.warning("ask_not_mirrored", why=error.strerror)
    known.add(key)
