"""What the core asks of a platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from core.cards.card import Card
from core.errors import GiveUp
from core.inbound import Inbound, RemoteFile
from core.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do, as data: the core picks the fallback, no `if channel == ...` anywhere."""

    edits: bool
    """A posted card can be changed in place."""
    forms: bool
    """A button can ask for values before it is sent."""
    together: int = 1
    """How many deliveries to one conversation fit into one call."""
    settles: bool = False
    """A send whose outcome is unknown can be repeated without doubling: by a retry key, or by looking first."""
    ours: bool = False
    """The platform is our own database: exactly once, and an outage loses nothing of it."""
    uploads: bool = True
    """It takes a file's bytes. Where not, it shows what lies behind a link of ours, and only over https."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A picture or a document of ours. `path` is absolute, and named by its content."""

    path: Path
    size: int
    """Bytes."""
    name: str
    """What it is called where it is kept: safe for any file system."""
    media_type: str
    caption: str
    """In the reader's language, plain words; may be empty."""
    alt: str = ""
    """What a picture shows, for who cannot see it."""
    link: str | None = None
    """Whoever has it can fetch the file for a week; None where the world does not reach us."""

    @property
    def is_picture(self) -> bool:
        return self.media_type.startswith("image/")

    async def read(self) -> bytes:
        """Raises GiveUp where it was deleted meanwhile."""
        try:
            return await asyncio.to_thread(self.path.read_bytes)
        except FileNotFoundError as gone:
            raise GiveUp("the file is not there any more") from gone


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to bring to a conversation. `message_ref` is set for an edit."""

    id: str
    conversation_id: str
    card: Card | None
    text: str | None
    quiet: bool = False
    """A passing remark, not part of a ticket's story."""
    only_for: str | None = None
    """A quiet remark: the platform's id of the one person it is meant for, where others can read along."""
    bare: bool = False
    """Words and nothing else: what was richer has been refused."""
    message_ref: str | None = None
    file: Outgoing | None = None
    """With it there is neither card nor text."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Under `key`, a UUID, the same deliveries are tried until the outcome is known."""

    key: str
    since: datetime | None = None
    """When an earlier attempt began whose outcome nobody knows. None: there was none."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the platform calls the message. `commit`, where the platform is our own database, writes it in
    the transaction that records the delivery: then it is exactly once."""

    message_ref: str
    commit: Callable[[Unit], None] | None = None


@runtime_checkable
class Metered(Protocol):
    """A channel whose messages of a month are counted by its platform."""

    quota_limit: int | None
    quota_used: int


class Channel(Protocol):
    name: str
    capabilities: Capabilities

    async def route(self, payload: dict[str, Any]) -> Inbound | None:
        """What a stored event means; None for one that asks nothing of us. What it raises is a fault of the job that
        works on the event: tried again, and in the end put before the founder."""

    def parse(self, payload: dict[str, Any]) -> Inbound | None:
        """The same without waiting, at least of messages: for those who look at words again, within a transaction.
        Pure."""

    async def pace(self, conversation_id: str) -> None:
        """Wait until the platform's limits let one more call go to this conversation."""

    async def send(self, deliveries: Sequence[Delivery], attempt: Attempt) -> list[Sent]:
        """Bring `deliveries`, all of one conversation and at most `capabilities.together`, in one go.

        Raises TryLater where surely nothing was sent, OutcomeUnknown where it may have been, ChannelDown until an
        operator acts, GiveUp where it can never succeed."""

    async def sign_of_life(self, payload: dict[str, Any]) -> None:
        """Show at once that a stored event was seen (a reaction, "typing"); answer a tap's spinner. Best effort,
        never raises, and gives up after 3 s."""

    def fetch(self, file: RemoteFile) -> AsyncIterator[bytes]:
        """The bytes of an attachment, in chunks. Raises TryLater, or GiveUp where it is gone."""

    async def display_name(self, sender: str, conversation_id: str) -> str:
        """What the platform calls a person; "" where it does not say. Never raises."""
