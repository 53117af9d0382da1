"""Schedules: files that become one reading, which changes once per turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.errors import Refused
from core.loop import schedules
from core.loop.schedules import Schedule, new_schedule, next_due, signals

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)


def after(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_28_a_one_shot_is_pending_then_due_and_stays_so() -> None:
    plan = {"x": new_schedule(NOW, 120, None)}
    assert [signals(plan, after(one))["x"] for one in (0, 119, 120, 9999)] == [
        "pending", "pending", "due", "due",
    ]  # fmt: skip


def test_28_a_recurring_one_counts_its_turns() -> None:
    plan = {"x": new_schedule(NOW, None, 60)}
    assert [signals(plan, after(one))["x"] for one in (0, 59, 60, 61, 119, 120)] == [0, 0, 1, 1, 1, 2]
    assert next_due(plan, after(61)) == after(120)


@pytest.mark.parametrize(("in_s", "every"), [(None, 59), (5, 60), (None, None), (-1, None), (None, 10**10)])
def test_28_under_a_minute_both_or_neither_is_refused(in_s: int | None, every: int | None) -> None:
    with pytest.raises(Refused):
        new_schedule(NOW, in_s, every)


def test_a_turn_that_was_missed_runs_once_or_is_skipped() -> None:
    once = {"x": new_schedule(NOW, None, 3600)}
    skip = {"x": new_schedule(NOW, None, 3600, if_missed="skip")}
    late = after(3 * 3600 + 1200)  # three turns went by while nobody looked
    assert signals(once, late, {"x": 0}) == {"x": 3}
    assert signals(skip, late, {"x": 0}) == {"x": 0}
    assert signals(skip, after(4 * 3600 + 5), {"x": 0}) == {"x": 4}, "the next one is on time"
    gone = {"x": new_schedule(NOW, 60, None, if_missed="skip")}
    assert signals(gone, after(3600), {"x": "pending"}) == {"x": "missed"}
    assert signals(gone, after(9999), {"x": "missed"}) == {"x": "missed"}
    assert signals(gone, after(62), {"x": "pending"}) == {"x": "due"}


def test_what_stands_in_a_file_comes_back_and_what_is_none_says_so(tmp_path: Path) -> None:
    plan = new_schedule(NOW, None, 3600, "rent", "skip")
    assert schedules.write(tmp_path, "rent", plan) == "rent"
    (tmp_path / "bad.json").write_text('{"every_s": 5}')
    (tmp_path / "worse.json").write_text("[")
    found = schedules.read_all(tmp_path)
    assert found == {"rent": plan, "bad": None, "worse": None}
    assert signals(found, NOW) == {"rent": 0, "bad": "invalid", "worse": "invalid"}
    schedules.drop(tmp_path, "rent")
    with pytest.raises(Refused):
        schedules.drop(tmp_path, "rent")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", ".x", "a b"])
def test_02_a_bad_name_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused):
        schedules.write(tmp_path, name, Schedule(at=NOW))
    assert list(tmp_path.iterdir()) == []


def test_a_hand_written_moment_without_an_offset_is_utc() -> None:
    value: dict[str, Any] = {"at": "2026-11-20T04:02:00"}
    assert schedules.of_json(value).at == after(120)
