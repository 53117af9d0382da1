"""Which sensors may run: those whose whole script only looks, and those of which the founder has said yes to exactly that."""

from __future__ import annotations

import asyncio
import base64
import re
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from core import names
from core.asks import approvals
from core.loop.config import LoopConfig
from core.loop.house import LoopHouse
from core.loop.sensing import Sensor
from core.loop.shell_gate import Verdict, judge

MAX_BYTES: Final = 256 * 1024
"""Bytes of a script that are read; a longer one is asked about."""
BINARY: Final = "base64:"
_SHELL: Final = re.compile(rb"\A#!\s*/(?:usr/)?bin/(?:env\s+)?(?:ba|da)?sh[ \t]*(?:-[eux]+[ \t]*)?\n")


class Gatekeeper:
    def __init__(self, house: LoopHouse) -> None:
        self._house = house
        self._known: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Verdict] = {}
        """By content: what was judged once is not parsed with every beat."""
        self._harmless: dict[str, tuple[int, ...]] = {}
        """Of sensors that only look: which file that was."""
        self._allowed: tuple[tuple[str, ...], ...] = ()

    async def admitted(self, sensors: Sequence[Sensor], config: LoopConfig) -> list[Sensor]:
        """The same, those that wait for a yes marked so. Whoever waits is asked about once per content."""
        found = []
        allowed = (config.shell_allow, config.fetch_allow)
        if allowed != self._allowed:
            self._harmless, self._allowed = {}, allowed

        def read() -> list[tuple[str, tuple[int, ...] | None]]:
            looked = []
            for one in sensors:
                mark = _mark(one.path)
                known = mark is not None and self._harmless.get(one.name) == mark
                looked.append(("" if known else _read(one.path), None if known else mark))
            return looked

        for sensor, (text, mark) in zip(sensors, await asyncio.to_thread(read), strict=True):
            if not text and mark is None and sensor.name in self._harmless:
                found.append(sensor)  # the very file that was judged
                continue
            verdict = await self._judged(text, config)
            if verdict.kind == "reversible":
                found.append(sensor)
                if mark is not None:
                    self._harmless[sensor.name] = mark
            elif verdict.kind == "refused":
                found.append(replace(sensor, pending=f"refused: {verdict.why}"))
            else:
                found.append(replace(sensor, pending=await self._asked(sensor, text, verdict)))
        return found

    async def _judged(self, text: str, config: LoopConfig) -> Verdict:
        key = (approvals.digest(text), config.shell_allow, config.fetch_allow)
        if key not in self._known:
            if len(self._known) > 1000:
                self._known.clear()
            self._known[key] = await asyncio.to_thread(_judge, text, config)
        return self._known[key]

    async def _asked(self, sensor: Sensor, text: str, verdict: Verdict) -> str:
        """ "": it was allowed; else the ask that it waits for."""
        store = self._house.store
        state, ask_id = await store.read(lambda session: approvals.state_of(session, "sensor", text))
        if state in approvals.ALLOWED:
            return ""
        if state:  # it waits, or was refused: the same is not asked twice
            return ask_id if state == "pending" else f"{state}: {ask_id}"
        why = f"{sensor.path.name}: {verdict.why}"
        shown = f"({len(text)} characters of a program that is no text)" if text.startswith(BINARY) else ""
        return await store.write(
            lambda tx: (
                approvals.put(
                    tx,
                    "sensor",
                    text,
                    names.PULSE,
                    why=why,
                    shown=shown,
                    more={
                        "name": sensor.path.name,
                        "why": verdict.why,
                        "journal": f"sensor {sensor.name} may run",
                    },
                ).ask_id
            )
        )


def _mark(path: Path) -> tuple[int, ...] | None:
    """It is another after every change of the file."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size


def _read(path: Path) -> str:
    """Its text; of what is none a text that says the same of the same bytes."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return ""
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        return ""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    return text if "\0" not in text else BINARY + base64.b64encode(data).decode("ascii")


def _judge(text: str, config: LoopConfig) -> Verdict:
    if text.startswith(BINARY):
        return Verdict("ask", "a program that is no shell script")
    data = text.encode("utf-8", "surrogateescape")
    if len(data) > MAX_BYTES:
        return Verdict("ask", "it is too long to be looked through")
    if data.startswith(b"#!"):
        first = _SHELL.match(data)
        if first is None:
            return Verdict("ask", "a program that is no shell script")
        data = data[first.end() :]
    return judge(data.decode("utf-8", "surrogateescape"), config.shell_allow, config.fetch_allow)
