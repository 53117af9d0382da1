"""The two programs that do the heavy part of hearing, as the service sees them. Both get an empty environment:
what a hostile file might make of them, they hold no key."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from core import child
from core.speech.engine import EngineFailed
from core.speech.port import MAX_SECONDS, Code, NotTranscribed

ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "HF_HUB_OFFLINE": "1",
    # Threads that wait for work sleep: spinning ones would take the cores from the event loop.
    "OMP_WAIT_POLICY": "PASSIVE",
}
DECODE_WITHIN: Final = timedelta(seconds=60)
IDLE: Final = timedelta(minutes=10)
LONGEST_LINE: Final = 4 * 1024 * 1024
REST_AFTER_DEATH: Final = timedelta(seconds=30)
_HERE: Final = Path(__file__).parent


async def _start(program: str, *arguments: str) -> Process:
    """Raises OSError."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_HERE / program),
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=ENVIRONMENT,
        limit=LONGEST_LINE,
    )


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@dataclass(frozen=True, slots=True)
class Decoded:
    seconds: float
    container: str
    codec: str


async def decode(source: Path, target: Path | None, within: timedelta = DECODE_WITHIN) -> Decoded:
    """The sound of `source`, its samples written to `target` (None: measured only).

    Raises NotTranscribed("not_audio" | "damaged" | "too_long"); "failed" where no program can be started."""
    try:
        said = await child.output(
            within, _HERE / "decode.py", str(source), str(target or ""), str(MAX_SECONDS)
        )
        found: dict[str, Any] = json.loads(said)
    except OSError as error:
        raise NotTranscribed("failed", tried=(f"decode: {type(error).__name__}",)) from error
    except (child.ChildFailed, ValueError):
        # It died over the file: out of memory, out of time, or worse. The file is at fault.
        raise NotTranscribed("damaged") from None
    if found["code"]:
        code: Code = found["code"]
        raise NotTranscribed(code, seconds=found["seconds"])
    return Decoded(found["seconds"], found["container"], found["codec"])


class EarProcess:
    """The child that holds the model: started at the first job, anew after a death, ended when it idles.
    One job at a time, in the order they came."""

    def __init__(self, model: str = "", device: str = "auto", idle: timedelta = IDLE) -> None:
        self._config = json.dumps({"model": model, "device": device})
        self._idle = idle.total_seconds()
        self._turn = asyncio.Lock()
        self._process: Process | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._number = 0

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if alive and self._process is not None else None

    async def ask(
        self, job: Mapping[str, Any], within: timedelta, tell: Callable[[float], None] = lambda _: None
    ) -> dict[str, Any]:
        """The child's answer. `within` counts from when the job's turn has come. A child that died is started anew and
        asked once more. Cancelling a running job ends the child: there is no other way to stop it.

        Raises EngineFailed."""
        async with self._turn:
            for last in (False, True):
                try:
                    answer = await self._exchange(await self._running(), job, within, tell)
                except (OSError, EOFError, ValueError) as error:
                    if last:
                        raise EngineFailed(
                            f"died ({type(error).__name__})", pause=REST_AFTER_DEATH
                        ) from error
                    continue
                if "error" in answer:
                    raise EngineFailed(answer["error"], frames=answer.get("frames", ()))
                return answer
        raise AssertionError("unreachable")

    async def _running(self) -> Process:
        if self._resting is not None:
            self._resting.cancel()
        if self._process is not None:
            assert self._process.stdin is not None
            if self._process.returncode is None and not self._process.stdin.is_closing():
                return self._process
            await _end(self._process)
        self._process = await _start("worker.py", self._config)
        return self._process

    async def _exchange(
        self, process: Process, job: Mapping[str, Any], within: timedelta, tell: Callable[[float], None]
    ) -> dict[str, Any]:
        """Raises EOFError, OSError or ValueError of a child that is gone or out of its mind, EngineFailed of a slow one."""
        assert process.stdin is not None
        assert process.stdout is not None
        self._number += 1
        whole = False
        try:
            async with asyncio.timeout(within.total_seconds()):
                process.stdin.write(json.dumps({"id": self._number, **job}).encode() + b"\n")
                await process.stdin.drain()
                while True:
                    line = await process.stdout.readline()
                    if not line:
                        raise EOFError
                    answer: dict[str, Any] = json.loads(line)
                    if "done" not in answer:
                        whole = True
                        return answer
                    tell(answer["done"])
        except TimeoutError:
            raise EngineFailed("too slow") from None
        finally:
            # Whoever did not hear its answer to the end must not leave it to the next.
            if whole:
                self._resting = asyncio.get_running_loop().call_later(self._idle, process.stdin.close)
            else:
                await _end(process)

    async def close(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        if self._process is not None:
            await _end(self._process)
            self._process = None
