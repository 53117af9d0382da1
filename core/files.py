"""Files that others read and write too."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Final

SMALL: Final = 64 * 1024
"""Bytes."""


def put(target: Path, text: str) -> None:
    """Whole or not at all, also through a power cut."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{threading.get_ident():x}.part")  # several may write the same
    with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text if text.endswith("\n") or not text else f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_small_file(path: Path) -> bool:
    """A plain file of its own that can be read at once: no link, pipe, folder or hole of terabytes."""
    try:
        about = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size <= SMALL
