"""Work of ours in a process of its own, which ends with it: what it imports and allocates is gone afterwards.

`run` is for a function, which `python -m core.child` calls; it gets no secret of the service's environment. `output` is for
a program that opens a hostile file: it gets nothing at all, and what it says is read as bytes, never as a pickle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from core.errors import LoopOSError
from core.frames import frames_of

P = ParamSpec("P")
R = TypeVar("R")
KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR")
"""Of the environment: where fonts and caches lie, no more."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""Bytes that a program may say."""


class ChildFailed(LoopOSError):
    """It raised, died, or took too long. `frames`: where it raised."""

    def __init__(self, why: str, frames: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.frames = tuple(frames)


async def run(within: timedelta, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `function`, one of a module's own, returns for these arguments. Raises ChildFailed."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(one for one in sys.path if one)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "core.child", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
    )
    async with _lifetime(process, within, function.__name__):
        out, _ = await process.communicate(pickle.dumps((function, args, kwargs)))
    if not out:
        raise ChildFailed(f"{function.__name__} said nothing")
    failed, result = pickle.loads(out)  # noqa: S301  (our own process wrote it)
    if failed:
        error, frames = result
        raise ChildFailed(f"{function.__name__}: {error}", frames)
    found: R = result
    return found


async def output(within: timedelta, program: Path, *arguments: str) -> bytes:
    """What `program`, a file that imports nothing of the house, says about `arguments`. Raises ChildFailed, and OSError
    where no process can be started."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(program),
        *arguments,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )
    assert process.stdout is not None
    async with _lifetime(process, within, program.stem):
        try:
            await process.stdout.readexactly(MAX_BYTES)
        except asyncio.IncompleteReadError as ended:
            return ended.partial
        raise ChildFailed(f"{program.stem} does not stop talking")


@contextlib.asynccontextmanager
async def _lifetime(process: Process, within: timedelta, name: str) -> AsyncIterator[None]:
    """However this ends, the process is gone afterwards. Raises ChildFailed where it was too slow or ended badly."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            yield
            await process.wait()
    except TimeoutError:
        raise ChildFailed(f"{name} took longer than {within}") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise ChildFailed(f"{name} ended with {process.returncode}")


def _main() -> None:
    function, args, kwargs = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  (our own process wrote it)
    answer: tuple[bool, object]
    try:
        answer = (False, function(*args, **kwargs))
    except Exception as error:
        answer = (True, (type(error).__name__, frames_of(error)))
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    _main()
