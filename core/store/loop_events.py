"""What happened to the loop: lines of its journal, and a row per change that whoever waits is woken by."""

from __future__ import annotations

from typing import Final

from core.model import LoopNews
from core.store.loop_tables import LoopEvent, LoopLine
from core.store.unit import Unit

TOPIC: Final = "loop"
"""Published with each."""


def happened(tx: Unit, kind: LoopNews) -> None:
    tx.add(LoopEvent(kind=kind, at=tx.now))
    tx.publish(TOPIC)


def journal(tx: Unit, actor: str, text: str, *, run_id: str = "", failed: bool = False) -> str:
    """Returns the line as it is kept; journal.md follows (core.loop.journal)."""
    line = one_line(f"failed · {text}" if failed else text)
    tx.add(LoopLine(at=tx.now, actor=actor, text=line, run_id=run_id, failed=failed, mirrored=False))
    happened(tx, "journal")
    return line


def one_line(text: str) -> str:
    """A journal's line is one line, whatever stands in it."""
    return " ".join(text.split())[:1000]
