"""Photos and voice notes: streamed to disk, named by their content, only what they claim to be."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import secrets
import warnings
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.inbound import File
from core.model import Picture, SourceKind

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 100_000_000
HEAD: Final = 4096
MAX_SHOWN: Final = 4
SHOWN_SIDE: Final = 1024
"""Pixels: what is wet or burnt is seen at that size, for a sixth of the tokens of a full photo."""
_AUDIO_BOXES: Final = {"application/ogg", "video/webm", "video/mp4", "video/quicktime", "video/ogg"}


class MediaRefused(Exception):
    """`code`: too_large, too_many_pixels, not_media or empty."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Stored:
    kind: str
    media_type: str
    bytes: int
    sha256: str
    path: str


def sniff(head: bytes, claimed: str) -> tuple[str, str]:
    """(kind, media type) read from the bytes themselves; a name or header proves nothing.

    Raises MediaRefused("not_media")."""
    import puremagic

    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        matches = []
    found = [match.mime_type for match in matches if match.mime_type]
    if any(match.extension == ".amr" for match in matches):
        return "voice", "audio/amr"
    for media_type in found:
        if media_type.startswith("image/") and media_type != "image/svg+xml":
            return "photo", media_type
        if media_type.startswith("audio/"):
            return "voice", media_type
    # Ogg, WebM and MP4 are boxes that hold sound or film: what the recorder says it put in settles it. Of a film the
    # sound counts: somebody shows and tells.
    if claimed.startswith(("audio/", "video/")) and any(media_type in _AUDIO_BOXES for media_type in found):
        return "voice", claimed.split(";", maxsplit=1)[0]
    raise MediaRefused("not_media")


def _require_sane_picture(path: Path) -> None:
    """Reads the header alone: a picture that would unpack to gigabytes is never unpacked."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                pixels = picture.width * picture.height
    except Image.DecompressionBombError as bomb:
        raise MediaRefused("too_many_pixels") from bomb
    except (OSError, ValueError, SyntaxError):
        return  # a format that this library does not know (HEIC): kept, never drawn by us
    if pixels > MAX_PIXELS:
        raise MediaRefused("too_many_pixels")


async def pictures(folder: Path, files: Sequence[File]) -> tuple[Picture, ...]:
    """The photos among `files` as a model is shown them: small, and without what the camera wrote into them. One that
    cannot be drawn is left out."""
    photos = [folder / file.sha256 for file in files if file.kind is SourceKind.PHOTO]
    made = [await asyncio.to_thread(_small, path) for path in photos[:MAX_SHOWN]]
    return tuple(picture for picture in made if picture is not None)


def _small(path: Path) -> Picture | None:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("JPEG", "PNG", "WEBP", "GIF")) as picture:
                picture.draft("RGB", (SHOWN_SIDE, SHOWN_SIDE))  # a JPEG is decoded small at once
                upright = ImageOps.exif_transpose(picture).convert("RGB")
                upright.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
                out = io.BytesIO()
                upright.save(out, "JPEG", quality=80)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return Picture("image/jpeg", out.getvalue())


async def store(folder: Path, chunks: AsyncIterator[bytes], claimed: str) -> Stored:
    """Write the stream under its own hash. Raises MediaRefused; then nothing is left behind."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    temporary = folder / f".{secrets.token_hex(8)}"
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        with temporary.open("wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > MAX_BYTES:
                    raise MediaRefused("too_large")
                digest.update(chunk)
                head = (head + chunk)[:HEAD] if len(head) < HEAD else head
                await asyncio.to_thread(file.write, chunk)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        if size == 0:
            raise MediaRefused("empty")
        kind, media_type = sniff(head, claimed)
        if kind == "photo":
            await asyncio.to_thread(_require_sane_picture, temporary)
        name = digest.hexdigest()
        await asyncio.to_thread(os.replace, temporary, folder / name)
        return Stored(kind, media_type, size, name, f"media/{name}")
    finally:
        temporary.unlink(missing_ok=True)
