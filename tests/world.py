"""The house as a test sees it: the real database, jobs, timers and web channel, a clock that can be moved,
and people who say and tap things."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.app import App, build
from bot.settings import Settings
from channels.web.channel import take
from core.context import Store, Tx
from core.ids import new_id
from core.store import deadlines
from core.store.tables import Ticket, WebMessage
from core.tickets.view import ticket_json
from core.timers import HANDLERS, given_up, prepare
from tests.homes import furnish

NOON_IN_TAIPEI = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
STORY = "Ben,Warm Taipei 主臥冷氣在漏水,水滴到插座旁邊,客人在生氣,要找誰?"


class MovableClock:
    """Moving `at` lets time pass; `jump` sets the wall clock, and no time passes."""

    def __init__(self, at: datetime = NOON_IN_TAIPEI) -> None:
        self.at = at
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self.at + self.ahead

    def passed(self) -> timedelta:
        return self.at - NOON_IN_TAIPEI

    def jump(self, **delta: float) -> None:
        self.ahead += timedelta(**delta)


@dataclass
class CardSeen:
    """A card in somebody's chat, with what can be tapped on it."""

    world: World
    person: str
    message_id: str
    card: dict[str, Any]

    @property
    def lead(self) -> str:
        return str(self.card["lead"])

    @property
    def text(self) -> str:
        facts = [f"{fact['label']}: {fact['value']}" for fact in self.card["facts"]]
        sections = [f"{one['title']} {one['text']}" for one in self.card["sections"]]
        return "\n".join([self.card["title"], self.lead, *facts, *sections])

    def buttons(self) -> dict[str, dict[str, Any]]:
        """By the action that the id begins with; choices by their label."""
        found = {b["id"].split(":")[0]: b for b in self.card["buttons"]}
        for question in self.card["questions"]:
            found |= {b["label"]: b for b in question["buttons"]}
        return found

    async def tap(self, what: str, by: str | None = None, **values: str) -> None:
        await self.world.tap(by or self.person, self.buttons()[what]["id"], **values)


@dataclass
class World:
    app: App
    clock: MovableClock
    restarts: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return self.app.store

    async def send(self, person: str, text: str, **more: Any) -> str:
        """A message that is kept; returns its id. Nothing has worked on it yet."""
        payload = {
            "type": "message",
            "id": more.pop("id", new_id()),
            "sender": person,
            "text": text,
            "at": self.clock.now().isoformat(),
            "files": [],
            "reply_to": None,
            **more,
        }
        await self.store.write(lambda tx: take(tx, payload))
        return str(payload["id"])

    async def says(self, person: str, text: str, **more: Any) -> None:
        await self.send(person, text, **more)
        await self.settle()

    async def tap(self, person: str, button: str, **values: str) -> None:
        payload = {
            "type": "tap",
            "id": new_id(),
            "sender": person,
            "button": button,
            "values": values,
            "at": self.clock.now().isoformat(),
        }
        await self.store.write(lambda tx: take(tx, payload))
        await self.settle()

    async def settle(self) -> None:
        """Until nothing is owed at this moment."""
        await self.app.jobs.idle()

    async def wait(self, **delta: float) -> None:
        """Time passes once what is due now is done, and every timer rings at its own moment, in order."""
        await self.settle()
        end = self.clock.at + timedelta(**delta)
        while True:
            due = await self.store.write(deadlines.next_due)
            if due is None or due - self.clock.ahead > end:
                break
            self.clock.at = max(self.clock.at, due - self.clock.ahead)
            await self.store.write(lambda tx: deadlines.fire_due(tx, HANDLERS, given_up, prepare))
            await self.settle()
        self.clock.at = end
        await self.settle()

    # --- what people see

    async def chat(self, person: str) -> list[dict[str, Any]]:
        rows = await self.store.read(
            lambda s: list(
                s.scalars(
                    select(WebMessage)
                    .where(WebMessage.conversation_id == person)
                    .order_by(WebMessage.position)
                )
            )
        )
        return [{"id": row.id, "author": row.author, **row.body} for row in rows]

    async def texts(self, person: str) -> list[str]:
        return [m["text"] for m in await self.chat(person) if m["type"] == "text"]

    async def cards(self, person: str, kind: str | None = None) -> list[CardSeen]:
        return [
            CardSeen(self, person, m["id"], m["card"])
            for m in await self.chat(person)
            if m["type"] == "card" and kind in {None, m["card"]["kind"]}
        ]

    async def card(self, person: str, kind: str) -> CardSeen:
        """The newest card of this kind in somebody's chat."""
        found = await self.cards(person, kind)
        assert found, f"{person} has no {kind} card"
        return found[-1]

    async def tickets(self) -> list[dict[str, Any]]:
        return await self.store.read(
            lambda s: [ticket_json(t) for t in s.scalars(select(Ticket).order_by(Ticket.number))]
        )

    async def ticket(self) -> dict[str, Any]:
        (one,) = await self.tickets()
        return one

    async def events(self) -> list[str]:
        return [row["event"] for row in (await self.ticket())["history"]]

    async def do(self, work: Callable[[Tx], Any]) -> Any:
        return await self.store.write(work)


def settings_for(home: Path, **more: Any) -> Settings:
    values: dict[str, Any] = {"LOOPOS_HOME": home, "LOOPOS_DEMO": True, "LOOPOS_EMBED": "off", "PORT": 0}
    return Settings(**{**values, **more})


@contextlib.asynccontextmanager
async def open_world(home: Path, clock: MovableClock | None = None, **more: Any) -> AsyncIterator[World]:
    clock = clock or MovableClock()
    settings = settings_for(home, **more)
    furnish(settings.database)
    app = await build(settings, clock)
    await app.models_and_speech.start()
    await app.learning_sync.start()
    await app.jobs.start()
    try:
        yield World(app, clock)
    finally:
        await app.stop()
