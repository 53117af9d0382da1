"""The built-in worker as it really runs: its process, the service, a model's server; the service is killed in the middle of a step."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import Asked, Json
from tests.loop.test_processes import Home, killed, until
from tests.models.conftest import settings_of
from tests.workers.test_processes import asks, transcript, worker

pytestmark = pytest.mark.long


async def test_a_task_across_a_kill_in_the_middle_of_a_step_and_an_answer(tmp_path: Path) -> None:
    def brain(asked: Asked) -> Json:
        if "<<<SAID" not in asked.said:
            mind.then("hang", times=5)  # the next step's answer never comes
            return {"action": "company", "why": "whom to ask"}
        if "step 2" not in asked.said:
            question = {"prompt": "North or south?", "options": ["north", "south"]}
            return {"action": "ask", "questions": [question], "why": "two pumps"}
        last = asked.said.split("->")[-1]
        return {"action": "done", "text": f"pump {'south' if 'south' in last else 'north'}"}

    mind = FakeAnthropic(brain=brain)
    await mind.start()
    home = Home(tmp_path)
    home.env |= {"LOOPOS_LLM": "anthropic", **settings_of("anthropic", mind)}

    async def do(look: Any, *args: Any) -> Any:
        return await asyncio.to_thread(look, *args)

    try:
        await do(home.ok, "goal", "list")
        (home.loop / "config.json").write_text(json.dumps({"judgment": "reflexes"}))
        await do(home.ok, "up")
        await do(home.ok, "worker", "start", "pumps", "look at the pumps")
        await do(until, lambda: len(mind.calls) >= 2, 60)
        await do(killed, home.pid())
        hung = len(mind.calls)
        mind.script.clear()
        assert (await do(worker, home, "pumps"))["alive"]
        await do(home.ok, "up")
        ask = (await do(until, lambda: asks(home)))[0]
        assert (ask["id"], ask["state"]) == ("pumps-1", "LIVE")
        assert len(mind.calls) > hung, "the step that nobody kept was asked for again"
        assert (await do(worker, home, "pumps"))["health"] == "waiting-ask"
        await do(home.ok, "answer", "pumps-1", "south")
        await do(until, lambda: not worker(home, "pumps")["alive"])
        ended = await do(worker, home, "pumps")
        assert (ended["exit_code"], ended["state"]) == (0, "exited")
        assert ended["cost_usd"] > 0
        said = transcript(home, "pumps")
        assert "3. ask (two pumps): asked pumps-1" not in said
        assert "2. ask (two pumps): asked pumps-1" in said
        assert said.rstrip().endswith("done: pump south")
    finally:
        await do(home.run, "down")
        await do(killed, home.pid())
        await mind.stop()
