"""How many files one message and one approval tap pass through: `python -m bench walk [--files]`.

Counted while they happen, on the first story (a leak for an outside vendor; the founder approves): the files of core,
channels and bot in which anything runs, and the ways between them (a function of one calls one of another, however
often). A second message and tap are counted, so that nothing is loaded for the first time."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

from tests.world import STORY, open_world

ROOT: Final = Path(__file__).resolve().parent.parent
BEFORE: Final = (
    "Creekfront Cabin: the air conditioner drips onto the floor beside a socket, the guest is angry"
)
HOUSE: Final = tuple(f"{ROOT / part}/" for part in ("core", "channels", "bot"))


class Walk:
    """What has run since `begin`."""

    def __init__(self) -> None:
        self.ways: Counter[tuple[str, str]] = Counter()
        self.files: set[str] = set()
        self._on = False

    def begin(self) -> None:
        self.ways.clear()
        self.files.clear()
        self._on = True

    def end(self) -> tuple[int, int, int]:
        """(files entered, ways between them, calls along these ways)."""
        self._on = False
        return len(self.files), len(self.ways), self.ways.total()

    def step(self, frame: FrameType, event: str, _: Any) -> None:
        if not self._on or event != "call" or not frame.f_code.co_filename.startswith(HOUSE):
            return
        here = frame.f_code.co_filename
        self.files.add(here)
        back = frame.f_back
        while back is not None and not back.f_code.co_filename.startswith(HOUSE):
            back = back.f_back
        if back is not None and back.f_code.co_filename != here:
            self.ways[back.f_code.co_filename, here] += 1


async def _count(*, files: bool) -> None:
    walk = Walk()
    threading.setprofile(walk.step)
    sys.setprofile(walk.step)
    print("| | files | ways between files | calls along them |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="loopos-walk-") as folder:
        async with open_world(Path(folder)) as world:
            for counted in (False, True):
                walk.begin()
                await world.says("shirley", STORY if counted else BEFORE)
                asked = await world.card("ben", "approval")
                _tell("a message, until nothing is owed", walk, counted, files)
                walk.begin()
                await asked.tap("approve")
                _tell("an approval tap, until nothing is owed", walk, counted, files)


def _tell(what: str, walk: Walk, counted: bool, files: bool) -> None:
    figures = walk.end()
    if counted:
        print(f"| {what} | {' | '.join(map(str, figures))} |")
        for one in sorted(walk.files) if files else ():
            print(f"  {Path(one).relative_to(ROOT)}")


def main(arguments: Sequence[str]) -> None:
    known = argparse.ArgumentParser(prog="python -m bench walk", description=__doc__)
    known.add_argument("--files", action="store_true", help="name them")
    asyncio.run(_count(files=known.parse_args(arguments).files))
