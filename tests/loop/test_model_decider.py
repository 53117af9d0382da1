"""A language model decides: one typed move by the strong tier, whatever it says checked like any other decision."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.loop.model_decider import ModelDecider
from core.store.tables import UsageRow
from tests.fakes.models_and_speech import Asked, Json
from tests.loop.beating import Beating, beating
from tests.models.brain import said_in
from tests.models.conftest import thinking


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
async def test_a_model_is_asked_once_sees_the_whole_brief_and_is_paid_for(
    tmp_path: Path, vendor: str
) -> None:
    briefs: list[str] = []

    def brain(asked: Asked) -> Json:
        briefs.append(said_in(asked))
        return {"action": "write_goal", "id": "rent", "body": "goal: rent", "journal": "rent begins"}

    async with thinking(tmp_path, vendor) as house:
        house.mind.brain = brain
        loop = await beating(house.world)
        loop.pulse.model = ModelDecider(house.world.app.services)
        (loop.folder / "goals" / "long.md").write_text("goal: long\n" + "a note that goes on\n" * 1500)
        beat = await loop.beat()
        assert beat.line == "moved: rent begins"
        assert (loop.folder / "goals" / "rent.md").read_text() == "goal: rent\n"
        assert len(briefs) == 1
        assert "=== NOW ===" in briefs[0], "nothing of it is cut"
        run = loop.folder / "runs" / beat.run_id
        assert (run / "prompt.md").exists()
        assert '"write_goal"' in (run / "decision.json").read_text()
        rows = await house.world.store.read(
            lambda s: list(s.scalars(select(UsageRow).where(UsageRow.purpose == "decide")))
        )
        assert [(one.tier, one.ok) for one in rows] == [("strong", True)]
        assert rows[0].usd > Decimal(0)
        assert (await loop.beat()).result == "moved"  # it looks at its own effect once
        assert (await loop.beat()).result == "unchanged"


@pytest.mark.parametrize(
    "said",
    [
        {"action": "fly"},
        {"action": "notify"},
        {"action": "notify", "message": "x", "body": "y"},
        {"reason": "nothing"},
        {"action": "run_shell", "cmd": "sudo id", "reason": "x"},
        {"action": "write_goal", "id": "../x", "body": "y"},
    ],
)
async def test_what_is_no_move_is_a_failed_beat(tmp_path: Path, said: dict[str, Any]) -> None:
    async with thinking(tmp_path, "anthropic") as house:
        house.mind.brain = lambda _asked: said
        loop: Beating = await beating(house.world)
        loop.pulse.model = ModelDecider(house.world.app.services)
        beat = await loop.beat()
        assert beat.result == "failed"
        assert (await loop.beat()).result == "backing_off"
        assert (await loop.journal())[-1].startswith("failed · ")
