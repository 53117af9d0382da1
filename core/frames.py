"""Where an error happened: never what it says, nor what the variables held. There stand people's words."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Final

MAX_FRAMES: Final = 40
_ROOT: Final = str(Path(__file__).parents[1])


def frames_of(error: BaseException) -> list[str]:
    """`file:line:function`, the outermost first, at most MAX_FRAMES of the innermost; then those of what caused it. An error
    that another process reported brings its own along (`frames`). Causes may be many (one error raised again and again gathers them), and may
    lead back to the first."""
    frames: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen and len(frames) < MAX_FRAMES:
        if seen:
            frames.append(f"caused by {type(one).__name__}")
        seen.add(id(one))
        frames += [
            f"{_short(frame.f_code.co_filename)}:{line}:{frame.f_code.co_name}"
            for frame, line in traceback.walk_tb(one.__traceback__)
        ][-MAX_FRAMES:]
        frames += [f"in its process: {there}" for there in getattr(one, "frames", ())]
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return frames[:MAX_FRAMES]


def _short(path: str) -> str:
    """From our own root, or from the library's name on."""
    for root in (_ROOT, *sorted(sys.path, key=len, reverse=True)):
        if root and path.startswith(f"{root}/"):
            return path[len(root) + 1 :]
    return path.rpartition("/")[2]
