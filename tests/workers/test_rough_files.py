"""Whatever a worker leaves in the loop's folder is its own trouble, and nobody's hang."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.loop.callers import UNKNOWN, caller_of
from core.processes import began, parent
from core.workers import launching
from tests.workers.working import Working, working
from tests.world import World


@pytest.fixture
async def house(world: World) -> AsyncIterator[Working]:
    one = await working(world)
    yield one
    await one.fleet.kill_all()


def spoil(path: Path, how: str) -> None:
    match how:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "deep":
            path.write_text("[" * 200_000)
        case "hole":
            with path.open("wb") as file:
                file.truncate(4 * 1024**4)
        case "binary":
            path.write_bytes(b"\xff\x00\xfe")
        case "link":
            path.symlink_to("/dev/zero")
        case "odd":
            path.write_text('{"run": 1, "launch": 1, "code": "abc", "pid": 1e400, "session": ["x"]}')


ROUGH = ["pipe", "folder", "deep", "hole", "binary", "link", "odd"]


@pytest.mark.parametrize("how", ROUGH)
async def test_in_claims(house: Working, how: str) -> None:
    spoil(house.folder / "claims" / "rough.json", how)
    async with asyncio.timeout(20):
        assert await house.ok("claim", name="fine", session="me") == "claimed fine"
        await house.start("w")
        assert (await house.loop.beat()).result == "moved"
        await house.ok("claim", name="rough", session="me")
        await house.ok("unclaim", name="rough", session="me")
        await house.ok("kill", id="w")


@pytest.mark.parametrize("how", ROUGH)
async def test_in_sessions(house: Working, how: str) -> None:
    await house.start("w")
    await house.start("other")
    for name in ("exit.json", "run.json"):
        path = house.folder / "sessions" / "w" / name
        path.unlink(missing_ok=True)
        spoil(path, how)
    async with asyncio.timeout(20):
        await house.pulse.look_after_workers()
        assert {one["alive"] for one in (await house.listed()).values()} == {True}
        await house.ok("kill", id="other")
        await house.ok("kill", id="w")
    assert (await house.listed())["w"]["state"] == "killed"


async def test_a_file_that_says_it_has_ended_does_not_end_it(house: Working) -> None:
    await house.start("liar")
    await house.printed("liar", "")
    (house.folder / "sessions" / "liar" / "exit.json").write_text(
        json.dumps({"run": 1, "launch": 1, "code": 0})
    )
    await house.pulse.look_after_workers()
    assert (await house.listed())["liar"]["alive"]
    assert await house.ok("kill", id="liar") == "killed liar"


async def test_a_folder_that_leads_elsewhere_is_not_followed(house: Working, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (away / "transcript.log").write_text("mine")
    (house.folder / "sessions" / "link").symlink_to(away)
    await house.start("link", "exit 0")
    await house.ended("link")
    assert [one.name for one in away.iterdir()] == ["transcript.log"]
    assert (away / "transcript.log").read_text() == "mine"


async def test_where_its_prompt_cannot_be_written_it_is_refused(house: Working) -> None:
    (house.folder / "prompts" / "w.md").mkdir(parents=True)
    house.loop.configure(worker_command="exit 0")
    assert await house.refused("worker start", id="w", prompt="x") == "worker_not_started"
    assert (await house.listed())["w"]["exit_code"] == 127


@pytest.mark.parametrize("name", ["🏠" * 80, "字" * 70])
async def test_a_name_that_is_too_long_for_a_file_is_refused(house: Working, name: str) -> None:
    assert await house.refused("claim", name=name, session="me") == "bad_id"
    assert await house.refused("worker start", id=name, prompt="x") == "bad_id"
    assert await house.ok("claim", name="字" * 60, session="me")
    assert (await house.loop.beat()).result == "moved"


async def test_many_claim_at_once_and_each_name_has_one_holder(house: Working) -> None:
    for number in range(20):
        found = await asyncio.gather(
            *(house.verbs.carry_out(_claim(f"race{number}", f"s{one}")) for one in range(8))
        )
        assert [one.code for one in found].count(0) == 1, number


def _claim(name: str, session: str):  # type: ignore[no-untyped-def]
    from core.loop.verbs.call import Asked

    return Asked("claim", {"name": name, "session": session})


async def test_an_answer_to_one_that_ended_well_before_starts_nobody(house: Working) -> None:
    await house.start("asker", "until [ -e reports/go ]; do sleep 0.02; done")
    await house.ok("ask", by="asker", worker="asker", prompt="which?")
    await house.ok("answer", id="asker-1", text="this")
    await house.loop.passes(seconds=1)
    (house.folder / "reports" / "go").write_text("")
    await house.ended("asker")
    await house.pulse.look_after_workers()
    assert len(await house.loop.journal()) == 1
    assert (await house.does("answer", id="asker-1", text="that", force=True)).code == 0
    await house.pulse.look_after_workers()
    assert not (await house.listed())["asker"]["alive"]


async def test_a_successor_starts_once_however_often_it_is_looked(house: Working) -> None:
    await house.start("asker", "exit 1")
    await house.ok("ask", by="asker", worker="asker", prompt="which?")
    await house.ended("asker")
    await house.start("asker-script", "sleep 100")
    await house.ok("answer", id="asker-1", text="this")
    await asyncio.gather(*(house.pulse.look_after_workers() for _ in range(5)))
    journal = await house.loop.journal()
    assert sum("asker-1 was answered" in one for one in journal) == 1


def test_who_calls_is_told_by_descent() -> None:
    me = os.getpid()
    since = began(me)
    assert since is not None
    up = parent(me)
    assert up is not None
    assert caller_of(me, {(me, since): "w"}) == "w"
    assert caller_of(me, {(up, began(up) or ""): "w"}) == "w"
    assert caller_of(me, {(me, "another beginning"): "w"}) == ""
    assert caller_of(0, {}) == UNKNOWN, "it is in a world of its own"
    assert caller_of(2**22 - 1, {}) == UNKNOWN


def test_an_end_that_is_no_number_is_an_end_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "exit.json").write_text('{"run": 1, "launch": 1, "code": "abc"}')
    seen = launching.look(tmp_path, 1, 1, 2**22 - 1, "1")
    assert (seen.alive, seen.code) == (False, 1)
