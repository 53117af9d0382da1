"""What core.store.ports.Jobs promises, of every adapter, and nothing more."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import GiveUp, TryLater
from core.store.ports import Happened, Task
from core.store.tables import Counter
from core.store.unit import Unit
from tests.contracts.adapters import House

Ending = Callable[[Unit], None] | Happened[Unit] | None


class Work:
    """A task that says what it did, and can be told to fail or to wait."""

    def __init__(self, house: House, name: str = "work") -> None:
        self.house = house
        self.name = name
        self.runs: list[str] = []
        self.spent: list[tuple[str, str]] = []
        self.now: Tally[str] = Tally()
        self.most: Tally[str] = Tally()
        self.fail: Callable[[str], Exception | None] = lambda what: None
        self.gate = asyncio.Event()
        self.gate.set()
        self.happens = False
        house.jobs.register(Task(name, find=self.find, run=self.run, exhausted=self.exhausted))

    @staticmethod
    def find(session: Session, some: list[dict[str, Any]]) -> list[str]:
        return [args["what"] for args in some]

    async def run(self, args: dict[str, Any], what: str) -> Ending:
        assert args["what"] == what
        lane = args["lane"]
        self.now[lane] += 1
        self.most[lane] = max(self.most[lane], self.now[lane])
        self.most["any"] = max(self.most["any"], sum(self.now.values()))
        try:
            self.runs.append(what)
            await self.gate.wait()
            await asyncio.sleep(0)
            error = self.fail(what)
            if error is not None:
                raise error
        finally:
            self.now[lane] -= 1

        def commit(tx: Unit) -> None:
            row = tx.get(Counter, what) or tx.add(Counter(name=what, value=0))
            row.value += 1

        return Happened(commit) if self.happens else commit

    def exhausted(self, tx: Unit, args: dict[str, Any], why: str) -> None:
        tx.add(Counter(name=f"spent {args['what']}", value=1))
        self.spent.append((args["what"], why))

    async def owe(self, *what: str, lane: str = "lane") -> None:
        def work(tx: Unit) -> None:
            for one in what:
                self.house.jobs.defer(tx, self.name, {"what": one, "lane": lane}, lane=lane)

        await self.house.store.write(work)

    async def done(self, what: str) -> int:
        wanted = select(Counter.value).where(Counter.name == what)
        return await self.house.store.read(lambda s: s.scalar(wanted)) or 0

    async def ended(self, *what: str) -> None:
        async with asyncio.timeout(30):
            while not all([await self.done(one) for one in what]):
                await self.house.later(1)
                await asyncio.sleep(0.005)


@pytest.fixture
async def work(house: House) -> Work:
    one = Work(house)
    await house.jobs.start()
    return one


async def test_jobs_of_one_lane_run_in_order_and_one_at_a_time(work: Work) -> None:
    names = [f"n{number:02d}" for number in range(40)]
    await work.owe(*names[:20])
    await work.owe(*names[20:])
    await work.ended(*names)
    assert work.runs == names
    assert work.most["lane"] == 1


async def test_lanes_do_not_wait_for_each_other(work: Work) -> None:
    work.gate.clear()
    await work.owe("slow", lane="a")
    await work.house.until(lambda: work.runs == ["slow"])
    await work.owe("quick", lane="b")
    await work.house.until(lambda: "quick" in work.runs)
    assert work.most["any"] == 2
    work.gate.set()
    await work.ended("slow", "quick")


async def test_a_job_is_owed_only_if_its_transaction_commits(work: Work) -> None:
    def fails(tx: Unit) -> None:
        work.house.jobs.defer(tx, "work", {"what": "never", "lane": "lane"}, lane="lane")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work.house.store.write(fails)
    await work.owe("after")
    await work.ended("after")
    assert work.runs == ["after"]


@pytest.mark.parametrize("happens", [False, True])
async def test_a_job_that_ended_has_its_effect_once(work: Work, happens: bool) -> None:
    work.happens = happens
    await work.owe("one", "two")
    await work.ended("one", "two")
    await work.house.later(3600)
    assert (await work.done("one"), await work.done("two")) == (1, 1)
    assert work.runs == ["one", "two"]


async def test_what_fails_is_tried_again_before_what_comes_after_it(work: Work) -> None:
    failing = ["not yet"]
    work.fail = lambda what: ValueError(what) if what == "hard" and failing and failing.pop() else None
    await work.owe("hard", "next")
    await work.ended("hard", "next")
    assert work.runs[-1] == "next"
    assert work.runs.count("hard") >= 2
    assert (await work.done("hard"), work.spent) == (1, [])


async def test_what_always_fails_is_handed_over_and_the_lane_goes_on(work: Work) -> None:
    work.fail = lambda what: ValueError("broken") if what == "hopeless" else None
    await work.owe("hopeless", "next")
    await work.ended("next")
    ((what, why),) = work.spent
    assert what == "hopeless"
    assert "ValueError" in why
    assert (await work.done("spent hopeless"), await work.done("hopeless")) == (1, 0)


async def test_what_can_never_succeed_is_handed_over_at_once(work: Work) -> None:
    work.fail = lambda what: GiveUp("blocked") if what == "hopeless" else None
    await work.owe("hopeless", "next")
    await work.ended("next")
    assert work.runs == ["hopeless", "next"]
    assert [what for what, _ in work.spent] == ["hopeless"]


async def test_an_outage_of_whatever_length_spends_no_attempt(work: Work) -> None:
    outage = [TryLater("down", timedelta(seconds=1)) for _ in range(12)]
    work.fail = lambda what: outage.pop() if outage else None
    await work.owe("patient")
    await work.ended("patient")
    assert (outage, work.spent) == ([], [])


async def test_what_a_process_leaves_is_done_by_the_next_and_no_more(opened: Callable[[], Any]) -> None:
    async with opened() as house:
        first = Work(house)
        await house.jobs.start()
        await first.owe("before")
        await first.ended("before")
        first.gate.clear()
        await first.owe("begun", "waiting")
        await house.until(lambda: "begun" in first.runs)
        await house.jobs.stop(timedelta(0))
        assert await first.done("begun") == 0
    async with opened() as house:
        second = Work(house)
        await house.jobs.start()
        await second.ended("begun", "waiting")
        assert second.runs == ["begun", "waiting"]
        assert await second.done("before") == 1


async def test_a_stop_lets_what_runs_end(work: Work) -> None:
    work.gate.clear()
    await work.owe("last")
    await work.house.until(lambda: work.runs == ["last"])
    stopping = asyncio.create_task(work.house.jobs.stop(timedelta(seconds=30)))
    await asyncio.sleep(0)
    work.gate.set()
    await stopping
    assert await work.done("last") == 1


async def test_a_task_has_slots_of_its_own(house: House) -> None:
    crowd, other = Work(house, "crowd"), Work(house, "other")
    await house.jobs.start()
    crowd.gate.clear()
    for number in range(40):
        await crowd.owe(f"c{number}", lane=f"lane {number}")
    await other.owe("through", lane="elsewhere")
    await other.ended("through")
    assert len(crowd.runs) < 40
    crowd.gate.set()
    await crowd.ended(*(f"c{number}" for number in range(40)))
