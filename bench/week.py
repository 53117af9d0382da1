"""A week of the demo company under the loop: `python -m bench week` (`make week`).

A simulated clock, the real house and its real sensors, three reservation feeds as the platforms send them, and seven troubles that
nobody reports. Lived through twice: by reflexes alone, and with a scripted model. docs/WEEK.md is written from what is counted."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core.loop.house import LoopHouse
from core.loop.model_decider import ModelDecider
from core.loop.pulse import Pulse
from core.store.loop_tables import LoopLine
from core.store.tables import UsageRow
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import Asked, Json, honest
from tests.models.brain import purpose_of, said_in
from tests.stays.feeds import airbnb, booking, vrbo
from tests.world import MovableClock, World, open_world

ROOT: Final = Path(__file__).parents[1]
BEGIN: Final = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)  # Monday morning in Taipei
DAYS: Final = 7
EVERY: Final = timedelta(minutes=15)
FEEDS: Final = {
    "warm_taipei_2br": ("taipei.ics", airbnb(("20261123", "20261126", "Reserved"), ("20261126", "20261129", "Reserved"))),
    "bali_villa": ("bali.ics", booking(("20261125", "20261128", ""), ("20261128", "20261130", ""))),
    "creekfront_cabin": ("creek.ics", vrbo(("20261126", "20261129", "Reserved - Kim"), ("20261123", "20261125", "Blocked"))),
}  # fmt: skip


@dataclass
class Trouble:
    """Something that goes wrong and that nobody says."""

    what: str
    sign: str
    """In what the founder is told, once it is caught."""
    at: datetime
    told_at: datetime | None = None


@dataclass
class Week:
    name: str
    world: World
    pulse: Pulse
    mind: FakeAnthropic | None
    troubles: list[Trouble] = field(default_factory=list)
    beats: int = 0
    results: dict[str, int] = field(default_factory=dict)

    def trouble(self, what: str, sign: str) -> None:
        self.troubles.append(Trouble(what, sign, self.world.clock.now()))

    async def until(self, day: int, hour: int, minute: int = 0) -> None:
        """Local time in Taipei; the loop beats on the way."""
        end = datetime(2026, 11, 23, hour, minute, tzinfo=ZoneInfo("Asia/Taipei")) + timedelta(days=day)
        while self.world.clock.now() + EVERY <= end:
            await self.world.wait(seconds=EVERY.total_seconds())
            beat = await self.pulse.beat()
            self.beats += 1
            self.results[beat.result] = self.results.get(beat.result, 0) + 1
            await self.world.settle()
            await self._look()

    async def _look(self) -> None:
        open_ones = [one for one in self.troubles if one.told_at is None]
        if not open_ones:
            return
        told = "\n".join(
            one["text"] if one["type"] == "text" else json.dumps(one["card"], ensure_ascii=False)
            for one in (await self.world.chat("ben"))[-30:]
            if (one["type"] == "text" and "loop" in one["text"])
            or (one["type"] == "card" and one["card"]["kind"] == "ask")
        )
        for one in open_ones:
            if one.sign in told and (one.told_at is None):
                one.told_at = self.world.clock.now()


async def live(week: Week) -> None:
    world = week.world
    folder = Path(world.app.settings.company_folder)
    places = json.loads((folder / "properties.json").read_text())
    for place in places:
        if place["id"] in FEEDS:
            name, text = FEEDS[place["id"]]
            (folder / name).write_text(text)
            place["calendars"] = [name]
        if place["id"] == "warm_taipei_2br":
            place["monthly_budget_usd"] = "200.00"
    (folder / "properties.json").write_text(json.dumps(places))
    await world.app.company_files.look()
    await week.until(0, 9)

    # Monday: reported, approved, and nobody takes it.
    await world.says("celine", "vila Bali: wastafel dapur mampet total")
    await approve(world)
    week.trouble("a job in Bali that nobody takes", "T-1001")
    await week.until(0, 15)
    await (await world.card("celine", "job")).tap("ack")

    # Tuesday: the founder sleeps over an approval.
    await week.until(1, 10)
    await world.says("shirley", "Warm Taipei 主臥冷氣在漏水,水滴到插座旁邊")
    week.trouble("an approval that waits for hours", "T-1002")
    await week.until(1, 18)
    await approve(world)
    await (await world.card("shirley", "job")).tap("ack")

    # Wednesday: done as far as everybody thinks, but past the time that was told.
    await week.until(2, 20)
    week.trouble("a repair past the time that was told", "Overdue" if week.mind is None else "T-1002")

    # Thursday, check-in at 15:00 in Taipei: a fault at noon, whose vendor usually comes too late for the cleaner.
    await week.until(3, 12, 30)
    await world.says("shirley", "Warm Taipei 客廳冷氣漏水")
    week.trouble("a vendor too late for the next check-in", "T-1003")
    await week.until(3, 14)
    await approve(world)  # with it the month's 200 USD are gone past
    week.trouble("a property over its month's budget", "warm_taipei_2br")

    # Friday: Booking's feed breaks.
    await week.until(4, 8)
    (folder / "bali.ics").write_text("<html>Please sign in</html>")
    week.trouble("a reservation feed that broke", "Bali Villa, 1")
    await week.until(4, 14)
    (folder / "bali.ics").write_text(FEEDS["bali_villa"][1])

    # Saturday: one more that nobody takes.
    await week.until(5, 9)
    await world.says("miguel", "Reno: the water heater is broken, no hot water at all")
    await approve(world)
    await week.until(5, 20)

    # Sunday: who looks after Bali leaves the team.
    await week.until(6, 9)
    team = json.loads((folder / "team.json").read_text())
    for person in team:
        if person["id"] == "celine":
            person["backup"] = None
    (folder / "team.json").write_text(json.dumps(team))
    await world.app.company_files.look()
    week.trouble("somebody on site without a backup", "celine")
    await week.until(6, 22)


async def approve(world: World) -> None:
    for card in (await world.cards("ben", "approval"))[-1:]:
        if "approve" in card.buttons():
            await card.tap("approve")


# --- a scripted model


def thinking(asked: Asked) -> Json:
    """Decides as a sober model would: one question where a person must choose, one notice for the rest, nothing where nothing is
    new. Everything else is answered as the plain engine reads."""
    names = set((asked.schema or {}).get("properties", {}))
    if "next_interval_s" not in names:
        return honest(asked) if purpose_of(asked) == "triage" else {}
    brief = said_in(asked)
    changes = brief.partition("=== WHAT CHANGED ===")[2].partition("=== NOW ===")[0]
    lines = [one for one in changes.splitlines() if one.startswith("snap:sensor-")]
    for line in lines:
        name, _, change = line.removeprefix("snap:sensor-").partition(":")
        said = change.rpartition("->")[2].strip()
        try:
            signal = json.loads(said)
        except ValueError:
            continue
        if name == "stays" and signal.get("threatened"):
            late = ", ".join(signal["threatened"])
            return _move(
                action="ask",
                prompt=f"{late} will not be done before the next guest. What shall I do?",
                options=["Another vendor", "Tell the guest", "Wait"],
            )
        news = [f"{key}: {', '.join(map(str, value))}" for key, value in signal.items() if isinstance(value, list) and value] if isinstance(signal, dict) else []  # fmt: skip
        if news and name != "tickets":
            return _move(action="notify", message=f"{name}: {'; '.join(news)}")
        if name == "tickets" and signal.get("overdue"):
            return _move(action="notify", message=f"Overdue: {', '.join(signal['overdue'])}")
    return _move(action="noop", reason="nothing new")


def _move(**fields: Any) -> Json:
    return dict(fields)


# --- what is counted


async def run(name: str, model: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        mind = FakeAnthropic(brain=thinking) if model else None
        more: dict[str, Any] = {}
        if mind is not None:
            await mind.start()
            more = {"ANTHROPIC_API_KEY": mind.key, "ANTHROPIC_BASE_URL": mind.url}
        try:
            async with open_world(Path(scratch), MovableClock(BEGIN), **more) as world:
                house = LoopHouse(
                    world.app.store, world.app.services, world.app.settings.home, {"PATH": os.environ["PATH"]}
                )
                pulse = Pulse(house, ModelDecider(world.app.services) if model else None)
                await pulse.prepare()
                week = Week(name, world, pulse, mind)
                await live(week)
                return await _counted(week)
        finally:
            if mind is not None:
                await mind.stop()


async def _counted(week: Week) -> dict[str, Any]:
    def rows(session: Any) -> tuple[list[tuple[datetime, str]], int, Any]:
        lines = [(row.at, row.text) for row in session.scalars(select(LoopLine).order_by(LoopLine.seq))]
        where = UsageRow.purpose == "decide"
        calls = session.scalar(select(func.count()).where(where)) or 0
        return lines, calls, sum(session.scalars(select(UsageRow.usd).where(where)).all())

    lines, calls, usd = await week.world.store.read(rows)
    return {
        "name": week.name,
        "beats": week.beats,
        "results": week.results,
        "troubles": [
            (one.what, None if one.told_at is None else (one.told_at - one.at).total_seconds() / 60)
            for one in week.troubles
        ],
        "journal": [
            (at.astimezone(ZoneInfo("Asia/Taipei")).strftime("%a %H:%M"), text) for at, text in lines
        ],
        "calls": calls,
        "usd": str(usd),
        "tickets": len(await week.world.tickets()),
    }


def page(weeks: list[dict[str, Any]]) -> str:
    parts = [
        "# A week under the loop",
        "",
        "Written by `make week`: the demo company from Monday to Sunday by a simulated clock, a beat every 15 minutes, its own sensors and",
        "three reservation feeds (whole days as Airbnb sends them, Booking's one sentence for guests and blocks, Vrbo's days as moments).",
        "Seven things go wrong that nobody reports. *Told after*: minutes until the founder was told.",
        "",
        "| trouble | " + " | ".join(one["name"] for one in weeks) + " |",
        "|---|" + "---|" * len(weeks),
    ]
    for number, (what, _) in enumerate(weeks[0]["troubles"]):
        found = [one["troubles"][number][1] for one in weeks]
        parts.append(
            f"| {what} | " + " | ".join("not told" if m is None else f"{m:.0f} min" for m in found) + " |"
        )
    for label, key in (("beats", "beats"), ("model calls", "calls"), ("USD of them", "usd")):
        parts.append(f"| {label} | " + " | ".join(str(one[key]) for one in weeks) + " |")
    counted = [", ".join(f"{n} {name}" for name, n in sorted(one["results"].items())) for one in weeks]
    parts.append("| how the beats went | " + " | ".join(counted) + " |")
    for one in weeks:
        parts += ["", f"## The journal, {one['name']}", ""]
        parts += [f"- {at} {text}" for at, text in one["journal"]]
    return "\n".join(parts) + "\n"


RUNS: Final[dict[str, Callable[[], Awaitable[dict[str, Any]]]]] = {
    "by reflexes alone": lambda: run("by reflexes alone", False),
    "with a scripted model": lambda: run("with a scripted model", True),
}


def main(_argv: Sequence[str]) -> None:
    async def each() -> list[dict[str, Any]]:
        return [await one() for one in RUNS.values()]

    weeks = asyncio.run(each())
    text = page(weeks)
    (ROOT / "docs" / "WEEK.md").write_text(text, encoding="utf-8")
    print(text)
