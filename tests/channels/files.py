"""Files of the house on their way out, for the tests of every channel."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

from core.ports import Outgoing


def png(width: int = 320, height: int = 240) -> bytes:
    """A real picture, all white."""
    rows = (b"\x00" + b"\xff" * width * 3) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def kept(folder: Path, data: bytes) -> str:
    """`data` in the house's folder of files; returns the path that `board.send_file` takes."""
    name = hashlib.sha256(data).hexdigest()
    (folder / "media").mkdir(exist_ok=True)
    (folder / "media" / name).write_bytes(data)
    return f"media/{name}"


def outgoing(folder: Path, data: bytes | None = None, **more: Any) -> Outgoing:
    data = png() if data is None else data
    given: dict[str, Any] = {
        "path": folder / kept(folder, data),
        "size": len(data),
        "name": "costs 2026-11.png",
        "media_type": "image/png",
        "caption": "Costs in November",
        "alt": "A bar for each property; Bali is the highest.",
    }
    return Outgoing(**{**given, **more})
