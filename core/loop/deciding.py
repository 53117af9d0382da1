"""Who decides: a command of the operator's, given the brief and leaving one object behind. Whatever else it does is a failed beat."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import LoopOSError
from core.files import put
from core.loop.sensing import TIMED_OUT, run_program
from core.processes import began
from core.striking import struck

DECISION: Final = ".decision.json"
RUNNING: Final = ".decider.json"
"""Which process decides now: one that outlives its service is ended before the next one starts."""
MAX_OUTPUT: Final = 64 * 1024
"""Bytes of what a decider prints that are kept."""
MAX_DECISION: Final = 256 * 1024
PROMPT_FILE: Final = "{{prompt_file}}"


class Undecided(LoopOSError):
    """There is no move. `code`: timeout, exit N, signal NAME, silent, cannot start; the text says more."""

    def __init__(self, code: str, error: str) -> None:
        super().__init__(f"{code}: {error}" if error else code)
        self.code = code
        self.error = error


@dataclass(frozen=True, slots=True)
class CommandDecider:
    command: str
    """As a shell runs it; the prompt's path stands for {{prompt_file}}, without that the prompt is its input."""
    folder: Path
    """The loop's: where it starts, and where it leaves its decision."""
    env: Mapping[str, str]
    within: float = 1800.0
    """Seconds."""
    secrets: Collection[bytes] = ()

    async def decide(self, brief: str, run: Path) -> str:
        """The text of its decision. `run`: the folder of this run, which keeps prompt, decision and output. Raises Undecided."""
        prompt = run / "prompt.md"
        await asyncio.to_thread(put, prompt, brief)
        await self._end_the_last()
        await asyncio.to_thread(_clear, self.folder / DECISION)
        command, given = self.command, b""
        if PROMPT_FILE in command:
            command = command.replace(PROMPT_FILE, shlex.quote(str(prompt)))
        else:
            given = brief.encode("utf-8", "surrogatepass")
        try:
            done = await run_program(
                ["bash", "-c", command],
                self.folder,
                self.env,
                within=self.within,
                most=MAX_OUTPUT,
                given=given,
                started=self._note,
            )
        except OSError as error:
            raise Undecided("cannot start", error.strerror or "") from None
        finally:
            decision = await asyncio.to_thread(self._take)
            await asyncio.to_thread((self.folder / RUNNING).unlink, missing_ok=True)
        log = struck(done.out[:MAX_OUTPUT] + done.err, self.secrets).decode("utf-8", "replace")
        await asyncio.to_thread(put, run / "output.log", log)
        if done.code == TIMED_OUT:
            raise Undecided("timeout", f"it did not end within {self.within:g} s")
        if done.code != 0:
            name = f"signal {done.signal_name}" if done.signal_name else f"exit {done.code}"
            raise Undecided(name, log[-500:].strip())
        if decision is None:
            raise Undecided("silent", f"it left no {DECISION}")
        await asyncio.to_thread(put, run / "decision.json", decision)
        return decision

    def _take(self) -> str | None:
        """What it left, which is gone afterwards whatever becomes of it."""
        path = self.folder / DECISION
        try:
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_DECISION:
                return None  # a pipe would never end
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        finally:
            _clear(path)
        return struck(text.encode("utf-8", "replace"), self.secrets).decode("utf-8", "replace")

    def _note(self, pid: int) -> None:
        put(self.folder / RUNNING, json.dumps({"pid": pid, "began": began(pid)}))

    async def _end_the_last(self) -> None:
        """One that its service left behind: its move is never taken, and it writes into no run of ours."""
        path = self.folder / RUNNING
        try:
            last = json.loads(await asyncio.to_thread(path.read_text))
            pid, since = int(last["pid"]), last["began"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if since is not None and began(pid) == since:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Whatever lies there."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
