"""What the house adds to its models, what a ticket costs, and how long it waits for vendors that hang. Nothing leaves the
machine: the vendors are the tests' own servers, which answer at once and count tokens at four characters each.

loopos, bare: message in -> job card out with one fast and one strong call, beside the two same requests through the
vendor's SDK alone. CPU is that of the process, the fake vendor's part included on both sides.
money: dollars and tokens of a ticket with warm caches, beside one strong call for every message that knows all (the
company's files, both prompts, both answers), the same with a warm cache, and the house's own two prompts in one call.
outage: both vendors take the request and never answer: seconds until the sender's and the founder's card."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bot.settings import DATA
from core.cost.prices import Prices, load
from core.metering import Usage
from core.store.tables import UsageRow, WebMessage
from tests.fakes.models_and_speech import Asked, Json, tokens
from tests.models.brain import SINK, clever, purpose_of, said_in
from tests.models.conftest import Thinking, thinking
from tests.world import STORY, World

TICKETS = 30
VENDORS = ("anthropic", "openai")
FIRST_SYSTEM = {"LOOPOS_FAST_MODEL": "claude-haiku-4-5", "LOOPOS_STRONG_MODEL": "claude-opus-4-7"}
"""The models, and so the prices, that the product was specified with."""
URGENT = {
    3: [("celine", SINK), ("miguel", "Reno: kitchen sink is clogged, standing water, guest inside")],
    4: [
        ("haru", "伊東の家の台所の水道管から水が漏れています。ゲストが滞在中です"),
        ("miguel", "Creekfront: water is leaking under the sink and the guests are here"),
    ],
    5: [("shirley", "Warm Taipei 廚房瓦斯味很重,客人頭暈想吐!")],
}
"""By severity: the first message that meets the outage, and the one after it. Each needs somebody from outside, about whom
a model would be asked as well; only the last is a danger to life, for which nobody waits."""


LATER = timedelta(days=7)
"""So long after a report the same fault is another ticket, at the same hour of the same weekday: nobody sleeps. No timer
of the house rings in a test's world."""


def text(number: int) -> str:
    return "vila Bali: saluran " + " ".join(f"w{number:04d}{letter}" for letter in "abcdefgh")


def brain(asked: Asked) -> Json:
    """Reads text(); knows the tests' messages."""
    said = said_in(asked)
    if purpose_of(asked) != "triage" or not said.startswith("vila Bali: saluran"):
        return clever()(asked)
    return {
        "intent": "new_issue",
        "language": "id",
        "property_id": "bali_villa",
        "category": "plumbing_blockage",
        "severity": 3,
        "risk_tags": [],
        "english": said.replace("vila Bali: saluran", "Bali villa: drain"),
        "gives_orders": False,
    }


@asynccontextmanager
async def house(*vendors: str, budget: int = 1_000_000, **more: Any) -> AsyncIterator[Thinking]:
    """`budget`: of every property, in dollars a month. Large: no ticket has to ask because of those before it."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(DATA / "company", home / "company")
        file = home / "company" / "properties.json"
        places = json.loads(file.read_text(encoding="utf-8"))
        for place in places:
            place["monthly_budget_usd"] = str(budget)
        file.write_text(json.dumps(places, ensure_ascii=False), encoding="utf-8")
        async with thinking(home, *vendors, **more) as one:
            for mind in filter(None, (one.mind, one.other)):
                mind.brain = brain
            yield one


async def shown(world: World, person: str, kind: str, count: int) -> None:
    """Until this person's chat holds `count` cards of this kind."""
    news = asyncio.Event()
    leave = world.store.subscribe(f"web:{person}", news.set)
    wanted = select(func.count()).where(
        WebMessage.conversation_id == person, func.json_extract(WebMessage.body, "$.card.kind") == kind
    )
    try:
        while True:
            news.clear()
            if (await world.store.read(lambda session: session.scalar(wanted)) or 0) >= count:
                return
            await news.wait()
    finally:
        leave()


# --- what the house adds


async def _timed(work: Callable[[int], Awaitable[None]], after: Callable[[], Awaitable[None]]) -> Json:
    spent: list[float] = []
    cpu = time.process_time()
    for number in range(TICKETS):
        begun = time.perf_counter()
        await work(number)
        spent.append((time.perf_counter() - begun) * 1000)
        await after()
    cpu = (time.process_time() - cpu) / TICKETS * 1000
    spent.sort()
    return {"p50 ms": spent[TICKETS // 2], "p99 ms": spent[int(TICKETS * 0.99)], "CPU ms a ticket": cpu}


async def _loopos(vendor: str) -> dict[str, float]:
    async with house(vendor) as one:
        world = one.world
        await world.says("celine", text(9999))  # the SDK is imported, the connection is open

        async def ticket(number: int) -> None:
            world.clock.at += LATER
            await world.send("celine", text(number))
            await shown(world, "celine", "job", number + 2)

        figures = await _timed(ticket, world.settle)
        calls = [purpose_of(call) for call in one.mind.calls]
        assert calls == ["triage", "draft"] * (TICKETS + 1), calls
        return {f"{vendor} {name}": value for name, value in figures.items()}


async def _bare(vendor: str) -> dict[str, float]:
    async with house(vendor) as one:
        await one.world.says("celine", text(9999))
        fast, strong = ({**call.args} for call in one.mind.calls)
        if vendor == "anthropic":
            both = _anthropic(one.mind.key, one.mind.url, fast, strong)
        else:
            both = _openai(one.mind.key, f"{one.mind.url}/v1", fast, strong)
        await both(0)
        before = len(one.mind.calls)
        figures = await _timed(both, lambda: asyncio.sleep(0))
        assert len(one.mind.calls) - before == 2 * TICKETS and not one.mind.refused
        return {f"{vendor} {name}": value for name, value in figures.items()}


def _anthropic(key: str, url: str, fast: Json, strong: Json) -> Callable[[int], Awaitable[None]]:
    import anthropic

    client = anthropic.AsyncAnthropic(api_key=key, base_url=url, max_retries=0)
    strong.pop("stream")

    async def both(_number: int) -> None:
        await client.messages.create(**fast)
        async with client.messages.stream(**strong) as stream:
            await stream.get_final_message()

    return both


def _openai(key: str, url: str, fast: Json, strong: Json) -> Callable[[int], Awaitable[None]]:
    import openai

    client = openai.AsyncOpenAI(api_key=key, base_url=url, max_retries=0)

    async def both(_number: int) -> None:
        await client.chat.completions.create(**fast)
        answer = await client.chat.completions.create(**strong)
        if strong.get("stream"):
            assert isinstance(answer, openai.AsyncStream)
            async for _ in answer:
                pass

    return both


def _each(measure: Callable[[str], Awaitable[dict[str, float]]]) -> Callable[[], dict[str, float]]:
    async def all_of() -> dict[str, float]:
        figures: dict[str, float] = {}
        for vendor in VENDORS:
            figures |= await measure(vendor)
        return figures

    return lambda: asyncio.run(all_of())


# --- what a ticket costs


@dataclass(frozen=True)
class Spent:
    """The calls for one message."""

    rows: list[UsageRow]

    @property
    def usd(self) -> Decimal:
        return sum((row.usd for row in self.rows), Decimal(0))

    @property
    def tokens(self) -> int:
        return sum(
            row.input_tokens + row.output_tokens + row.cache_read_tokens + row.cache_write_tokens
            for row in self.rows
        )


@dataclass(frozen=True)
class Baseline:
    """One strong call for one message. Tokens: what is the same from call to call, what is not, and the answer."""

    stable: int
    fresh: int
    answer: int

    def usd(self, prices: Prices, model: str, *, cached: bool) -> Decimal:
        usage = (
            Usage(input_tokens=self.fresh, output_tokens=self.answer, cache_read_tokens=self.stable)
            if cached
            else Usage(input_tokens=self.stable + self.fresh, output_tokens=self.answer)
        )
        return prices.of(model, usage).usd


def baseline(triage: Asked, draft: Asked, answer: int, company: str) -> Baseline:
    """Both questions at once. `company`: what has to be told because nobody knows yet which of it matters."""
    asked = triage.said + draft.said + json.dumps([triage.schema, draft.schema])
    return Baseline(tokens(triage.system + draft.system + company), tokens(asked), answer)


def _all_files() -> str:
    """What the company knows, as one would paste it into a prompt."""
    files = sorted((DATA / "company").rglob("*.json"))
    return "\n".join(json.dumps(json.loads(one.read_text("utf-8")), ensure_ascii=False) for one in files)


async def _spent(one: Thinking, work: Awaitable[None]) -> Spent:
    async def rows() -> list[UsageRow]:
        return await one.world.store.read(lambda s: list(s.scalars(select(UsageRow).order_by(UsageRow.at))))

    before = {row.id for row in await rows()}
    await work
    return Spent([row for row in await rows() if row.id not in before])


async def _money(vendor: str, label: str, **more: Any) -> dict[str, float]:
    prices = load(DATA / "pricing.json")
    async with house(vendor, **more) as one:
        world = one.world
        cold = await _spent(one, world.says("celine", text(1)))
        world.clock.at += LATER
        new = await _spent(one, world.says("celine", SINK))
        triage, draft = one.mind.calls[-2:]
        recurring = await _spent(one, world.says("shirley", STORY))
        duplicate = await _spent(one, world.says("celine", SINK))
        second = await _spent(one, world.says("miguel", "Vila Bali: wastafel dapur mampet total"))
        thanks = await _spent(one, world.says("celine", "terima kasih banyak!"))
        tapped = await _spent(one, (await world.card("celine", "job")).tap("ack"))
        assert [row.tier for row in new.rows] == ["fast", "strong"]
        assert [row.tier for row in recurring.rows] == ["fast"]
        assert len(await world.tickets()) == 3
    strong, answer = new.rows[1].model, sum(row.output_tokens for row in new.rows)
    full, own = (baseline(triage, draft, answer, files) for files in (_all_files(), ""))
    usd = full.usd(prices, strong, cached=False)
    cached = full.usd(prices, strong, cached=True)
    merged = own.usd(prices, strong, cached=True)
    figures: dict[str, Decimal | int] = {
        "new, mUSD": new.usd * 1000,
        "new, cold cache, mUSD": cold.usd * 1000,
        "recurring, mUSD": recurring.usd * 1000,
        "the rest, mUSD": sum((one.usd for one in (duplicate, second, thanks, tapped)), Decimal(0)),
        "new, tokens": new.tokens,
        "recurring, tokens": recurring.tokens,
        "all in one, mUSD": usd * 1000,
        "all in one, tokens": full.stable + full.fresh + full.answer,
        "new / all in one": new.usd / usd,
        "new / all in one, cached": new.usd / cached,
        "new / own prompts in one, cached": new.usd / merged,
        "recurring / all in one": recurring.usd / usd,
        "recurring / all in one, cached": recurring.usd / cached,
    }
    return {f"{label} {name}": float(value) for name, value in figures.items()}


async def _all_money() -> dict[str, float]:
    return {
        **await _money("anthropic", "anthropic"),
        **await _money("openai", "openai"),
        **await _money("anthropic", "first", **FIRST_SYSTEM),
    }


# --- vendors that hang


async def _outage() -> dict[str, float]:
    figures: dict[str, float] = {}
    for severity, messages in URGENT.items():
        # Without a budget of its property a ticket of 3 has to ask, too.
        async with house(*VENDORS, budget=1) as one:
            assert one.other is not None
            for mind in (one.mind, one.other):
                mind.then("hang", times=50)
            assert one.world.app.models_and_speech.models is not None
            await one.world.app.models_and_speech.models.warm()  # the service has been up for a while
            for number, (person, said) in enumerate(messages):
                begun = time.perf_counter()
                await one.world.send(person, said)
                told, asked = await asyncio.gather(
                    _moment(shown(one.world, person, "receipt", 1)),
                    _moment(shown(one.world, "ben", "approval", number + 1)),
                )
                which = "next" if number else "first"
                figures[f"severity {severity}, {which}: sender, s"] = told - begun
                figures[f"severity {severity}, {which}: founder, s"] = asked - begun
            assert [one["severity"] for one in await one.world.tickets()] == [severity] * len(messages)
    return figures


async def _moment(happens: Awaitable[None]) -> float:
    await happens
    return time.perf_counter()


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {
        "loopos": _each(_loopos),
        "bare": _each(_bare),
        "money": lambda: asyncio.run(_all_money()),
        "outage": lambda: asyncio.run(_outage()),
    }
