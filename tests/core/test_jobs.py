"""What the Jobs port promises, whoever keeps the queue: this suite will run on every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core import lanes
from core.context import Commit, Task, Tx
from core.errors import GiveUp, TryLater
from core.store import jobs
from core.store.jobs import MAX_ATTEMPTS, MAX_DEATHS, SUSPECT
from core.store.tables import Counter, JobRow
from tests.world import World


class Bench:
    """A task that notes its runs, and fails as it is told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs: list[str] = []
        self.spent: list[str] = []
        self.fail: Callable[[str], Exception | None] = lambda name: None
        world.app.jobs.register(
            Task(
                "bench",
                find=lambda session, some: [args["name"] for args in some],
                run=self.run,
                exhausted=lambda tx, args, error: self.spent.append(args["name"]),
            )
        )

    async def run(self, args: dict[str, Any], name: str) -> Commit | None:
        self.runs.append(name)
        await asyncio.sleep(0)
        error = self.fail(name)
        if error is not None:
            raise error

        def commit(tx: Tx) -> None:
            tx.add(Counter(name=name, value=1))

        return commit

    async def defer(self, *names: str, lane: str = "lane", later: timedelta = timedelta(0)) -> None:
        def work(tx: Tx) -> None:
            for name in names:
                at = tx.now + later if later else None
                lanes.later(tx, "bench", {"name": name}, lane=lane, subject=name, at=at)

        await self.world.do(work)
        await self.world.settle()

    async def done(self, name: str) -> bool:
        return await self.world.store.read(lambda s: s.get(Counter, name)) is not None


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


async def test_jobs_of_one_lane_run_in_order(bench: Bench) -> None:
    names = [f"n{number:02d}" for number in range(30)]
    await bench.defer(*names)
    assert bench.runs == names


async def test_a_job_is_owed_only_if_its_transaction_commits(bench: Bench) -> None:
    def fails(tx: Tx) -> None:
        tx.services.jobs.defer(tx, "bench", {"name": "never"}, lane="lane")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await bench.world.do(fails)
    await bench.world.settle()
    assert bench.runs == []


async def test_a_failing_job_holds_its_lane_but_no_other_and_is_handed_over_after_five(bench: Bench) -> None:
    bench.fail = lambda name: RuntimeError("x") if name == "bad" else None
    await bench.defer("bad", "after")
    await bench.defer("other", lane="other")
    assert bench.runs == ["bad", "other"]
    for _ in range(MAX_ATTEMPTS):
        bench.world.clock.at += timedelta(minutes=1)
        await bench.world.settle()
    assert bench.runs.count("bad") == MAX_ATTEMPTS
    assert bench.spent == ["bad"]
    assert await bench.done("after")
    assert not await bench.done("bad")


async def test_an_outage_spends_no_attempts(bench: Bench) -> None:
    bench.fail = lambda name: TryLater("down", timedelta(seconds=30))
    await bench.defer("patient")
    for _ in range(12):
        bench.world.clock.at += timedelta(seconds=31)
        await bench.world.settle()
    # Nor after a restart: what the process finds there is counted while it runs, and only if it dies.
    await bench.world.app.jobs.stop(timedelta(0))
    await bench.world.app.jobs.start()
    for _ in range(2 * MAX_DEATHS):
        bench.world.clock.at += timedelta(seconds=31)
        await bench.world.settle()
    assert bench.spent == []
    bench.fail = lambda name: None
    bench.world.clock.at += timedelta(seconds=31)
    await bench.world.settle()
    assert await bench.done("patient")


async def test_a_job_that_may_have_killed_the_process_runs_with_nothing_beside_it(bench: Bench) -> None:
    jobs = bench.world.app.jobs
    await jobs.stop(timedelta(0))

    def left(tx: Tx) -> None:
        for name, lane in (("first", "a"), ("suspect", "b"), ("last", "c")):
            tx.services.jobs.defer(tx, "bench", {"name": name}, lane=lane)

    await bench.world.do(left)
    await bench.world.do(
        lambda tx: tx.session.execute(update(JobRow).where(JobRow.lane == "b").values(deaths=SUSPECT))
    )
    seen: dict[str, list[str]] = {}

    def beside(name: str) -> None:
        seen[name] = sorted(jobs._running)

    bench.fail = beside
    await jobs.start()
    await bench.world.settle()
    assert bench.runs[0] == "suspect"
    assert seen["suspect"] == ["b"]
    assert await bench.done("last")


async def test_what_can_never_succeed_is_handed_over_at_once(bench: Bench) -> None:
    bench.fail = lambda name: GiveUp("blocked")
    await bench.defer("hopeless")
    assert (bench.runs, bench.spent) == (["hopeless"], ["hopeless"])


async def test_a_job_for_later_waits_and_holds_nobody_up(bench: Bench) -> None:
    await bench.defer("later", later=timedelta(hours=1))
    await bench.defer("now")
    assert bench.runs == ["now"]
    await bench.world.wait(hours=1)
    assert bench.runs == ["now", "later"]


async def test_while_a_crowd_stands_at_the_door_nothing_is_begun(bench: Bench) -> None:
    """Somebody outside counts the seconds until their 200."""
    bench.world.store.arriving(1000)
    deferring = asyncio.create_task(bench.defer("house work"))
    await asyncio.sleep(0.2)
    assert bench.runs == []
    bench.world.store.arriving(-1000)
    await deferring
    assert bench.runs == ["house work"]


async def test_a_crowd_that_stays_holds_nothing_up_for_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_HELD", 0.1)
    bench.world.store.arriving(1000)
    await bench.defer("house work")
    assert bench.runs == ["house work"]
    bench.world.store.arriving(-1000)


async def test_what_is_finished_does_not_wait_for_what_takes_its_time(world: World) -> None:
    """Words before a voice note are answered while somebody still listens to it."""
    bench, listened = Bench(world), asyncio.Event()
    quick = bench.run

    async def run(args: dict[str, Any], name: str) -> Commit | None:
        if name == "voice":
            await listened.wait()
        return await quick(args, name)

    world.app.jobs.register(
        Task(
            "bench", find=lambda session, some: [a["name"] for a in some], run=run, exhausted=lambda *_: None
        )
    )

    def owe(tx: Tx) -> None:
        for name in ("one", "two", "voice", "three"):
            lanes.later(tx, "bench", {"name": name}, lane="lane", subject=name, at=None)

    await world.do(owe)
    while not (await bench.done("one") and await bench.done("two")):
        await asyncio.sleep(0.005)
    assert not await bench.done("voice") and not await bench.done("three")
    listened.set()
    await world.settle()
    assert await bench.done("voice") and await bench.done("three")
    assert bench.runs == ["one", "two", "voice", "three"]
