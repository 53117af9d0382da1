"""Brings the files of a message from the platform to our disk, before anything is done with the message; what does
not come in time is fetched later."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

import structlog

from core import lanes, media
from core.context import Services, Tx
from core.errors import GiveUp, TryLater
from core.inbound import File, RemoteFile
from core.model import SourceKind
from core.ports import Channel
from core.refusals import refused as count

log = structlog.get_logger(__name__)

FETCH: Final = "fetch"
WAITS_FOR_FILE: Final = timedelta(seconds=20)
"""So long a message waits for a file that its platform does not give out; then its words go on without."""
LATEST: Final = timedelta(hours=24)
"""So long a file is tried for; then its sender is asked for it again."""


@dataclass(frozen=True)
class Fetched:
    files: tuple[File, ...]
    troubles: tuple[str, ...]
    """Why each of the others can never be had: a key of core.phrases.NO_FILE."""
    late: tuple[RemoteFile, ...]
    """What may still be had."""


async def fetch_all(
    services: Services, channel: Channel, remote: tuple[RemoteFile, ...], waited: timedelta
) -> Fetched:
    """Raises TryLater while it is worth letting the message wait."""
    files: list[File] = []
    troubles: list[str] = []
    late: list[RemoteFile] = []
    for one in remote:
        try:
            found = await fetch(services, channel, one)
        except TryLater:
            if waited < WAITS_FOR_FILE:
                raise
            late.append(one)
            continue
        if isinstance(found, File):
            files.append(found)
        else:
            troubles.append(found)
    return Fetched(tuple(files), tuple(troubles), tuple(late))


async def fetch(services: Services, channel: Channel, one: RemoteFile) -> File | str:
    """The file, or why it can never be had. Raises TryLater."""
    try:
        stored = await media.store(services.media, channel.fetch(one), one.media_type, services.pictures)
    except media.MediaRefused as refused:
        count("file", refused.code)
        return refused.code
    except GiveUp as gone:
        log.info("file_not_fetched", channel=channel.name, why=str(gone))
        count("file", str(gone)[:40])
        return str(gone)
    return File(SourceKind(stored.kind), stored.media_type, stored.bytes, stored.sha256, stored.path)


def fetch_later(tx: Tx, inbox_id: str, late: tuple[RemoteFile, ...], *, at_once: bool) -> None:
    at = None if at_once else tx.now + again_after(WAITS_FOR_FILE)
    for one in late:
        args = {"inbox": inbox_id, "file": asdict(one)}
        lanes.later(tx, FETCH, args, lane=f"fetch:{inbox_id}", subject=inbox_id, at=at)


def again_after(waited: timedelta) -> timedelta:
    """A quarter of the time it has taken so far: soon at first, four times an hour in the end."""
    return min(max(waited / 4, timedelta(seconds=10)), timedelta(minutes=15))
