"""Logs: a line to read on a terminal, JSON otherwise. Never message text, never a secret."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

_SECRET = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|\b\d{6,12}:[\w-]{30,}|sk-[\w-]{16,}|Bearer\s+[\w.~+/-]+=*|(?<=:)[^:@/\s]+(?=@)"
)
_TEXT_KEYS = frozenset({"text", "raw_input", "payload", "body", "token", "secret", "password"})


def _redact(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    for key, value in event.items():
        if key in _TEXT_KEYS:
            event[key] = "[kept out of the log]"
        elif isinstance(value, str):
            event[key] = _SECRET.sub("[secret]", value)
    return event


def set_up(level: str, *, for_good: bool = False) -> None:
    """`for_good`: nobody sets it up differently in this process, so each logger is made once."""
    terminal = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
        structlog.processors.format_exc_info,
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
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # httpx writes whole URLs, tokens included; APScheduler writes a line per wake-up; aiohttp one per request.
    for noisy in ("httpx", "apscheduler", "aiohttp.access", "alembic", "bm25s"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
