"""The house with its platforms: the real service, its real HTTP door, and the vendors' servers beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy import select

from bot.app import App, build
from bot.serve import http_app
from bot.settings import Settings
from channels.web.channel import take
from core.ids import new_id
from core.model import Address
from core.store import deadlines
from core.store.tables import ButtonRow, CardCopy, Ticket
from core.tickets.view import ticket_json
from core.timers import HANDLERS, given_up, prepare
from tests.fakes.faults import FakeServer
from tests.fakes.line import LineFake
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.homes import furnish

DATA = Path(__file__).parents[1] / "data" / "company"


class RunningClock:
    """Real time, moved; `at`: what it is when the clock is made."""

    def __init__(self, at: datetime | None = None) -> None:
        self.ahead = at - datetime.now(UTC) if at is not None else timedelta()
        self.set = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead + self.set

    def passed(self) -> timedelta:
        return timedelta(seconds=time.monotonic()) + self.ahead

    def jump(self, **delta: float) -> None:
        """The wall clock is set, and no time passes."""
        self.set += timedelta(**delta)


async def until(true: Callable[[], Awaitable[bool]] | Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that happens beside the jobs. Fails loudly, never early."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if (isinstance(found, bool) and found) or (not isinstance(found, bool) and await found):
                return
            await asyncio.sleep(0.01)


@dataclass(frozen=True)
class Phone:
    """What a person holds in their hand: one account on one platform."""

    house: House
    channel: str
    account: str

    @property
    def _fake(self) -> Any:
        return self.house.fakes[self.channel]

    @property
    def _place(self) -> str:
        return self._fake.dm(self.account) if self.channel == "slack" else self.account

    async def says(self, text: str, **more: Any) -> str:
        """Returns the platform's name of the message."""
        ref = await self._fake.says(self.account, text, **more)
        await self.house.settle()
        return str(ref)

    async def photo(self, text: str = "", data: bytes | None = None) -> None:
        picture = data or PNG
        if self.channel == "slack":
            await self.says(text, files=[self._fake.file("photo.png", "image/png", picture)])
        else:
            await self.says(text, files=[("photo.png", "image/png", picture)])

    async def speaks(self, file: Path, media_type: str, **more: Any) -> None:
        """A voice note, as the platform brings it."""
        await self.begins_to_speak(file, media_type, **more)
        await self.house.settle()

    async def begins_to_speak(self, file: Path, media_type: str, **more: Any) -> None:
        """The same; nothing has worked on it yet."""
        data = file.read_bytes()
        given: Any = (file.name, media_type, data)
        if self.channel == "slack":
            given = self._fake.file(file.name, media_type, data)
        await self._fake.says(self.account, "", files=[given], **more)

    async def chat(self, room: str | None = None) -> list[Any]:
        return list(await self._fake.chat(room or self._place))

    async def texts(self) -> list[str]:
        return [one.text for one in await self.chat()]

    async def sees(self, words: str) -> bool:
        return any(words in text for text in await self.texts())

    async def has(self, action: str) -> bool:
        """A button of this kind can be pressed."""
        return any(action == name.split(":")[0] for one in await self.chat() for _, name in one.buttons)

    async def card(self, action: str) -> Any:
        """The newest message with a button of this kind (or this label)."""
        for shown in reversed(await self.chat()):
            if any(action in {label, name.split(":")[0]} for label, name in shown.buttons):
                return shown
        raise AssertionError(f"no {action} button on {self.channel}: {await self.texts()}")

    async def taps(self, action: str, card: Any = None, **values: str) -> None:
        """Press, and fill in what is asked: a form where the platform has one, else one answer after the other."""
        await self._fake.taps(self.account, card or await self.card(action), action)
        await self.house.settle()
        if not values:
            return
        if self.channel == "slack":
            await until(
                lambda: bool(self._fake.views) and "input" in json.dumps(self._fake.form(self.account))
            )
            await self._fake.fills(self.account, **values)
            await self.house.settle()
            return
        for value in values.values():
            last = (await self.chat())[-1]
            if any(value in {label, name} for label, name in last.buttons):
                await self._fake.taps(self.account, last, value)
            else:
                await self._fake.says(self.account, value)
            await self.house.settle()
        if action == "reject":
            await self.confirms()

    async def confirms(self) -> None:
        """Press the first button of the newest message: "yes"."""
        last = (await self.chat())[-1]
        await self._fake.taps(self.account, last, last.buttons[0][0])
        await self.house.settle()


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@dataclass
class House:
    app: App
    clock: RunningClock
    fakes: dict[str, Any]
    accounts: dict[tuple[str, str], str] = field(default_factory=dict)
    """(person, channel) -> the platform's id"""
    url: str = ""
    runner: web.AppRunner | None = None

    def phone(self, person: str, channel: str) -> Phone:
        return Phone(self, channel, self.accounts[person, channel])

    def address(self, person: str, channel: str) -> Address:
        return Address(channel, self.accounts[person, channel])

    def stranger(self, channel: str, name: str) -> Phone:
        return Phone(self, channel, account_on(self.fakes[channel], channel, name))

    async def settle(self) -> None:
        """Until nothing is owed at this moment; where we poll, what was said has been fetched first, however slow the machine."""
        telegram = self.fakes.get("telegram")
        if telegram is not None and not telegram.hook:
            with contextlib.suppress(TimeoutError):  # a test may have stopped the poller
                await until(lambda: not telegram.pending, 3)
        for _ in range(3):
            await self.app.jobs.idle()
            await asyncio.sleep(0.01)

    async def tap_forged(self, phone: Phone, message: Any, button: str) -> None:
        """A tap as the platform would bring it, on a button that is not (or no longer) on the message."""
        fake = self.fakes[phone.channel]
        match phone.channel:
            case "slack":
                channel, _, ts = message.ref.partition(":")
                action = {"type": "button", "action_id": button, "value": button, "action_ts": fake.ts()}
                raw = fake.message(channel, ts)
                place = {
                    "container": {"type": "message", "message_ts": ts, "channel_id": channel},
                    "channel": {"id": channel},
                    "message": raw,
                }
                await fake._clicked(phone.account, {"type": "block_actions", "actions": [action], **place})
            case "telegram":
                chat = fake.chats[int(phone.account)]
                await fake.forges_tap(phone.account, chat, chat.messages[int(message.ref)], button)
            case _:
                await fake.send(fake.event("postback", phone.account, postback={"data": button}))
        await self.settle()

    async def tap_web(self, person: str) -> None:
        """The approve button on the demo's own page."""
        rows = await self.app.store.read(
            lambda s: list(
                s.scalars(
                    select(ButtonRow.id)
                    .join(CardCopy, CardCopy.id == ButtonRow.copy_id)
                    .where(CardCopy.channel == "web", CardCopy.conversation_id == person)
                    .where(ButtonRow.action == "approve")
                )
            )
        )
        payload = {"type": "tap", "id": new_id(), "sender": person, "button": rows[-1], "values": {}}
        payload["at"] = self.clock.now().isoformat()
        await self.app.store.write(lambda tx: take(tx, payload))

    async def restart(self) -> None:
        """The service ends and begins again on the same home; the platforms stay what they are."""
        assert self.runner is not None
        settings = self.app.settings
        await self.runner.cleanup()
        await self.app.stop()
        self.app, self.runner = await start(settings, self.clock)

    async def counter(self, vendor: Phone, amount: str) -> None:
        """The vendor names another price, and comes in an hour."""
        if vendor.channel == "slack":
            await vendor.taps("counter", amount=amount, eta="60")
            return
        await vendor.taps("counter", amount=amount)
        last = (await vendor.chat())[-1]
        await self.fakes[vendor.channel].taps(vendor.account, last, last.buttons[1][0])
        await self.settle()

    async def wait(self, **delta: float) -> None:
        """Time passes once what is due now is done, and every timer rings at its own moment, in order."""
        await self.settle()
        end = self.clock.now() + timedelta(**delta)
        while True:
            due = await self.app.store.write(deadlines.next_due)
            if due is None or due > end:
                break
            self.clock.ahead += max(timedelta(), due - self.clock.now())
            await self.app.store.write(lambda tx: deadlines.fire_due(tx, HANDLERS, given_up, prepare))
            await self.settle()
        self.clock.ahead += max(timedelta(), end - self.clock.now())
        await self.settle()

    async def tickets(self) -> list[dict[str, Any]]:
        return await self.app.store.read(
            lambda s: [ticket_json(t) for t in s.scalars(select(Ticket).order_by(Ticket.number))]
        )

    async def ticket(self) -> dict[str, Any]:
        (one,) = await self.tickets()
        return one


def account_on(fake: FakeServer, channel: str, name: str) -> str:
    """A person's account, known to the vendor's server."""
    match channel:
        case "slack":
            user = f"U{name.upper()}"
            fake.person(user, name.title())  # type: ignore[attr-defined]
            return user
        case "telegram":
            return str(fake.person(name.title()))  # type: ignore[attr-defined]
        case _:
            return str(fake.user(name))  # type: ignore[attr-defined]


def free_port() -> int:
    """Below those that the system hands out to whoever calls: between here and the bind nobody else gets it."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def company_with(home: Path, accounts: dict[tuple[str, str], str], **vendors: dict[str, list[str]]) -> None:
    """The demo company, in which people and vendors have these accounts."""
    folder = home / "company"
    if folder.exists():
        return
    shutil.copytree(DATA, folder)
    team = json.loads((folder / "team.json").read_text(encoding="utf-8"))
    for person in team:
        person["identities"] = {
            channel: [account] for (name, channel), account in accounts.items() if name == person["id"]
        }
        person["quiet_hours"] = []
    (folder / "team.json").write_text(json.dumps(team, ensure_ascii=False), encoding="utf-8")
    every = json.loads((folder / "vendors.json").read_text(encoding="utf-8"))
    for vendor in every:
        vendor["identities"] = vendors.get(vendor["id"], {})
    (folder / "vendors.json").write_text(json.dumps(every, ensure_ascii=False), encoding="utf-8")


def settings_for(home: Path, fakes: dict[str, Any], port: int, **more: Any) -> Settings:
    values: dict[str, Any] = {
        "LOOPOS_HOME": home,
        "LOOPOS_DEMO": False,
        "LOOPOS_EMBED": "off",
        "PORT": port,
        "LOOPOS_BASE_URL": f"https://127.0.0.1:{port}",
        "LOOPOS_PACE": 1000,
    }
    if "slack" in fakes:
        values |= {
            "SLACK_BOT_TOKEN": fakes["slack"].bot_token,
            "SLACK_SIGNING_SECRET": fakes["slack"].signing_secret,
            "SLACK_API_URL": fakes["slack"].api_url,
        }
    if "telegram" in fakes:
        values |= {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": fakes["telegram"].url}
    if "line" in fakes:
        values |= {
            "LINE_CHANNEL_SECRET": fakes["line"].secret,
            "LINE_CHANNEL_ACCESS_TOKEN": fakes["line"].token,
            "LINE_API_URL": fakes["line"].url,
            "LINE_DATA_API_URL": fakes["line"].url,
        }
    return Settings(**{**values, **more})


async def start(settings: Settings, clock: RunningClock) -> tuple[App, web.AppRunner]:
    """The service behind its port, without the alarm: time passes when a test says so."""
    furnish(settings.database)
    app = await build(settings, clock)
    runner = web.AppRunner(http_app(app), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.port).start()
    await app.models_and_speech.start()
    await app.learning_sync.start()
    await app.jobs.start()
    for platform in app.platforms:
        await platform.start()
    return app, runner


@contextlib.asynccontextmanager
async def open_house(
    home: Path,
    accounts: list[tuple[str, str]],
    vendors: dict[str, str] | None = None,
    at: datetime | None = None,
    furnished: Callable[[Path], None] = lambda _home: None,
    **more: Any,
) -> AsyncIterator[House]:
    """`accounts`: (person, channel) of everybody who has one; `vendors`: vendor -> the channel they are on; `furnished`: what else
    stands in the company's files."""
    clock = RunningClock(at)
    port = free_port()
    used = {channel for _, channel in accounts} | set((vendors or {}).values())
    fakes: dict[str, Any] = {}
    async with contextlib.AsyncExitStack() as stack:
        for channel, make in MAKERS.items():
            if channel in used:
                fake = fakes[channel] = make(clock)
                await fake.start()
                stack.push_async_callback(fake.stop)
        known = {
            (person, channel): account_on(fakes[channel], channel, person) for person, channel in accounts
        }
        for vendor, channel in (vendors or {}).items():
            known[vendor, channel] = account_on(fakes[channel], channel, vendor)
        company_with(
            home,
            known,
            **{vendor: {channel: [known[vendor, channel]]} for vendor, channel in (vendors or {}).items()},
        )
        furnished(home)
        settings = settings_for(home, fakes, port, **more)
        app, runner = await start(settings, clock)
        url = f"http://127.0.0.1:{port}"
        for channel, fake in fakes.items():
            fake.webhook_url = f"{url}{PATHS[channel]}"
        if "telegram" in fakes and settings.base_url is not None:
            await until(lambda: bool(fakes["telegram"].hook))
        house = House(app, clock, fakes, known, url, runner)
        try:
            yield house
        finally:
            assert house.runner is not None
            await house.runner.cleanup()
            await house.app.stop()


PATHS = {"slack": "/slack/events", "telegram": "/telegram/webhook", "line": "/line/webhook"}
MAKERS: dict[str, Callable[[RunningClock], FakeServer]] = {
    "slack": lambda clock: FakeSlack(clock=clock),
    "telegram": lambda clock: FakeTelegram(),
    "line": lambda clock: LineFake(clock=clock),  # type: ignore[arg-type]
}
