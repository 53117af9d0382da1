"""Whether a worker did what it was to do, by a check that passes the gate; and what workers say that they cost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from core.asks import approvals
from core.store.loop_tables import AskRow, LoopApproval
from core.store.tables import UsageRow
from tests.workers.working import Working, working
from tests.world import World


@pytest.fixture
async def house(world: World) -> AsyncIterator[Working]:
    one = await working(world)
    yield one
    await one.fleet.kill_all()


async def test_31_a_dead_worker_is_judged_once_and_a_live_one_not_at_all(house: Working) -> None:
    await house.start("good", "exit 0", verify="test -s config.json")
    await house.start("bad", "exit 0", verify="test -s reports/nothing.md")
    await house.start("alive", "sleep 100", verify="true")
    await house.ended("good")
    await house.ended("bad")
    await house.loop.beat()
    found = await house.listed()
    assert {name: one["verify"] for name, one in found.items()} == {
        "good": "pass",
        "bad": "fail",
        "alive": None,
    }
    await house.loop.beat()
    signal = {one["id"]: one for one in house.loop.snapshot("sys-sessions")["signal"]}
    assert signal["bad"] == {
        "id": "bad",
        "state": "exited",
        "exit_code": 0,
        "health": "dead",
        "verify": "fail",
    }
    journal = await house.loop.journal()
    assert (journal.count("verify good: pass"), journal.count("failed · verify bad: fail")) == (1, 1)
    (house.folder / "reports" / "nothing.md").write_text("now")
    await house.loop.beat()
    assert (await house.listed())["bad"]["verify"] == "fail", "once is once"
    assert (await house.ok("prune")) == "pruned 2 finished worker sessions"


async def test_31_one_that_was_ended_is_judged_too_and_a_slow_check_has_failed(house: Working) -> None:
    house.loop.configure(verify_timeout_secs=1)
    await house.start("killed", "sleep 100", verify="sleep 30")
    await house.ok("kill", id="killed")
    await house.loop.beat()
    assert (await house.listed())["killed"]["verify"] == "fail"


async def test_31_more_than_there_is_time_for_waits_for_the_next_beat(house: Working) -> None:
    house.loop.configure(verify_timeout_secs=2, verify_beat_budget_secs=1)
    for name in ("a", "b"):
        await house.start(name, "exit 0", verify="sleep 1.2")
        await house.ended(name)
    await house.loop.beat()
    assert [one["verify"] for one in (await house.listed()).values()] == ["pass", None]
    await house.loop.beat()
    assert [one["verify"] for one in (await house.listed()).values()] == ["pass", "pass"]


async def test_a_check_that_does_more_than_look_waits_for_the_founders_yes(house: Working) -> None:
    check = "touch reports/checked"
    reply = await house.does("worker start", id="w", prompt="x", verify=check, runner="command")
    assert reply.refused is not None, "no runner yet"
    house.loop.configure(worker_command="exit 0")
    reply = await house.does("worker start", id="w", prompt="x", verify=check)
    assert (reply.code, reply.err) == (0, "asked ben: cli-1")
    await house.ended("w")
    await house.loop.beat()
    assert (await house.listed())["w"]["verify"] is None
    card = await house.world.card("ben", "ask")
    assert "check what w did" in card.lead
    assert check in card.text
    await card.tap("approve")
    await house.loop.beat()
    assert (await house.listed())["w"]["verify"] == "pass"
    assert (house.folder / "reports" / "checked").exists()
    again = await house.does("worker start", id="w2", prompt="x", verify=check)
    assert (again.code, again.err) == (0, ""), "once per content"


async def test_a_refused_check_starts_nobody(house: Working) -> None:
    house.loop.configure(worker_command="exit 0")
    assert "refused" in await house.refused("worker start", id="w", prompt="x", verify="sudo id")
    assert await house.listed() == {}


async def test_a_command_of_its_own_is_asked_and_started_once_from_the_row(house: Working) -> None:
    command = 'echo "$LOOPOS_SESSION_ID"; cat {{prompt_file}} | tail -n 1; touch reports/ran'
    reply = await house.does("worker start", id="own", prompt="the task", command=command)
    assert (reply.code, reply.err) == (1, "asked ben: cli-1")
    assert await house.listed() == {}
    card = await house.world.card("ben", "ask")
    assert "work as own" in card.lead
    assert command in card.text
    await card.tap("approve", by="miguel")
    await house.loop.beat()
    assert await house.listed() == {}
    await card.tap("approve")
    await house.loop.beat()
    await house.ended("own")
    assert house.transcript("own") == "own\nthe task\n"
    row = await house.world.store.read(lambda s: s.scalars(select(LoopApproval)).one())
    assert (row.state, row.sha256) == ("done", approvals.digest(command))
    await house.ok("worker start", id="own2", prompt="x", command=command)
    assert await house.listed() != {}, "that very command may run from now on"
    other = await house.does("worker start", id="own3", prompt="x", command=command + " ")
    assert other.code == 1, "another text is another question"


async def test_a_model_that_wants_its_own_command_is_asked_about_too(house: Working) -> None:
    house.loop.decides({"action": "start_worker", "id": "w", "prompt": "x", "command": "rm -rf ./build"})
    beat = await house.loop.beat()
    assert beat.result == "asked"
    assert await house.listed() == {}
    await (await house.world.card("ben", "ask")).tap("reject")
    await house.loop.beat()
    assert await house.listed() == {}


async def test_moves_start_and_end_workers(house: Working) -> None:
    house.loop.configure(worker_command="sleep 100")
    house.loop.decides({"action": "start_worker", "id": "w", "prompt": "x"}, {"action": "kill_worker", "id": "w", "reason": "enough"},
                       {"action": "noop", "reason": "x"})  # fmt: skip
    assert (await house.loop.beat()).line == "moved: start-worker w"
    assert (await house.listed())["w"]["alive"]
    assert (await house.loop.beat()).line == "moved: kill-worker w · enough"
    assert not (await house.listed())["w"]["alive"]


async def test_what_is_said_to_be_spent_is_a_row_and_nonsense_is_dropped(house: Working) -> None:
    await house.start("w")
    for usd in ("nan", "inf", "-1", "0", "abc", "", "1e999", "-inf"):
        reply = await house.does("_ cost", by="w", kind="session", id="w", runner="agent", usd=usd)
        assert (reply.code, reply.out) == (0, "")
        assert reply.err.startswith("dropped: ")
    await house.ok("_ cost", by="w", kind="session", id="w", runner="agent", usd="0.12345")
    await house.ok("_ cost", kind="goal", id="rent", runner="agent", usd="$1.5")
    assert (await house.does("_ cost", kind="moon", id="w", runner="a", usd="1")).code == 2
    rows = await house.world.store.read(lambda s: list(s.scalars(select(UsageRow).order_by(UsageRow.at))))
    assert [(one.tier, one.purpose, one.provider, one.worker_id, str(one.usd)) for one in rows] == [
        ("external", "worker", "agent", "w", "0.12345"),
        ("external", "worker", "agent", "rent", "1.5"),
    ]
    assert (await house.listed())["w"]["cost_usd"] == 0.12345
    assert json.loads(await house.ok("status", json=True))["cost_today_usd"] == 1.62345


async def test_over_its_budget_the_founder_is_told_once(house: Working) -> None:
    await house.start("dear")
    for _ in range(3):
        await house.ok("_ cost", by="dear", kind="session", id="dear", runner="agent", usd="4")
    said = [one for one in await house.world.texts("ben") if "budget" in one]
    assert said == ["dear has spent 8.00 USD; its budget was 5.00."]


async def test_a_worker_that_forges_is_refused_whatever_it_names(house: Working) -> None:
    await house.start("a")
    await house.start("b")
    await house.ok("ask", by="b", worker="b", prompt="mine?")
    for verb, args in (
        ("ask", {"worker": "b", "prompt": "hi"}),
        ("told", {"worker": "b"}),
        ("claim", {"name": "x", "session": "b"}),
        ("unclaim", {"name": "x", "session": "b"}),
        ("kill", {"id": "b"}),
        ("worker kill", {"id": "b"}),
        ("flag", {"id": "b", "note": "x"}),
        ("unflag", {"id": "b"}),
        ("_ cost", {"kind": "session", "id": "b", "runner": "x", "usd": "1"}),
        ("notify", {"text": "x", "id": "b"}),
        ("answered", {"id": "b-1"}),
        ("step", {"worker": "b"}),
        ("answer", {"id": "b-1", "text": "yes"}),
        ("goal write", {"id": "x", "body": "y"}),
        ("playbook write", {"body": "y"}),
        ("sensor write", {"name": "x", "script": "echo 1"}),
        ("worker start", {"id": "c", "prompt": "x"}),
        ("_ run", {"cmd": "ls"}),
        ("tick", {}),
        ("up", {}),
        ("down", {}),
    ):
        reply = await house.does(verb, by="a", **args)
        assert reply.code == 1, verb
        assert "may not" in reply.err or reply.err == "refused: b-1 is a question of b", verb
    rows = await house.world.store.read(lambda s: [one.id for one in s.scalars(select(AskRow))])
    assert sorted(rows) == ["b-1", "setup-1"]
    assert (await house.listed())["b"]["alive"]
    await house.ok("schedule write", by="a", name="s", every=60)
    await house.ok("tell", by="a", id="b", text="what decides nothing it may")
