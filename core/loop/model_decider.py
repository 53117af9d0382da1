"""A language model decides: one typed move by the strong tier. What it says is checked like any other decision."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from core.context import Services
from core.files import put
from core.llm.port import Ask, Unanswered
from core.loop.brief import CONSTITUTION, INSTRUCTIONS, MAX_BYTES
from core.loop.deciding import Undecided
from core.metering import About

WITHIN: Final = timedelta(seconds=120)
PURPOSE: Final = "decide"
HOW: Final = """\
Fields of each action, besides `action`, and optionally `journal` (one line) and `next_interval_s`:
noop: reason. notify: message, to. ask: prompt, options, reference, to. write_goal: id, body. archive_goal: id.
write_schedule: name, in_s or every_s, note. drop_schedule: name. start_worker: id, prompt, verify, command.
kill_worker: id, reason. run_shell: cmd, reason. write_sensor: name, script. write_playbook: body.
propose_dispatch: ticket_id, vendor_id, amount_usd, message. act: name, target, amount_usd, detail.
Leave every other field null."""


class MoveAnswer(BaseModel):
    """All fields of all moves, flat: vendors take no union. core.loop.moves says which belong together."""

    model_config = ConfigDict(extra="forbid")

    action: Literal[
        "noop",
        "notify",
        "ask",
        "write_goal",
        "archive_goal",
        "write_schedule",
        "drop_schedule",
        "start_worker",
        "kill_worker",
        "run_shell",
        "write_sensor",
        "write_playbook",
        "propose_dispatch",
        "act",
    ]
    journal: str | None = None
    next_interval_s: int | None = None
    reason: str | None = None
    message: str | None = None
    to: str | None = None
    prompt: str | None = None
    options: list[str] | None = None
    reference: str | None = None
    id: str | None = None
    body: str | None = None
    name: str | None = None
    in_s: int | None = None
    every_s: int | None = None
    note: str | None = None
    verify: str | None = None
    command: str | None = None
    cmd: str | None = None
    script: str | None = None
    ticket_id: str | None = None
    vendor_id: str | None = None
    amount_usd: Decimal | None = None
    target: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ModelDecider:
    services: Services

    async def decide(self, brief: str, run: Path) -> str:
        """The text of its decision; the run keeps it with what it was made from. Raises Undecided."""
        models = self.services.models
        if models is None:
            raise Undecided("no model", "none is configured")
        await asyncio.to_thread(put, run / "prompt.md", brief)
        ask = Ask(
            "strong",
            About(PURPOSE),
            f"{INSTRUCTIONS}\n\n{CONSTITUTION}\n\n{HOW}",
            {},
            (brief,),
            MoveAnswer,
            most_tokens=4000,
            most_said=MAX_BYTES,
        )
        try:
            answer = await models.ask(ask, WITHIN)
        except Unanswered as unanswered:
            raise Undecided(unanswered.why, str(unanswered)) from None
        text = json.dumps(answer.value.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
        await asyncio.to_thread(put, run / "decision.json", text)
        return text
