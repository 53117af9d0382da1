"""What LINE's webhook events mean. Pure."""

from __future__ import annotations

import mimetypes
import re
from datetime import datetime
from typing import Any, Final

from core.clock import stamped
from core.inbound import UNSEEN, Inbound, Message, RemoteFile, Tap, Unsent
from core.model import SourceKind
from core.text import escape

NAME: Final = "line"
EXTERNAL: Final = "external"
"""The `RemoteFile.ref` of a file that does not lie with LINE: never fetched."""
NOWHERE: Final = "-"
"""The conversation of an event that belongs to none."""
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,100}")
_SOURCES: Final = {"user": "userId", "group": "groupId", "room": "roomId"}
_MAX_MILLISECONDS: Final = 4_102_444_800_000
"""The year 2100."""


def is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def well_formed(event: object) -> bool:
    """It has what every event has: only then can it be named, placed in a conversation and kept."""
    if not isinstance(event, dict) or not is_id(event.get("webhookEventId")):
        return False
    if not isinstance(event.get("type"), str) or not isinstance(event.get("mode"), str):
        return False
    at = event.get("timestamp")
    if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at <= _MAX_MILLISECONDS:
        return False
    if "source" in event and conversation_of(event) == NOWHERE:
        return False
    message = event.get("message")
    return event["type"] != "message" or (
        isinstance(message, dict) and is_id(message.get("id")) and isinstance(message.get("type"), str)
    )


def conversation_of(event: dict[str, Any]) -> str:
    """The user, group or room that an event came from; NOWHERE if it does not say."""
    source = event.get("source")
    if not isinstance(source, dict):
        return NOWHERE
    found = source.get(_SOURCES.get(str(source.get("type")), ""))
    return str(found) if is_id(found) else NOWHERE


def album_of(event: dict[str, Any]) -> str | None:
    """What photos sent together share."""
    message = event.get("message")
    images = message.get("imageSet") if isinstance(message, dict) else None
    album = images.get("id") if isinstance(images, dict) else None
    return album if isinstance(album, str) and is_id(album) else None


def moment(event: dict[str, Any]) -> datetime:
    return stamped(event["timestamp"] / 1000)


def parse(payload: dict[str, Any]) -> Inbound | None:
    try:
        return _read(payload)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None  # not shaped as LINE describes it: it asks nothing of us


def _read(event: dict[str, Any]) -> Inbound | None:
    if not well_formed(event):
        return None
    source, where = event["source"], conversation_of(event)
    sender = source.get("userId")
    at = moment(event)
    if not is_id(sender):
        # In a group, of somebody who has not agreed that bots may know them.
        in_group = source["type"] in {"group", "room"} and event["type"] == "message"
        return _message(event["message"], where, UNSEEN, at, room=where) if in_group else None
    match event["type"]:
        case "message":
            return _message(event["message"], where, sender, at, room=where if where != sender else None)
        case "postback":
            return Tap(NAME, where, sender, _string(event["postback"]["data"]), {}, at)
        case "unsend":
            return Unsent(NAME, where, _string(event["unsend"]["messageId"]), sender, at)
        case "follow":
            return Message(NAME, where, event["webhookEventId"], sender, "/start", at)
    return None


def _message(message: dict[str, Any], where: str, sender: str, at: datetime, room: str | None) -> Message:
    text, mentioned = "", False
    if message["type"] == "text":
        text, mentioned = without_mention(_string(message["text"]), message.get("mention"))
    quoted = message.get("quotedMessageId")
    kind, remote = _file(message)
    return Message(
        NAME,
        where,
        message["id"],
        sender,
        escape(text),
        at,
        kind,
        reply_to=quoted if is_id(quoted) else None,
        remote=remote,
        room=room,
        addressed=room is None or mentioned,
        unusable=message["type"] != "text" and not remote,
    )


def _file(message: dict[str, Any]) -> tuple[SourceKind, tuple[RemoteFile, ...]]:
    """What is attached; nothing for what cannot be worked on (a sticker, a place)."""
    provider = message.get("contentProvider")
    foreign = isinstance(provider, dict) and provider.get("type") != "line"
    ref = EXTERNAL if foreign else message["id"]
    match message["type"]:
        case "image":
            return SourceKind.PHOTO, (RemoteFile(ref, "image/jpeg"),)
        case "audio":
            milliseconds = message.get("duration")
            seconds = milliseconds / 1000 if isinstance(milliseconds, int) else None
            # LINE records voice messages as AAC in an MP4 box.
            return SourceKind.VOICE, (RemoteFile(ref, "audio/mp4", seconds=seconds),)
        case "video":
            return SourceKind.VOICE, (RemoteFile(ref, "video/mp4"),)  # somebody shows and tells
        case "file":
            name, size = message.get("fileName"), message.get("fileSize")
            name = escape(name) if isinstance(name, str) else ""
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            file = RemoteFile(ref, media_type, name, size if isinstance(size, int) else None)
            return _KINDS.get(media_type.split("/")[0], SourceKind.TEXT), (file,)
    return SourceKind.TEXT, ()


_KINDS: Final = {"image": SourceKind.PHOTO, "audio": SourceKind.VOICE, "video": SourceKind.VOICE}


def without_mention(text: str, mention: object) -> tuple[str, bool]:
    """`text` without the places where the bot is mentioned, and whether there were any.

    LINE counts in UTF-16 code units (developers.line.biz/en/docs/messaging-api/text-character-count)."""
    units = text.encode("utf-16-le", "surrogatepass")
    spans = sorted(_own_spans(mention), reverse=True)
    for start, length in spans:
        units = units[: 2 * start] + units[2 * (start + length) :]
    if not spans:
        return text, False
    rest = units.decode("utf-16-le", "surrogatepass")
    return re.sub(r"[ \t]{2,}", " ", rest).strip(), True


def _own_spans(mention: object) -> list[tuple[int, int]]:
    people = mention.get("mentionees") if isinstance(mention, dict) else None
    return [
        (one["index"], one["length"])
        for one in (people if isinstance(people, list) else [])
        if isinstance(one, dict)
        and one.get("isSelf") is True
        and all(isinstance(one.get(key), int) and one[key] >= 0 for key in ("index", "length"))
    ]


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value
