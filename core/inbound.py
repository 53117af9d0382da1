"""What a channel makes of a verified event: nothing vendor-shaped travels further in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.model import SourceKind


@dataclass(frozen=True, slots=True)
class File:
    """An attachment already on our disk."""

    kind: SourceKind
    media_type: str
    bytes: int
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class Message:
    channel: str
    conversation_id: str
    message_id: str
    sender: str
    """The platform's id of who wrote; the channel proved it."""
    text: str
    at: datetime
    kind: SourceKind = SourceKind.TEXT
    files: tuple[File, ...] = ()
    reply_to: str | None = None
    """message_ref of ours that it answers."""


@dataclass(frozen=True, slots=True)
class Tap:
    channel: str
    conversation_id: str
    sender: str
    button: str
    values: dict[str, str]
    """What the person filled in, by field name; empty for a plain button."""
    at: datetime


Inbound = Message | Tap
