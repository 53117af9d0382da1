"""The fault run, short: every kind of fault of each platform once while some 40 messages go through."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.run import MODES, go


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
async def test_nothing_is_lost_and_nothing_is_doubled(tmp_path: Path, mode: str) -> None:
    result = await go(mode, messages=40, seed=7, home=tmp_path)
    assert not result.broken, result.line()
