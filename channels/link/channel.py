"""The page behind the Channel port: what is sent is the card's own row, what comes in is a tap by the vendor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from core.errors import GiveUp
from core.inbound import Inbound, RemoteFile, Tap
from core.ports import Attempt, Capabilities, Delivery, Sent


class LinkChannel:
    name = "link"
    capabilities = Capabilities(edits=True, forms=True, settles=True, ours=True)

    async def route(self, payload: dict[str, Any]) -> Inbound | None:
        return self.parse(payload)

    def parse(self, payload: dict[str, Any]) -> Inbound | None:
        at = datetime.fromisoformat(payload["at"])
        return Tap(
            "link", payload["offer"], payload["vendor"], payload["button"], dict(payload["values"]), at
        )

    async def pace(self, conversation_id: str) -> None:
        """A page has no limits."""

    async def send(self, deliveries: Sequence[Delivery], attempt: Attempt) -> list[Sent]:
        return [Sent(delivery.message_ref or delivery.id) for delivery in deliveries]

    async def sign_of_life(self, payload: dict[str, Any]) -> None:
        """The page answers by itself."""

    async def fetch(self, file: RemoteFile) -> AsyncIterator[bytes]:
        raise GiveUp("gone")
        yield b""

    async def display_name(self, sender: str, conversation_id: str) -> str:
        return ""
