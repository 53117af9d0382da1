"""Workers live and die: real processes, found again whoever started them, and nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.processes import began
from core.workers import launching
from tests.loop.beating import beating
from tests.workers.working import Working, soon, working
from tests.world import World


@pytest.fixture
async def house(world: World) -> AsyncIterator[Working]:
    one = await working(world)
    yield one
    await one.fleet.kill_all()


async def test_it_runs_in_the_loops_folder_with_its_names_and_ends_with_its_code(house: Working) -> None:
    script = 'cat "$1" | tail -n 2; pwd; echo "$LOOPOS_SESSION_ID $LOOOP_SESSION_ID"; echo to-err >&2; exit 3'
    await house.start("quotes", script, prompt="collect three quotes")
    ended = await house.ended("quotes")
    assert (ended["state"], ended["exit_code"], ended["health"]) == ("exited", 3, "dead")
    said = house.transcript("quotes").splitlines()
    assert said == [
        "=== YOUR TASK (quotes) ===",
        "collect three quotes",
        str(house.folder),
        "quotes quotes",
        "to-err",
    ]
    assert "start-worker quotes" in await house.loop.journal()


async def test_29_eight_live_ones_are_enough_and_the_dead_do_not_count(house: Working) -> None:
    await house.start("gone", "exit 0")
    await house.ended("gone")
    for number in range(8):
        await house.start(f"w{number}")
    assert await house.refused("worker start", id="ninth", prompt="x") == "too_many_workers"
    assert await house.refused("worker start", id="w3", prompt="x") == "worker_lives"
    for bad in ("", "..", "a/b", "a\\b", ".x", "a b", "-x", "a\nb"):
        assert await house.refused("worker start", id=bad, prompt="x") == "bad_id"
    for reserved in ("pulse", "cli", "setup"):
        assert await house.refused("worker start", id=reserved, prompt="x") == "worker_reserved"
    assert await house.refused("worker start", id="empty", prompt="  ") == "text_needed"
    house.loop.decides({"action": "start_worker", "id": "ninth", "prompt": "x"})
    beat = await house.loop.beat()
    assert beat.result == "failed"
    await house.ok("kill", id="w0")
    house.loop.decides({"action": "noop", "reason": "x"})
    await house.loop.passes(seconds=61)
    await house.loop.beat(force=True)
    assert "too_many_workers" in house.loop.prompt(), "the next decision is told why"


async def test_ended_it_leaves_nothing_behind_however_it_hides(house: Working) -> None:
    script = """
trap '' TERM
setsid sleep 300 & echo $!
(setsid sh -c 'trap "" TERM; echo $$; sleep 300' &)
env -i setsid sleep 301 & echo $!
sleep 300
"""
    await house.start("hidden", script)

    def three() -> list[int]:
        found = [int(one) for one in house.transcript("hidden").split()]
        return found if len(found) == 3 else []

    pids = await soon(three)
    assert await house.ok("kill", id="hidden") == "killed hidden"
    ended = (await house.listed())["hidden"]
    assert (ended["state"], ended["exit_code"]) == ("killed", 137)
    assert [one for one in pids if began(one) is not None] == []
    assert await house.refused("kill", id="hidden") == "unknown_worker"
    assert await house.refused("kill", id="nobody") == "unknown_worker"
    assert await house.refused("kill", id="pulse") == "worker_reserved"


async def test_it_outlives_the_service_and_is_found_again(house: Working, world: World) -> None:
    await house.start("long", "echo up; while ! [ -e reports/go ]; do sleep 0.05; done; exit 7")
    await house.printed("long", "up")
    again = Working(await beating(world))  # another service over the same home
    assert (await again.listed())["long"]["alive"]
    assert await again.refused("worker start", id="long", prompt="x") == "worker_lives"
    (house.folder / "reports" / "go").write_text("")
    assert (await again.ended("long"))["exit_code"] == 7


async def test_one_whose_supervisor_was_killed_is_lost_and_its_child_is_ended(house: Working) -> None:
    await house.start("orphan", "echo $$; exec sleep 300")
    pid = int(await soon(lambda: house.transcript("orphan").strip()))
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(supervisor, signal.SIGKILL)
    ended = await house.ended("orphan")
    assert (ended["state"], ended["exit_code"]) == ("exited", 255)
    await soon(lambda: began(pid) is None)


async def test_a_number_that_is_another_process_now_is_not_the_worker(house: Working) -> None:
    seen = launching.look(house.folder, 1, 1, os.getpid(), "1")
    assert not seen.alive, "its beginning is another"
    assert not launching.ask_to_end(os.getpid(), "1", wished=False)


async def test_what_cannot_be_started_has_ended_with_127(house: Working) -> None:
    house.loop.configure(worker_command="no-such-program-at-all {{prompt_file}}")
    await house.ok("worker start", id="none", prompt="x")
    assert (await house.ended("none"))["exit_code"] == 127


async def test_without_a_place_for_its_prompt_it_reads_it(house: Working) -> None:
    house.loop.configure(worker_command="tail -n 1")
    await house.ok("worker start", id="reader", prompt="the very task")
    await house.ended("reader")
    assert house.transcript("reader") == "the very task\n"


async def test_a_flood_is_kept_in_bounds_and_its_end_is_there(house: Working) -> None:
    await house.start(
        "flood", "yes 0123456789012345678901234567890123456789 | head -c 30000000; echo the-end; exit 0"
    )
    await house.ended("flood")
    folder = house.folder / "sessions" / "flood"
    kept = sum(one.stat().st_size for one in folder.glob("transcript*"))
    assert kept < 10_000_000
    assert house.transcript("flood").endswith("the-end\n")


async def test_a_secret_is_struck_out_of_what_it_prints_says_and_asks(house: Working) -> None:
    await house.start("leak", "printf 'a tok-1234'; sleep 0.3; printf '56-secret b'; exit 0")
    await house.ended("leak")
    assert house.transcript("leak") == "a [struck out] b"
    await house.ok("ask", by="leak", worker="leak", prompt="is tok-123456-secret right?")
    assert "tok-123456-secret" not in await house.ok("asks", json=True)


@pytest.mark.parametrize("verb", ["kill", "worker kill"])
async def test_its_own_end_is_a_good_one(house: Working, verb: str) -> None:
    await house.start("done", "trap 'exit 9' TERM; echo up; sleep 100 & wait")
    await house.printed("done", "up")
    assert await house.ok(verb, by="done", id="done") == "killed done"
    ended = (await house.listed())["done"]
    assert (ended["state"], ended["exit_code"]) == ("exited", 0)
    pid = ended["id"]
    await soon((house.folder / "sessions" / pid / "exit.json").exists)


async def test_down_ends_them_all_and_says_whom(house: Working) -> None:
    await house.start("b")
    await house.start("a")
    assert await house.ok("down") == "loop stopped: 2 workers ended (b, a)"
    assert {one["state"] for one in (await house.listed()).values()} == {"killed"}
    assert await house.ok("down") == "loop stopped: 0 workers ended"


async def test_prune_forgets_the_dead_alone(house: Working) -> None:
    await house.start("one", "exit 0")
    await house.start("two", "exit 0")
    await house.start("alive")
    await house.ended("one")
    await house.ended("two")
    assert await house.ok("prune") == "pruned 2 finished worker sessions"
    assert list(await house.listed()) == ["alive"]
    assert set(await house.listed(all=True)) == {"one", "two", "alive"}
    assert not (house.folder / "sessions" / "one").exists()
    assert await house.ok("prune") == "pruned 0 finished worker sessions"
    await house.ok("worker start", id="one", prompt="again")
    assert (await house.listed())["one"]["id"] == "one"


async def test_30_its_health(house: Working) -> None:
    await house.start("quiet", "sleep 300")
    path, now = house.folder / "sessions" / "quiet" / "transcript.log", house.world.clock.now().timestamp()
    await soon(path.exists)
    os.utime(path, (now, now))  # the house's clock is not the machine's
    assert (await house.listed())["quiet"]["health"] == "busy"
    await house.loop.passes(seconds=898)
    assert (await house.listed())["quiet"]["health"] == "busy"
    await house.loop.passes(seconds=2)
    assert (await house.listed())["quiet"]["health"] == "stuck"
    assert (await house.listed())["quiet"]["alive"], "nobody ends it for that but a decision"
    await house.ok("ask", by="quiet", worker="quiet", prompt="which one?")
    waiting = (await house.listed())["quiet"]
    assert (waiting["health"], waiting["ask_id"]) == ("waiting-ask", "quiet-1")
    await house.loop.beat()
    signal_ = house.loop.snapshot("sys-sessions")["signal"]
    assert signal_ == [{"id": "quiet", "state": "running", "exit_code": None, "health": "waiting-ask"}]


async def test_two_start_the_same_at_once_and_one_does(house: Working) -> None:
    house.loop.configure(worker_command="sleep 100")
    found = await asyncio.gather(*(house.verbs.carry_out(_start("same")) for _ in range(6)))
    assert sorted(one.code for one in found) == [0, 1, 1, 1, 1, 1]


def _start(worker: str):  # type: ignore[no-untyped-def]
    from core.loop.verbs.call import Asked

    return Asked("worker start", {"id": worker, "prompt": "x"})


async def test_without_a_model_the_founder_is_told_of_one_that_failed_once(house: Working) -> None:
    await house.loop.beat()
    await house.start("bad", "exit 3")
    await house.start("unfinished", "exit 0", verify="test -e reports/no")
    await house.ended("bad")
    await house.ended("unfinished")
    for _ in range(3):
        await house.loop.beat()
    said = [one for one in await house.world.texts("ben") if one.startswith("From the loop: ")]
    assert sum("bad has ended before it was done (exit 3)." in one for one in said) == 1
    assert sum("The check of unfinished says that it is not done." in one for one in said) == 1
    await house.start("ended")
    await house.ok("kill", id="ended")
    await house.loop.beat()
    assert not any("ended has ended" in one for one in await house.world.texts("ben"))
