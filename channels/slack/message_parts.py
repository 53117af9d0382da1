"""The parts of a message: its moment, its files, its words without Slack's markup."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any, Final

from core.clock import stamped
from core.inbound import RemoteFile
from core.model import SourceKind
from core.text import escape

STUB: Final = "id:"
"""Begins the ref of a file of which only the id is known."""


def moment(ts: str) -> datetime:
    """Slack's "1732161600.000200" as an aware moment."""
    return stamped(float(ts))


def remote_files(message: dict[str, Any]) -> tuple[RemoteFile, ...]:
    """Photos, sound and film (its sound counts); anything else cannot be worked on. A file of another company's comes without an address."""
    found = []
    for file in message.get("files") or []:
        url = file.get("url_private_download") or file.get("url_private")
        if file.get("file_access") == "check_file_info" and _is_file(file.get("id")):
            # Of a shared channel Slack tells the id alone: what it is is asked when it is fetched.
            found.append(RemoteFile(ref=f"{STUB}{file['id']}", media_type="image/unknown"))
            continue
        media_type = str(file.get("mimetype") or "")
        if file.get("subtype") == "slack_audio":
            # Slack's own recorder says video for what is sound in an MP4 or WebM box.
            media_type = media_type.replace("video/", "audio/")
        if url and media_type.startswith(("image/", "audio/", "video/")):
            size, length = file.get("size"), file.get("duration_ms")
            found.append(
                RemoteFile(
                    ref=str(url),
                    media_type=media_type[:80],
                    name=escape(str(file.get("name") or ""))[:200],
                    bytes=size if isinstance(size, int) else None,
                    seconds=length / 1000 if isinstance(length, int | float) else None,
                )
            )
    return tuple(found)


def snippets(message: dict[str, Any]) -> list[str]:
    """The words of text that Slack made a file of, because it was long."""
    return [
        plain(str(file.get("plain_text") or file.get("preview") or ""))
        for file in message.get("files") or []
        if file.get("mode") in {"snippet", "post"} or str(file.get("mimetype") or "").startswith("text/")
    ]


def shared(message: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(author's id or name, words, the message) of each message of others that is passed on in this one."""
    found = []
    for one in message.get("attachments") or []:
        if isinstance(one, dict) and one.get("is_share"):
            author = str(one.get("author_id") or one.get("author_name") or "")
            found.append((author, str(one.get("text") or one.get("fallback") or ""), one))
    return found


def _is_file(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(r"F[A-Z0-9]{2,30}", name) is not None


def kind_of(remote: tuple[RemoteFile, ...]) -> SourceKind:
    if not remote:
        return SourceKind.TEXT
    return SourceKind.PHOTO if remote[0].media_type.startswith("image/") else SourceKind.VOICE


def without_mention(text: str, bot: str | None) -> tuple[str, bool]:
    """`text` without the bot's name in it, and whether that was there."""
    if bot is None:
        return text, False
    rest, found = re.subn(rf"\s*<@{re.escape(bot)}(?:\|[^<>]*)?>[ \t]*", " ", text)
    return (rest.strip() if found else text), bool(found)


_MENTION: Final = re.compile(r"<@([UW][A-Z0-9]{2,20})>")
_MARKUP: Final = re.compile(r"<(?P<wrapped>[^<>]*)>|:(?P<shortcode>[a-z0-9_+'-]{1,60}):(?::skin-tone-\d:)?")
_SHORTCODES: Final = {
    "+1": "👍", "-1": "👎", "thumbsup": "👍", "thumbsdown": "👎", "white_check_mark": "✅", "heavy_check_mark": "✔️", "x": "❌",
    "pray": "🙏", "ok_hand": "👌", "joy": "😂", "smile": "😄", "slightly_smiling_face": "🙂", "grinning": "😀", "cry": "😢",
    "sob": "😭", "scream": "😱", "rage": "😡", "angry": "😠", "thinking_face": "🤔", "sweat_smile": "😅", "wave": "👋",
    "rotating_light": "🚨", "warning": "⚠️", "exclamation": "❗", "question": "❓", "fire_engine": "🚒", "ambulance": "🚑",
    "police_car": "🚓", "boom": "💥", "heart": "❤️", "tada": "🎉", "eyes": "👀", "raised_hands": "🙌", "clap": "👏", "100": "💯",
    "phone": "☎️", "zap": "⚡", "hotsprings": "♨️", "skull": "💀", "poop": "💩", "hankey": "💩", "mag": "🔍", "bulb": "💡",
    "electric_plug": "🔌", "snowflake": "❄️", "sunny": "☀️", "house": "🏠", "lock": "🔒", "unlock": "🔓", "key": "🔑",
}  # fmt: skip
"""Slack's own names where they are not those of Unicode."""


def mentions_in(text: str) -> tuple[str, ...]:
    """The people that raw `text` mentions without saying their names; `plain` writes them as "@id"."""
    return tuple(dict.fromkeys(_MENTION.findall(text)))


def _emoji(found: re.Match[str]) -> str:
    """A shortcode is a picture, not a word: ":fire:" reports no fire. A custom one is nothing that can be read."""
    name = found["shortcode"]
    if name in _SHORTCODES:
        return _SHORTCODES[name]
    if name.isdigit():
        return found[0]  # 10:30:15
    try:
        sign = unicodedata.lookup(name.replace("_", " ").replace("-", " "))
    except KeyError:
        return ""
    return sign if unicodedata.category(sign) == "So" else ""


def plain(text: str) -> str:
    """Slack's markup as the words that the writer saw: links, mentions, dates and emoji unwrapped."""
    said = _MARKUP.sub(lambda one: _emoji(one) if one["shortcode"] else _unwrapped(one["wrapped"]), text)
    return escape(said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _unwrapped(wrapped: str) -> str:
    target, _, label = wrapped.partition("|")
    match target[:1]:
        case "@" | "#":
            return f"{target[0]}{label or target[1:]}"
        case "!":
            return label or f"@{target[1:].split('^')[0]}"
    if target.startswith(("mailto:", "tel:")):
        return label or target.partition(":")[2]
    return label if label and label in target else f"{label} ({target})" if label else target
