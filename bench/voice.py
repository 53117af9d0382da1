"""Ten voice notes at once, about seven seconds each, on the small model of the tests: how much faster than they were
spoken are they understood, and how long does the event loop stand still meanwhile? The bare minimum: the same library
in a thread of the service's own process. The model is tiny: its speed says nothing about a real one, the stalls do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from core.speech.local import LocalTranscriber
from core.speech.transcribers import Transcribers
from tests.core.speech.hearing import ABOUT, HandClock, Ledger
from tests.voice.clips import MODEL, Clip, clip

NOTES = [clip(f"leak.{name}") for name in ("zh.ogg", "ja.m4a", "id.webm", "es.mp4", "en.ogg")] * 2
TICK = 0.002


async def _worst_stall(work: Awaitable[list[tuple[str, float]]]) -> dict[str, float]:
    """Runs `work` (text and seconds of each note) with a task beside it that only wants to be woken every TICK."""
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            worst = max(worst, time.perf_counter() - before - TICK)

    watcher = asyncio.ensure_future(watch())
    await asyncio.sleep(0.05)
    worst, begun = 0.0, time.perf_counter()
    heard = await work
    spent = time.perf_counter() - begun
    watcher.cancel()
    with suppress(asyncio.CancelledError):
        await watcher
    assert [text for text, _ in heard] == [note.text for note in NOTES]
    return {
        "worst stall ms": worst * 1000,
        "real-time factor": spent / sum(seconds for _, seconds in heard),
        "notes per second": len(NOTES) / spent,
    }


async def _loopos() -> dict[str, float]:
    transcriber = Transcribers([LocalTranscriber(MODEL, "cpu")], Ledger(), HandClock())

    async def hear(note: Clip) -> tuple[str, float]:
        said = await transcriber.listen(note.path, note.media_type, (note.spoken,), ABOUT)
        return said.text, said.seconds

    try:
        return await _worst_stall(asyncio.gather(*(hear(note) for note in NOTES)))
    finally:
        await transcriber.close()


async def _bare() -> dict[str, float]:
    from faster_whisper import WhisperModel

    model = await asyncio.to_thread(
        WhisperModel, str(MODEL), device="cpu", compute_type="int8", local_files_only=True
    )

    def hear(note: Clip) -> tuple[str, float]:
        segments, info = model.transcribe(str(note.path), language=note.language, vad_filter=True)
        text = "".join(segment.text for segment in segments).strip()
        segments, _ = model.transcribe(
            str(note.path), language=note.language, vad_filter=True, task="translate"
        )
        return text, info.duration if list(segments) else 0.0

    return await _worst_stall(asyncio.gather(*(asyncio.to_thread(hear, note) for note in NOTES)))


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": lambda: asyncio.run(_loopos()), "bare": lambda: asyncio.run(_bare())}
