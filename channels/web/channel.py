"""The web channel behind the Channel port."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from core.company.company import Company
from core.company.schema import Person
from core.inbound import File, Inbound, Message, Tap
from core.model import SourceKind
from core.ports import Capabilities, Delivery, Sent
from core.store.engine import Tx
from core.store.inbox import accept
from core.store.tables import WebMessage

BOT = "loopos"


class WebChannel:
    name = "web"
    capabilities = Capabilities(edits=True, forms=True, text_limit=100_000)

    def __init__(self, company: Callable[[], Company]) -> None:
        self._company = company

    def person_id(self, sender: str) -> str | None:
        return sender if self._company().person(sender) else None

    def conversations_of(self, person: Person) -> list[str]:
        return [person.id]

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

    async def send(self, delivery: Delivery) -> Sent:
        ref = delivery.message_ref or delivery.id
        body: dict[str, Any] = (
            {"type": "card", "card": delivery.card.model_dump(mode="json")}
            if delivery.card
            else {"type": "text", "text": delivery.text, "quiet": delivery.quiet}
        )
        return Sent(ref, lambda tx: put_message(tx, ref, delivery.conversation_id, BOT, body))


def put_message(tx: Tx, message_id: str, conversation_id: str, author: str, body: dict[str, Any]) -> None:
    """Write or change one message of a conversation; either way it moves to the end of the stream."""
    newest = tx.session.scalar(
        select(func.max(WebMessage.seq)).where(WebMessage.conversation_id == conversation_id)
    )
    seq = (newest or 0) + 1
    message = tx.get(WebMessage, message_id)
    if message is None:
        tx.add(
            WebMessage(
                id=message_id,
                conversation_id=conversation_id,
                seq=seq,
                position=seq,
                author=author,
                body=body,
                at=tx.now,
            )
        )
    else:
        if message.conversation_id != conversation_id or message.author != author:
            raise ValueError("a message can only be changed by its author, where it stands")
        message.seq, message.body = seq, body
    tx.session.flush()
    tx.tell(f"web:{conversation_id}")


def take(tx: Tx, payload: dict[str, Any]) -> bool:
    """Keep what a page sent: the inbox row, and for a message the sender's own line, in one commit."""
    fresh = accept(tx, "web", f"{payload['sender']}:{payload['id']}", payload["sender"], payload)
    if fresh and payload["type"] == "message":
        files = [{key: f[key] for key in ("kind", "media_type", "sha256")} for f in payload["files"]]
        own = {"type": "own", "text": payload["text"], "files": files}
        # The page chose the id: it may name only the sender's own line, never a message that stands.
        line = hashlib.sha256(f"{payload['sender']}:{payload['id']}".encode()).hexdigest()[:32]
        put_message(tx, line, payload["sender"], payload["sender"], {**own, "client_id": payload["id"]})
    return fresh
