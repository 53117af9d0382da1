"""Photos and voice notes: streamed to disk, named by their content, only what they claim to be."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from core import child
from core.clock import host_seconds
from core.errors import TryLater
from core.inbound import File
from core.model import Picture, SourceKind

log = structlog.get_logger(__name__)

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 100_000_000
HEAD: Final = 4096
_RECORDED: Final = re.compile(r"(audio|video)/[\w.+-]{1,60}", re.ASCII)
MAX_SHOWN: Final = 4
SHOWN_SIDE: Final = 1024
"""Pixels: what is wet or burnt is seen at that size, for a sixth of the tokens of a full photo."""
DRAW_WITHIN: Final = timedelta(seconds=30)
_DRAW: Final = Path(__file__).with_name("decode_picture.py")
_DISK: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
_PART: Final = re.compile(r"\.[0-9a-f]{16}")
"""What is not whole yet, here and in core/cost/report_jobs.py."""
_AUDIO_BOXES: Final = {"application/ogg", "video/webm", "video/mp4", "video/quicktime", "video/ogg"}


class MediaRefused(Exception):
    """`code`: too_large, too_many_pixels, damaged_picture, not_media or empty."""

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
    recorder = claimed.partition(";")[0].strip()
    if _RECORDED.fullmatch(recorder) and any(media_type in _AUDIO_BOXES for media_type in found):
        return "voice", recorder
    raise MediaRefused("not_media")


class Pictures:
    """Pictures from outside, as a model is shown them: small, and without what the camera wrote into them. Each is drawn
    by a program of its own, one at a time: what a bomb takes is bounded however many come."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def draw(self, path: Path) -> Picture | None:
        """None for a format that is kept and never drawn by us (HEIC).

        Raises MediaRefused("too_many_pixels" | "damaged_picture")."""
        async with self._turn:
            try:
                said = await child.output(DRAW_WITHIN, _DRAW, str(path), str(SHOWN_SIDE), str(MAX_PIXELS))
            except child.ChildFailed as failed:
                # It died over the file: out of memory, out of time, or worse. The file is at fault.
                log.warning("picture_not_drawn", why=str(failed))
                raise MediaRefused("damaged_picture") from None
            except OSError as error:
                log.error("picture_not_drawn", why=type(error).__name__)
                return None  # no program can be started: no fault of the picture
        code, _, data = said.partition(b"\n")
        if code:
            raise MediaRefused("too_many_pixels" if code == b"too_many_pixels" else "damaged_picture")
        return Picture("image/jpeg", data) if data else None

    async def shown(self, folder: Path, files: Sequence[File]) -> tuple[Picture, ...]:
        """The photos among `files`; one that cannot be drawn is left out."""
        photos = [folder / file.sha256 for file in files if file.kind is SourceKind.PHOTO]
        made: list[Picture] = []
        for path in photos[:MAX_SHOWN]:
            with contextlib.suppress(MediaRefused):
                picture = await self.draw(path)
                made += [picture] if picture is not None else []
        return tuple(made)


async def store(folder: Path, chunks: AsyncIterator[bytes], claimed: str, pictures: Pictures) -> Stored:
    """Write the stream under its own hash. Raises MediaRefused, and TryLater where the disk takes nothing now; then
    nothing is left behind."""
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
            await pictures.draw(temporary)
        name = digest.hexdigest()
        await asyncio.to_thread(os.replace, temporary, folder / name)
        return Stored(kind, media_type, size, name, f"media/{name}")
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise TryLater(f"media/ cannot be written now ({error.strerror})") from error
    finally:
        temporary.unlink(missing_ok=True)


def probe(folder: Path) -> None:
    """In a thread: whether a file can be written. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{secrets.token_hex(8)}"
    try:
        temporary.write_bytes(bytes(HEAD))
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path, before: datetime) -> int:
    """In a thread: throw away parts whose last byte came before then. Returns how many."""
    swept = 0
    for part in folder.glob(".*"):
        with contextlib.suppress(OSError):  # it has become whole meanwhile, or cannot be removed
            if _PART.fullmatch(part.name) and part.stat().st_mtime < host_seconds(before):
                part.unlink()
                swept += 1
    return swept
