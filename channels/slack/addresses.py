"""How a conversation, a message and a person's Home tab are named.

"U1": the direct conversation with that person; "U1:1732.000100": a thread in it; "C1": a room itself; "C1:1732.000100": one thread in it, named by its
root; "home:U1": a Home tab. A message is "<channel id>:<ts>", where a direct conversation has its "D1"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

HOME: Final = "home:"


@dataclass(frozen=True, slots=True)
class Place:
    kind: Literal["person", "room", "home"]
    id: str
    thread: str | None = None


def place_of(conversation_id: str) -> Place:
    if conversation_id.startswith(HOME):
        return Place("home", conversation_id.removeprefix(HOME))
    head, _, thread = conversation_id.partition(":")
    # U: a member; W: a member of an Enterprise Grid organisation.
    return Place("person" if head[:1] in {"U", "W"} else "room", head, thread or None)


def is_direct(channel: str) -> bool:
    return channel.startswith("D")


def ref(channel: str, ts: str) -> str:
    return f"{channel}:{ts}"


def split_ref(message_ref: str) -> tuple[str, str]:
    channel, _, ts = message_ref.partition(":")
    return channel, ts
