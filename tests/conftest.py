from __future__ import annotations

import ctypes
import gc
import logging
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from aiohttp import web_app
from hypothesis import settings
from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.util import LRUCache

from core.store.tables import Base
from tests.world import World, open_world

settings.register_profile(
    "loopos", deadline=None
)  # these machines are shared: nothing is judged by the clock
settings.load_profile("loopos")


def pytest_configure(config: pytest.Config) -> None:
    """Once in a fresh clone: hypothesis sorts all of Unicode, which takes 200 MB of whatever process does it, and keeps
    the result in a file."""
    if not hasattr(config, "workerinput") and not Path(".hypothesis", "unicode_data").exists():
        code = "from hypothesis import strategies as st; st.text().validate()"
        subprocess.run([sys.executable, "-c", code], check=False)


# Each house has engines of its own, and each engine would compile every statement anew: a third of what a test takes. All of
# them speak to the same kind of database: one dialect is as good as another, and they share what is compiled.
_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(2000)
pysqlite.dialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
pysqlite.dialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
_made = Engine.__init__


def _share_what_is_compiled(self: Engine, *args: Any, **kwargs: Any) -> None:
    _made(self, *args, **kwargs)
    self._compiled_cache = _COMPILED


Engine.__init__ = _share_what_is_compiled  # type: ignore[method-assign]

# Every client of a vendor reads the certificates of the world for itself, 20 ms each, and talks to a fake without TLS.
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]


def _log_plainly() -> None:
    """As structlog does by itself, but for the traceback in boxes and colours with every variable of every frame: half a
    second each."""
    structlog.reset_defaults()
    drawn = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], drawn])


_log_plainly()

_libc = ctypes.CDLL(None)
if hasattr(_libc, "mallopt"):
    # Hundreds of houses are built and torn down in one process, each with threads of its own. glibc would give each
    # thread an arena and keep large blocks in it (a decoded photo: 30 MB); this way they go back when they are free.
    M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
    _libc.mallopt(M_ARENA_MAX, 2)
    _libc.mallopt(M_MMAP_THRESHOLD, 256 * 1024)
EVERY: Final = 10
"""Tests between two big cleanings."""
_cleaned = count(1)


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not walk over 300,000 objects of it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)  # when the test's house is down
def pytest_runtest_teardown() -> None:
    if next(_cleaned) % EVERY == 0:
        gc.collect()
        gc.freeze()  # what is imported late stays as well
        if hasattr(_libc, "malloc_trim"):
            _libc.malloc_trim(0)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as one:
        yield one


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """A command that is run in this process sets the log up for itself, and the next test must not find it so."""
    root = logging.getLogger()
    level, handlers, raises = root.level, root.handlers[:], logging.raiseExceptions
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.raiseExceptions = raises
    _log_plainly()


@pytest.fixture(autouse=True)
def closed_houses_are_forgotten() -> Iterator[None]:
    """Two libraries keep every house of a process for ever in caches of theirs, which in a service holds one."""
    yield
    for mapper in Base.registry.mappers:
        mapper._compiled_cache.clear()
    web_app._cached_build_middleware.cache_clear()
