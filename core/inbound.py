"""What a channel makes of a verified event: nothing vendor-shaped travels further in.

`conversation_id` is where an answer goes. Direct conversations are named by the platform's id of the person, so
that an identity in team.json is an address; a thread in a group is a conversation of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from core.model import Address, SourceKind


@dataclass(frozen=True, slots=True)
class File:
    """An attachment already on our disk."""

    kind: SourceKind
    media_type: str
    bytes: int
    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """An attachment that still lies with the platform. Everything here is the platform's or the sender's claim;
    the bytes decide."""

    ref: str
    """What the channel needs to fetch it."""
    media_type: str
    name: str = ""
    bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was made of a message's voice notes."""

    text: str = ""
    english: str = ""
    """The same in English, where the ear can tell."""
    engine: str = ""
    seconds: float = 0.0
    """How long they are."""
    trouble: str = ""
    """Why there are no words: a core.speech.port.Code, or `slow`: it goes on while the ticket is filed."""


UNSEEN: Final = ""


@dataclass(frozen=True, slots=True)
class Message:
    channel: str
    conversation_id: str
    message_id: str
    sender: str
    """The platform's id of who wrote; the channel proved it. UNSEEN: the platform does not say who it is."""
    text: str
    at: datetime
    kind: SourceKind = SourceKind.TEXT
    files: tuple[File, ...] = ()
    reply_to: str | None = None
    """message_ref of ours that it answers."""
    remote: tuple[RemoteFile, ...] = ()
    """Attachments to fetch before the message is worked on."""
    room: str | None = None
    """The group it was written in (its binding to a property hangs on this); None: a direct conversation."""
    addressed: bool = True
    """In a group: the bot is mentioned or answered. Elsewhere always."""
    unusable: bool = False
    """A sticker, a place, a contact: nothing of it can be worked on."""
    heard: Hearing | None = None
    """Of a message with voice notes; what was heard stands in `text` too."""
    written: str = ""
    """The words as they came in, where `text` has less white space; what is kept."""
    foreign: bool = False
    """Some of the words are somebody else's, passed on (a shortcut on another's message, a forward, a share): material
    with its author's name, never a command, an answer or a yes of who passed it on."""
    after: timedelta | None = None
    """So long after its sender's last message here it was written; None where nothing is known of one."""
    place: str | None = None
    """The property that its sender named beside the words (a field of a form): it needs no reading."""
    mentions: tuple[str, ...] = ()
    """Platform's ids that stand in `text` as "@id": their names are put there before anybody reads it."""

    @property
    def address(self) -> Address:
        return Address(self.channel, self.conversation_id)


@dataclass(frozen=True, slots=True)
class Edited:
    """The sender changed a message; `message_id` is that of the original."""

    channel: str
    conversation_id: str
    message_id: str
    sender: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unsent:
    """The sender took a message back."""

    channel: str
    conversation_id: str
    message_id: str
    sender: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tap:
    channel: str
    conversation_id: str
    sender: str
    button: str
    values: dict[str, str]
    """What the person filled in, by field name; empty for a plain button."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody looks at their home page on the platform: it is drawn anew at `conversation_id`."""

    channel: str
    conversation_id: str
    sender: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A group has a new id; the old one is dead."""

    channel: str
    conversation_id: str
    moved_to: str
    sender: str
    at: datetime


Inbound = Message | Edited | Unsent | Tap | Opened | Moved


def heard_in(said: Message | Tap) -> frozenset[str]:
    """The conversations in which what was asked of the sender may be answered here: this one, the room around it, and where
    it is a thread between the two of us, all that we say to each other."""
    room = said.room if isinstance(said, Message) else None
    return frozenset(
        {said.conversation_id, *([room] if room else []), *([said.sender] if is_alone(said) else [])}
    )


def room_of(conversation_id: str) -> str:
    """The chat that a conversation is in: a thread or a topic stands behind a colon. Messages are named within it:
    Telegram counts from 1 in every supergroup."""
    return conversation_id.partition(":")[0]


def is_alone(said: Message | Tap | Edited) -> bool:
    """Nobody else reads along: the direct conversation with the sender, or a thread in it."""
    return said.conversation_id == said.sender or said.conversation_id.startswith(f"{said.sender}:")
