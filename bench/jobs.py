"""The three first-day jobs, played: `python -m bench jobs` (`make jobs`).

The real house on fake chat servers, a scripted model that decides and works, vendors and people who answer on their own accounts.
docs/JOBS.md is written from what they said and what is counted: steps, tokens, money, taps. The script takes the place of a model's
judgment: what is measured is the house around it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import func, select

from core.actors import Actor
from core.acts.commands import Resolve
from core.acts.table import perform
from core.loop.model_decider import ModelDecider
from core.money import USD, Money
from core.store.tables import UsageRow
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import Asked, Json, honest
from tests.models.brain import purpose_of, said_in
from tests.platforms import House, Phone, open_house
from tests.workers.working import Working, working
from tests.world import STORY, World

ROOT: Final = Path(__file__).parents[1]
PEOPLE: Final = [("ben", "telegram"), ("shirley", "slack"), ("miguel", "slack")]
VENDORS: Final = {"mr_wang_hvac": "line", "taipei_water_works": "telegram", "ito_setsubi": "line"}
PRICES: Final = {
    "mr_wang_hvac": "一千六百元太低了, 4,500 NTD, 今天",
    "taipei_water_works": "4,200 NTD, 明天上午",
    "ito_setsubi": "6,000 NTD, 後天",
}
NAMES: Final = {
    "mr_wang_hvac": "Mr. Wang", "taipei_water_works": "Chen Cooling", "ito_setsubi": "North Air",
    "ben": "Ben", "miguel": "Miguel", "shirley": "Shirley",
}  # fmt: skip
DECIDES: Final = {
    "three-quotes": ("over_cap", "quotes", "job:three-quotes {one}"),
    "damage-claim": ("claimable", "claim", "job:damage-claim {one}"),
}


@dataclass
class Played:
    """What came of one job."""

    name: str
    lines: list[str] = field(default_factory=list)
    """Who said what, as it was recorded."""
    taps: dict[str, int] = field(default_factory=dict)
    """Answers and taps, by who gave them."""
    steps: int = 0
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: str = ""
    report: str = ""
    ticket: dict[str, Any] = field(default_factory=dict)

    def says(self, who: str, text: str) -> None:
        self.lines.append(f"**{who}**: {' '.join(text.split())[:300]}")

    def tapped(self, who: str, what: str) -> None:
        self.says(NAMES.get(who, who), what)
        self.taps[who] = self.taps.get(who, 0) + 1


def furnished(home: Path) -> None:
    """Two more who repair air conditioning in Taipei, and a cap below what it costs."""
    path = home / "company" / "vendors.json"
    vendors = json.loads(path.read_text(encoding="utf-8"))
    known = {one["id"]: one for one in vendors}
    first = known["mr_wang_hvac"]
    first["cap_usd"] = "100.00"
    for name, title in (
        ("taipei_water_works", "Chen Cooling (陳冷氣)"),
        ("ito_setsubi", "North Air (北方空調)"),
    ):
        known[name] |= {**first, "id": name, "name": title, "identities": known[name]["identities"]}
    path.write_text(json.dumps(vendors, ensure_ascii=False), encoding="utf-8")


# --- a scripted model


def results(text: str) -> dict[str, list[str]]:
    """What a worker's steps gave, by action."""
    found: dict[str, list[str]] = {}
    for one in re.split(r"\nstep (?=\d+: )", "\n" + text):
        head, _, rest = one.partition("\n")
        name = re.match(r"(?:step )?\d+: (\w+)", head)
        if name is not None:
            found.setdefault(name[1], []).append(rest)
    return found


def whole(asked: Asked) -> str:
    """All that stands in the fences."""
    return "\n".join(re.findall(r"<<<SAID \d+ \w+>>>\n(.*?)\n<<<END", asked.said, re.DOTALL))


def decided(brief: str) -> Json:
    """The decider: a worker for what a goal names and the journal does not."""
    for job, (key, prefix, prompt) in DECIDES.items():
        named = re.search(rf'"{key}":\[([^\]]+)\]', brief)
        if f"goal {job}" in brief and named is not None:
            for one in re.findall(r"T-\d+", named[1]):
                if f"start-worker {prefix}-{one}" not in brief:
                    return {
                        "action": "start_worker",
                        "id": f"{prefix}-{one}",
                        "prompt": prompt.format(one=one),
                    }
    if "goal owner-statement" in brief and "start-worker statement-" not in brief:
        return {
            "action": "start_worker",
            "id": "statement-taipei",
            "prompt": "job:owner-statement warm_taipei_2br",
        }
    return {"action": "noop", "reason": "nothing new"}


def quotes(done: Mapping[str, list[str]], what: str) -> Json:
    if "claim" not in done:
        return {"action": "claim", "name": f"quotes-{what}", "why": "so that nobody else asks the same"}
    if "ticket" not in done:
        return {"action": "ticket", "ticket_id": what, "why": "what is broken"}
    if "company" not in done:
        return {"action": "company", "why": "who could do it"}
    if "answers" not in done:
        text = "住宿主臥冷氣漏水, 滴在插座旁。需要清洗排水管並檢查。請報含稅總價(新台幣)與最快可到的時間。請先不要開工。"
        asked = [{"prompt": text, "to": vendor} for vendor in VENDORS]
        return {"action": "ask", "questions": asked, "hours": 24, "why": "three vendors, in their language"}
    if "report" not in done:
        table = f"# Quotes for {what}\n\n{done['answers'][0]}\n\nI would take Chen Cooling: in time, and the lowest price."
        return {"action": "report", "text": table, "why": "for who decides"}
    if "propose_dispatch" not in done:
        return {"action": "propose_dispatch", "ticket_id": what, "vendor_id": "taipei_water_works", "amount_usd": "130.00",
                "message": "the lowest of three quotes, tomorrow morning", "why": "the best of them"}  # fmt: skip
    return {
        "action": "done",
        "text": f"{what}: Chen Cooling 4,200 NTD (130 USD) tomorrow morning, Mr. Wang 4,500 NTD (139 USD) today.",
    }


def statement(done: Mapping[str, list[str]], what: str) -> Json:
    place, month = "warm_taipei_2br", ""
    if "statement" not in done:
        return {
            "action": "statement",
            "property_id": place,
            "month": month or None,
            "why": "what the month cost",
        }
    if "company" not in done:
        return {"action": "company", "why": "what vendors usually take"}
    answers = done.get("answers", [])
    if not answers:
        odd = json.loads(done["statement"][0])["tickets"][0]
        return {"action": "ask", "why": "the bill is far above the usual", "questions": [
            {"prompt": f"{odd['ticket']}: the bill is {odd['bill_usd']} USD, the estimate was {odd['estimate_usd']}. Why?",
             "to": "shirley", "options": ["A part was replaced", "A mistake", "I do not know"]}]}  # fmt: skip
    if "report" not in done:
        rows = "\n".join(
            f"| {one['ticket']} | {one['category']} | {', '.join(one['vendors'])} | {one['estimate_usd']} | {one['bill_usd']} | {one['charge_to']} |"
            for one in json.loads(done["statement"][0])["tickets"]
        )
        head = "| ticket | what | vendor | estimate USD | bill USD | who pays |\n|---|---|---|---|---|---|"
        text = f"# {place}\n\n{head}\n{rows}\n\nAsked:\n\n{answers[0]}"
        return {"action": "report", "name": "draft", "text": text, "why": "for the owner"}
    if len(answers) < 2:
        return {"action": "ask", "why": "nothing goes out without a yes", "questions": [
            {"prompt": "May this statement go to the owner?", "options": ["Yes", "Not yet"], "report": "draft"}]}  # fmt: skip
    return {"action": "done", "text": "The statement is ready; one odd bill, explained."}


def claim(done: Mapping[str, list[str]], what: str) -> Json:
    if "ticket" not in done:
        return {"action": "ticket", "ticket_id": what, "why": "what was damaged"}
    if "claim" not in done:
        return {"action": "claim", "name": f"claim-{what}"}
    answers = done.get("answers", [])
    if not answers:
        return {"action": "ask", "why": "deadline and proof", "questions": [
            {"prompt": f"{what}: booked over which platform? The check-out was on Sunday.", "options": ["Airbnb, 14 days", "Booking.com, 14 days", "Another"]},
            {"prompt": f"{what}: where are photos of the damage and the receipt?", "to": "miguel"}]}  # fmt: skip
    if "report" not in done:
        ticket = (
            json.loads(done["ticket"][0].partition("\n(...")[0]) if "\n(..." not in done["ticket"][0] else {}
        )
        bill = (ticket.get("dispatches") or [{}])[-1].get("actual_cost_usd", "?")
        said = ticket.get("transcript_en") or ticket.get("raw_input", "")
        text = f"# Claim for {what}\n\nWhat was reported: {said}\n\nRepaired for {bill} USD.\n\nAsked:\n\n{answers[0]}"
        return {"action": "report", "text": text, "why": "to be pasted into the form"}
    if "It is filed" not in answers[-1]:
        return {"action": "ask", "hours": 24, "why": "chase it", "questions": [
            {"prompt": f"Please file the claim of {what} by Friday. The text is in the report.",
             "options": ["It is filed", "Not yet", "We will not claim"], "report": ""}]}  # fmt: skip
    return {"action": "done", "text": f"The claim of {what} is filed, before the two weeks were over."}


WORKS: Final[Mapping[str, Callable[[Mapping[str, list[str]], str], Json]]] = {
    "Get quotes": quotes,
    "Prepare the statement": statement,
    "Chase the claim": claim,
}


def thinking(asked: Asked) -> Json:
    names = set((asked.schema or {}).get("properties", {}))
    if "questions" in names:
        for head, work in WORKS.items():
            if head in asked.system:
                what = re.search(r"This time: (\S+)", asked.system)
                return work(results(whole(asked)), what[1] if what is not None else "")
    if "next_interval_s" in names:
        return decided(said_in(asked))
    return honest(asked) if purpose_of(asked) == "triage" else {}


# --- the play


@dataclass
class Stage:
    house: House
    work: Working
    played: Played

    def phone(self, who: str) -> Phone:
        return self.house.phone(who, next(one for name, one in self.house.accounts if name == who))

    async def beat(self) -> None:
        beat = await self.work.pulse.beat()
        if beat.result == "moved" and beat.journal:
            self.played.says("the loop", beat.journal)

    async def go_on(self, worker: str) -> str:
        """Steps until it rests or ends; how it stopped."""
        while True:
            outcome = json.loads(await self.work.ok("step", by=worker, worker=worker))
            for line in outcome["lines"]:
                self.played.says(worker, line)
            self.played.steps += 1
            if outcome["next"] != "go":
                await self.house.settle()
                return str(outcome["next"])

    async def answers(self, who: str, text: str, *, tap: str = "") -> None:
        """Somebody answers the newest question on their phone, by a button or in words."""
        phone = self.phone(who)
        shown = next(
            one
            for one in reversed(await phone.chat())
            if any(name.startswith("answer") for _, name in one.buttons)
        )
        if tap:
            await self.house.fakes[phone.channel].taps(phone.account, shown, tap)
            await self.house.settle()
        else:
            await phone.taps("answer", card=shown, text=text)
        self.played.tapped(who, tap or text)
        await self.work.pulse.look_after_workers()
        await self.house.settle()


async def play_quotes(stage: Stage) -> None:
    await stage.phone("shirley").says(STORY)
    stage.played.says("shirley", STORY)
    await stage.work.ok("goal on", id="three-quotes")
    await stage.beat()
    await stage.go_on("quotes-T-1001")
    for vendor, words in PRICES.items():
        await stage.answers(vendor, words)
    await stage.go_on("quotes-T-1001")
    await stage.phone("ben").taps("approve")
    stage.played.tapped("ben", "Approve")
    stage.played.report = "quotes-T-1001.md"


async def play_statement(stage: Stage) -> None:
    await settled_ticket(stage, "480")
    await stage.work.ok("goal on", id="owner-statement")
    await stage.beat()
    await stage.go_on("statement-taipei")
    await stage.answers("shirley", "", tap="A part was replaced")
    await stage.go_on("statement-taipei")
    await stage.answers("ben", "", tap="Yes")
    await stage.go_on("statement-taipei")
    stage.played.report = "statement-taipei-draft.md"


async def play_claim(stage: Stage) -> None:
    await settled_ticket(stage, "132", charge_to="guest")
    await stage.work.ok("goal on", id="damage-claim")
    await stage.beat()
    await stage.go_on("claim-T-1001")
    await stage.answers("ben", "", tap="Airbnb, 14 days")
    await stage.answers("miguel", "in the shared folder, the receipt too")
    await stage.go_on("claim-T-1001")
    await stage.answers("ben", "", tap="Not yet")
    await stage.go_on("claim-T-1001")
    await stage.answers("ben", "", tap="It is filed")
    await stage.go_on("claim-T-1001")
    stage.played.report = "claim-T-1001.md"


async def settled_ticket(stage: Stage, bill: str, charge_to: str = "owner") -> None:
    """A repair that was reported, approved, done and paid before this job begins."""
    await stage.phone("shirley").says(STORY)
    await stage.phone("ben").taps("approve")
    money = Money(Decimal(bill), USD)
    command = Resolve("T-1001", money, outcome="new drain pan", charge_to=charge_to, sure=True)
    await stage.house.app.store.write(lambda tx: perform(tx, Actor("ben", "telegram"), command))
    await stage.house.settle()


JOBS: Final = {"three-quotes": play_quotes, "owner-statement": play_statement, "damage-claim": play_claim}


async def run(name: str, scratch: Path) -> Played:
    mind = FakeAnthropic(brain=thinking)
    await mind.start()
    try:
        more: dict[str, Any] = {"ANTHROPIC_API_KEY": mind.key, "ANTHROPIC_BASE_URL": mind.url}
        async with open_house(scratch, PEOPLE, VENDORS, furnished=furnished, **more) as house:
            work = await working(cast(World, house))
            work.pulse.model = ModelDecider(house.app.services)
            stage = Stage(house, work, Played(name))
            try:
                await JOBS[name](stage)
                return await counted(stage)
            finally:
                await work.fleet.kill_all()
    finally:
        await mind.stop()


async def counted(stage: Stage) -> Played:
    def rows(session: Any) -> tuple[int, int, int, Any]:
        where = UsageRow.purpose.in_(("worker", "decide"))
        found = session.execute(
            select(
                func.count(),
                func.sum(UsageRow.input_tokens + UsageRow.cache_read_tokens + UsageRow.cache_write_tokens),
                func.sum(UsageRow.output_tokens),
            ).where(where)
        ).one()
        usd = sum(session.scalars(select(UsageRow.usd).where(where)).all())
        return found[0], int(found[1] or 0), int(found[2] or 0), usd

    played = stage.played
    played.calls, played.tokens_in, played.tokens_out, usd = await stage.house.app.store.read(rows)
    played.usd, played.ticket = f"{usd:.4f}", await stage.house.ticket()
    played.report = (stage.work.folder / "reports" / played.report).read_text(encoding="utf-8")
    return played


def page(every: list[Played]) -> str:
    parts = [
        "# The first-day jobs, played",
        "",
        "Written by `make jobs`: the real house on fake servers of Telegram, Slack and LINE, a scripted model in the place of a real one, and vendors",
        "and people who answer on their own accounts. The script is no judgment: what is counted is what the house around it costs and asks.",
        "Tokens are counted as the fake counts them (a quarter of the characters), money by the price table.",
        "",
        "| job | steps | model calls | tokens in | out | USD | answers and taps |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in every:
        taps = ", ".join(f"{who} {count}" for who, count in one.taps.items())
        parts.append(
            f"| {one.name} | {one.steps} | {one.calls} | {one.tokens_in} | {one.tokens_out} | {one.usd} | {taps} |"
        )
    for one in every:
        parts += [
            "",
            f"## {one.name}",
            "",
            *[f"- {line}" for line in one.lines],
            "",
            "Its report:",
            "",
            "```",
            one.report.strip()[:2500],
            "```",
        ]
    return "\n".join(parts) + "\n"


def main() -> None:
    scratch = Path(tempfile.mkdtemp())
    try:
        every = [asyncio.run(run(name, scratch / name)) for name in JOBS]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    (ROOT / "docs" / "JOBS.md").write_text(page(every), encoding="utf-8")
    for one in every:
        print(
            one.name,
            one.steps,
            "steps",
            one.calls,
            "calls",
            one.tokens_in,
            one.tokens_out,
            "tokens",
            one.usd,
            "USD",
            one.taps,
        )
