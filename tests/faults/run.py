"""A company works over one platform while everything goes wrong that can, then it heals, and is counted: nothing lost,
nothing doubled but where the platform cannot tell, order kept (the faults B1 to B35).

`python -m tests.faults.run --platform slack --messages 300 --seed 7` prints one line of figures and exits 1 if any
promise was broken. The service is the real one behind its real port; the vendors are the fakes, told to misbehave."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select

from core import lanes
from core.context import Tx
from core.store.deadlines import Due
from core.store.tables import Binding, Deadline, InboxRow, JobRow, OutboxRow
from tests.faults.counting import count
from tests.faults.figures import Result
from tests.faults.happenings import SPEED, misfortune
from tests.faults.people import PROBLEMS, Person, Run
from tests.faults.vendors import VENDORS, Injector
from tests.platforms import (
    MAKERS,
    PATHS,
    House,
    RunningClock,
    account_on,
    company_with,
    free_port,
    settings_for,
    start,
    until,
)

MODES = ("slack", "slack-socket", "telegram", "telegram-polling", "line")
IMPATIENT: dict[str, dict[str, Any]] = {
    "channels.slack.channel:Slack": {"timeout": 0.5, "ping_every": 0.3},
    "channels.telegram.channel:Telegram": {
        "timeout": 0.5,
        "conflict_pause": 0.3,
        "hold_taps": 0.2,
        "first_wait": 0.1,
    },
    "channels.line.channel:Line": {"timeout": 0.5},
    "channels.pacing": {"LONGEST": 2.0},
    "channels.slack.api": {"LONGEST_WAIT": 2},
    "channels.telegram.polling": {"DOWN_FOR": timedelta(seconds=1)},
}
"""What the adapters wait for at most: defaults of constructors, which bot/platforms.py leaves as they are, and
constants of modules whose waits are not by the house's clock."""


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """For the time being the adapters wait less."""
    before = []
    for path, values in IMPATIENT.items():
        module, _, name = path.partition(":")
        found = import_module(module)
        known = getattr(found, name).__init__.__kwdefaults__ if name else vars(found)
        assert values.keys() <= known.keys()
        before.append((known, {key: known[key] for key in values}))
        known.update(values)
    try:
        yield
    finally:
        for known, old in before:
            known.update(old)


@contextlib.asynccontextmanager
async def opened(mode: str, home: Path, rng: random.Random) -> AsyncIterator[Run]:
    channel = mode.partition("-")[0]
    clock, port, result = RunningClock(), free_port(), Result(mode)
    fake: Any = MAKERS[channel](clock)
    injector, vendor = Injector(fake, result), VENDORS[channel](fake, mode)
    more: dict[str, Any] = {"LOOPOS_DEMO": True}  # everybody can also be reached on the chat page
    if mode == "slack-socket":
        more["SLACK_APP_TOKEN"] = fake.app_token
    if mode == "telegram-polling":
        more["LOOPOS_BASE_URL"] = ""
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(impatient())
        await fake.start()
        stack.push_async_callback(fake.stop)
        accounts = {(one, channel): account_on(fake, channel, one) for one in ("ben", *PROBLEMS)}
        company_with(home, accounts)
        room = vendor.room()
        if channel == "line":
            fake.quota = None
        app, runner = await start(settings_for(home, {channel: fake}, port, **more), clock)
        stack.push_async_callback(app.stop)
        stack.push_async_callback(runner.cleanup)
        nowhere = f"http://127.0.0.1:{free_port()}/"
        fake.webhook_url = f"http://127.0.0.1:{port}{PATHS[channel]}"
        if mode == "slack-socket":
            fake.webhook_url = nowhere
            await until(lambda: bool(fake.sockets))
        elif mode == "telegram-polling":
            fake.webhook_url = ""
        elif mode == "telegram":
            await until(lambda: bool(fake.hook))
        people = {one: Person(one, accounts[one, channel]) for one in ("ben", *PROBLEMS)}
        await app.store.write(
            lambda tx: tx.add(
                Binding(channel=channel, room=room, property_id="bali_villa", bound_by="ben", bound_at=tx.now)
            )
        )
        house = House(app, clock, {channel: fake}, accounts, fake.webhook_url, runner)
        yield Run(mode, house, vendor, injector, rng, result, people, room)


async def _hurry(run: Run) -> None:
    """The house's clock runs ahead, and the vendor repeats what was not taken."""
    while True:
        await asyncio.sleep(0.1)
        run.house.clock.ahead += timedelta(seconds=0.1 * (SPEED - 1))
        run.house.app.jobs._wake.set()
        await run.house.app.store.write(_owe_what_waited)
        await run.vendor.repeat()


def _owe_what_waited(tx: Tx) -> None:
    """The alarm of this house is not wound up (nobody shall be paged while faults are counted), but jobs for later are
    timers too, and without them an edit that overtook its message would wait for ever."""
    waiting = select(Deadline).where(
        Deadline.kind == lanes.JOB_DUE,
        Deadline.fired_at.is_(None),
        Deadline.cancelled_at.is_(None),
        Deadline.due_at <= tx.now,
    )
    for one in tx.session.scalars(waiting).all():
        one.fired_at = tx.now
        lanes.on_job_due(tx, Due(one.id, one.kind, one.subject, one.args, one.attempts, one.error))


async def _at_rest(run: Run) -> bool:
    def owed(session: Any) -> int:
        return sum(
            session.scalar(one)
            for one in (
                select(func.count(JobRow.id)),
                select(func.count(InboxRow.id)).where(InboxRow.status == "accepted"),
                select(func.count(OutboxRow.id)).where(OutboxRow.status.in_(("pending", "sending"))),
            )
        )

    left = len(getattr(run.fake, "undelivered", getattr(run.fake, "pending", ())))
    run.result.still_owed = await run.read(owed) + left
    return run.result.still_owed == 0


def _name_owed(run: Run, session: Any) -> None:
    """What is behind the figure `still_owed`."""
    for job in session.scalars(select(JobRow)):
        run.result.explain(
            "still_owed", f"job {job.task} {job.lane} {job.attempts} x {job.error} {job.run_at}"
        )
    for row in session.scalars(select(OutboxRow).where(OutboxRow.status.in_(("pending", "sending")))):
        run.result.explain(
            "still_owed", f"{row.kind} to {row.conversation_id}, {row.status}, not before {row.not_before}"
        )


async def settle(run: Run, seconds: float = 120.0) -> None:
    """Everything is well again: wait until nothing is owed, and stays so."""
    run.injector.armed.clear()
    run.fake.deliver = True
    quiet, end = 0, time.monotonic() + seconds
    while quiet < 8 and time.monotonic() < end:
        await asyncio.sleep(0.1)
        run.house.clock.ahead += timedelta(seconds=0.4)
        await run.house.app.store.write(_owe_what_waited)
        await run.house.app.watch.look()  # it shows again what waits for somebody: taps may have been lost
        quiet = quiet + 1 if await _at_rest(run) else 0


async def go(mode: str, messages: int, seed: int, home: Path, more: int | None = None) -> Result:
    """`more`: faults beyond one of each kind; one for every five messages unless told."""
    begun, rng = time.monotonic(), random.Random(seed)
    async with opened(mode, home, rng) as run:
        beside = [asyncio.create_task(_hurry(run)), asyncio.create_task(run.founder())]
        try:
            trouble = asyncio.create_task(misfortune(run, messages, messages // 5 if more is None else more))
            async with asyncio.TaskGroup() as group:
                for n, one in enumerate(PROBLEMS):
                    share = messages // len(PROBLEMS) + (n < messages % len(PROBLEMS))
                    group.create_task(run.works(run.people[one], share))
            await trouble
            await settle(run)
            for task in beside:
                if task.done():
                    task.result()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        await run.read(lambda session: count(run, session))
        await run.read(lambda session: _name_owed(run, session))
    run.result.seconds = time.monotonic() - begun
    return run.result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--platform", choices=[*MODES, "all"], default="all")
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    logging.getLogger("aiohttp.server").setLevel(
        logging.CRITICAL + 1
    )  # it tells of every line that the fakes cut
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    good = True
    for mode in MODES if args.platform == "all" else (args.platform,):
        with tempfile.TemporaryDirectory(prefix="loopos-faults-") as folder:
            result = asyncio.run(go(mode, args.messages, args.seed, Path(folder)))
        print(f"seed {args.seed}, {result.line()}", flush=True)
        good = good and not result.broken
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
