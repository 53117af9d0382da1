"""What the tests of hearing share: a ledger in memory, a clock that is moved by hand, engines that do as told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from core.metering import About, OverBudget, Planned, Usage
from core.speech.engine import Engine, EngineFailed, Note, Said
from core.speech.local import LocalTranscriber
from core.speech.transcribers import Transcribers
from tests.voice.clips import MODEL

ABOUT = About("transcribe", "warm_taipei_2br", inbox_id="in-1")


@dataclass
class Row:
    planned: Planned
    usage: Usage | None = None
    ok: bool | None = None
    error: str = ""


@dataclass
class Ledger:
    rows: list[Row] = field(default_factory=list)
    over: frozenset[str] = frozenset()
    """Providers that there is no more money for."""

    async def reserve(self, planned: Planned) -> str:
        if planned.provider in self.over:
            raise OverBudget("offline")
        self.rows.append(Row(planned))
        return str(len(self.rows))

    async def settle(self, row_id: str, usage: Usage | None, *, ok: bool, ms: int, error: str = "") -> None:
        row = self.rows[int(row_id) - 1]
        assert row.ok is None, "settled twice"
        row.usage, row.ok, row.error = usage, ok, error

    def told(self) -> list[tuple[str, bool | None]]:
        return [(f"{row.planned.provider}/{row.planned.model}", row.ok) for row in self.rows]


@dataclass
class HandClock:
    moment: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def pass_(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class Scripted:
    """An engine elsewhere that answers from a script, the last line again and again."""

    script: list[Said | EngineFailed]
    provider: str = "elsewhere"
    model: str = "ear-1"
    paid: bool = True
    heard: list[Note] = field(default_factory=list)

    async def hear(self, note: Note, progress: Callable[[float], None]) -> Said:
        self.heard.append(note)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, EngineFailed):
            raise said
        return said

    async def close(self) -> None: ...


def local(**options: Any) -> LocalTranscriber:
    return LocalTranscriber(MODEL, "cpu", **options)


@asynccontextmanager
async def transcriber(
    *engines: Engine, ledger: Ledger | None = None, clock: HandClock | None = None, **options: Any
) -> AsyncIterator[Transcribers]:
    one = Transcribers(engines, ledger or Ledger(), clock or HandClock(), **options)
    try:
        yield one
    finally:
        await one.close()
