"""Logs: a line to read on a terminal, JSON otherwise. Never message text, never a secret."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import structlog

from core.frames import MAX_FRAMES, frames_of

_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|(?<!\d)\d{6,12}:[\w-]{30,}|sk-[\w-]{16,}|Bearer\s+[\w.~+/-]+=*|(?<=:)[^:@/\s]+(?=@)"
    r"|gh[a-z]_\w{20,}|github_pat_\w{20,}"
    r"|(?<=/[vf]/)[\w.=%~-]+"  # the signed links of a vendor's page and of a file: whoever has one is let in
)
_KEPT_OUT: Final = "[kept out of the log]"
_TEXT_KEYS = frozenset({"text", "raw_input", "payload", "body", "token", "secret", "password"})


def _redact(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """However deep it lies. Of what is no plain value its class alone: what it prints may hold people's words."""
    return {
        key: value if key.startswith("_") else _KEPT_OUT if key in _TEXT_KEYS else _plain(value)
        for key, value in event.items()
    }


def _plain(value: Any) -> Any:
    match value:
        case str():
            return _SECRET.sub("[secret]", value)
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(k): _KEPT_OUT if k in _TEXT_KEYS else _plain(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(one) for one in value]
        case Decimal() | datetime() | timedelta() | Path():
            return _SECRET.sub("[secret]", str(value))
        case _:
            return type(value).__name__


class _NoWordsOfErrors(logging.Filter):
    """Libraries write what an error says into their lines; there may stand what somebody wrote, or a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not isinstance(record.msg, str):
            return True  # ours, a dictionary: it is read key by key
        said = record.getMessage()
        for error in _errors_of(record):
            for words in (repr(error), str(error)):
                if words.strip():
                    said = said.replace(words, type(error).__name__)
        record.msg, record.args = said, ()
        return True


def _errors_of(record: logging.LogRecord) -> list[BaseException]:
    found = [one for one in _args_of(record) if isinstance(one, BaseException)]
    handled = record.exc_info[1] if record.exc_info else sys.exc_info()[1]
    while handled is not None and handled not in found and len(found) < MAX_FRAMES:
        found.append(handled)
        handled = handled.__cause__ or handled.__context__
    return found


def _args_of(record: logging.LogRecord) -> Iterable[object]:
    return record.args.values() if isinstance(record.args, Mapping) else record.args or ()


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
    handler.addFilter(_NoWordsOfErrors())
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
