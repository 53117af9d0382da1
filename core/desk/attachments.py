"""Brings the files of a message from the platform to our disk, before anything is done with the message."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from core import media
from core.counts import refused as count
from core.errors import GiveUp, TryLater
from core.inbound import File, RemoteFile
from core.model import SourceKind
from core.ports import Channel

log = structlog.get_logger(__name__)

PATIENCE: Final = timedelta(seconds=90)
"""So long a message waits for a file that its platform does not give out; then it goes on without."""


async def fetch_all(
    channel: Channel, remote: tuple[RemoteFile, ...], folder: Path, waited: timedelta
) -> tuple[tuple[File, ...], list[str]]:
    """The files that could be had, and for each of the others why not (a key of core.phrases.NO_FILE).

    Raises TryLater while it is worth waiting."""
    files: list[File] = []
    troubles: list[str] = []
    for one in remote:
        try:
            stored = await media.store(folder, channel.fetch(one), one.media_type)
            files.append(
                File(SourceKind(stored.kind), stored.media_type, stored.bytes, stored.sha256, stored.path)
            )
        except media.MediaRefused as refused:
            count("file", refused.code)
            troubles.append(refused.code)
        except GiveUp as gone:
            log.info("file_not_fetched", channel=channel.name, why=str(gone))
            count("file", str(gone)[:40])
            troubles.append(str(gone))
        except TryLater:
            if waited < PATIENCE:
                raise
            troubles.append("unreachable")
    return tuple(files), troubles
