"""A file of ours as an answer to a browser: shown where that is harmless, saved otherwise, and never a page."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote

from aiohttp import web

from core.media import HEAD, MediaRefused, sniff
from core.outbox.file_links import safe_name

_SHOWN: Final = re.compile(r"(image|audio)/[a-z0-9.+-]{1,40}")
_SAVED: Final = {"text/csv": "text/csv; charset=utf-8", "application/pdf": "application/pdf"}
CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'"
"""What a browser needs to show a picture or play a recording that was opened by itself, and nothing else."""


ANY_AUDIO: Final = "audio/*"
"""A recording of which nobody kept the type: it is read from the file."""


async def hand_out(path: Path, media_type: str, name: str, headers: dict[str, str]) -> web.FileResponse:
    """The file, in parts where a player asks for parts. Raises 404."""
    if not await asyncio.to_thread(path.is_file):
        raise web.HTTPNotFound(text="Not found")
    if media_type == ANY_AUDIO:
        media_type = await asyncio.to_thread(_type_of, path)
    shown = _SHOWN.fullmatch(media_type) is not None and "svg" not in media_type
    # A sandboxed page may not even fetch the recording it is made of (Chromium asks for CORS with the origin null);
    # sound has nothing that a sandbox would hold back.
    sandbox = "" if shown and media_type.startswith("audio/") else "; sandbox"
    content_type = media_type if shown else _SAVED.get(media_type, "application/octet-stream")
    return web.FileResponse(
        path,
        headers={
            "Content-Type": content_type,
            "Content-Disposition": _disposition("inline" if shown else "attachment", name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": CSP + sandbox,
            "Referrer-Policy": "no-referrer",
            **headers,
        },
    )


def _type_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD), "audio/ogg")[1]
    except (OSError, MediaRefused):
        return "application/octet-stream"


def _disposition(kind: str, name: str) -> str:
    """RFC 6266: the plain name for who reads no other, and the true one."""
    true = safe_name(name)
    plain = re.sub(r"[^ -~]", "_", true)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(true, safe='')}"
