"""Homes for tests: migrated once for each process, then copied. What migrations do has tests of its own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from bot import schema


@lru_cache(maxsize=1)
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="loopos-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    schema.upgrade(folder / "loopos.db")
    return folder / "loopos.db"


def furnish(database: Path) -> None:
    """An empty database of this version where there is none yet."""
    if not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_migrated(), database)
