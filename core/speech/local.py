"""faster-whisper on this machine: nothing that is said leaves the house, and it costs nothing but time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from core.speech.children import IDLE, EarProcess
from core.speech.engine import EngineFailed, Note, Said
from core.speech.spoken import TRADITIONAL_PROMPT, house_code, whisper_code
from core.speech.wording import kept

LOADING: Final = timedelta(minutes=2)
SLOWEST: Final = 4.0
"""Times as long as the note itself that hearing it may take; slower is stuck."""
REST_WITHOUT_MODEL: Final = timedelta(minutes=5)


class LocalTranscriber:
    provider = "local"
    paid = False

    def __init__(self, folder: Path, device: str = "auto", idle: timedelta = IDLE) -> None:
        """`folder` holds a model in CTranslate2's format; `device`: auto, cpu or cuda."""
        self.model = folder.name
        self._child = EarProcess(str(folder), device, idle)

    @property
    def pid(self) -> int | None:
        return self._child.pid

    async def warm(self) -> None:
        """Load the model now rather than at the first note. Raises EngineFailed."""
        await self._ask({"do": "warm"}, LOADING)

    async def hear(self, note: Note, progress: Callable[[float], None]) -> Said:
        answer = await self._ask(
            {
                "do": "hear",
                "pcm": str(note.pcm),
                "languages": [whisper_code(one) for one in note.languages],
                "certain": note.certain,
                "prompts": {"zh": TRADITIONAL_PROMPT},
            },
            LOADING + timedelta(seconds=note.seconds * SLOWEST),
            progress,
        )
        if not answer["speech"]:
            return Said("", note.languages[0])
        text = kept(answer["text"])
        language = house_code(answer["language"], text, note.languages)
        return Said(text, language, kept(answer["english"]) if text else "")

    async def _ask(
        self, job: dict[str, Any], within: timedelta, progress: Callable[[float], None] = lambda _: None
    ) -> dict[str, Any]:
        try:
            return await self._child.ask(job, within, progress)
        except EngineFailed as failed:
            if failed.reason == "model":
                raise EngineFailed("the model cannot be loaded", pause=REST_WITHOUT_MODEL) from failed
            raise

    async def close(self) -> None:
        await self._child.close()
