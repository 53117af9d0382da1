"""The built-in worker: one action at a time by a scripted model, each kept and paid for; it asks instead of guessing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.store.loop_tables import AskRow
from core.store.tables import UsageRow
from core.store.worker_tables import WorkerRow
from core.workers import launching, roster
from tests.fakes.models_and_speech import Asked, Json
from tests.models.conftest import Thinking, thinking
from tests.workers.working import Working, working


class Scripted(Working):
    """A house whose model says what the test wants, step by step."""

    def __init__(self, one: Working, mind: Thinking) -> None:
        super().__init__(one.loop)
        self.mind = mind.mind
        self.asked: list[str] = []
        self.systems: list[str] = []

    def says(self, *steps: Json | Callable[[str], Json]) -> None:
        left = list(steps)

        def brain(asked: Asked) -> Json:
            text = asked.said
            self.asked.append(text)
            self.systems.append(asked.system)
            one = left.pop(0) if len(left) > 1 else left[0]
            return one(text) if callable(one) else one

        self.mind.brain = brain

    async def begin(self, worker: str, prompt: str = "do it") -> None:
        await self.ok("worker start", id=worker, prompt=prompt)

    async def step(self, worker: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.ok("step", by=worker, worker=worker))
        return found

    async def steps(self, worker: str) -> list[dict[str, Any]]:
        row = await self.row(worker)
        found: list[dict[str, Any]] = row.memory["steps"]
        return found

    async def row(self, worker: str) -> WorkerRow:
        found = await self.world.store.read(lambda s: roster.newest(s, worker))
        assert found is not None
        return found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Scripted]:
    async with thinking(tmp_path, "anthropic") as one:
        found = Scripted(await working(one.world), one)
        yield found
        await found.fleet.kill_all()


async def test_it_looks_writes_a_report_and_is_done_each_step_paid_for(house: Scripted) -> None:
    house.says(
        {"action": "brain", "query": "AC in Taipei", "why": "what do we know"},
        {"action": "report", "text": "# AC\nall well"},
        {"action": "done", "text": "The AC in Taipei is well."},
    )
    await house.begin("look", "look after the AC in Taipei")
    first = await house.step("look")
    assert first["next"] == "go"
    assert first["lines"][0].startswith("1. brain (what do we know): ")
    assert (await house.step("look"))["next"] == "go"
    assert await house.step("look") == {
        "next": "end",
        "lines": ["3. done: The AC in Taipei is well."],
        "seconds": 0.0,
        "code": 0,
    }
    assert (house.folder / "reports" / "look.md").read_text() == "# AC\nall well\n"
    assert "look after the AC in Taipei" in house.systems[0]
    assert "step 1: brain" in house.asked[1]
    rows = await house.world.store.read(
        lambda s: list(s.scalars(select(UsageRow).where(UsageRow.purpose == "worker")))
    )
    assert [(one.worker_id, one.run_id, one.tier) for one in rows] == [("look", "1", "strong")] * 3
    assert (await house.listed())["look"]["cost_usd"] == pytest.approx(float(sum(one.usd for one in rows)))
    assert any("The AC in Taipei is well." in one for one in await house.world.texts("ben"))


async def test_asked_it_rests_and_each_answer_is_awaited(house: Scripted) -> None:
    questions = [
        {"prompt": "Which pump?", "options": ["north", "south"]},
        {"prompt": "By when?", "to": "shirley"},
    ]
    house.says({"action": "ask", "questions": questions}, {"action": "done", "text": "south by noon"})
    await house.begin("pumps")
    assert (await house.step("pumps"))["next"] == "rest"
    resting = (await house.listed())["pumps"]
    assert (resting["alive"], resting["health"], resting["ask_id"]) == (True, "waiting-ask", "pumps-1")
    found = json.loads(await house.ok("asks", json=True))
    assert {one["id"]: (one["to"], one["state"]) for one in found if one["worker"] == "pumps"} == {
        "pumps-1": (["ben"], "LIVE"), "pumps-2": (["shirley"], "LIVE"),
    }  # fmt: skip
    await house.ok("answer", id="pumps-1", text="south")
    await house.pulse.look_after_workers()
    assert (await house.listed())["pumps"]["ask_id"] == "pumps-2"
    assert (await house.step("pumps"))["lines"] == ["resting for pumps-2"]
    assert len(house.asked) == 1, "no model is asked while it rests"
    await house.ok("answer", id="pumps-2", text="noon")
    await house.pulse.look_after_workers()
    assert (await house.step("pumps"))["next"] == "end"
    assert "Which pump?\n-> operator: south" in house.asked[1]
    assert "By when?\n-> operator: noon" in house.asked[1]


async def test_a_death_between_an_answer_and_the_process_that_goes_on_with_it_loses_nothing(
    house: Scripted,
) -> None:
    house.says({"action": "ask", "questions": [{"prompt": "Which?"}]}, {"action": "done", "text": "x"})
    await house.begin("pumps")
    await house.step("pumps")
    await house.ok("answer", id="pumps-1", text="south")

    def taken(tx: Any) -> None:  # what the service did last
        row = roster.newest(tx.session, "pumps")
        assert row is not None
        before = house.fleet._woken(row.run, tx).before
        assert before is not None
        launching.ask_to_end(*before, wished=True)  # it rests, and has ended by itself

    await house.world.do(taken)
    await house.fleet.after_a_crash()
    row = await house.row("pumps")
    assert (row.state, row.launches) == ("running", 3)
    assert row.pid is not None
    assert (await house.step("pumps"))["next"] == "end"


async def test_what_nobody_answers_in_time_it_goes_on_without(house: Scripted) -> None:
    house.says(
        {"action": "ask", "questions": [{"prompt": "Anybody?"}], "hours": 2}, {"action": "done", "text": "x"}
    )
    await house.begin("alone")
    await house.step("alone")
    await house.loop.passes(hours=1)
    await house.pulse.look_after_workers()
    assert (await house.row("alone")).waits_for == "alone-1"
    await house.loop.passes(hours=1, seconds=1)
    await house.pulse.look_after_workers()
    assert (await house.row("alone")).waits_for == ""
    await house.step("alone")
    assert "nobody answered in time" in house.asked[1]


async def test_it_is_told_things_between_its_steps(house: Scripted) -> None:
    house.says({"action": "tickets"})
    await house.begin("told")
    await house.ok("tell", id="told", text="the cap is 200 USD")
    await house.step("told")
    assert "the cap is 200 USD" in house.asked[0]
    await house.step("told")
    assert house.asked[1].count("the cap is 200 USD") == 1


async def test_a_step_that_is_refused_is_its_result_and_costs_nothing_but_itself(house: Scripted) -> None:
    house.says(
        {"action": "ticket", "ticket_id": "T-9999"},
        {"action": "fetch", "url": "http://169.254.169.254/latest"},
        {"action": "report", "text": "x", "name": "../../etc/passwd"},
        {
            "action": "propose_dispatch",
            "ticket_id": "T-1",
            "vendor_id": "v",
            "amount_usd": "1",
            "message": "m",
        },
        {"action": "claim", "name": "a/b"},
        {"action": "ask", "questions": [{"prompt": "x", "to": "nobody-at-all"}]},
        {"action": "ask"},
        {"action": "statement", "property_id": "nowhere"},
        {"action": "done"},
    )
    await house.begin("clumsy")
    for _ in range(9):
        assert (await house.step("clumsy"))["next"] == "go"
    results = [one["result"] for one in await house.steps("clumsy")]
    assert all(one.startswith("refused: ") for one in results), results
    assert sorted(one.name for one in (house.folder / "reports").glob("*.md")) == []


async def test_after_forty_steps_it_asks_and_goes_on_or_ends(house: Scripted) -> None:
    house.says({"action": "tickets"})
    await house.begin("loops")
    for _ in range(40):
        assert (await house.step("loops"))["next"] == "go"
    stopped = await house.step("loops")
    assert stopped == {"next": "rest", "lines": ["steps: asked loops-1"], "seconds": 0.0, "code": 0}
    assert len(house.asked) == 40
    ask = next(one for one in json.loads(await house.ok("asks", json=True)) if one["id"] == "loops-1")
    assert "40" in ask["prompt"]
    await house.ok("answer", id="loops-1", text=ask["options"][0])
    await house.pulse.look_after_workers()
    assert (await house.step("loops"))["next"] == "go"
    for _ in range(39):
        await house.step("loops")
    await house.step("loops")
    await house.ok("answer", id="loops-2", text=ask["options"][1])
    await house.pulse.look_after_workers()
    ended = await house.step("loops")
    assert (ended["next"], ended["code"]) == ("end", 1)
    assert len(house.asked) == 80


async def test_a_step_whose_outcome_was_lost_is_the_same_outcome(house: Scripted) -> None:
    """The service died after the commit: its process asks for that step once more."""
    house.says({"action": "done", "text": "all well"})
    await house.begin("done")
    assert (await house.step("done"))["next"] == "end"
    again = await house.step("done")
    assert (again["next"], again["code"]) == ("end", 0)
    assert len(house.asked) == 1
    assert sum("all well" in one for one in await house.world.texts("ben")) == 1
    house.loop.configure(worker_budget_usd="0.000001")
    house.says({"action": "tickets"})
    await house.begin("dear")
    await house.step("dear")
    await house.step("dear")
    assert (await house.step("dear"))["lines"] == ["resting for dear-1"], "nobody has said no"
    await house.ok("answer", id="dear-1", text="no")
    await house.pulse.look_after_workers()
    for _ in range(2):
        ended = await house.step("dear")
        assert (ended["next"], ended["code"]) == ("end", 1)
    assert len(house.asked) == 2


async def test_over_its_budget_it_asks(house: Scripted) -> None:
    house.loop.configure(worker_budget_usd="0.000001")
    house.says({"action": "tickets"})
    await house.begin("dear")
    assert (await house.step("dear"))["next"] == "go"
    assert (await house.step("dear"))["lines"] == ["worker_budget: asked dear-1"]
    assert len(house.asked) == 1


async def test_a_model_that_is_down_is_tried_again_and_at_last_it_ends_with_75(house: Scripted) -> None:
    house.mind.brain = lambda _asked: {"no": "step"}
    await house.begin("deaf")
    for _ in range(9):
        assert (await house.step("deaf"))["next"] == "wait"
    assert (await house.step("deaf"))["code"] == 75


async def test_a_dead_one_takes_no_step(house: Scripted) -> None:
    house.says({"action": "tickets"})
    await house.begin("gone")
    await house.ok("kill", id="gone")
    assert await house.refused("step", by="gone", worker="gone") == "unknown_worker"
    assert "may not" in await house.refused("step", by="other", worker="gone")
    assert house.asked == []


async def test_ended_while_the_model_thinks_its_step_is_not_taken(house: Scripted) -> None:
    class Slow:
        """The model's answer comes when its worker was ended already."""

        async def ask(self, *args: Any) -> Any:
            answer = await models.ask(*args)
            await house.ok("kill", id="late")
            return answer

    services = house.world.app.services
    models: Any = services.models
    house.says({"action": "ask", "questions": [{"prompt": "too late?"}]})
    await house.begin("late")
    services.models = Slow()  # type: ignore[assignment]
    found = await house.does("step", by="late", worker="late")
    services.models = models
    assert found.code == 1
    rows = await house.world.store.read(
        lambda s: list(s.scalars(select(AskRow).where(AskRow.worker == "late")))
    )
    assert rows == []


async def test_without_a_model_nobody_is_started(world_without: Working) -> None:
    assert await world_without.refused("worker start", id="x", prompt="y") == "no_runner"


@pytest.fixture
async def world_without(world: Any) -> Working:
    return await working(world)
