"""Programs behind the Channel port: what an assistant, a program or the dashboard says for a person whom a credential has
proved. They ask and are answered in the same call, so nothing is sent to them; their people read cards in chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from core.errors import GiveUp
from core.inbound import File, Inbound, Message, RemoteFile
from core.model import SourceKind
from core.ports import Attempt, Capabilities, Delivery, Sent

NAMES: Final = ("mcp", "api", "dashboard")


class ProgramChannel:
    capabilities = Capabilities(edits=True, forms=True, settles=True, ours=True)

    def __init__(self, name: str) -> None:
        self.name = name

    async def route(self, payload: dict[str, Any]) -> Inbound | None:
        return self.parse(payload)

    def parse(self, payload: dict[str, Any]) -> Inbound | None:
        """A payload is core.clients.reporting.Report's: {id, client, sender, text, at, place, files}."""
        if "client" not in payload:
            return None  # its contents were let go
        files = tuple(
            File(SourceKind(one["kind"]), one["media_type"], one["bytes"], one["sha256"], one["path"])
            for one in payload["files"]
        )
        return Message(
            self.name,
            payload["client"],
            payload["id"],
            payload["sender"],
            payload["text"],
            datetime.fromisoformat(payload["at"]),
            files[0].kind if files else SourceKind.TEXT,
            files,
            place=payload["place"],
        )

    async def pace(self, conversation_id: str) -> None:
        """Nothing is sent."""

    async def send(self, deliveries: Sequence[Delivery], attempt: Attempt) -> list[Sent]:
        return [Sent(delivery.message_ref or delivery.id) for delivery in deliveries]

    async def sign_of_life(self, payload: dict[str, Any]) -> None:
        """The call's answer is one."""

    async def fetch(self, file: RemoteFile) -> AsyncIterator[bytes]:
        raise GiveUp("gone")
        yield b""

    async def display_name(self, sender: str, conversation_id: str) -> str:
        return ""
