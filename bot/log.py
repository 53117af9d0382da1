"""Logs: a line to read on a terminal, JSON otherwise. Never message text, never a secret."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from pathlib import Path
from typing import Any, Final

import structlog

_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|\b\d{6,12}:[\w-]{30,}|sk-[\w-]{16,}|Bearer\s+[\w.~+/-]+=*|(?<=:)[^:@/\s]+(?=@)"
    r"|(?<=/[vf]/)[\w.=%~-]+"  # the signed links of a vendor's page and of a file: whoever has one is let in
)
MAX_FRAMES: Final = 40
_ROOT: Final = str(Path(__file__).parents[1])
_TEXT_KEYS = frozenset({"text", "raw_input", "payload", "body", "token", "secret", "password"})


def _redact(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if key in _TEXT_KEYS:
            event[key] = "[kept out of the log]"
        elif isinstance(value, str):
            event[key] = _SECRET.sub("[secret]", value)
    return event


def _frames(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """An error as where it happened. Never as what it says or what the variables held: there stand people's words."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()[1]
    elif isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        event.setdefault("error", type(found).__name__)
        event["frames"] = frames_of(found)
    return event


def frames_of(error: BaseException) -> list[str]:
    """`file:line:function`, the outermost first, at most MAX_FRAMES of the innermost; then those of what caused it. Causes may
    be many (one error raised again and again gathers them), and may lead back to the first."""
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
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return frames[:MAX_FRAMES]


def _short(path: str) -> str:
    """From our own root, or from the library's name on."""
    for root in (_ROOT, *sorted(sys.path, key=len, reverse=True)):
        if root and path.startswith(f"{root}/"):
            return path[len(root) + 1 :]
    return path.rpartition("/")[2]


def set_up(level: str, *, for_good: bool = False) -> None:
    """`for_good`: nobody sets it up differently in this process, so each logger is made once."""
    terminal = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
        _frames,
        _redact,
    ]
    end: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=for_good,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, end],
        )
    )
    # A line that cannot be written would print the error that is being handled, with whatever stands in it.
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # httpx writes whole URLs, tokens included; APScheduler a line per wake-up; aiohttp one per request.
    for noisy in ("httpx", "apscheduler", "aiohttp.access", "alembic", "bm25s"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
