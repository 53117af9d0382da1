"""All engines behind one call: the file is decoded where it can do no harm, silence is told before anybody is paid, and
the engines are asked in their order until one understands."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from core.clock import Clock
from core.metering import About, Meter, OverBudget, Planned, Usage
from core.speech.children import EarProcess, decode
from core.speech.engine import Engine, EngineFailed, Note, Said
from core.speech.port import NotTranscribed, Transcript
from core.speech.spoken import hint
from core.speech.wording import converter, traditional

MAX_WAITING: Final = 20
DECODING_AT_ONCE: Final = 2
WITHIN: Final = timedelta(minutes=15)
"""For one note, its waiting included."""
GATE_WITHIN: Final = timedelta(seconds=60)
FAILURES_IN_A_ROW: Final = 3
REST: Final = timedelta(seconds=60)
"""How long an engine is left alone that keeps failing."""


@dataclass(slots=True)
class _Trust:
    """How an engine has done lately."""

    failures: int = 0
    resting_until: datetime | None = None

    def failed(self, now: datetime, pause: timedelta) -> None:
        self.failures += 1
        rest = max(pause, REST if self.failures >= FAILURES_IN_A_ROW else timedelta())
        self.resting_until = now + rest if rest else None

    def worked(self) -> None:
        self.failures, self.resting_until = 0, None


class Transcribers:
    """Implements core.speech.port.Transcriber. Close it: it holds a child process and a folder."""

    def __init__(
        self,
        engines: Sequence[Engine],
        meter: Meter,
        clock: Clock,
        *,
        folder: Path | None = None,
        within: timedelta = WITHIN,
        most_waiting: int = MAX_WAITING,
    ) -> None:
        """`engines` in the order they are asked. `folder` is for sound that is being heard, and is emptied first: what a
        killed service left there is somebody's voice. Takes a tenth of a second: make it before the service listens."""
        converter()
        self.engines = tuple(engines)
        self._meter = meter
        self._clock = clock
        self._within = within
        self._most_waiting = most_waiting
        self._waiting = 0
        self._decoding = asyncio.Semaphore(DECODING_AT_ONCE)
        self._gate = EarProcess()
        self._trust = {self._name(engine): _Trust() for engine in self.engines}
        self._folder = folder
        self._ready = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._name(engine) for engine in self.engines)

    async def length(self, path: Path) -> float:
        async with self._decoding:
            return (await decode(path, None)).seconds

    async def listen(
        self,
        path: Path,
        media_type: str,
        languages: tuple[str, ...],
        about: About,
        progress: Callable[[float], None] | None = None,
    ) -> Transcript:
        # `media_type` is what the platform claims; the file itself tells what it is.
        if not self.engines:
            raise NotTranscribed("off")
        if self._waiting >= self._most_waiting:
            raise NotTranscribed("busy")
        self._waiting += 1
        pcm = self._own_folder() / f"{secrets.token_hex(8)}.pcm"
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                note = await self._decoded(path, pcm, languages)
                return await self._heard(note, about, progress or (lambda _: None))
        except TimeoutError:
            raise NotTranscribed("failed", tried=("all: too slow",)) from None
        finally:
            self._waiting -= 1
            pcm.unlink(missing_ok=True)

    async def close(self) -> None:
        await self._gate.close()
        for engine in self.engines:
            await engine.close()
        if self._folder is not None and self._ready:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="loopos-ears-"))
        elif not self._ready:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(mode=0o700, parents=True)
        self._ready = True
        return self._folder

    async def _decoded(self, path: Path, pcm: Path, languages: tuple[str, ...]) -> Note:
        async with self._decoding:
            found = await decode(path, pcm)
        candidates, certain = hint(languages, found.seconds)
        return Note(path, pcm, found.seconds, found.container, found.codec, candidates, certain)

    async def _heard(self, note: Note, about: About, progress: Callable[[float], None]) -> Transcript:
        tried: list[str] = []
        gated = False
        for engine in self.engines:
            if engine.paid and not gated:
                await self._require_speech(note)
                gated = True
            try:
                said = await self._metered(engine, note, about, progress)
            except EngineFailed as failed:
                tried.append(f"{self._name(engine)}: {failed.reason}")
                continue
            if not said.text:
                raise NotTranscribed("silent", seconds=note.seconds)
            text = said.text
            if said.language == "zh-TW":
                text = traditional(text)
            english = text if said.language == "en" else said.english
            return Transcript(text, said.language, note.seconds, self._name(engine), english)
        raise NotTranscribed("failed", seconds=note.seconds, tried=tuple(tried))

    async def _require_speech(self, note: Note) -> None:
        """Raises NotTranscribed("silent"): silence is neither paid for nor filled with words. A gate that is broken is open."""
        with contextlib.suppress(EngineFailed):
            found = await self._gate.ask({"do": "gate", "pcm": str(note.pcm)}, GATE_WITHIN)
            if not found["speech"]:
                raise NotTranscribed("silent", seconds=note.seconds)

    async def _metered(
        self, engine: Engine, note: Note, about: About, progress: Callable[[float], None]
    ) -> Said:
        """Raises EngineFailed; of one that is resting or over the budget nothing was asked."""
        trust = self._trust[self._name(engine)]
        if trust.resting_until is not None and self._clock.now() < trust.resting_until:
            raise EngineFailed("resting")
        planned = Planned("speech", engine.provider, engine.model, about, seconds=note.seconds)
        try:
            row = await self._meter.reserve(planned)
        except OverBudget as refusal:
            if engine.paid:
                raise EngineFailed("over budget") from refusal
            row = ""
        begun = time.monotonic()
        usage: Usage | None = None
        error = "interrupted"
        try:
            said = await engine.hear(note, progress)
            charged = said.charged_seconds
            usage, error = Usage(seconds=note.seconds if charged is None else charged), ""
            trust.worked()
            return said
        except EngineFailed as failed:
            usage, error = None if failed.spent else Usage(), failed.reason
            trust.failed(self._clock.now(), failed.pause)
            raise
        finally:
            if row:
                ms = round((time.monotonic() - begun) * 1000)
                await asyncio.shield(self._meter.settle(row, usage, ok=not error, ms=ms, error=error))

    @staticmethod
    def _name(engine: Engine) -> str:
        return f"{engine.provider}/{engine.model}"
