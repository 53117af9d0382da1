"""What is sent of a note to an engine elsewhere: the file as it came where every engine reads it, a WAV otherwise."""

from __future__ import annotations

import asyncio
import io
import wave
from dataclasses import dataclass
from typing import Final

from core.speech.engine import EngineFailed, Note

RATE: Final = 16_000
_READ_EVERYWHERE: Final = {
    ("ogg", "opus"): ("ogg", "audio/ogg"),
    ("ogg", "vorbis"): ("ogg", "audio/ogg"),
    ("matroska,webm", "opus"): ("webm", "audio/webm"),
    ("matroska,webm", "vorbis"): ("webm", "audio/webm"),
    ("mov,mp4,m4a,3gp,3g2,mj2", "aac"): ("m4a", "audio/mp4"),
    ("mp3", "mp3float"): ("mp3", "audio/mpeg"),
    ("mp3", "mp3"): ("mp3", "audio/mpeg"),
    ("flac", "flac"): ("flac", "audio/flac"),
    ("wav", "pcm_s16le"): ("wav", "audio/wav"),
}
"""By what the file is, not by what it claims: (container, codec) -> (extension, media type)."""


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    """Says nothing of the company: vendors tell the format by its extension."""
    data: bytes
    media_type: str


async def upload_of(note: Note, most_bytes: int) -> Upload:
    """Raises EngineFailed where it is more than the vendor takes."""
    extension, media_type = _READ_EVERYWHERE.get((note.container, note.codec), ("", ""))
    if extension:
        data = await asyncio.to_thread(note.path.read_bytes)
    else:
        extension, media_type = "wav", "audio/wav"
        data = await asyncio.to_thread(_as_wave, note)
    if len(data) > most_bytes:
        raise EngineFailed("larger than it takes")
    return Upload(f"note.{extension}", data, media_type)


def _as_wave(note: Note) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(note.pcm.read_bytes())
    return out.getvalue()
