"""A house whose loop beats when a test says so: real sensors, a real command that decides, a clock that is moved."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.loop.house import LoopHouse
from core.loop.pulse import Beat, Pulse
from core.store.loop_tables import LoopLine
from tests.world import World

NOOP: dict[str, Any] = {"action": "noop", "reason": "quiet"}


@dataclass
class Beating:
    world: World
    pulse: Pulse

    @property
    def folder(self) -> Path:
        return self.pulse.house.folder.path

    def decides(self, *moves: Any) -> None:
        """What the command decides, one after the other, the last for ever; a str is left as it is."""
        root = self.folder / "reports"
        root.mkdir(parents=True, exist_ok=True)
        for number, move in enumerate(moves):
            text = move if isinstance(move, str) else json.dumps(move)
            (root / f"move-{number}").write_text(text)
        (root / "calls").write_text("")
        (root / "prompts").mkdir(exist_ok=True)
        script = (
            "n=$(wc -l < reports/calls); last="
            f"{len(moves) - 1}; m=$n; [ $m -gt $last ] && m=$last; echo x >> reports/calls; "
            "cat > reports/prompts/$n; cp reports/move-$m .decision.json"
        )
        self.configure(tick_command=script)

    def configure(self, **values: Any) -> None:
        path = self.folder / "config.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, **values}))

    @property
    def calls(self) -> int:
        return (self.folder / "reports" / "calls").read_text().count("x")

    def prompt(self, number: int = -1) -> str:
        number = number if number >= 0 else self.calls - 1
        return (self.folder / "reports" / "prompts" / str(number)).read_text()

    def sensor(self, name: str, script: str, mode: int = 0o755) -> Path:
        path = self.folder / "sensors" / f"{name}.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(mode)
        return path

    def snapshot(self, name: str) -> Any:
        return json.loads((self.folder / "snapshots" / f"{name}.json").read_text())

    async def beat(self, **how: Any) -> Beat:
        found = await self.pulse.beat(**how)
        await self.world.settle()
        return found

    async def passes(self, **delta: float) -> None:
        await self.world.wait(**delta)

    async def journal(self) -> list[str]:
        return await self.world.store.read(
            lambda s: [one.text for one in s.scalars(select(LoopLine).order_by(LoopLine.seq))]
        )

    def git(self, *args: str) -> str:
        from core import git

        return git.git(self.folder, *args)


async def beating(world: World, **environ: str) -> Beating:
    house = LoopHouse(
        world.app.store,
        world.app.services,
        world.app.settings.home,
        {"PATH": os.environ["PATH"], "SECRET_TOKEN": "tok-123456-secret", **environ},
    )
    pulse = Pulse(house)
    await pulse.prepare()
    return Beating(world, pulse)
