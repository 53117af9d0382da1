"""Houses that stand for many attacks: everything of the last one is cleared away before the next."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete

from bot.app import App
from core.context import Tx
from core.store.tables import Base
from tests.attacks.brain import honest, obedient, reads
from tests.attacks.breaches import STANDING, Outcome, Secrets, outcome, read_offline, standing, strings
from tests.attacks.corpus import Attack
from tests.fakes.openai import FakeOpenAI
from tests.models.brain import SINK
from tests.platforms import DATA, PNG, House, open_house
from tests.voice.clips import clip
from tests.world import World, open_world

KEY: Final = "sk-canary-9b1f7e42c6d8a035"
KEPT: Final = {*STANDING, "owner", "usage"}
STAFF: Final = ("ben", "miguel", "shirley", "haru", "celine")
PLUMBER: Final = "kampung_plumber"
_NONCE: Final = re.compile(r"<<<SAID \d+ (\w+)>>>")


@dataclass
class Target:
    """A house, the model vendor's server beside it, and how to attack it through the page."""

    world: World | House
    mind: FakeOpenAI
    began: dict[str, list[Any]] = field(default_factory=dict)
    """Who was who before the first attack."""

    @property
    def app(self) -> App:
        return self.world.app

    async def strike(self, attack: Attack, number: int, *, obeyed: bool) -> Outcome:
        """What comes of one attack. `obeyed`: the model does what it says; else it is a good one."""
        await self.app.store.write(clear)
        company = self.app.services.company
        self.began = self.began or await self.app.store.read(standing)
        self.mind.calls.clear()
        await self.prepare(attack)
        said = attack.report or attack.text
        first = read_offline(self.app.services, said, company.person(attack.by))
        good = honest(attack, first)
        self.mind.brain = obedient(attack, KEY, number, good) if obeyed else good
        await self.attempt(attack)
        if obeyed:
            await self.look()
        nonces = {nonce for call in self.mind.calls for nonce in _NONCE.findall(call.said)}
        secrets, seen = Secrets(KEY, frozenset(nonces)), self.seen_elsewhere()
        found = await self.app.store.read(lambda s: outcome(s, self.app.services, attack, secrets, seen))
        if await self.app.store.read(standing) != self.began or self.app.services.company is not company:
            return Outcome((*found.breaches, "people or company changed"), found.flagged, found.tickets)
        return found

    def was_read(self, attack: Attack) -> bool:
        return any(reads(attack, call) for call in self.mind.calls)

    async def prepare(self, attack: Attack) -> None:
        """What had been reported before it."""
        if attack.before:
            writer = self.app.services.company.person(attack.by)
            self.mind.brain = honest(attack, read_offline(self.app.services, attack.before, writer))
            await self.page.says(attack.by, attack.before)
            await self.page.wait(minutes=2)

    async def attempt(self, attack: Attack) -> None:
        if attack.way != "voice":
            await self.page.says(attack.by, attack.report or attack.text)
            return
        self.mind.heard = lambda _form, _sound: {"text": attack.text, "language": "english", "duration": 2.0}
        await self.page.says(attack.by, "", files=[self._note()])

    async def look(self) -> None:
        """The founder opens the ticket: what is owed to a reader is written for them."""
        await self.page.says("ben", "/ticket T-1001")

    def seen_elsewhere(self) -> list[str]:
        return []

    @property
    def page(self) -> World:
        assert isinstance(self.world, World)
        return self.world

    def _note(self) -> dict[str, Any]:
        """A voice note as the page would keep it."""
        sound = clip("leak.en.ogg")
        data = sound.path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        folder = self.app.services.media
        folder.mkdir(parents=True, exist_ok=True)
        (folder / sha256).write_bytes(data)
        kept = {"media_type": sound.media_type, "bytes": len(data), "sha256": sha256}
        return {"kind": "voice", "path": f"media/{sha256}", **kept}


@dataclass
class Platforms(Target):
    """The same through Slack, where files have names, and Telegram, where a vendor answers."""

    _told: dict[str, int] = field(default_factory=dict)

    @property
    def house(self) -> House:
        assert isinstance(self.world, House)
        return self.world

    async def prepare(self, attack: Attack) -> None:
        self._told = {channel: len(fake.calls) for channel, fake in self.house.fakes.items()}
        if attack.way == "vendor_answer":
            celine = self.app.services.company.person("celine")
            self.mind.brain = honest(attack, read_offline(self.app.services, SINK, celine))
            await self.house.phone("celine", "slack").says(SINK)

    async def attempt(self, attack: Attack) -> None:
        if attack.way == "vendor_answer":
            assert (await self.house.ticket())["status"] == "DISPATCHED"
            await self.house.phone(PLUMBER, "telegram").says(attack.text)
            return
        picture = self.house.fakes["slack"].file(attack.text, "image/png", PNG)
        await self.house.phone(attack.by, "slack").says(attack.report, files=[picture])

    async def look(self) -> None:
        await self.house.phone("ben", "slack").says("/ticket T-1001")

    def seen_elsewhere(self) -> list[str]:
        calls = [
            call for channel, fake in self.house.fakes.items() for call in fake.calls[self._told[channel] :]
        ]
        return list(strings([call.args for call in calls if call.method != "file"]))


def clear(tx: Tx) -> None:
    for one in reversed(Base.metadata.sorted_tables):
        if one.name not in KEPT:
            tx.change(delete(one))


def memos(home: Path, attacks: list[Attack]) -> Path:
    """The demo company, which remembers the attacks: somebody got them dictated as memos of the founder's."""
    folder = home / "dictated"
    shutil.copytree(DATA, folder)
    file = folder / "voice_corpus.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    kept += [
        {
            "id": f"memo_{attack.id.lower()}",
            "property_id": attack.place,
            "category": attack.category,
            "speaker": "ben",
            "language": attack.language,
            "recorded_at": "2026-11-01T09:00:00+00:00",
            "transcript": attack.text,
            "transcript_en": attack.text,
        }
        for attack in attacks
    ]
    file.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
    return folder


@contextlib.asynccontextmanager
async def target(home: Path, *, platforms: bool = False, **more: Any) -> AsyncIterator[Target]:
    mind = FakeOpenAI(key=KEY)
    await mind.start()
    settings = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": mind.base, "LOOPOS_WHISPER": "openai", **more}
    try:
        if platforms:
            accounts = [(person, "slack") for person in STAFF]
            async with open_house(home, accounts, {PLUMBER: "telegram"}, **settings) as house:
                yield Platforms(house, mind)
        else:
            async with open_world(home, **settings) as world:
                yield Target(world, mind)
    finally:
        await mind.stop()
