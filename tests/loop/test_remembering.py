"""What the loop remembers survives as rows, and what is damaged is damaged alone (acceptance cases 11 to 13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.loop import remembering
from core.loop.guards import Backoff, Failure, Flap, Memory, Noop
from core.store.loop_tables import LoopGuard
from tests.world import World, open_world

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
FULL = Memory(
    committed="w1",
    items={"playbook": "x", "snap:sensor-today": '"2026-05-04"'},
    backoff=Backoff(3, NOW, "p"),
    failure=Failure(NOW, "tick-1", "timeout", "it hung\nand more", 3),
    noop=Noop(NOW, "w1"),
    attempts=(NOW - timedelta(minutes=2), NOW),
    next_wake=NOW + timedelta(seconds=30),
    flaps={"snap:x": Flap("1", 4)},
    last_output="3 files 漏水",
)


@pytest.mark.parametrize("memory", [Memory(), FULL, replace(FULL, committed=None)])
def test_it_comes_back_as_it_was(memory: Memory) -> None:
    assert remembering.of_rows(remembering.to_rows(memory), "p", NOW) == memory


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("backoff", "half a rec", replace(FULL, backoff=Backoff(4, NOW, "now"))),
        ("backoff", '{"fails": 0, "since": "x"}', replace(FULL, backoff=Backoff(4, NOW, "now"))),
        ("backoff", '{"fails": true, "since": "2026-05-04T12:00:00+00:00", "policy_hash": "p"}', replace(FULL, backoff=Backoff(4, NOW, "now"))),
        ("committed", "\x00\x01", replace(FULL, committed=None)),
        ("committed", "[]", replace(FULL, committed=None)),
        ("attempts", "{", replace(FULL, attempts=())),
        ("attempts", '["2026-05-04T12:00:00"]', replace(FULL, attempts=())),
        ("flaps", '{"x": 1}', replace(FULL, flaps={})),
        ("next_wake", '"tomorrow"', replace(FULL, next_wake=None)),
        ("noop", "[]", replace(FULL, noop=None)),
        ("failure", "7", replace(FULL, failure=None)),
        ("items", "[" * 100_000, replace(FULL, items={})),
        ("last_output", "NaN", replace(FULL, last_output="")),
    ],
)  # fmt: skip
def test_what_is_damaged_is_damaged_alone(name: str, text: str, expected: Memory) -> None:
    rows = {**remembering.to_rows(FULL), name: text}
    assert remembering.of_rows(rows, "now", NOW) == expected


async def test_it_is_kept_in_the_database_and_only_what_changed_is_written(world: World) -> None:
    await world.store.write(lambda tx: remembering.keep(tx, FULL))
    assert await world.store.read(lambda s: remembering.load(s, "p", NOW)) == FULL
    later = replace(FULL, backoff=None, attempts=())
    await world.store.write(lambda tx: remembering.keep(tx, later))
    assert await world.store.read(lambda s: remembering.load(s, "p", NOW)) == later
    names = await world.store.read(lambda s: set(s.scalars(select(LoopGuard.name))))
    assert names == {"committed", "items", "failure", "noop", "next_wake", "flaps", "last_output"}


async def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.store.write(lambda tx: remembering.keep(tx, FULL))
    async with open_world(tmp_path) as world:
        assert await world.store.read(lambda s: remembering.load(s, "p", NOW)) == FULL
