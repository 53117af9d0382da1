"""The parts of a message: its moment, its files, its words without Slack's markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from core.inbound import RemoteFile
from core.model import SourceKind
from core.text import escape


def moment(ts: str) -> datetime:
    """Slack's "1732161600.000200" as an aware moment."""
    return datetime.fromtimestamp(float(ts), UTC)


def remote_files(message: dict[str, Any]) -> tuple[RemoteFile, ...]:
    """Photos, sound and film (its sound counts); anything else cannot be worked on. A file of another company's comes without an address."""
    found = []
    for file in message.get("files") or []:
        url = file.get("url_private_download") or file.get("url_private")
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


def plain(text: str) -> str:
    """Slack's markup as the words that the writer saw: links, mentions and dates unwrapped."""
    said = re.sub(r"<([^<>]*)>", _unwrapped, text)
    return escape(said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _unwrapped(found: re.Match[str]) -> str:
    target, _, label = found[1].partition("|")
    match target[:1]:
        case "@" | "#":
            return f"{target[0]}{label or target[1:]}"
        case "!":
            return label or f"@{target[1:].split('^')[0]}"
    if target.startswith(("mailto:", "tel:")):
        return label or target.partition(":")[2]
    return label if label and label in target else f"{label} ({target})" if label else target
