from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.adapters import ADAPTERS, House


@pytest.fixture(params=list(ADAPTERS))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    """Opens the adapter on the test's database: once more is the process that comes after a death."""
    return lambda: ADAPTERS[request.param](tmp_path)


@pytest.fixture
async def house(opened: Callable[[], Any]) -> AsyncIterator[House]:
    async with opened() as one:
        yield one
