"""A program of its own: draws one picture small, where a hostile file can hurt nothing but itself.

    python -I decode_picture.py SOURCE SIDE MAX_PIXELS

Writes a line that says why it cannot be drawn, too_many_pixels or damaged_picture; or an empty line and behind it a JPEG
that fits into SIDE x SIDE, upright and without what the camera wrote into it; or an empty line alone, where the format
is one that is kept and never drawn here (HEIC). It imports nothing of the house, like core/speech/decode.py."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import Final

MEMORY: Final = 512 * 1024 * 1024
CPU_SECONDS: Final = 20
NICENESS: Final = 10
"""Those who wait for an answer go before a picture that is being decoded."""

DRAWN: Final = {"JPEG", "MPO", "PNG", "WEBP", "GIF"}
"""By Pillow's names: MPO is what phones make of a JPEG that holds a second picture."""
_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")


def says_drawn(head: bytes) -> bool:
    """Whether a file begins as one of DRAWN: then one that cannot be read is damaged, not foreign."""
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def confine() -> None:
    """Bounds what a bomb can take: memory, time, disk. The caller watches the clock on the wall besides."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(limit, (value, value))
    os.nice(NICENESS)


def draw(source: str, side: int, most: int) -> bytes:
    """Raises whatever Pillow does; DecompressionBombError or MemoryError where there is too much of it."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = most // 2  # Pillow warns from there on, and refuses from twice as many
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(source) as picture:
            if picture.format not in DRAWN:
                return b""
            picture.draft("RGB", (side, side))  # a JPEG is decoded small at once
            picture.load()
            # Of the others nearly all goes before anything is worked out: each step after this copies what there is.
            picture.thumbnail((4 * side, 4 * side), Image.Resampling.NEAREST, reducing_gap=None)
            with contextlib.suppress(Exception):  # the camera's notes are damaged, not the picture
                ImageOps.exif_transpose(picture, in_place=True)
            small = picture.convert("RGB")
    small.thumbnail((side, side))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80)
    return out.getvalue()


def main(source: str, side: str, most: str) -> None:
    confine()
    with Path(source).open("rb") as file:
        head = file.read(16)
    code, data = "", b""
    try:
        data = draw(source, int(side), int(most))
    except Exception as error:
        # Whatever a hostile file makes the library raise: it is the file's fault.
        if type(error).__name__ in {"DecompressionBombError", "MemoryError"}:
            code = "too_many_pixels"
        elif says_drawn(head):
            code = "damaged_picture"
    sys.stdout.buffer.write(code.encode() + b"\n" + data)


if __name__ == "__main__":
    main(*sys.argv[1:])
