"""A company on two chat platforms, and programs that act for its people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.clients.programs import Programs
from tests.platforms import House, open_house

TEAM = [
    ("ben", "slack"),
    ("ben", "telegram"),
    ("shirley", "slack"),
    ("haru", "telegram"),
    ("celine", "slack"),
]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, TEAM, LOOPOS_BASE_URL="") as one:
        yield one


@pytest.fixture
async def programs(house: House) -> AsyncIterator[Programs]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Programs(house, http)
