"""A function of ours in a process of its own, which ends with it: what it imports and allocates is gone afterwards.

`python -m core.child` is that process. It gets no secret of the service's environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from datetime import timedelta
from typing import Final, ParamSpec, TypeVar

from core.errors import LoopOSError

P = ParamSpec("P")
R = TypeVar("R")
KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR")
"""Of the environment: where fonts and caches lie, no more."""


class ChildFailed(LoopOSError):
    """It raised, died, or took too long."""


async def run(within: timedelta, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """What `function`, one of a module's own, returns for these arguments. Raises ChildFailed."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(one for one in sys.path if one)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "core.child", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
    )
    try:
        async with asyncio.timeout(within.total_seconds()):
            out, _ = await process.communicate(pickle.dumps((function, args, kwargs)))
    except TimeoutError:
        raise ChildFailed(f"{function.__name__} took longer than {within}") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or not out:
        raise ChildFailed(f"{function.__name__} ended with {process.returncode}")
    failed, result = pickle.loads(out)  # noqa: S301  (our own process wrote it)
    if failed:
        raise ChildFailed(f"{function.__name__}: {result}")
    found: R = result
    return found


def _main() -> None:
    function, args, kwargs = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  (our own process wrote it)
    try:
        answer = (False, function(*args, **kwargs))
    except Exception as error:
        answer = (True, type(error).__name__)
    sys.stdout.buffer.write(pickle.dumps(answer))


if __name__ == "__main__":
    _main()
