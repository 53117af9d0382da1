"""Addresses of databases. Only the adapter (this folder) knows that one of them is a file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PREFIXES: Final = ("sqlite+aiosqlite:///", "sqlite:///")


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def is_supported(url: str) -> bool:
    return url.startswith(PREFIXES)


def file_of(url: str) -> Path:
    """The file behind an address of SQLite. Raises ValueError for another one."""
    for prefix in PREFIXES:
        if url.startswith(prefix):
            return Path(url.removeprefix(prefix).partition("?")[0])
    raise ValueError("not an address of SQLite")
