"""What the house asks of an ear, and what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from core.errors import LoopOSError
from core.metering import About

MAX_SECONDS = 15 * 60
"""Longer notes are refused: nobody reports a leak for a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A voice note as words, in the language that was spoken (traditional signs for zh-TW)."""

    text: str
    language: str
    """One of core.model.LANGUAGES."""
    seconds: float
    """How long the note is."""
    engine: str
    english: str = ""
    """The same in English where the engine can tell; "" where it cannot."""


Code = Literal["silent", "not_audio", "too_long", "damaged", "failed", "off", "busy"]


class NotTranscribed(LoopOSError):
    """No words came of it. silent: there is no speech in it; not_audio, too_long, damaged: the file is at fault and no
    engine was asked; failed: every engine failed (`tried`: `engine: reason`); off: none is configured; busy: too many
    notes wait already."""

    def __init__(self, code: Code, seconds: float = 0.0, tried: tuple[str, ...] = ()) -> None:
        super().__init__(f"{code}: {'; '.join(tried)}" if tried else code)
        self.code = code
        self.seconds = seconds
        self.tried = tried


class Transcriber(Protocol):
    """All engines behind one call, as the core sees it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The engines, in the order they are asked."""

    async def length(self, path: Path) -> float:
        """Seconds of sound in the file. Raises NotTranscribed("not_audio" | "damaged" | "too_long")."""

    async def listen(
        self,
        path: Path,
        media_type: str,
        languages: tuple[str, ...],
        about: About,
        progress: Callable[[float], None] | None = None,
    ) -> Transcript:
        """The words in the file. `languages`: what its speaker speaks, first the likeliest. `progress` is called on
        the event loop with the share that is done, 0..1. Raises NotTranscribed."""
