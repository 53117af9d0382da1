"""A stored update as an Inbound, and a raw update as an Event. Pure, and total: what is not understood is None."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from channels.ingress import VerifiedEvent
from core.clock import host_seconds, stamped
from core.inbound import UNSEEN, Edited, Inbound, Message, Moved, RemoteFile, Tap
from core.media import MAX_BYTES
from core.model import SourceKind
from core.text import escape

Json = dict[str, Any]

NAME: Final = "telegram"
_ID_BOUND: Final = 2**63
_GROUPS: Final = ("group", "supergroup")
_UNUSABLE: Final = frozenset(
    {"sticker", "location", "venue", "contact", "poll", "dice", "game", "story"}
    | {"animation", "paid_media", "live_photo", "checklist", "giveaway", "rich_message"}
)
"""What people send that holds no words, no photo and no sound. A caption under it counts as a text."""


@dataclass(frozen=True, slots=True)
class Me:
    """Who the bot is. The id stands in the token; the name is learned at the start."""

    id: int | None = None
    username: str | None = None

    def is_named(self, name: str) -> bool:
        """Whether `name`, without the @, means us. Until we know our name every bot's counts: they end in "bot"."""
        return name.lower() == self.username.lower() if self.username else name.lower().endswith("bot")

    def is_author(self, message: Json) -> bool:
        author = message.get("from", {})
        return bool(author.get("id") == self.id if self.id is not None else author.get("is_bot"))


def me_of(token: str) -> Me:
    number = token.partition(":")[0]
    return Me(int(number) if number.isdecimal() else None)


# --- events


def event_of(update: Json, now: datetime) -> VerifiedEvent:
    """Raises ValueError for what has no update_id.

    update_id restarts at random after an idle week, so what has a name of its own goes by that."""
    number = update.get("update_id")
    if not _is_id(number):
        raise ValueError("no update_id")
    kind = next((str(key) for key in update if key != "update_id"), "empty")[:40]
    if kind == "callback_query":
        # A tap has no time of its own; the message under it may be weeks old.
        update = {**update, "received_at": int(host_seconds(now))}
    try:
        event_id, conversation, album = _named(kind, update[kind])
    except (KeyError, TypeError, ValueError, AttributeError):
        event_id, conversation, album = f"update:{number}:{kind}", NAME, None
    return VerifiedEvent(event_id, conversation, update, album)


def _named(kind: str, body: Json) -> tuple[str, str, str | None]:
    """(event id, conversation, album). Raises for what has no name of its own."""
    if kind == "callback_query":
        name = str(body["id"])
        if not 0 < len(name) <= 100:
            raise ValueError("no id")
        return f"cb:{name}", conversation_of(body["message"]), None
    if kind not in {"message", "edited_message"}:
        raise ValueError("no name of its own")
    chat, message = _id(body["chat"]["id"]), _id(body["message_id"])
    if kind == "edited_message":
        # edit_date is in whole seconds: two edits within one differ by their words.
        words = str(body.get("text", body.get("caption", "")))
        mark = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"edit:{chat}:{message}:{_id(body['edit_date'])}:{mark}", conversation_of(body), None
    if (moved := _moved(body)) is not None:
        # Ahead of the first words in the new group, which would else be overheard there.
        return f"moved:{moved[0]}:{moved[1]}", str(moved[1]), None
    album = body.get("media_group_id")
    return f"msg:{chat}:{message}", conversation_of(body), str(album)[:60] if album else None


def moved_event(old: int, new: int, now: datetime) -> VerifiedEvent:
    """What Telegram tells in the refusal of a send, as the service message it may not have sent yet."""
    told = {"chat": {"id": old, "type": "group"}, "date": int(host_seconds(now)), "migrate_to_chat_id": new}
    return VerifiedEvent(
        f"moved:{old}:{new}", str(new), {"update_id": 0, "message": {"message_id": 0, **told}}
    )


def conversation_of(message: Json) -> str:
    """A private chat's id is the person's; a forum topic is a conversation of its own."""
    chat = message["chat"]
    thread = message.get("message_thread_id")
    if chat.get("type") != "private" and message.get("is_topic_message") and thread is not None:
        return f"{_id(chat['id'])}:{_id(thread)}"
    return str(_id(chat["id"]))


def _moved(message: Json) -> tuple[int, int] | None:
    """(old, new) of a group that became a supergroup; both chats are told."""
    here = _id(message["chat"]["id"])
    if "migrate_to_chat_id" in message:
        return here, _id(message["migrate_to_chat_id"])
    if "migrate_from_chat_id" in message:
        return _id(message["migrate_from_chat_id"]), here
    return None


def _id(value: Any) -> int:
    if not _is_id(value):
        raise ValueError("not an id")
    return int(value)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _ID_BOUND


# --- what people said and did


def parse(payload: Json, me: Me) -> Inbound | None:
    try:
        if "message" in payload:
            return _message(payload["message"], me)
        if "edited_message" in payload:
            return _edited(payload["edited_message"], me)
        if "callback_query" in payload:
            return _tap(payload["callback_query"], payload.get("received_at"))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, OSError):
        return None
    return None


def _message(message: Json, me: Me) -> Message | Moved | None:
    at = _time(message["date"])
    if (moved := _moved(message)) is not None:
        sender = message.get("from", {}).get("id", "")
        return Moved(NAME, str(moved[0]), str(moved[1]), str(sender), at)
    in_group = message["chat"]["type"] in _GROUPS
    sender = _person(message)
    if sender is None and in_group and "sender_chat" in message and not message.get("is_automatic_forward"):
        sender = UNSEEN  # an admin who stays anonymous, or somebody who speaks as a channel
    if sender is None or not (in_group or message["chat"]["type"] == "private"):
        return None
    text, called = _words(message, me)
    author = _forwarded_from(message)
    if author is not None and text:
        text = f"{author}: {text}"
    kind, remote = _attached(message)
    unusable = not text and not remote and not _UNUSABLE.isdisjoint(message)
    if not (text or remote or unusable):
        return None  # somebody joined, a title changed, ...
    answered = _answered(message)
    return Message(
        channel=NAME,
        conversation_id=conversation_of(message),
        message_id=str(_id(message["message_id"])),
        sender=sender,
        text=text,
        at=at,
        kind=kind,
        reply_to=str(_id(answered["message_id"])) if answered else None,
        remote=remote,
        room=str(_id(message["chat"]["id"])) if in_group else None,
        addressed=not in_group or called or (answered is not None and me.is_author(answered)),
        unusable=unusable,
        foreign=author is not None,
    )


def _forwarded_from(message: Json) -> str | None:
    """Whose words are passed on; None where they are the sender's own."""
    origin = message.get("forward_origin")
    if not isinstance(origin, dict):
        return None
    user, chat = origin.get("sender_user") or {}, origin.get("sender_chat") or origin.get("chat") or {}
    if user.get("id") is not None and user.get("id") == message["from"]["id"]:
        return None
    return escape(str(user.get("first_name") or origin.get("sender_user_name") or chat.get("title") or "?"))


def _edited(message: Json, me: Me) -> Edited | None:
    sender = _person(message)
    if sender is None or message["chat"]["type"] == "channel" or not {"text", "caption"} & message.keys():
        return None  # a live location that moved, for instance
    text, _ = _words(message, me)
    at = _time(message.get("edit_date", message["date"]))
    return Edited(NAME, conversation_of(message), str(_id(message["message_id"])), sender, text, at)


def _tap(query: Json, received_at: Any) -> Tap | None:
    """The message under the button may be too old for Telegram to show it; its chat is always told."""
    message = query["message"]
    at = _time(received_at if received_at is not None else message["date"])
    return Tap(NAME, conversation_of(message), str(_id(query["from"]["id"])), escape(query["data"]), {}, at)


def _time(seconds: Any) -> datetime:
    return stamped(_id(seconds))


def _person(message: Json) -> str | None:
    """Who wrote, if it is a person under their own name: not a bot, a channel or an anonymous admin."""
    sender = message["from"]
    return None if sender.get("is_bot") or "sender_chat" in message else str(_id(sender["id"]))


def _answered(message: Json) -> Json | None:
    """The message that this one answers. In a forum whatever answers nothing "answers" the topic's beginning."""
    answered: Json | None = message.get("reply_to_message")
    return None if answered is None or "forum_topic_created" in answered else answered


def _words(message: Json, me: Me) -> tuple[str, bool]:
    """(what was written, without our name; whether we were called). Entities count in UTF-16 units."""
    key = "text" if "text" in message else "caption"
    units = message.get(key, "").encode("utf-16-le", "surrogatepass")
    called = False
    entities = message.get("entities" if key == "text" else "caption_entities", [])
    for entity in sorted(entities, key=lambda one: one["offset"], reverse=True):
        begin, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
        said = units[begin:end].decode("utf-16-le", "replace")
        match entity["type"]:
            case "mention" if me.is_named(said[1:]):
                called, units = True, units[:begin] + units[end:]
            case "text_mention" if me.id is not None and entity["user"]["id"] == me.id:
                called, units = True, units[:begin] + units[end:]
            case "bot_command" if begin == 0:
                command, at, name = said.partition("@")
                if not at or me.is_named(name):
                    called, units = True, command.encode("utf-16-le") + units[end:]
    text = escape(units.decode("utf-16-le", "surrogatepass")).strip()
    return (text.lstrip(",:; ") if called else text), called


def _attached(message: Json) -> tuple[SourceKind, tuple[RemoteFile, ...]]:
    if "voice" in message:
        return SourceKind.VOICE, (_remote(message["voice"], "audio/ogg"),)
    if "audio" in message:
        return SourceKind.VOICE, (_remote(message["audio"], "audio/mpeg"),)
    for film in ("video_note", "video"):
        if film in message:
            return SourceKind.VOICE, (_remote(message[film], "video/mp4"),)  # somebody shows and tells
    if "photo" in message:
        return SourceKind.PHOTO, (_remote(_largest(message["photo"]), "image/jpeg"),)
    if "document" in message and "animation" not in message:
        file = _remote(message["document"], "application/octet-stream")
        if file.media_type.startswith("image/"):
            return SourceKind.PHOTO, (file,)
        if file.media_type.startswith(("audio/", "video/")):
            return SourceKind.VOICE, (file,)
        return SourceKind.TEXT, (file,)
    return SourceKind.TEXT, ()


def _largest(sizes: list[Json]) -> Json:
    """The largest that may be downloaded; if none may, the smallest, and fetching it says so."""
    by_size = sorted(sizes, key=lambda one: one["width"] * one["height"])
    fitting = [one for one in by_size if one.get("file_size", 0) <= MAX_BYTES]
    return fitting[-1] if fitting else by_size[0]


def _remote(file: Json, media_type: str) -> RemoteFile:
    size, seconds = file.get("file_size"), file.get("duration")
    return RemoteFile(
        ref=str(file["file_id"]),
        media_type=str(file.get("mime_type", media_type))[:100],
        name=escape(str(file.get("file_name", "")))[:200],
        bytes=size if isinstance(size, int) else None,
        seconds=float(seconds) if isinstance(seconds, int) else None,
    )
