"""What is said in the clips of this folder, and the model that understands them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.voice.phrases import written

HERE: Final = Path(__file__).parent
MODEL: Final = HERE / "tiny-whisper"
FOLDER: Final = HERE / "clips"
LEAK, DOOR, HOT_WATER, WIFI, CLEANER, TOILET, TOWELS, APPROVE = range(8)
_MEDIA_TYPES: Final = {
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "mp4": "video/mp4",
    "amr": "audio/amr",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
}
_HOUSE: Final = {"zh": "zh-TW"}


@dataclass(frozen=True, slots=True)
class Clip:
    """One phrase in one file. `language` is Whisper's code, `voice` espeak-ng's variant."""

    name: str
    topic: int
    language: str
    voice: str = "m3"

    @property
    def path(self) -> Path:
        return FOLDER / self.name

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self.path.suffix[1:]]

    @property
    def text(self) -> str:
        return written(self.topic, self.language)

    @property
    def english(self) -> str:
        return written(self.topic, "en")

    @property
    def spoken(self) -> str:
        """The language by the house's name."""
        return _HOUSE.get(self.language, self.language)


CLIPS: Final = (
    Clip("leak.zh.ogg", LEAK, "zh"),
    Clip("leak.ja.m4a", LEAK, "ja", "f2"),
    Clip("leak.id.webm", LEAK, "id", "m4"),
    Clip("leak.es.mp4", LEAK, "es", "f4"),
    Clip("leak.en.ogg", LEAK, "en"),
    Clip("toilet.zh.m4a", TOILET, "zh", "f2"),
    Clip("towels.ja.ogg", TOWELS, "ja"),
    Clip("door.id.amr", DOOR, "id"),
    Clip("cleaner.es.ogg", CLEANER, "es"),
    Clip("hot_water.en.wav", HOT_WATER, "en"),
    Clip("wifi.en.mp3", WIFI, "en", "f2"),
    Clip("approve.zh.webm", APPROVE, "zh"),
)


def clip(name: str) -> Clip:
    return next(one for one in CLIPS if one.name == name)


SILENCE: Final = FOLDER / "silence.ogg"
NOISE: Final = FOLDER / "noise.ogg"
BROKEN: Final = FOLDER / "broken.ogg"
CUT: Final = FOLDER / "cut.m4a"
