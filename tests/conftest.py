from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from aiohttp import web_app
from hypothesis import settings

from core.store.tables import Base
from tests.world import World, open_world

settings.register_profile(
    "loopos", deadline=None
)  # these machines are shared: nothing is judged by the clock
settings.load_profile("loopos")


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
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def closed_houses_are_forgotten() -> Iterator[None]:
    """Two libraries keep every house of a process for ever in caches of theirs, which in a service holds one."""
    yield
    for mapper in Base.registry.mappers:
        mapper._compiled_cache.clear()
    web_app._cached_build_middleware.cache_clear()
