"""A workspace's export from Slack (a ZIP), as far as the founder's own messages in it are memos. Pure."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
import zipfile
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from core.company.schema import Person
from core.errors import LoopOSError

MAX_UNPACKED: Final = 200 * 1024 * 1024
"""Bytes of all files that are read; of more it is no export of a company like ours."""
_DAY: Final = re.compile(r"([^/]{1,80})/\d{4}-\d{2}-\d{2}\.json")
_MENTION: Final = re.compile(r"<@([A-Z0-9]{1,20})(?:\|[^<>]{0,80})?>")
_LINK: Final = re.compile(r"<([^<>|\s]{1,2000})(?:\|([^<>]{0,500}))?>")
_KANA: Final = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")


class NoExport(LoopOSError):
    """The file is none, or holds nothing of the founder; the text says why."""


def memos(data: bytes, channels: Collection[str], founder: Person) -> list[dict[str, Any]]:
    """The founder's messages in `channels` (none named: all), oldest first, as memos. Raises NoExport."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _memos(archive, channels, founder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise NoExport(f"not an export of Slack: {type(error).__name__}") from None


def _memos(archive: zipfile.ZipFile, channels: Collection[str], founder: Person) -> list[dict[str, Any]]:
    if sum(one.file_size for one in archive.infolist()) > MAX_UNPACKED:
        raise NoExport(f"larger than {MAX_UNPACKED // 1024 // 1024} MiB unpacked")
    names = {str(user.get("id")): _name(user) for user in _array(archive, "users.json")}
    own = set(founder.identities.get("slack", ())) or {
        one for one, name in names.items() if name.casefold() == founder.name.casefold()
    }
    if not own & (names.keys() or own):
        raise NoExport(f"nobody in users.json is {founder.name}: name their Slack id in team.json")
    days = [(found[1], one) for one in archive.namelist() if (found := _DAY.fullmatch(one))]
    there = {channel for channel, _ in days}
    missing = [one for one in channels if one.lstrip("#") not in there]
    if missing:
        raise NoExport(f"there is no channel {missing[0]!r}; there are {', '.join(sorted(there)[:20])}")
    wanted = {one.lstrip("#") for one in channels} or there
    said = [
        (float(message["ts"]), channel, message)
        for channel, file in days
        if channel in wanted
        for message in _array(archive, file)
        if _is_said(message) and message.get("user") in own
    ]
    return [
        _memo(ts, channel, message, names, founder)
        for ts, channel, message in sorted(said, key=lambda one: one[:2])
    ]


def _name(user: dict[str, Any]) -> str:
    profile = user.get("profile")
    return str(user.get("real_name") or (profile.get("real_name") if isinstance(profile, dict) else "") or "")


def _array(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, Any]]:
    """Raises NoExport."""
    if name not in archive.namelist():
        return
    try:
        rows = json.loads(archive.read(name))
    except (ValueError, RecursionError):
        raise NoExport(f"{name}: not JSON") from None
    if not isinstance(rows, list):
        raise NoExport(f"{name}: an array is expected")
    yield from (one for one in rows if isinstance(one, dict))


def _is_said(message: dict[str, Any]) -> bool:
    ts, text = message.get("ts"), message.get("text")
    plain = message.get("type") == "message" and message.get("subtype") in {None, "thread_broadcast"}
    return plain and isinstance(text, str) and bool(text.strip()) and isinstance(ts, str) and _is_time(ts)


def _is_time(ts: str) -> bool:
    return re.fullmatch(r"\d{9,11}(?:\.\d{1,6})?", ts) is not None


def _memo(
    ts: float, channel: str, message: dict[str, Any], names: dict[str, str], founder: Person
) -> dict[str, Any]:
    text = _plain(message["text"], names)
    language = _language(text, founder)
    key = hashlib.sha256(f"{channel}:{message['ts']}".encode()).hexdigest()[:12]
    return {
        "id": f"memo_slack_{key}",
        "speaker": founder.id,
        "language": language,
        "recorded_at": datetime.fromtimestamp(ts, UTC).isoformat(),
        "transcript": text,
        "transcript_en": text if language == "en" else "",
    }


def _plain(text: str, names: dict[str, str]) -> str:
    text = _MENTION.sub(lambda found: names.get(found[1], found[1]), text)
    text = _LINK.sub(lambda found: found[2] or found[1], text)
    return html.unescape(text).strip()[:2000]


def _language(text: str, founder: Person) -> str:
    """By script, else the founder's first."""
    if _KANA.search(text):
        return "ja"
    return "zh-TW" if _HAN.search(text) else founder.languages[0]
