"""What core.store.ports.Store promises, of every adapter, and nothing more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.tables import Counter
from core.store.unit import Unit
from tests.contracts.adapters import House


def put(name: str, value: int = 1) -> Callable[[Unit], None]:
    def work(tx: Unit) -> None:
        tx.add(Counter(name=name, value=value))

    return work


def add_one(tx: Unit) -> int:
    row = tx.get(Counter, "sum") or tx.add(Counter(name="sum", value=0))
    row.value += 1
    return row.value


def value_of(name: str) -> Callable[[Session], int | None]:
    return lambda session: session.scalar(select(Counter.value).where(Counter.name == name))


def fails(tx: Unit) -> None:
    tx.add(Counter(name="half", value=1))
    tx.session.flush()
    raise ZeroDivisionError


async def test_what_a_unit_returns_comes_back_and_what_it_wrote_is_seen(house: House) -> None:
    assert await house.store.write(add_one) == 1
    assert await house.store.read(value_of("sum")) == 1


async def test_a_unit_that_raises_leaves_nothing(house: House) -> None:
    with pytest.raises(ZeroDivisionError):
        await house.store.write(fails)
    assert await house.store.read(value_of("half")) is None


async def test_units_at_the_same_time_neither_lose_nor_hurt_each_other(house: House) -> None:
    units: list[Callable[[Unit], Any]] = [fails if n % 7 == 3 else add_one for n in range(100)]
    done = await asyncio.gather(
        *(house.store.write(unit, awaited=n % 2 == 0) for n, unit in enumerate(units)), return_exceptions=True
    )
    broken = [one for one in done if isinstance(one, BaseException)]
    assert [type(one) for one in broken] == [ZeroDivisionError] * units.count(fails)
    good = units.count(add_one)
    assert await house.store.read(value_of("sum")) == good
    assert sorted(one for one in done if isinstance(one, int)) == list(range(1, good + 1))


async def test_a_part_may_fail_alone(house: House) -> None:
    def work(tx: Unit) -> None:
        put("before")(tx)
        with contextlib.suppress(ZeroDivisionError), tx.nested():
            tx.publish("never")
            fails(tx)
        put("after")(tx)

    heard: list[str] = []
    house.store.subscribe("never", lambda: heard.append("never"))
    await house.store.write(work)
    assert [await house.store.read(value_of(name)) for name in ("before", "half", "after")] == [1, None, 1]
    assert heard == []


async def test_a_snapshot_cannot_be_written_to(house: House) -> None:
    def write(session: Session) -> None:
        session.add(Counter(name="sneaked", value=1))
        session.flush()

    with pytest.raises(Exception, match=r"(?i)read"):
        await house.store.read(write)
    assert await house.store.read(value_of("sneaked")) is None


async def test_what_is_published_is_heard_once_it_can_be_read(house: House) -> None:
    heard = asyncio.Event()
    leave = house.store.subscribe("news", heard.set)

    def tell(tx: Unit) -> None:
        add_one(tx)
        tx.publish("news")

    await house.store.write(tell)
    async with asyncio.timeout(30):
        await heard.wait()
    assert await house.store.read(value_of("sum")) == 1
    leave()
    heard.clear()
    await house.store.write(tell)
    await house.store.write(add_one)
    assert not heard.is_set()


async def test_nothing_is_published_by_a_unit_that_fails(house: House) -> None:
    heard: list[str] = []
    house.store.subscribe("news", lambda: heard.append("news"))

    def work(tx: Unit) -> None:
        tx.publish("news")
        tx.on_commit(lambda: heard.append("commit"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await house.store.write(work)
    await house.store.write(add_one)
    assert heard == []


async def test_what_is_owed_at_the_end_is_done_once_and_in_the_same_commit(house: House) -> None:
    def work(tx: Unit) -> None:
        for _ in range(3):

            def owed() -> None:
                add_one(tx)

            tx.before_commit("once", owed)

    await house.store.write(work)
    assert await house.store.read(value_of("sum")) == 1


async def test_what_was_written_is_there_for_the_next_process(opened: Callable[[], Any]) -> None:
    async with opened() as first:
        await first.store.write(put("kept"))
    async with opened() as second:
        assert await second.store.read(value_of("kept")) == 1


async def test_the_tables_are_there_and_empty(house: House) -> None:
    assert await house.store.read(lambda s: s.scalar(select(func.count()).select_from(Counter))) == 0
