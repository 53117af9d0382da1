"""The web channel behind the Channel port."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update

from core.context import Tx
from core.errors import GiveUp
from core.inbound import File, Inbound, Message, RemoteFile, Tap
from core.inbox import Arrival, accept
from core.model import SourceKind
from core.ports import Attempt, Capabilities, Delivery, Sent
from core.store.tables import WebMessage, table
from core.store.unit import Unit

BOT = "loopos"
_MESSAGES: Final = table(WebMessage)
_STREAM: Final = _MESSAGES.alias()
_NEXT: Final = (
    select(func.coalesce(func.max(_STREAM.c.seq), 0) + 1)
    .where(_STREAM.c.conversation_id == bindparam("stream"))
    .scalar_subquery()
)
_INSERT: Final = insert(_MESSAGES).values(seq=_NEXT, position=_NEXT)
_CHANGE: Final = (
    update(_MESSAGES)
    .where(
        _MESSAGES.c.id == bindparam("id_"),
        _MESSAGES.c.conversation_id == bindparam("stream"),
        _MESSAGES.c.author == BOT,
    )
    .values(seq=_NEXT)
)


class WebChannel:
    name = "web"
    capabilities = Capabilities(edits=True, forms=True, settles=True, ours=True)

    async def route(self, payload: dict[str, Any]) -> Inbound | None:
        return self.parse(payload)

    def parse(self, payload: dict[str, Any]) -> Inbound | None:
        at = datetime.fromisoformat(payload["at"])
        sender = payload["sender"]
        if payload["type"] == "tap":
            return Tap("web", sender, sender, payload["button"], dict(payload["values"]), at)
        files = tuple(
            File(SourceKind(f["kind"]), f["media_type"], f["bytes"], f["sha256"], f["path"])
            for f in payload["files"]
        )
        kind = files[0].kind if files else SourceKind.TEXT
        return Message(
            "web", sender, payload["id"], sender, payload["text"], at, kind, files, payload.get("reply_to")
        )

    async def pace(self, conversation_id: str) -> None:
        """A page has no limits."""

    async def send(self, deliveries: Sequence[Delivery], attempt: Attempt) -> list[Sent]:
        return [_sent(delivery) for delivery in deliveries]

    async def sign_of_life(self, payload: dict[str, Any]) -> None:
        """The page shows by itself that a message was kept."""

    async def fetch(self, file: RemoteFile) -> AsyncIterator[bytes]:
        raise GiveUp("gone")
        yield b""

    async def display_name(self, sender: str, conversation_id: str) -> str:
        return sender


def _sent(delivery: Delivery) -> Sent:
    body = _body(delivery)
    ref = delivery.message_ref
    if ref is not None:
        return Sent(ref, lambda tx: change_message(tx, ref, delivery.conversation_id, body))
    new = delivery.id
    return Sent(new, lambda tx: put_message(tx, new, delivery.conversation_id, BOT, body))


def _body(delivery: Delivery) -> dict[str, Any]:
    """What the page draws."""
    if delivery.card is not None:
        return {"type": "card", "card": delivery.card.model_dump(mode="json")}
    file = delivery.file
    if file is None:
        return {"type": "text", "text": delivery.text, "quiet": delivery.quiet}
    shown = {"media_type": file.media_type, "sha256": file.path.name, "name": file.name, "alt": file.alt}
    return {"type": "file", "text": file.caption, "files": [{**shown, "bytes": file.size}]}


def put_message(tx: Unit, message_id: str, conversation_id: str, author: str, body: dict[str, Any]) -> None:
    """Add a message to a conversation. Raises for an id that is there already."""
    tx.change(
        _INSERT,
        {
            "id": message_id,
            "conversation_id": conversation_id,
            "stream": conversation_id,
            "author": author,
            "body": body,
            "at": tx.now,
        },
    )
    tx.publish(f"web:{conversation_id}")


def change_message(tx: Unit, message_id: str, conversation_id: str, body: dict[str, Any]) -> None:
    """Change a message of ours where it stands; it moves to the end of the stream."""
    if not tx.change(_CHANGE, {"id_": message_id, "stream": conversation_id, "body": body}):
        raise ValueError("only a message of ours can be changed")
    tx.publish(f"web:{conversation_id}")


def take(tx: Tx, payload: dict[str, Any]) -> bool:
    """Keep what a page sent: the inbox row, and for a message the sender's own line, in one commit."""
    sender = payload["sender"]
    fresh = bool(accept(tx, [Arrival("web", f"{sender}:{payload['id']}", sender, payload)]))
    if fresh and payload["type"] == "message":
        files = [{key: f[key] for key in ("kind", "media_type", "sha256")} for f in payload["files"]]
        own = {"type": "own", "text": payload["text"], "files": files}
        # The page chose the id: it may name only the sender's own line, never a message that stands.
        line = hashlib.sha256(f"{payload['sender']}:{payload['id']}".encode()).hexdigest()[:32]
        put_message(tx, line, payload["sender"], payload["sender"], {**own, "client_id": payload["id"]})
    return fresh
