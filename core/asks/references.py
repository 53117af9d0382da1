"""What a question refers to: a file in the loop's reports/ goes with it, as it is at that moment. Whatever lies elsewhere is named
and not opened."""

from __future__ import annotations

import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from core.cost.report_jobs import keep
from core.striking import struck

MAX_BYTES: Final = 5 * 1024 * 1024
"""Bytes."""
_KINDS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)


def attachment_of(
    reports: Path, media: Path, reference: str, secrets: Collection[bytes]
) -> dict[str, Any] | None:
    """In a thread: {path, name, media_type} of a copy among the media; None: there is nothing that could go with it. `secrets`
    are struck out of a text, and what is no text and holds one does not go."""
    if not reference.strip():
        return None
    named = Path(reference)
    path = (
        named if named.is_absolute() else reports / (named.name if named.parts[:1] == ("reports",) else named)
    )
    try:
        real = path.resolve(strict=True)
        about = real.stat()
        if (
            not real.is_relative_to(reports.resolve())
            or not stat.S_ISREG(about.st_mode)
            or about.st_size > MAX_BYTES
        ):
            return None
        data = real.read_bytes()
    except (OSError, ValueError):
        return None
    kind = next((kind for head, kind in _KINDS if data.startswith(head)), "")
    if not kind:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return None
        kind = "text/csv" if path.suffix == ".csv" else "text/plain"
        data = struck(data, secrets)
    elif struck(data, secrets) != data:
        return None
    return {"path": keep(media, data), "name": path.name, "media_type": kind} if data else None
