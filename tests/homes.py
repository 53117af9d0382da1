"""Homes for tests: migrated once for each process, then copied. What migrations do has tests of its own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from core.clock import Clock
from core.context import Tx
from core.store import schema
from core.store.engine import EmbeddedStore
from core.store.jobs import EmbeddedJobs
from core.store.url import file_of, sqlite_url


@lru_cache(maxsize=1)
def _migrated() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="loopos-migrated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    schema.upgrade(sqlite_url(folder / "loopos.db"))
    return folder / "loopos.db"


def furnish(url: str) -> None:
    """An empty database of this version where there is none yet."""
    database = file_of(url)
    if not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_migrated(), database)


def bare_store(database: Path, clock: Clock) -> EmbeddedStore[Tx]:
    """A store with its queue and nothing of a company around it: for what an adapter does by itself."""
    url = sqlite_url(database)
    furnish(url)
    store: EmbeddedStore[Tx] = EmbeddedStore(url, clock)
    services = cast(Any, SimpleNamespace(jobs=EmbeddedJobs(store, clock), row_changed=lambda tx, row: None))
    store.bind(lambda session, now: Tx(session, now, services=services))
    return store
