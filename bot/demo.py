"""`loopos demo`: the first story, played in the terminal on the real parts (database, jobs, timers), offline."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from bot.app import App, build
from bot.settings import Settings
from channels.web.channel import take
from core.cards.card import Card
from core.ids import new_id
from core.store.tables import Ticket, WebMessage
from core.tickets.view import ticket_json

STORY: Final = "Ben,Warm Taipei 主臥冷氣在漏水,水滴到插座旁邊,客人在生氣,要找誰?"
COLOURS: Final = {"shirley": "cyan", "ben": "magenta", "haru": "yellow"}


class Play:
    """Speaks for people through the web channel, and shows what reaches them."""

    def __init__(self, app: App, *, quiet: bool) -> None:
        self._app = app
        self._quiet = quiet
        self._shown: dict[str, int] = {}
        self.ok = True

    async def says(self, who: str, text: str) -> None:
        self._line(f"[bold {COLOURS[who]}]{who.capitalize()}[/] writes: {text}")
        await self._send({"type": "message", "id": new_id(), "sender": who, "text": text, "files": []})
        await self.show()

    async def taps(self, who: str, kind: str, action: str, **values: str) -> None:
        card = await self._card(who, kind)
        button = next(b for b in card.buttons if b.id.startswith(f"{action}:"))
        filled = f" ({', '.join(f'{k} {v}' for k, v in values.items())})" if values else ""
        self._line(f"[bold {COLOURS[who]}]{who.capitalize()}[/] taps [reverse] {button.label} [/]{filled}")
        await self._send(
            {"type": "tap", "id": new_id(), "sender": who, "button": button.id, "values": values}
        )
        await self.show()

    async def waits_for(self, who: str, kind: str) -> None:
        """Real time passes until a timer has brought `who` a card."""
        self._line("[dim]… nobody acknowledges; the timer runs …[/]")
        for _ in range(100):
            if any(m.body.get("card", {}).get("kind") == kind for m in await self._messages(who)):
                break
            await asyncio.sleep(0.1)
        await self._app.jobs.idle()
        await self.show()

    async def _send(self, payload: dict[str, Any]) -> None:
        payload["at"] = self._app.clock.now().isoformat()
        await self._app.store.write(lambda tx: take(tx, payload))
        await self._app.jobs.idle()

    async def _messages(self, who: str) -> list[WebMessage]:
        return await self._app.store.read(
            lambda s: list(
                s.scalars(
                    select(WebMessage).where(WebMessage.conversation_id == who).order_by(WebMessage.seq)
                )
            )
        )

    async def _card(self, who: str, kind: str) -> Card:
        cards = [
            Card.model_validate(m.body["card"]) for m in await self._messages(who) if m.body["type"] == "card"
        ]
        return [card for card in cards if card.kind == kind][-1]

    async def show(self) -> None:
        """What is new for each person, cards as cards."""
        if self._quiet:
            return
        for who, colour in COLOURS.items():
            for message in await self._messages(who):
                if message.seq <= self._shown.get(who, 0) or message.body["type"] == "own":
                    continue
                self._shown[who] = message.seq
                self._print(who, colour, message.body)

    def _print(self, who: str, colour: str, body: dict[str, Any]) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.panel import Panel

        if body["type"] == "text":
            text = escape(body["text"])
        else:
            card = Card.model_validate(body["card"])
            buttons = "  ".join(f"[reverse] {escape(b.label)} [/]" for b in card.buttons)
            text = f"[bold]{escape(card.title)}[/]\n{escape(card.lead)}\n"
            text += "\n".join(f"[dim]{escape(f.label)}[/] {escape(f.value)}" for f in card.facts)
            text += f"\n{buttons}" if buttons else ""
        Console().print(
            Panel(
                text.strip(),
                title=f"to {who.capitalize()}",
                title_align="left",
                border_style=colour,
                width=88,
            )
        )

    def _line(self, text: str) -> None:
        if not self._quiet:
            from rich.console import Console

            Console().print(f"\n{text}")


async def play(home: Path, *, quiet: bool) -> dict[str, Any]:
    """The whole story; returns the ticket as JSON."""
    app = await build(Settings(LOOPOS_HOME=home, LOOPOS_DEMO=True, LOOPOS_ESCALATE_AFTER=1))  # type: ignore[call-arg]
    await app.start()
    try:
        stage = Play(app, quiet=quiet)
        await stage.says("shirley", STORY)
        await stage.taps("ben", "approval", "approve")
        await stage.waits_for("haru", "job")
        await stage.taps("shirley", "job", "ack")
        await stage.taps(
            "shirley",
            "job",
            "resolve",
            amount="132",
            outcome="drain pan replaced",
            rating="5",
            charge_to="owner",
        )
        return await app.store.read(lambda s: ticket_json(s.scalars(select(Ticket)).one()))
    finally:
        await app.stop()


def run(*, as_json: bool) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="loopos-demo-") as folder:
        ticket = asyncio.run(play(Path(folder), quiet=as_json))
    if as_json:
        print(json.dumps(ticket, ensure_ascii=False, indent=2))
    else:
        spent = time.monotonic() - begun
        steps = " → ".join(row["event"] for row in ticket["history"])
        print(f"\n{ticket['ticket_id']} {ticket['status']}: {steps}\n{spent:.1f} s, no network, no model.")
    return 0 if ticket["status"] == "RESOLVED" else 1
