"""usage.jsonl: the ledger as lines that other programs read. The rows are the truth, the file follows them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from core.context import Store
from core.cost.ledger import SETTLED
from core.errors import TryLater
from core.model import InboxStatus
from core.store.tables import InboxRow, UsageRow
from core.store.unit import Fenced

log = structlog.get_logger(__name__)

AT_ONCE: Final = 500
"""Lines of one append."""
TAIL: Final = 1024 * 1024
"""Bytes at the end of the file in which an append that was not marked any more is looked for: AT_ONCE lines are less."""


def line_of(row: UsageRow) -> dict[str, Any]:
    """One line: the keys of docs/COST.md, in their order. `usd` a string without rounding, `ts` ISO with offset."""
    return {
        "ts": row.at.isoformat(),
        "model": row.model,
        "provider": row.provider,
        "tier": row.tier,
        "property_id": row.property_id,
        "ticket_id": row.ticket_id,
        "purpose": row.purpose,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cache_read_tokens": row.cache_read_tokens,
        "cache_write_tokens": row.cache_write_tokens,
        "usd": format(row.usd, "f"),
        "ms": row.ms,
        "ok": row.ok,
        "id": row.id,
        "seconds": row.seconds,
        "estimated": row.estimated,
        "error": row.error,
        "worker_id": row.worker_id,
        "run_id": row.run_id,
    }


class Journal:
    """Follows the ledger: after each settle the new lines are appended, in a thread, in the order of their rows."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._path = path
        self._mended = False
        """The end of the file is known to be whole lines of rows that are marked."""
        self._ending = False
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._leave: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._leave = self._store.subscribe(SETTLED, self._wake.set)
        self._wake.set()
        self._loop = asyncio.create_task(self._run(), name="journal")

    async def stop(self) -> None:
        """Write what is settled, then end. Before the store is closed. Never cancelled: an append goes on in its thread,
        and a second one beside it would tear lines."""
        if self._loop is None:
            return
        self._leave()
        self._ending = True
        self._wake.set()
        await self._loop

    async def _run(self) -> None:
        while not self._ending:
            await self._wake.wait()
            self._wake.clear()
            await self._try()
        if self._wake.is_set():
            await self._try()  # settled, or told to end, while the last lines were written

    async def _try(self) -> None:
        """Never the ledger's trouble: what fails is tried again after the next settle, and at the next start."""
        try:
            await self.catch_up()
        except (OSError, TryLater, Fenced) as error:
            log.warning("usage_not_exported", why=str(error)[:200])

    async def catch_up(self) -> int:
        """Append every line that is owed; returns how many. Raises OSError (a full disk), TryLater."""
        done = 0
        while rows := await self._store.read(_owed):
            lines = {row.id: json.dumps(line_of(row), ensure_ascii=False) for row in rows}
            await asyncio.to_thread(self._append, lines)
            marked = update(UsageRow).where(UsageRow.id.in_(list(lines))).values(exported=True)
            await self._store.write(lambda tx, marked=marked: tx.change(marked))  # type: ignore[misc]
            self._mended = True
            done += len(lines)
        return done

    def _append(self, lines: dict[str, str]) -> None:
        """In a thread. Lines that a process before wrote and could not mark are left out."""
        there = set() if self._mended else mend(self._path)
        self._mended = False
        text = "".join(f"{line}\n" for row_id, line in lines.items() if row_id not in there)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def _owed(session: Session) -> list[UsageRow]:
    """Settled, without a line. What was made for a message waits until that has its ticket, or is known to get none."""
    waits = (
        select(InboxRow.id)
        .where(InboxRow.id == UsageRow.inbox_id, InboxRow.status == InboxStatus.ACCEPTED)
        .exists()
    )
    owed = select(UsageRow).where(
        UsageRow.settled_at.is_not(None),
        UsageRow.exported.is_(False),
        or_(UsageRow.ticket_id.is_not(None), ~waits),
    )
    return list(session.scalars(owed.order_by(UsageRow.at, UsageRow.id).limit(AT_ONCE)))


def mend(path: Path) -> set[str]:
    """Cut off a last line that was not written to its end; returns the ids near the end of the file."""
    try:
        with path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            tail = file.read()
            whole = tail.rfind(b"\n") + 1
            if whole < len(tail):
                file.truncate(size - (len(tail) - whole))
    except FileNotFoundError:
        return set()
    return set(_ids(tail[:whole].splitlines()))


def _ids(lines: Iterable[bytes]) -> Iterable[str]:
    for line in lines:
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and isinstance(found.get("id"), str):
                yield found["id"]
