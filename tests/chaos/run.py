"""kill -9 while messages run through, then count: nothing lost, nothing doubled, every timer once.

`python -m tests.chaos.run --kills 200 --messages 500 --seed 7` prints one line of figures and exits 1 if any
promise was broken. What a sender does is what a platform does: it repeats an event until it is acknowledged."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.settings import DATA
from core.store.crashpoints import POINTS

PEOPLE = ("shirley", "haru", "miguel", "celine")
# Each message is a problem of its own (linen, in words that no other has, so that none joins another's
# ticket), below every cap: a ticket, a dispatch, a page and three escalation steps must follow.
PLACES = {"shirley": "Warm Taipei", "haru": "Ito", "miguel": "Reno", "celine": "vila Bali"}


ASKED = "ignore previous"
"""Words that try to steer: the gate sends every fifth message to the founder, who taps approve."""


@dataclass
class Ledger:
    """What the outside world knows: what it sent, and what was acknowledged."""

    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)


@dataclass
class Result:
    messages: int = 0
    kills: int = 0
    points: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    cards_missing: int = 0
    timers_not_once: int = 0
    asked: int = 0
    approvals: int = 0
    decisions_not_once: int = 0
    late_over_2s: int = 0
    latest_s: float = 0.0
    quarantined: int = 0
    why: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        # A run in which nothing was approved, or a point was never reached, has shown nothing about it.
        shown = self.approvals >= self.asked > 0 and set(self.points) == set(POINTS)
        return shown and not (
            self.lost
            or self.doubled
            or self.cards_missing
            or self.timers_not_once
            or self.decisions_not_once
            or self.late_over_2s
            or self.quarantined
        )

    def line(self) -> str:
        points = ", ".join(f"{name} {count}" for name, count in sorted(self.points.items()))
        return (
            f"{self.messages} messages, {self.kills} kills at random moments and {sum(self.points.values())} at named points ({points}): "
            f"{self.lost} lost, {self.doubled} tickets doubled, {self.cards_missing} cards missing, "
            f"{self.timers_not_once} timers not exactly once, {self.decisions_not_once} of {self.approvals} approvals not exactly once, {self.late_over_2s} late by over 2 s after a restart (latest {self.latest_s:.2f} s), "
            f"{self.quarantined} quarantined, {self.seconds:.0f} s"
            + "".join(f"\n  {count} x {error}" for error, count in self.why.items())
        )


class Service:
    """One life of the process."""

    def __init__(self, home: Path, ledger: Ledger, crash_at: str | None) -> None:
        environment = {**os.environ, "LOOPOS_LOG_LEVEL": "ERROR"}
        environment.pop("LOOPOS_CRASH_AT", None)
        if crash_at:
            environment["LOOPOS_CRASH_AT"] = crash_at
        self.ledger = ledger
        self.ready = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.child", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.orders, self.answers = self.process.stdin, self.process.stdout
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        for line in self.answers:
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if "kept" in said:
                    self.ledger.kept.add(said["kept"])
                else:
                    self.ready.set()

    def send(self, payload: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):
            self.orders.write(json.dumps(payload) + "\n")
            self.orders.flush()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._reap(5)

    def end(self) -> None:
        self._reap(20)

    def _reap(self, seconds: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.orders.close()
        self.process.wait(timeout=seconds)
        self.listener.join(seconds)
        self.answers.close()


def message(number: int, rng: random.Random, *, asked: bool) -> dict[str, Any]:
    who = rng.choice(PEOPLE)
    return {
        "type": "message",
        "id": f"chaos-{number:05d}",
        "sender": who,
        "files": [],
        "reply_to": None,
        "text": f"{PLACES[who]}: towels are missing, {ASKED if asked else ''} "
        + " ".join(f"w{rng.randrange(16**8):08x}" for _ in range(8)),
        "at": datetime.now(UTC).isoformat(),
    }


def make_company(home: Path) -> None:
    """The demo company with nobody asleep: a page that waits for the morning would never come to rest."""
    shutil.copytree(DATA / "company", home / "company")
    team = home / "company" / "team.json"
    people = json.loads(team.read_text())
    team.write_text(json.dumps([{**person, "quiet_hours": []} for person in people]))


def taps(home: Path) -> list[dict[str, Any]]:
    """The founder taps every live approve button; a repeat carries the id of the first tap."""
    if not (home / "loopos.db").exists():
        return []
    with contextlib.closing(sqlite3.connect(home / "loopos.db", timeout=10)) as db:
        try:
            rows = db.execute("select id from buttons where action = 'approve' and live = 1").fetchall()
        except sqlite3.OperationalError:
            return []
    now = datetime.now(UTC).isoformat()
    return [
        {
            "type": "tap",
            "id": row[0].replace(":", "-"),
            "sender": "ben",
            "button": row[0],
            "values": {},
            "at": now,
        }
        for row in rows
    ]


def run(kills: int, count: int, seed: int, home: Path) -> Result:
    rng = random.Random(seed)
    make_company(home)
    ledger, begun = Ledger(), time.monotonic()
    waiting = [message(number, rng, asked=number % 5 == 4) for number in range(count)]
    result = Result()
    per_life = max(1, count // max(1, kills) + 1)
    restarts: list[datetime] = []
    lives = 0
    # Named points to die at, each at least once; one that was not reached in a life is tried again.
    named = list(POINTS) * max(1, kills // 64)
    while result.kills < kills or (named and lives < 3 * (kills + len(POINTS))):
        point = named[0] if named and (lives % 3 == 0 or result.kills >= kills) else None
        nth = rng.randint(1, 3) if lives % 2 else 1
        service = Service(home, ledger, f"{point}:{nth}" if point else None)
        service.ready.wait(20)
        restarts.append(datetime.now(UTC))
        due = waiting[: (lives + 1) * per_life]
        if point is not None:
            # Work of its own: whatever is left of the rest, and however slow the machine, the point lies on its way.
            own = [message(len(waiting) + more, rng, asked=point == "decided") for more in range(nth)]
            waiting, due = [*waiting, *own], [*due, *own]
        # A platform repeats what was not acknowledged, and now and then what was.
        again = [one for one in due if one["id"] not in ledger.kept]
        again += rng.sample(due, min(2, len(due)))
        for one in [*again, *taps(home)]:
            service.send(one)
        deadline = time.monotonic() + (rng.uniform(0.0, 0.5) if point is None else 20)
        while service.alive and time.monotonic() < deadline:
            time.sleep(0.01)
            if point == "decided":
                for one in taps(home):
                    service.send(one)
        if point is not None and not service.alive:
            result.points[named.pop(0)] += 1
        else:
            result.kills += 1
            if point is not None:
                named.append(named.pop(0))
        service.kill()
        lives += 1
    ledger.sent = {one["id"]: one for one in waiting}
    result.messages, result.asked = len(waiting), sum(ASKED in one["text"] for one in waiting)
    last = Service(home, ledger, None)
    last.ready.wait(20)
    restarts.append(datetime.now(UTC))
    for _ in range(20):
        missing = [one for one in waiting if one["id"] not in ledger.kept]
        if not missing:
            break
        for one in missing:
            last.send(one)
        time.sleep(0.5)
    _settle(home, last)
    last.end()
    _count(home, ledger, restarts, result)
    result.seconds = time.monotonic() - begun
    return result


def _settle(home: Path, service: Service, limit: float = 240) -> None:
    """Until no job waits and no escalation is owed any more (the assignee never answers, so all steps run)."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        asked = taps(home)
        for one in asked:
            service.send(one)
        with sqlite3.connect(home / "loopos.db", timeout=10) as db:
            jobs = db.execute("select count(*) from jobs").fetchone()[0]
            owed = db.execute(
                "select count(*) from deadlines where kind = 'escalate' and fired_at is null and cancelled_at is null"
            ).fetchone()[0]
        db.close()
        if owed == 0 and jobs == 0 and not asked:
            return
        time.sleep(0.3)
    raise TimeoutError("the service did not come to rest")


def _count(home: Path, ledger: Ledger, restarts: list[datetime], result: Result) -> None:
    db = sqlite3.connect(home / "loopos.db")
    words = Counter(row[0] for row in db.execute("select raw_input from tickets"))
    for one in ledger.sent.values():
        result.lost += one["id"] in ledger.kept and words[one["text"]] == 0
        result.doubled += max(0, words[one["text"]] - 1)
    result.quarantined = db.execute(
        "select count(*) from inbox where status not in ('processed')"
    ).fetchone()[0]
    for table in ("inbox", "outbox", "jobs", "deadlines"):
        rows = db.execute(f"select error from {table} where error is not null")
        result.why.update(f"{table}: {row[0]}" for row in rows)
    # Every copy of every card must have been sent, and stand in the conversation exactly once.
    result.cards_missing = db.execute(
        """select count(*) from card_copies c left join web_messages m on m.id = c.message_ref
           where m.id is null and not exists (select 1 from outbox o where o.copy_id = c.id and o.status = 'pending')"""
    ).fetchone()[0]
    result.cards_missing += db.execute(
        "select count(*) from outbox where status in ('sending', 'dead')"
    ).fetchone()[0]
    # Each step of each dispatch once: the history is insert-only, so a double would stand there.
    steps = db.execute(
        """select ticket_id, json_extract(detail, '$.step'), count(*) from history
           where event = 'notified' group by 1, 2"""
    ).fetchall()
    result.timers_not_once = sum(1 for row in steps if row[2] != 1)
    expected = {
        row[0]: json.loads(row[1])
        for row in db.execute("select ticket_id, steps from dispatches where authorized = 1 and void = 0")
    }
    told = Counter(row[0] for row in steps)
    approved = Counter(row[0] for row in db.execute("select ticket_id from history where event = 'approved'"))
    sent = Counter(row[0] for row in db.execute("select ticket_id from history where event = 'dispatched'"))
    result.approvals = sum(approved.values())
    for ticket, text in db.execute("select ticket_id, raw_input from tickets"):
        result.decisions_not_once += approved[ticket] != (1 if ASKED in text else 0) or sent[ticket] != 1
    result.timers_not_once += sum(1 for ticket, plan in expected.items() if told[ticket] != len(plan))
    for due, fired in db.execute("select due_at, fired_at from deadlines where fired_at is not null"):
        due_at, fired_at = (datetime.fromisoformat(x).replace(tzinfo=UTC) for x in (due, fired))
        began = max((r for r in restarts if r <= fired_at), default=due_at)
        late = (fired_at - max(due_at, began)).total_seconds()
        result.latest_s = max(result.latest_s, late)
        result.late_over_2s += late > 2.0
    db.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="loopos-chaos-") as folder:
        result = run(args.kills, args.messages, args.seed, Path(folder))
    print(f"seed {args.seed}: {result.line()}")
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
