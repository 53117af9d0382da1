"""Files on their way out: what may go, what it is called, and the signed link by which it can be had for a week.

A link names one file by its content, and only this home can have made it: there is no folder to look through."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from itsdangerous import BadSignature, Signer

from core.context import Services
from core.ports import Outgoing
from core.text import escape

KEPT_FOR: Final = timedelta(days=7)
"""A link is good for so long, and until the end of that day: drawn anew on the same day it stays the same."""
MAX_NAME: Final = 80
_PATH: Final = re.compile(r"media/([0-9a-f]{64})")
_TYPE: Final = re.compile(r"image/(png|jpeg)|text/(csv|plain)|application/pdf|audio/[a-z0-9.+-]{1,40}")
_ODD: Final = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|%]+')
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def payload_of(
    services: Services, path: str, name: str, media_type: str, caption: str, alt: str
) -> dict[str, Any]:
    """What the outbox keeps of a file. Raises ValueError for one that is not ours to send, FileNotFoundError."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise ValueError("a file goes out from media/, named by its content")
    if _TYPE.fullmatch(media_type) is None:
        raise ValueError(f"no file of the type {media_type!r} goes out")
    size = (services.media / found[1]).stat().st_size
    kept = {"sha256": found[1], "bytes": size, "name": safe_name(name), "media_type": media_type}
    return {**kept, "caption": caption.strip(), "alt": alt.strip()}


def outgoing(services: Services, payload: dict[str, Any], now: datetime) -> Outgoing:
    sha256, name, media_type = payload["sha256"], payload["name"], payload["media_type"]
    return Outgoing(
        path=services.media / sha256,
        size=payload["bytes"],
        name=name,
        media_type=media_type,
        caption=payload["caption"],
        alt=payload["alt"],
        link=link_to(services, Offered(sha256, name, media_type), now),
    )


def safe_name(name: str) -> str:
    """A name that any file system and header takes, its ending kept."""
    plain = _ODD.sub("_", escape(name)).strip(" .") or "file"
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 10:
        return plain[:MAX_NAME]
    return f"{stem[: MAX_NAME - len(suffix) - 1]}.{suffix}"


# --- the signed link


@dataclass(frozen=True, slots=True)
class Offered:
    """What a link leads to."""

    sha256: str
    name: str
    media_type: str


def link_to(services: Services, file: Offered, now: datetime) -> str | None:
    """None while the world does not reach us."""
    if not services.base_url:
        return None
    return f"{services.base_url.rstrip('/')}/f/{token_of(services.secret, file, now)}"


def token_of(secret: bytes, file: Offered, now: datetime) -> str:
    last_day = (now + KEPT_FOR - _EPOCH).days
    named = f"{file.media_type}\0{file.name}".encode()
    raw = bytes.fromhex(file.sha256) + last_day.to_bytes(4, "big") + named
    return _signer(secret).sign(base64.urlsafe_b64encode(raw).rstrip(b"=")).decode()


def file_in(secret: bytes, token: str, now: datetime) -> Offered | None:
    """The file that `token` was made for; None for one that is not ours, or is too old."""
    try:
        body = _signer(secret).unsign(token.encode("ascii"))
    except (BadSignature, UnicodeError):
        return None
    if _signer(secret).sign(body) != token.encode():
        return None  # the last letter of a signature has bits that mean nothing
    raw = base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4))
    if (now - _EPOCH).days > int.from_bytes(raw[32:36], "big"):
        return None
    media_type, _, name = raw[36:].decode().partition("\0")
    return Offered(raw[:32].hex(), name, media_type)


def _signer(secret: bytes) -> Signer:
    return Signer(secret, salt="file", digest_method=hashlib.sha256)
