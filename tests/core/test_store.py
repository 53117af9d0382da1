"""The store's promises: group commit, rollback of one, failure of all, one owner, the fence."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from sqlalchemy import create_engine, func, inspect, select, text

from bot.app import build
from core.context import Tx
from core.errors import StartupError, TryLater
from core.model import Address, TimerKind
from core.outbox import card_publisher
from core.store import deadlines, engine, schema
from core.store.deadlines import Due, Handler
from core.store.engine import EmbeddedStore
from core.store.ownership import STALE, take_over
from core.store.tables import Base, Counter, InboxRow, OutboxRow
from core.store.unit import Fenced
from core.store.url import file_of, sqlite_url
from tests.world import STORY, MovableClock, World, open_world, settings_for


def count_up(tx: Tx) -> int:
    row = tx.get(Counter, "x") or tx.add(Counter(name="x", value=0))
    row.value += 1
    tx.session.flush()
    return row.value


async def test_units_of_one_moment_share_a_commit_and_none_is_lost(world: World) -> None:
    results = await asyncio.gather(*(world.do(count_up) for _ in range(200)))
    assert sorted(results) == list(range(1, 201))


async def test_a_unit_that_fails_rolls_back_alone(world: World) -> None:
    def fails(tx: Tx) -> None:
        count_up(tx)
        raise ValueError("no")

    results = await asyncio.gather(
        world.do(count_up), world.do(fails), world.do(count_up), return_exceptions=True
    )
    assert [type(one) for one in results] == [int, ValueError, int]
    assert await world.do(count_up) == 3


async def test_a_locked_database_says_try_later_and_loses_nothing(world: World) -> None:
    other = sqlite3.connect(file_of(world.app.settings.database), isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(TryLater):
        await world.do(count_up)
    other.execute("rollback")
    other.close()
    assert await world.do(count_up) == 1


async def test_every_connection_syncs_fully(world: World) -> None:
    def read(tx: Tx) -> tuple[object, object]:
        ask = tx.session.execute
        return ask(text("pragma synchronous")).scalar(), ask(text("pragma journal_mode")).scalar()

    assert await world.do(read) == (2, "wal")


async def test_what_a_commit_tells_is_heard_only_after_it(world: World) -> None:
    heard: list[str] = []
    world.store.subscribe("news", lambda: heard.append("news"))

    def fails(tx: Tx) -> None:
        tx.publish("news")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await world.do(fails)
    assert heard == []
    await world.do(lambda tx: tx.publish("news"))
    assert heard == ["news"]


async def test_a_second_instance_is_refused(world: World) -> None:
    with pytest.raises(StartupError, match="already running"):
        await build(settings_for(world.app.settings.home), world.clock)


async def test_a_frozen_owner_is_replaced_and_its_writes_are_fenced(tmp_path: Path) -> None:
    clock = MovableClock()
    async with open_world(tmp_path, clock) as frozen:
        clock.at += STALE + timedelta(seconds=1)
        thief = await build(settings_for(tmp_path), clock)
        with pytest.raises(Fenced):
            await frozen.do(count_up)
        assert frozen.app.fenced.is_set()
        assert await thief.store.write(count_up) == 1
        await thief.stop()


async def test_the_fence_only_grows(world: World) -> None:
    store = world.store
    assert isinstance(store, EmbeddedStore)
    first = store.fence
    assert first is not None
    store.fence = None
    assert await world.do(take_over) == first + 1


# --- timers


@pytest.mark.long
async def test_a_thousand_timers_due_at_once_fire_once_each_and_a_broken_one_stands_alone(
    world: World,
) -> None:
    due = world.clock.now() + timedelta(seconds=1)

    def fill(tx: Tx) -> None:
        for number in range(1000):
            deadlines.schedule(tx, "escalate" if number == 500 else "follow_up", f"s{number}", due)

    await world.do(fill)

    def good(tx: Tx, deadline: Due) -> None:
        tx.add(Counter(name=deadline.subject, value=1))

    def bad(tx: Tx, deadline: Due) -> None:
        card_publisher.say(tx, Address("web", "ben"), "must not stay")
        raise RuntimeError("broken")

    given: list[str] = []
    handlers: dict[TimerKind, Handler[Tx]] = {"follow_up": good, "escalate": bad}
    for _ in range(7):
        while await world.do(
            lambda tx: deadlines.fire_due(tx, handlers, lambda tx, d: given.append(d.subject))
        ):
            pass
        world.clock.at += timedelta(minutes=1)
    fired = await world.store.read(lambda s: set(s.scalars(select(Counter.name))))
    assert {name for name in fired if name.startswith("s")} == {f"s{n}" for n in range(1000) if n != 500}
    assert given == ["s500"]
    assert await world.store.read(lambda s: s.scalar(select(func.count()).select_from(OutboxRow))) == 0


# --- effects are idempotent (P17): every job is run twice


async def test_every_step_run_twice_leaves_the_same_house(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("shirley", "job")).tap("ack")
    before = (await world.tickets(), await world.chat("shirley"), await world.chat("ben"))

    def again(tx: Tx) -> None:
        for row in tx.session.scalars(select(InboxRow)):
            tx.services.jobs.defer(tx, "process", {"inbox": row.id}, lane="again")
        for out in tx.session.scalars(select(OutboxRow)):
            tx.services.jobs.defer(tx, "deliver", {"outbox": out.id}, lane="again")

    await world.do(again)
    await world.settle()
    assert (await world.tickets(), await world.chat("shirley"), await world.chat("ben")) == before


# --- schema


def test_models_and_migrations_do_not_drift(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    path = tmp_path / "x.db"
    assert schema.upgrade(sqlite_url(path))
    assert not schema.upgrade(sqlite_url(path))
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == schema.HEAD
        assert {"inbox", "tickets", "deadlines"} <= set(inspect(connection).get_table_names())
    engine.dispose()


def test_a_newer_database_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    schema.upgrade(sqlite_url(path))
    with sqlite3.connect(path) as db:
        db.execute("update alembic_version set version_num = '9999'")
    db.close()
    with pytest.raises(StartupError, match="newer LoopOS"):
        schema.upgrade(sqlite_url(path))


def test_a_damaged_or_foreign_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StartupError, match="damaged"):
        schema.upgrade(sqlite_url(path))
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("create table other (x)")
    db.close()
    with pytest.raises(StartupError, match="not a LoopOS database"):
        schema.upgrade(sqlite_url(path))


async def test_what_holds_up_the_writer_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SLOW", 0.01)
    go_on = threading.Event()

    def endless(tx: Tx) -> None:
        go_on.wait()

    with structlog.testing.capture_logs() as lines:
        writing = asyncio.create_task(world.store.write(endless))
        while len(found := [one for one in lines if one["event"] == "slow_write"]) < 2:
            await asyncio.sleep(0.01)
        go_on.set()
        await writing
    assert "endless" in found[0]["unit"]
    assert any("test_store.py" in frame and frame.endswith(":endless") for frame in found[0]["where"])
    assert found[1]["seconds"] > found[0]["seconds"]
