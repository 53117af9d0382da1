"""What the service costs as its history grows: `python -m bench history [--sizes 1000,10000,100000] [--plans]`.

A few tickets are lived through for real, then their rows are cloned by SQL over a thousand days that end at the world's
noon; forty stay open whatever the size, so that what grows is the past alone. The databases are kept in
$LOOPOS_BENCH_HISTORY (a folder of the temporary one without it); one of a million tickets takes gigabytes there while it
is measured, and goes afterwards. Figures are CPU of the whole process until nothing is owed any more, medians of five
after one that is not counted. Quote the columns beside each other, not the times."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Column, Engine, Integer, delete, event, update

from bench.platforms import _process
from bot.log import set_up
from bot.serve import http_app
from bot.settings import DATA
from core.access import grants
from core.company.loader import load_company
from core.context import Tx
from core.cost import report, statement, totals
from core.cost.months import month_at
from core.ids import new_id
from core.outbox.channel_watch import after_outage
from core.store import schema, tables
from core.store.session_rows import SessionRows
from core.store.snapshot import looking_at
from core.store.tables import Ticket, UsageRow, table
from core.store.types import UtcTime
from core.store.url import sqlite_url
from core.team.company_now import company_now
from core.text import shorten
from core.tickets.listing import tickets as every_ticket
from core.workflow import rule_view, skill_view
from tests.test_browser import free_port
from tests.world import NOON_IN_TAIPEI as NOON
from tests.world import MovableClock, World, open_world

FIRST, OPEN, REPEATS = 1001, 40, 5
BEGIN, END = NOON - timedelta(days=1000), NOON - timedelta(hours=4)
WHOLE: Final = 100_000
"""Up to so many tickets all is cloned; beyond, approvals and history only of what is open (disk and time)."""
PATIENCE: Final = 60.0
"""CPU seconds after which an action is not repeated any more."""
MAX_CPU, MAX_MEMORY = 400, 6 * 2**30
"""Seconds and bytes at which a command of the shell is ended."""
JOBS: Final = (0, 300, 1000, 3000, 10_000)
CONNECTIONS, SECONDS = 8, 10


# --- a history


class Life(NamedTuple):
    """One real ticket. `end`: asked (somebody is), sent (to a vendor), taken, done, or dropped where it was asked."""

    person: str
    text: str
    end: str
    answers: bool = False
    """Its questions are answered; otherwise they stay open for ever."""
    share: int = 1


TOWELS: Final = {
    "vila Bali: handuk habis": "celine",
    "Warm Taipei 毛巾不夠": "shirley",
    "伊東の家 タオルが足りません": "haru",
    "Reno: the guests need more towels": "miguel",
    "Creekfront: the guests need more towels": "miguel",
}
LEAKS: Final = {
    "vila Bali: wastafel mampet": "celine",
    "Warm Taipei 客廳冷氣在漏水": "shirley",
    "伊東の家のエアコンから水漏れしています": "haru",
    "Reno: the AC is leaking on the floor": "miguel",
    "Creekfront: the AC is leaking on the floor": "miguel",
}
CLOSED: Final = [
    *(Life(person, text, "done", share=4) for text, person in TOWELS.items()),
    *(Life(person, text, "done", answers, 2) for text, person in LEAKS.items() for answers in (True, False)),
    Life("miguel", "the AC is leaking on the bedroom floor", "dropped", share=2),
]
STILL_OPEN: Final = [
    Life("shirley", "Warm Taipei 主臥冷氣在漏水", "sent"),
    Life("haru", "伊東の家のエアコンから水漏れしています", "asked"),
    Life("miguel", "Creekfront: the AC is leaking on the floor", "asked"),
    Life("celine", "vila Bali: wastafel mampet lagi", "taken"),
    Life("haru", "伊東の家 タオルをください", "sent"),
    Life("miguel", "wifi is down", "asked"),
]
"""Of other faults and places than what is measured: a new message is a new ticket at every size."""
ENDS: Final = {"sent": "DISPATCHED", "taken": "DISPATCHED", "done": "RESOLVED", "dropped": "CANCELLED"}
CLONED: Final = ("tickets", "reports", "dispatches", "questions", "usage", "approvals", "history")


def _company(home: Path) -> None:
    """Budgets that no history exhausts, and no question whether an old fault is back: at every size a message takes
    the same way."""
    shutil.copytree(DATA / "company", home / "company")
    for name, own in (("properties", {"monthly_budget_usd": "1000000000"}), ("company", {"reopen_days": 0})):
        file = home / "company" / f"{name}.json"
        said = json.loads(file.read_text("utf-8"))
        said = [one | own for one in said] if isinstance(said, list) else said | own
        file.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")


async def _live(world: World, life: Life) -> None:
    await world.says(life.person, life.text)
    if life.end == "dropped":
        await (await world.card(life.person, "receipt")).tap("cancel")
    while life.answers and (asked := (await world.card(life.person, "receipt")).card["questions"]):
        await world.tap(life.person, asked[0]["buttons"][-1]["id"])
    if life.end in {"asked", "dropped"}:
        return
    if (await world.tickets())[-1]["status"] == "AWAITING_HUMAN":
        await (await world.card("ben", "approval")).tap("approve")
    for after, tapped, values in (("taken", "ack", {}), ("done", "resolve", {"amount": "48.50"})):
        if life.end in {after, "done"}:
            world.clock.at += timedelta(hours=1)
            await (await world.card(life.person, "job")).tap(tapped, **values)


def _ask_models(tx: Tx, ticket: dict[str, Any]) -> None:
    """The ledger as if models had read and drafted it."""
    for tier, usd in (("fast", "0.00078"), ("strong", "0.00448")):
        row = UsageRow(id=new_id(), at=tx.now, model=f"a-{tier}-model", provider="anthropic", tier=tier)
        row.ticket_id, row.property_id, row.purpose = ticket["ticket_id"], ticket["property_id"], tier
        row.usd, row.ok, row.exported, row.settled_at = Decimal(usd), True, True, tx.now
        tx.add(row)


async def _templates(home: Path) -> None:
    """One ticket of each kind, a day apart, at an hour when nobody sleeps."""
    async with open_world(home, clock := MovableClock()) as world:
        for day, life in enumerate([*CLOSED, *STILL_OPEN]):
            clock.at = BEGIN + timedelta(days=day)
            await _live(world, life)
            made = (await world.tickets())[-1]
            assert made["ticket_id"] == f"T-{FIRST + day}", f"{life.text!r} became no ticket of its own"
            expected = ENDS.get(life.end, "AWAITING_HUMAN" if made["property_id"] else "NEW")
            assert made["status"] == expected, f"{life.text!r} is {made['status']}"
            await world.do(partial(_ask_models, ticket=made))


def _as_clone(column: Column[Any]) -> str:
    """SQL for a column of the clone: `plan` says its number and how much later it was, `o` is the row it is like."""
    name, later = column.name, "plan.later || ' seconds'"
    if name == "ticket_id":
        return "'T-' || plan.n"
    if name == "month":
        return f"strftime('%Y-%m', o.authorized_at, {later})"
    if isinstance(column.type, UtcTime):
        return f"strftime('%Y-%m-%d %H:%M:%f000', o.{name}, {later})"
    if name in {"id", "dispatch_id"}:
        return f"printf('%08x', plan.n) || substr(o.{name}, 9)"
    return "plan.n" if name == "number" else f"o.{name}"


def _clone(path: Path, count: int) -> None:
    """Fill the database up to `count` tickets, oldest first, in one transaction."""
    kinds = [FIRST + at for at, life in enumerate(CLOSED) for _ in range(life.share)]
    random.Random(1).shuffle(kinds)
    still_open = [FIRST + len(CLOSED) + at for at in range(len(STILL_OPEN))]
    last = FIRST + count - 1

    def planned() -> Iterator[tuple[int, str, int]]:
        for n in range(still_open[-1] + 1, last + 1):
            like = still_open[n % len(still_open)] if n > last - OPEN else kinds[n % len(kinds)]
            was = BEGIN + timedelta(days=like - FIRST)
            yield n, f"T-{like}", int((BEGIN + (END - BEGIN) * ((n - FIRST) / count) - was).total_seconds())

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("CREATE TEMP TABLE plan (n INTEGER PRIMARY KEY, ticket TEXT, later INTEGER)")
        db.execute("BEGIN")
        db.executemany("INSERT INTO plan VALUES (?, ?, ?)", planned())
        for name in CLONED:
            all_columns = tables.Base.metadata.tables[name].columns
            columns = [one for one in all_columns if one.name != "id" or not isinstance(one.type, Integer)]
            db.execute(f"CREATE TEMP TABLE old_{name} AS SELECT * FROM {name}")
            db.execute(f"CREATE INDEX temp.old_{name}_ticket ON old_{name} (ticket_id)")
            few = count > WHOLE and name in {"approvals", "history"}
            db.execute(
                f"INSERT INTO main.{name} ({', '.join(one.name for one in columns)}) "
                f"SELECT {', '.join(map(_as_clone, columns))} FROM plan CROSS JOIN old_{name} AS o "
                f"ON o.ticket_id = plan.ticket WHERE plan.n > {last - OPEN if few else 0}"
            )
        olds = ", ".join(f"'T-{one}'" for one in still_open)
        db.execute(f"UPDATE tickets SET status = 'CANCELLED' WHERE ticket_id IN ({olds})")
        db.execute(f"UPDATE approvals SET status = 'superseded' WHERE ticket_id IN ({olds})")
        db.execute("DELETE FROM deadlines")
        db.execute("UPDATE counters SET value = ? WHERE name = 'tickets'", (last,))
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=WAL")


def _kept(count: int) -> Path:
    """The home with `count` tickets; made at the first call for this schema."""
    folder = os.environ.get("LOOPOS_BENCH_HISTORY") or Path(tempfile.gettempdir(), "loopos-bench-history")
    home = Path(folder, f"{schema.HEAD}-{count}")
    if not home.exists():
        _say(f"building {count:,} tickets")
        part = home.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _company(part)
        asyncio.run(_templates(part))
        _clone(part / "loopos.db", count)
        part.rename(home)
    return home


@contextlib.contextmanager
def history(count: int) -> Iterator[Path]:
    """A home with `count` tickets to do anything with: a copy; the largest itself, which is gone afterwards."""
    kept = _kept(count)
    with tempfile.TemporaryDirectory() as folder:
        yield Path((shutil.move if count > WHOLE else shutil.copytree)(kept, Path(folder, "home")))


def _say(text: str) -> None:
    print(f"... {text}", file=sys.stderr, flush=True)


# --- what an action costs

Action = Callable[[World, int], Awaitable[None]]


def _said(person: str, text: str) -> Action:
    """Other words each time, or they would be a double."""
    words = "".join(f" w{{0:04d}}{letter}" for letter in "abcdefgh")
    return lambda world, number: world.says(person, text.replace(" …", words).format(number))


def _photo(world: World, number: int) -> Awaitable[None]:
    sha = f"{number:064x}"
    file = {"kind": "photo", "media_type": "image/jpeg", "bytes": 9, "sha256": sha, "path": f"media/{sha}"}
    return world.says("haru", "", files=[file])


LEAK, PHOTO, FILING = "new: AC leak, outside vendor (Reno)", "new: photo without words", "new: towels (Bali)"
ACTIONS: Final[dict[str, Action]] = {
    LEAK: _said("miguel", "Reno: the AC is leaking …"),
    PHOTO: _photo,
    FILING: _said("celine", "vila Bali: handuk …"),
    "small talk: any news?": _said("celine", "any news?"),
    '"approve" in words': _said("ben", "approve"),
    "/tickets": _said("ben", "/tickets"),
    "/ticket T-1500": _said("ben", "/ticket T-1500"),
    "/cost month": _said("ben", "/cost month"),
    "/cost all": _said("ben", "/cost all"),
    "/report bali_villa (this month)": _said("ben", "/report bali_villa"),
}
"""In this order the founder is awake for all that asks him."""


async def _cpu(world: World, name: str) -> float:
    """Milliseconds. What the action opened is closed again outside the measured time."""
    newest = "SELECT max(number) FROM tickets"
    last = await world.do(lambda tx: tx.session.connection().exec_driver_sql(newest).scalar())

    def tidy(tx: Tx) -> None:
        tx.change(update(table(Ticket)).where(Ticket.number > last).values(status="CANCELLED"))
        tx.change(delete(table(tables.Deadline)))

    spent: list[float] = []
    while len(spent) <= REPEATS and (len(spent) < 2 or sum(spent) < PATIENCE):
        begun = time.process_time()
        await ACTIONS[name](world, len(spent))
        spent.append(time.process_time() - begun)
        await world.do(tidy)
        # A photo sooner than a quarter of an hour later would join the one before.
        world.clock.at += timedelta(minutes=16 if name == PHOTO else 2)
    return statistics.median(spent[1:]) * 1000


async def _actions(home: Path, names: Sequence[str]) -> dict[str, float]:
    async with open_world(home) as world:
        # As in every home that is older than a day (core.housekeeping).
        while await world.do(totals.add_up_next):
            pass
        return {name: await _cpu(world, name) for name in names}


COMMAND: Final = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({MAX_MEMORY}, {MAX_MEMORY}))
resource.setrlimit(resource.RLIMIT_CPU, ({MAX_CPU}, {MAX_CPU}))
from bot.cli import main
try:
    sys.exit(main(sys.argv[1:]))
finally:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)
"""
"""`loopos`, which tells its own peak: what wait4 says of a child begins with the memory of its parent."""


LOOKED: Final = (
    ("--help",),
    ("tickets", "--json", "--limit", "50"),
    ("cost", "month", "--json"),
    ("cost", "all", "--json"),
    ("report", "bali_villa"),
    ("skills", "--json"),
    ("team", "--json"),
)


def _shell(home: Path, *arguments: str) -> dict[str, str]:
    """CPU and peak memory of `loopos ...`, the median of three if it is quick."""
    cpu: list[float] = []
    said = ""
    while len(cpu) < 3 and sum(cpu) < 30:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            env={**os.environ, "LOOPOS_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu.append(used.ru_utime + used.ru_stime)
        if process.returncode:
            break
    gave_up = f" (gave up: {'memory' if 'MemoryError' in said else 'time'})" if process.returncode else ""
    peak = re.search(r"VmHWM:\s+(\d+)", said)
    name = " ".join(("loopos", *arguments))
    return {
        f"{name}: CPU ms": _number(statistics.median(cpu) * 1000) + gave_up,
        f"{name}: peak MB": _number((int(peak[1]) if peak else used.ru_maxrss) / 1024),
    }


# --- posts beside /cost all


async def _until_idle(url: str) -> None:
    """Until the service is there and nothing waits in it; a minute at most."""
    async with asyncio.timeout(60), aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"{url}/readyz") as answer:
                    if (await answer.json()).get("jobs_waiting") == 0:
                        return
            await asyncio.sleep(0.2)


async def _posts(url: str, beside: str) -> dict[str, str]:
    """Taps over a few connections for some seconds; `beside` them the founder says something once a second."""
    answers: dict[str, Counter[str]] = {"celine": Counter(), "ben": Counter()}
    spent: list[float] = []
    until = time.monotonic() + SECONDS

    async def post(path: str, person: str, every: float, **body: str) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as connection:
            while (begun := time.monotonic()) < until:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    status = "none"
                    said = {"id": new_id(), **body}
                    async with connection.post(f"{url}{path}?as={person}", json=said) as answer:
                        status = str(answer.status)
                answers[person][status] += 1
                if person == "celine":
                    spent.append(time.monotonic() - begun)
                await asyncio.sleep(max(0.0, begun + every - time.monotonic()))

    taps = [post("/api/taps", "celine", 0, button="approve:nothing") for _ in range(CONNECTIONS)]
    await asyncio.gather(*taps, *([post("/api/messages", "ben", 1, text=beside)] if beside else []))
    spent.sort()
    told = [
        ", ".join(f"{status}: {times:,}" for status, times in sorted(one.items())) for one in answers.values()
    ]
    return {
        "answers to taps": told[0],
        "p50 ms": _number(spent[len(spent) // 2] * 1000),
        "p99 ms": _number(spent[int(len(spent) * 0.99)] * 1000),
        "worst ms": _number(spent[-1] * 1000),
        "answers to the founder": told[1] or "–",
    }


async def _served(home: Path) -> dict[str, dict[str, str]]:
    """The service in its own process, first with the taps alone."""
    port = free_port()
    url, own = f"http://127.0.0.1:{port}", {"LOOPOS_HOME": str(home), "PORT": str(port), "LOOPOS_DEMO": "1"}
    with _process("-m", "bot", "serve", LOOPOS_LLM="offline", LOOPOS_WHISPER="off", **own):
        found = {}
        for name, beside in (("alone", ""), ("beside /cost all", "/cost all")):
            await _until_idle(url)
            found[name] = await _posts(url, beside)
        return found


# --- many jobs of one property in this month


def _authorise(home: Path, jobs: int) -> None:
    """So many jobs at Bali this month, all of the oldest ticket: nothing else looks at it."""
    month = f"{NOON:%Y-%m}"
    with contextlib.closing(sqlite3.connect(home / "loopos.db")) as db, db:
        db.execute(
            "UPDATE dispatches SET month = NULL WHERE property_id = 'bali_villa' AND month = ?", (month,)
        )
        put = {"dispatch_id": "printf('j%07x', j) || substr(dispatch_id, 9)", "month": f"'{month}'"}
        names = [row[1] for row in db.execute("PRAGMA table_info(dispatches)")]
        db.execute(
            f"INSERT INTO dispatches ({', '.join(names)}) "
            "WITH RECURSIVE jobs(j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM jobs WHERE j < ?) "
            f"SELECT {', '.join(put.get(one, one) for one in names)} FROM dispatches, jobs "
            "WHERE j > 0 AND ticket_id = ? AND authorized",
            (jobs, f"T-{FIRST}"),
        )


# --- telling


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _table(title: str, heads: Sequence[str], rows: dict[str, Sequence[str]]) -> None:
    first = max(map(len, rows))
    wide = [max(len(head), *(len(row[at]) for row in rows.values())) for at, head in enumerate(heads)]
    print(f"\n{title}\n")
    for name, row in {"": heads, **rows}.items():
        print(
            f"  {name:<{first}}" + "".join(f"  {cell:>{wide[at]}}" for at, cell in enumerate(row)), flush=True
        )


def measure(sizes: Sequence[int]) -> None:
    actions: dict[int, dict[str, float]] = {}
    shells: dict[int, dict[str, str]] = {}
    posts: dict[str, dict[str, str]] = {}
    for size in sizes:
        with history(size) as home:
            _say(f"{size:,} tickets: the shell")
            shells[size] = {}
            for typed in LOOKED:
                shells[size] |= _shell(home, *typed)
            _say(f"{size:,} tickets: actions")
            actions[size] = asyncio.run(_actions(home, list(ACTIONS)))
            if size >= WHOLE or size == sizes[-1]:
                _say(f"{size:,} tickets: posts")
                posts |= {f"{size:,}, {how}": row for how, row in asyncio.run(_served(home)).items()}
    filing = {}
    for jobs in JOBS:
        _say(f"{jobs:,} jobs of one property")
        with history(sizes[0]) as home:
            _authorise(home, jobs)
            filing[f"{jobs:,}"] = _number(asyncio.run(_actions(home, [FILING]))[FILING])
    heads, first, last = [f"{size:,}" for size in sizes], actions[sizes[0]], actions[sizes[-1]]
    _table(
        f"CPU ms of an action, by tickets in the database ({OPEN} of them open)",
        [*heads, "dearer by"],
        {
            name: [*(_number(actions[size][name]) for size in sizes), f"x {last[name] / first[name]:.1f}"]
            for name in ACTIONS
        },
    )
    _table(
        "A command of the shell in a process of its own, by tickets in the database",
        heads,
        {name: [shells[size][name] for size in sizes] for name in shells[sizes[0]]},
    )
    _table(
        f"Taps over {CONNECTIONS} connections for {SECONDS} s, by tickets and what is asked once a second beside them",
        list(posts),
        {name: [row[name] for row in posts.values()] for name in next(iter(posts.values()))},
    )
    _table(
        f"CPU ms of filing one message, by jobs authorised for its property this month ({heads[0]} tickets)",
        list(filing),
        {FILING: list(filing.values())},
    )


# --- query plans


class Executed(NamedTuple):
    statement: str
    values: Any
    during: str
    """What it was first seen in."""


async def _everything(home: Path, now: list[str]) -> None:
    """What the service does in a day, each thing once; `now` ends with its name."""
    async with open_world(home) as world:
        await world.do(lambda tx: after_outage(tx, BEGIN))
        for name, action in ACTIONS.items():
            now.append(name)
            await action(world, 0)
        now.append("life of a ticket, and how a test looks at it")
        await _live(world, Life("shirley", "Warm Taipei 廚房水槽堵住了", "done", answers=True))
        await _live(world, Life("miguel", "the toilet is clogged", "dropped"))
        now.append("timers")
        await world.says("celine", "vila Bali: mati lampu")
        await world.wait(hours=3)
        for name in ("/status", "/oncall", "/corrections"):
            now.append(name)
            await world.says("ben", name)
        now.append("web page")
        async with TestClient(TestServer(http_app(world.app))) as page:
            await (await page.get("/readyz")).read()
            await (await page.get("/api/stream?as=ben")).content.readuntil(b"caught_up")


def _in_the_shell(home: Path) -> None:
    """The statements of commands that only look, where they can be heard: within a session, as the service reads them."""
    company, now = load_company(home / "company"), NOON
    place = company.place("bali_villa")
    assert place is not None
    with looking_at(sqlite_url(home / "loopos.db")) as session:
        rows = SessionRows(session)
        list(every_ticket(rows, limit=50))
        list(every_ticket(rows, ticket_id="T-1500"))
        for only in (None, ["bali_villa", "warm_taipei_2br"]):
            report.find(rows, company, "all", now, only)
            report.find(rows, company, "month", now, only)
        statement.find(rows, place, month_at(now, place.zone), company.rate_of(place.currency))
        for row in skill_view.shown(rows):
            skill_view.told(rows, row)
        rule_view.listed(rows)
        grants.listed(rows, now)
        company_now(rows, company)


def plans(count: int) -> None:
    """The plan of every SELECT, UPDATE and DELETE that is executed, first those that walk a whole table or index, or sort;
    and what a SELECT takes alone, as it was when that day began."""
    seen: dict[str, Executed] = {}
    now = ["shell"]

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            shape = re.sub(r"\(\?(, \?)+\)", "(?)", " ".join(statement.split()))
            seen.setdefault(shape, Executed(statement, values[0] if many else values, now[-1]))

    kept = _kept(count)
    event.listen(Engine, "before_cursor_execute", hear)
    with history(count) as home:
        _in_the_shell(home)
        now.append("start")
        asyncio.run(_everything(home, now))
    event.remove(Engine, "before_cursor_execute", hear)
    clean: list[tuple[float, str]] = []
    marked: list[tuple[float, str]] = []
    with contextlib.closing(sqlite3.connect(f"file:{kept / 'loopos.db'}?mode=ro", uri=True)) as db:
        for shape, one in seen.items():
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {one.statement}", one.values)]
            ms = min(_alone(db, one) for _ in range(3))
            marks = [mark for step in plan if (mark := _mark(db, step))]
            short = re.sub(r"^SELECT .{100,}? FROM", "SELECT … FROM", shape)
            line = f"\n{ms:10.2f}  {one.during}: {'; '.join(marks or plan)}\n{'':12}{shorten(short, 400)}"
            (marked if marks else clean).append((ms, line))
    for title, some in (("that scan or sort", marked), ("that do neither", clean)):
        print(f"\nStatements {title}, at {count:,} tickets: {len(some)} (ms alone, where first seen, plan)")
        print("\n".join(line for _, line in sorted(some, reverse=True)))


def _alone(db: sqlite3.Connection, one: Executed) -> float:
    """Milliseconds; 0 for what would write."""
    begun = time.perf_counter()
    if one.statement.startswith("SELECT"):
        db.execute(one.statement, one.values).fetchall()
    return (time.perf_counter() - begun) * 1000


def _mark(db: sqlite3.Connection, step: str) -> str:
    """`step` of a plan, with the rows of the table that it walks; empty where it neither walks one nor sorts."""
    walked = re.match(r"SCAN (\w+?)(_\d+)?( USING .*)?$", step)
    if walked is not None and walked[1] in tables.Base.metadata.tables:
        return f"{step} ({db.execute(f'SELECT count(*) FROM {walked[1]}').fetchone()[0]:,} rows)"
    return step if "TEMP B-TREE" in step else ""


def main(arguments: Sequence[str]) -> None:
    known = argparse.ArgumentParser(
        prog="python -m bench history", description="What it costs as history grows."
    )
    known.add_argument("--sizes", default="1000,10000,100000", help="tickets, with commas")
    known.add_argument(
        "--plans", action="store_true", help="print query plans at 10,000 tickets, measure nothing"
    )
    args = known.parse_args(arguments)
    set_up("CRITICAL")
    if args.plans:
        plans(10_000)
    else:
        measure(sorted(int(one) for one in args.sizes.split(",")))
