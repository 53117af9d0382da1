"""Voice notes: what was said becomes the words of the message; where nothing could be made of it, why."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from core import lanes, phrases
from core.context import Services, Store, Tx
from core.inbound import File, Hearing, Message
from core.metering import About
from core.model import SourceKind
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.speech.port import NotTranscribed
from core.store.tables import InboxRow
from core.team.people import reader_for

log = structlog.get_logger(__name__)

LISTEN: Final = "listen"
WAITS_FOR_WORDS: Final = timedelta(seconds=45)
"""So long after it came in a note may be listened to before a person is told (60 s: B9)."""
LONG: Final = 20.0
"""Seconds of sound above which its sender is told that it takes a moment."""
LOST: Final = frozenset({"silent", "not_audio", "too_long", "damaged"})
"""The note itself is at fault: its sender is told, and there is nothing to file. After any other trouble the note is
filed as it is, for a person to hear."""

PASSING: Final = frozenset({"slow", "busy", "failed"})
"""Troubles that may pass: it is tried again for a while, though a person has the note by then."""
AGAIN: Final = timedelta(minutes=2)
GIVE_UP: Final = timedelta(hours=1)


def voices(message: Message) -> list[File]:
    return [file for file in message.files if file.kind is SourceKind.VOICE]


def path_of(services: Services, file: File) -> Path:
    return services.media / file.sha256


async def hear(
    services: Services,
    store: Store,
    row: InboxRow,
    message: Message,
    languages: tuple[str, ...],
    about: About,
) -> Hearing | None:
    """What is said in the voice notes of `message`, None where it has none. Takes as long as PATIENCE allows since
    it came in; then the trouble is `slow`."""
    files = voices(message)
    if not files:
        return None
    if services.transcriber is None:
        return Hearing(trouble="off")
    left = WAITS_FOR_WORDS - (services.clock.now() - row.received_at)
    try:
        async with asyncio.timeout(max(left.total_seconds(), 1.0)):
            seconds = sum([await services.transcriber.length(path_of(services, file)) for file in files])
            if seconds > LONG:
                await store.write(lambda tx: _say_that_it_takes_a_moment(tx, row, message, seconds))
            return await _words_of(services, files, languages, about)
    except TimeoutError:
        return Hearing(trouble="slow")
    except NotTranscribed as unheard:
        log.info("voice_not_understood", code=unheard.code, tried=unheard.tried)
        return Hearing(seconds=unheard.seconds, trouble=unheard.code)


async def hear_at_leisure(
    services: Services, file: File, languages: tuple[str, ...], about: About
) -> Hearing:
    """The same for one note, however long it takes."""
    if services.transcriber is None:
        return Hearing(trouble="off")
    try:
        return await _words_of(services, [file], languages, about)
    except NotTranscribed as unheard:
        return Hearing(seconds=unheard.seconds, trouble=unheard.code)


async def _words_of(
    services: Services, files: list[File], languages: tuple[str, ...], about: About
) -> Hearing:
    assert services.transcriber is not None
    heard = [
        await services.transcriber.listen(path_of(services, file), file.media_type, languages, about)
        for file in files
    ]
    return Hearing(
        text="\n".join(one.text for one in heard),
        english="\n".join(one.english for one in heard) if all(one.english for one in heard) else "",
        engine=heard[0].engine,
        seconds=sum(one.seconds for one in heard),
    )


def _say_that_it_takes_a_moment(tx: Tx, row: InboxRow, message: Message, seconds: float) -> None:
    person = tx.services.person_at(message.channel, message.sender)
    if person is None or not first_time(tx, f"listening:{row.id}"):
        return
    words = reader_for(tx, person).words
    length = f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
    card_publisher.say(
        tx,
        tx.services.answered_at(message.address, message.sender),
        words("🎧 I am listening to your voice note ({length}). That takes a moment.", length=length),
        quiet=True,
    )


def listen_later(tx: Tx, row: InboxRow, message: Message) -> None:
    """The message was filed before its notes were understood: that goes on."""
    for file in voices(message):
        args = {
            "inbox": row.id,
            "file": {
                "media_type": file.media_type,
                "bytes": file.bytes,
                "sha256": file.sha256,
                "path": file.path,
            },
        }
        at_once = message.heard is not None and message.heard.trouble == "slow"
        at = None if at_once else tx.now + AGAIN
        lanes.later(tx, LISTEN, args, lane=f"listen:{row.id}", subject=row.id, at=at)


def trouble_text(hearing: Hearing) -> str:
    """What its sender is told about a note that nothing can be made of (a key for the catalogue)."""
    return phrases.NOT_HEARD[hearing.trouble]
