"""Moments that the loop is woken at: files of its folder, read as one reading. What a person edits counts. Pure but for the
files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from core import names
from core.errors import Refused
from core.files import put
from core.loop.world import canonical, parsed

LEAST_EVERY: Final = 60
LATE: Final = timedelta(seconds=180)
"""A turn that is later than this was missed."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Once at `at`, or every `every_s` seconds from `anchor` on."""

    at: datetime | None = None
    every_s: int | None = None
    anchor: datetime | None = None
    note: str = ""
    if_missed: str = "run_once"
    """Or skip: of what its turn came to while nobody looked."""


def new_schedule(
    now: datetime, in_s: int | None, every_s: int | None, note: str = "", if_missed: str = "run_once"
) -> Schedule:
    """Raises Refused("bad_schedule")."""
    if (in_s is None) == (every_s is None) or if_missed not in {"run_once", "skip"}:
        raise Refused("bad_schedule")
    if in_s is not None:
        if not 0 <= in_s <= 10**9:
            raise Refused("bad_schedule")
        return Schedule(at=now + timedelta(seconds=in_s), note=note, if_missed=if_missed)
    assert every_s is not None
    if not LEAST_EVERY <= every_s <= 10**9:
        raise Refused("bad_schedule")
    return Schedule(every_s=every_s, anchor=now, note=note, if_missed=if_missed)


def write(folder: Path, name: str, schedule: Schedule) -> str:
    """Returns its name as it is kept. Raises Refused("bad_id")."""
    kept = names.checked(name)
    value = {
        "at": schedule.at.isoformat() if schedule.at is not None else None,
        "every_s": schedule.every_s,
        "anchor": schedule.anchor.isoformat() if schedule.anchor is not None else None,
        "note": schedule.note,
        "if_missed": schedule.if_missed,
    }
    put(folder / f"{kept}.json", canonical({key: one for key, one in value.items() if one is not None}))
    return kept


def drop(folder: Path, name: str) -> str:
    """Raises Refused("bad_id" | "unknown_schedule")."""
    kept = names.checked(name)
    path = folder / f"{kept}.json"
    if not path.is_file():
        raise Refused("unknown_schedule", schedule=kept)
    path.unlink()
    return kept


def read_all(folder: Path) -> dict[str, Schedule | None]:
    """By name; None: what stands there is none."""
    found: dict[str, Schedule | None] = {}
    for path in sorted(folder.glob("*.json")):
        if names.is_id(path.stem) and not path.name.startswith("."):
            try:
                found[path.stem] = of_json(parsed(path.read_bytes()))
            except (OSError, ValueError, TypeError, KeyError, AttributeError):
                found[path.stem] = None
    return found


def of_json(value: Mapping[str, Any]) -> Schedule:
    """Raises ValueError, TypeError."""
    at, every = value.get("at"), value.get("every_s")
    if (at is None) == (every is None):
        raise ValueError("one of at and every_s")
    if every is not None and (
        isinstance(every, bool) or not isinstance(every, int) or not LEAST_EVERY <= every <= 10**9
    ):
        raise ValueError("every_s")
    return Schedule(
        _moment(at) if at is not None else None,
        every,
        _moment(value["anchor"]) if every is not None else None,
        str(value.get("note") or ""),
        str(value.get("if_missed") or "run_once"),
    )


def _moment(text: Any) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def signals(
    schedules: Mapping[str, Schedule | None], now: datetime, before: Mapping[str, Any] | None = None
) -> dict[str, str | int]:
    """By name: pending, due; the number of its turn; missed; invalid. It changes once per turn. `before`: as it was told at the
    last look, so that a turn that was missed and is skipped changes nothing."""
    return {name: _signal(one, now, (before or {}).get(name)) for name, one in schedules.items()}


def _signal(one: Schedule | None, now: datetime, before: Any) -> str | int:
    if one is None:
        return "invalid"
    if one.at is not None:
        if now < one.at:
            return "pending"
        if one.if_missed == "skip" and (before == "missed" or (before != "due" and now - one.at > LATE)):
            return "missed"
        return "due"
    assert one.every_s is not None
    assert one.anchor is not None
    turn = max(0, int((now - one.anchor).total_seconds() // one.every_s))
    begun = one.anchor + timedelta(seconds=turn * one.every_s)
    missed = one.if_missed == "skip" and isinstance(before, int) and before < turn and now - begun > LATE
    return before if missed else turn


def next_due(schedules: Mapping[str, Schedule | None], now: datetime) -> datetime | None:
    """When the next of them changes; None: none will."""
    moments = []
    for one in schedules.values():
        if one is None:
            continue
        if one.at is not None:
            if one.at > now:
                moments.append(one.at)
        elif one.every_s is not None and one.anchor is not None:
            turn = max(0, int((now - one.anchor).total_seconds() // one.every_s)) + 1
            moments.append(one.anchor + timedelta(seconds=turn * one.every_s))
    return min(moments, default=None)
