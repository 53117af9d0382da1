"""Workers under test: real processes under real supervisors, in a house whose loop beats when a test says so."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.loop.verbs.call import Asked, Reply
from core.loop.verbs.table import Verbs
from tests.loop.beating import Beating, beating
from tests.world import World


class Working:
    def __init__(self, loop: Beating) -> None:
        self.loop = loop
        self.world = loop.world
        self.pulse = loop.pulse
        self.fleet = loop.pulse.house.fleet
        self.verbs = Verbs(loop.pulse, alive=True)

    @property
    def folder(self) -> Path:
        return self.loop.folder

    async def does(self, verb: str, *, by: str = "", who: str = "cli", **args: Any) -> Reply:
        """`by`: the worker that calls."""
        found = await self.verbs.carry_out(Asked(verb, args, who, by, "cli" if who == "cli" else "telegram"))
        await self.world.settle()
        return found

    async def ok(self, verb: str, **args: Any) -> str:
        found = await self.does(verb, **args)
        assert found.code == 0, (verb, args, found)
        return found.out

    async def refused(self, verb: str, **args: Any) -> str:
        """Its code, or why."""
        found = await self.does(verb, **args)
        assert found.code == 1, (verb, args, found)
        return found.refused.code if found.refused is not None else found.err

    async def start(self, worker: str, script: str = "sleep 100", **args: Any) -> None:
        """A worker that does `script`."""
        (self.folder / "reports" / f"{worker}.sh").write_text(script)
        self.loop.configure(worker_command='bash "reports/$LOOPOS_SESSION_ID.sh" {{prompt_file}}')
        await self.ok("worker start", id=worker, prompt=args.pop("prompt", "do it"), **args)

    async def listed(self, **args: Any) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in json.loads(await self.ok("ls", json=True, **args))}

    async def ended(self, worker: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            await self.pulse.look_after_workers()
            found = (await self.listed()).get(worker)
            return found if found is not None and not found["alive"] else None

        found: dict[str, Any] = await soon(look)
        return found

    def transcript(self, worker: str) -> str:
        return (self.folder / "sessions" / worker / "transcript.log").read_text(errors="replace")

    async def printed(self, worker: str, text: str) -> None:
        async def look() -> bool:
            try:
                return text in self.transcript(worker)
            except OSError:
                return False

        await soon(look)


async def soon(look: Callable[[], Any], within: float = 20.0) -> Any:
    end = time.monotonic() + within
    while time.monotonic() < end:
        found = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.03)
    raise AssertionError("it did not come")


async def working(world: World, **environ: str) -> Working:
    return Working(await beating(world, **environ))
