"""A year of a company, lived through by the real house: `python -m bench year [--seeds 1,2,3] [--tickets 600]` (`make year`).

Tickets of five properties from a seeded generator; a founder whose preferences stand in `Founder` and are read by nothing
of the product; a vendor of models that answers as the plain engine reads and suggests the cheapest of the trade. Each seed
is lived through twice: with learning, and with the founder adopting nothing. docs/YEAR.md is written from what is counted."""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from bot.settings import DATA
from core import phrases
from core.company.loader import load_company
from core.dispatch.draft import TRADE_OF
from core.model import Category
from core.store.tables import Ticket, UsageRow, WebMessage
from core.tickets.view import ticket_json
from core.triage.offline import OfflineEngine
from core.triage.port import NOBODY
from core.workflow import learning_clock
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import Asked, Json, honest
from tests.models.brain import facts_in, purpose_of, said_in
from tests.world import CardSeen, MovableClock, World, open_world

ROOT: Final = Path(__file__).parents[1]
BEGIN: Final = datetime(2026, 1, 4, 17, 0, tzinfo=UTC)
MONTHS: Final = 12
LOOKED_AT: Final = 40
"""Messages of a chat, from its end."""
RECURRING: Final = 0.9
"""Share of tickets that are one of a property's usual faults."""

FAULTS: Final[Mapping[str, Sequence[str]]] = {
    "hvac_leak": ("water drips from the AC onto the floor", "the AC is leaking water again"),
    "hvac_failure": ("the AC does not cool any more", "the air conditioner blows warm air only"),
    "plumbing_leak": ("the kitchen tap is leaking", "a pipe under the sink drips"),
    "plumbing_blockage": ("the shower drain is blocked", "the toilet is clogged and does not flush"),
}
REPORTERS: Final = {
    "warm_taipei_2br": "shirley",
    "ito_stream_house": "haru",
    "creekfront_cabin": "miguel",
    "mtn_city_reno": "miguel",
    "bali_villa": "celine",
}


# --- the world that the product does not know


@dataclass(frozen=True)
class Fault:
    place: str
    name: str
    category: str
    vendor: str
    """Whom the founder wants, of those who are approved there."""
    price: Decimal
    """What that vendor's bill comes to, about; another's is a fifth more. A tenth above it he would not pay."""


@dataclass(frozen=True)
class Problem:
    at: datetime
    fault: Fault
    words: str


@dataclass
class Founder:
    """He decides as he likes, and takes his time. `learns`: he reads proposals and says yes to what fits him."""

    rng: random.Random
    learns: bool
    wishes: dict[tuple[str, str], str]
    taps: int = 0
    wrong: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    taught: set[tuple[str, str]] = field(default_factory=set)
    approved: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    ordered: set[tuple[str, str]] = field(default_factory=set)

    def wants(self, vendor_id: str | None, place: str, category: str) -> bool:
        return self.wishes.get((place, category), vendor_id) == vendor_id

    def thinks(self) -> timedelta:
        """Between two meetings, at dinner, asleep."""
        return timedelta(minutes=min(240, self.rng.lognormvariate(2.6, 0.9)))


def company_in(folder: Path, rng: random.Random) -> dict[tuple[str, str], str]:
    """The demo's company with two vendors of each trade everywhere and no routine; returns whom the founder wants."""
    shutil.copytree(DATA / "company", folder)
    (folder / "skills" / "taipei_ac_leak.json").unlink()
    for name in ("voice_corpus.json", "historical_resolutions.json"):
        (folder / name).write_text("[]")
    about = json.loads((folder / "company.json").read_text())
    (folder / "company.json").write_text(json.dumps({**about, "reopen_days": 0}))
    rates = folder / "rates.json"
    kept = json.loads(rates.read_text())
    rates.write_text(json.dumps({**kept, "as_of": BEGIN.date().isoformat()}))
    places = json.loads((folder / "properties.json").read_text())
    for place in places:
        place.update(monthly_budget_usd="9000.00", cap_usd="400.00")
    (folder / "properties.json").write_text(json.dumps(places, ensure_ascii=False))
    sops = json.loads((folder / "sops.json").read_text())
    for sop in sops:
        sop["human_if_severity"] = 2  # a company that begins carefully: he wants to see everything
    (folder / "sops.json").write_text(json.dumps(sops, ensure_ascii=False))
    vendors = [one for one in json.loads((folder / "vendors.json").read_text()) if one.get("person_id")]
    wishes: dict[tuple[str, str], str] = {}
    for place in places:
        for trade in ("hvac", "plumbing"):
            for which, low in (("a", 60), ("b", 90)):
                vendors.append(
                    {
                        "id": f"{place['id']}_{trade}_{which}"[:60],
                        "name": f"{trade.upper()} {which.upper()} {place['city']}",
                        "trades": [trade],
                        "properties": [place["id"]],
                        "languages": ["en"],
                        "usual_usd": {"low": f"{low}.00", "high": f"{low + 100}.00"},
                        "cap_usd": "190.00",
                        "day_cap_usd": "2000.00",
                        "response_hours": 2.0,
                        "phone": "+1 209 555 0100",
                    }
                )
        for category in FAULTS:
            trade = TRADE_OF[Category(category)]
            wishes[place["id"], category] = f"{place['id']}_{trade}_{rng.choice('aabbb')}"[:60]
    (folder / "vendors.json").write_text(json.dumps(vendors, ensure_ascii=False))
    return wishes


def problems(rng: random.Random, wishes: Mapping[tuple[str, str], str], tickets: int) -> list[Problem]:
    names = {
        place["id"]: place["name"] for place in json.loads((DATA / "company" / "properties.json").read_text())
    }
    faults = [
        Fault(place, names[place], category, vendor, Decimal(rng.choice((95, 110, 125, 140, 160, 175))))
        for (place, category), vendor in wishes.items()
    ]
    usual = [rng.choice([f for f in faults if f.place == place]) for place in names for _ in range(2)]
    found = []
    for _ in range(tickets):
        fault = rng.choice(usual) if rng.random() < RECURRING else rng.choice(faults)
        at = BEGIN + timedelta(seconds=rng.uniform(0, 365 * 86_400))
        found.append(Problem(at, fault, f"{fault.name}: {rng.choice(FAULTS[fault.category])}"))
    return sorted(found, key=lambda one: one.at)


def suggested(candidates: Sequence[Mapping[str, Any]]) -> Json:
    """Whoever did the most of it here, at the dearest bill; else the cheapest of the trade, in the middle of their range."""
    outside = [one for one in candidates if not one["on_site"]]
    if not outside:
        return {"vendor_id": None, "estimate_usd": "0.00", "why": "Nobody from outside fits."}
    best = max(outside, key=lambda one: (len(one["past_bills_here"]), -float(one["usual_usd"][0])))
    bills = [float(bill["usd"]) for bill in best["past_bills_here"]]
    low, high = map(float, best["usual_usd"])
    price = max(bills) if bills else (low + high) / 2
    why = "They did the same here before." if bills else "They are the cheapest of the trade."
    return {"vendor_id": best["vendor_id"], "estimate_usd": f"{price:.2f}", "why": why}


def mind(engine: OfflineEngine) -> Any:
    """What the vendor of models answers: it reads like the plain engine, and suggests like `suggested`."""

    def answer(asked: Asked) -> Json:
        match purpose_of(asked):
            case "triage":
                judged = engine.judge(said_in(asked), NOBODY)
                return {
                    "intent": judged.intent.value,
                    "language": judged.language,
                    "property_id": judged.property_id,
                    "category": judged.category.value,
                    "severity": judged.severity,
                    "risk_tags": [one.value for one in judged.risk_tags],
                    "english": said_in(asked),
                    "gives_orders": False,
                }
            case "draft":
                facts = facts_in(asked)
                return {**suggested(facts["candidates"]), "texts": [], "translations": []}
        return honest(asked)

    return answer


# --- living through it


@dataclass
class Month:
    tickets: int = 0
    taps: int = 0
    strong: int = 0
    usd: Decimal = Decimal(0)
    minutes: list[float] = field(default_factory=list)
    wrong: int = 0
    overspent: int = 0

    def row(self) -> dict[str, float]:
        n = max(1, self.tickets)
        return {
            "tickets": self.tickets,
            "taps": self.taps / n,
            "strong": self.strong / n,
            "usd": float(self.usd) / n,
            "minutes": statistics.median(self.minutes) if self.minutes else 0.0,
            "wrong": self.wrong / n,
            "overspent": self.overspent / n,
        }


async def lived(seed: int, tickets: int, *, learns: bool) -> list[dict[str, float]]:
    """Month by month."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "company"
        wishes = company_in(folder, rng)
        founder = Founder(random.Random(seed + 1), learns, wishes)
        vendor = FakeAnthropic(brain=mind(OfflineEngine(load_company(folder))))
        await vendor.start()
        try:
            settings: dict[str, Any] = {
                "LOOPOS_COMPANY": folder,
                "ANTHROPIC_API_KEY": vendor.key,
                "ANTHROPIC_BASE_URL": vendor.url,
                "LOOPOS_LEARN_AT": "03:10" if learns else "off",
            }
            async with open_world(Path(scratch) / "home", MovableClock(BEGIN), **settings) as world:
                return await _year(world, problems(rng, wishes, tickets), founder, learns)
        finally:
            await vendor.stop()


async def _year(
    world: World, every: Sequence[Problem], founder: Founder, learns: bool
) -> list[dict[str, float]]:
    if learns:
        await world.do(learning_clock.ensure)
    months = [Month() for _ in range(MONTHS)]
    rng = founder.rng
    for problem in every:
        # The next one comes at its hour, or when the one before is over: people of this company do one thing at a time.
        if problem.at > world.clock.at:
            await world.wait(seconds=(problem.at - world.clock.at).total_seconds())
        month = months[min(MONTHS - 1, int((world.clock.at - BEGIN).days / 30.5))]
        before = founder.taps
        await _proposals(world, founder)
        await _ticket(world, problem, founder, rng, month)
        month.tickets += 1
        month.taps += founder.taps - before
    return [one.row() for one in months]


async def _ticket(world: World, problem: Problem, founder: Founder, rng: random.Random, month: Month) -> None:
    reporter, fault = REPORTERS[problem.fault.place], problem.fault
    begun = world.clock.at
    await world.says(reporter, problem.words)
    ticket = await _last(world)
    for _ in range(60):  # at night he sleeps
        if ticket["status"] != "AWAITING_HUMAN" or ticket["property_id"] is None:
            break
        await world.wait(seconds=founder.thinks().total_seconds())
        await _decides(world, founder, ticket)
        ticket = await _last(world)
    if ticket["status"] != "DISPATCHED":
        return
    month.minutes.append((world.clock.at - begun) / timedelta(minutes=1))
    dispatch = ticket["dispatches"][-1]
    key = (ticket["property_id"], ticket["category"])
    right = founder.wants(dispatch["vendor_id"], *key)
    if not right:
        month.wrong += 1
        founder.wrong[key] += 1
        await _teaches(world, founder, key)
    await world.wait(seconds=20)
    await world.says(reporter, f"/ack {ticket['ticket_id']}")
    await world.wait(minutes=rng.uniform(40, 110))
    dearer = Decimal(1) if right else Decimal("1.2")
    bill = (fault.price * dearer * Decimal(str(round(rng.uniform(0.9, 1.08), 2)))).quantize(Decimal("1.00"))
    if dispatch["cost_estimate_usd"] == "0.00":
        bill = Decimal(0)
    month.overspent += bill > fault.price * Decimal("1.1")
    await world.says(reporter, f"/resolve {ticket['ticket_id']} {bill} done")
    for card in await _recent(world, reporter, "really"):
        if "resolve" in card.buttons():
            await card.tap("resolve")
    rows = await world.store.read(_spent(ticket["ticket_id"]))
    month.strong += sum(tier == "strong" for tier, _ in rows)
    month.usd += sum((usd for _, usd in rows), Decimal(0))


async def _last(world: World) -> dict[str, Any]:
    """The newest ticket, without reading all the others."""
    newest = select(Ticket).order_by(Ticket.number.desc()).limit(1)
    return await world.store.read(lambda session: ticket_json(session.scalars(newest).one()))


async def _recent(world: World, person: str, kind: str) -> list[CardSeen]:
    """Cards among the last things in somebody's chat, oldest first."""
    wanted = select(WebMessage).where(WebMessage.conversation_id == person)
    rows = await world.store.read(
        lambda session: session.scalars(wanted.order_by(WebMessage.position.desc()).limit(LOOKED_AT)).all()
    )
    found = [
        CardSeen(world, person, row.id, row.body["card"])
        for row in reversed(rows)
        if row.body["type"] == "card"
    ]
    return [one for one in found if one.card["kind"] == kind]


def _spent(ticket_id: str) -> Any:
    wanted = select(UsageRow.tier, UsageRow.usd).where(UsageRow.ticket_id == ticket_id)
    return lambda session: [(row.tier, row.usd) for row in session.execute(wanted)]


async def _tap(founder: Founder, card: CardSeen, what: str, **values: str) -> None:
    founder.taps += 1
    await card.tap(what, **values)


async def _decides(world: World, founder: Founder, ticket: Mapping[str, Any]) -> None:
    """Another vendor where he wants another; where he was asked about the same before, once and for all."""
    cards = [
        one for one in await _recent(world, "ben", "approval") if ticket["ticket_id"] in one.card["title"]
    ]
    if not cards:
        return  # it waits for his morning
    asked = cards[-1]
    dispatch, key = ticket["dispatches"][-1], (ticket["property_id"], ticket["category"])
    wish = founder.wishes.get(key)
    if wish is not None and wish != dispatch["vendor_id"]:
        options = [
            one["value"]
            for one in asked.buttons().get("vendor", {"fields": [{"options": []}]})["fields"][0]["options"]
        ]
        if wish in options:
            await _tap(founder, asked, "vendor", vendor=wish)
            asked = (await _recent(world, "ben", "approval"))[-1]
    founder.approved[key] += 1
    trusted = founder.approved[key] > 1 and key not in founder.ordered
    if founder.learns and trusted and "always" in asked.buttons():
        founder.ordered.add(key)
        await _tap(founder, asked, "always", amount="190", days="365", uses="100", severity_max="4")
        card = (await _recent(world, "ben", "standing"))[-1]
        await _tap(founder, card, "keep")
        return
    if "approve" in asked.buttons():
        await _tap(founder, asked, "approve")
    elif "reject" in asked.buttons():
        await _tap(founder, asked, "reject", reason="I see to it myself")


async def _teaches(world: World, founder: Founder, key: tuple[str, str]) -> None:
    """Twice the wrong one came: he says whom he wants, once."""
    if not founder.learns or founder.wrong[key] < 2 or key in founder.taught:
        return
    founder.taught.add(key)
    place = world.app.services.company.place(key[0])
    vendor = world.app.services.company.vendor(founder.wishes[key])
    assert place is not None
    assert vendor is not None
    words = FAULTS[key[1]][0]
    founder.taps += 1  # saying it costs him as much as a tap
    await world.says("ben", f"/memo {place.name}, {words}: always ring {vendor.name} first")
    await _tap(founder, (await _recent(world, "ben", "memo"))[-1], "confirm")


async def _proposals(world: World, founder: Founder) -> None:
    """What waits for his yes, before the day begins."""
    if not founder.learns:
        return
    for kind in ("skill", "rule"):
        for card in await _recent(world, "ben", kind):
            buttons = card.buttons()
            if "adopt" in buttons:
                await _tap(founder, card, "adopt" if _suits(world, founder, card) else "dismiss")


def _suits(world: World, founder: Founder, card: CardSeen) -> bool:
    """He reads who would be sent where."""
    company = world.app.services.company
    named = [one for one in company.vendors if one.name in card.text]
    for one in named:
        for (place_id, category), wish in founder.wishes.items():
            place = company.place(place_id)
            if place is not None and place.name in card.text and _says(world, card, category):
                return (wish == one.id) != ("is not sent" in card.text)
    return "coming back" not in card.text


def _says(world: World, card: CardSeen, category: str) -> bool:
    return phrases.CATEGORY[category] in card.text


# --- telling it

MEASURES: Final = {
    "taps": ("founder taps per ticket", -60),
    "strong": ("strong-tier calls per ticket", -80),
    "usd": ("USD for models per ticket", -70),
    "minutes": ("median minutes to dispatch", -50),
    "wrong": ("share of wrong vendors", 0),
    "overspent": ("share of bills above what he would pay", 0),
}


def _job(args: tuple[int, int, bool]) -> list[dict[str, float]]:
    seed, tickets, learns = args
    return asyncio.run(lived(seed, tickets, learns=learns))


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench year")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--tickets", type=int, default=600)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    said = parser.parse_args(argv)
    seeds = [int(one) for one in said.seeds.split(",")]
    runs = [(seed, said.tickets, learns) for seed in seeds for learns in (True, False)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        done = dict(zip(runs, pool.map(_job, runs, chunksize=1), strict=True))
    (said.out / "year.json").write_text(
        json.dumps([{"seed": s, "learning": on, "months": done[s, n, on]} for s, n, on in runs], indent=1)
        + "\n"
    )
    _plot(said.out / "pictures" / "year.png", runs, done)
    print(_table(runs, done))


def _change(months: Sequence[Mapping[str, float]], key: str) -> tuple[float, float]:
    """The first month and the last."""
    return months[0][key], months[-1][key]


def _table(runs: Sequence[tuple[int, int, bool]], done: Mapping[Any, Sequence[Mapping[str, float]]]) -> str:
    lines = [
        "| seed | learning | " + " | ".join(name for name, _ in MEASURES.values()) + " |",
        "|---" * 8 + "|",
    ]
    for run in runs:
        cells = []
        for key in MEASURES:
            first, last = _change(done[run], key)
            by = f" ({(last - first) / first:+.0%})" if first else ""
            cells.append(f"{first:.3g} → {last:.3g}{by}")
        lines.append(f"| {run[0]} | {'on' if run[2] else 'off'} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _plot(
    path: Path, runs: Sequence[tuple[int, int, bool]], done: Mapping[Any, Sequence[Mapping[str, float]]]
) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.5))
    FigureCanvasAgg(figure)
    for at, (key, (name, _)) in enumerate(MEASURES.items(), 1):
        axes = figure.add_subplot(2, 3, at)
        for run in runs:
            colour, line = ("#0072B2", "-") if run[2] else ("#999999", "--")
            values = [month[key] for month in done[run]]
            axes.plot(range(1, MONTHS + 1), values, linewidth=1.4, color=colour, linestyle=line)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("month", fontsize=8)
        axes.set_ylim(bottom=0)
    figure.suptitle("A year with learning (blue) and without (grey, dashed), each line a seed", fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
