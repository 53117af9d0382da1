"""One ear among several: what it is given, what it returns, and why it may fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from core.errors import LoopOSError


@dataclass(frozen=True, slots=True)
class Note:
    """A sound file that was decoded: it is sound, and short enough."""

    path: Path
    """As it came."""
    pcm: Path
    """The same as 16 kHz mono signed 16-bit samples."""
    seconds: float
    container: str
    codec: str
    """What the file really is, whatever its name claims."""
    languages: tuple[str, ...]
    """Of core.model.LANGUAGES, never empty: what may have been spoken, first the likeliest."""
    certain: bool
    """The first language is taken for granted: nothing is detected."""


@dataclass(frozen=True, slots=True)
class Said:
    """What an engine made of it. An empty text: there was nothing to understand."""

    text: str
    language: str
    english: str = ""
    charged_seconds: float | None = None
    """As the vendor says; None: it does not, and the note's own length counts."""


class EngineFailed(LoopOSError):
    """Another engine may succeed. `reason` names no secret and no word that was spoken. `spent`: it may have been
    charged; `pause`: how long the engine better rests; `frames`: where it failed, in another process."""

    def __init__(
        self,
        reason: str,
        *,
        spent: bool = False,
        pause: timedelta = timedelta(),
        frames: Sequence[str] = (),
    ) -> None:
        super().__init__(reason)
        self.frames = tuple(frames)
        self.reason = reason
        self.spent = spent
        self.pause = pause


class Engine(Protocol):
    provider: str
    model: str
    paid: bool
    """What it hears costs money, and is sent to somebody else."""

    async def hear(self, note: Note, progress: Callable[[float], None]) -> Said:
        """Raises EngineFailed."""

    async def close(self) -> None: ...
