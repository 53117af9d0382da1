"""What is done where nobody thinks: the house's own readings, by rule, one move at a time. Pure.

A reading is told of once for each of its contents: what it says now and did not say at the last look. Worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from core.i18n import N_, Words
from core.loop.moves import Move, Noop, Notify
from core.loop.world import World, parsed

Told = Callable[[Any, Any, Words], str]
"""(what it says, what it said, the founder's language) -> the sentence; "": nothing new."""


def decide(world: World, before: Mapping[str, str], words: Words) -> Move:
    """`before`: the items of the world that was looked at last. All that is new in one reading is one notice; where several
    readings have news they go together, the worst first, since this look counts as one of all."""
    said = [*_due(world, before, words), *_workers(world, before, words), *_failing(world, before, words)]
    for name, told in REFLEXES.items():
        now = _signal(world.snapshots.get(f"sensor-{name}"))
        if now is None:
            continue
        sentence = told(now, _earlier(before.get(f"snap:sensor-{name}")), words)
        if sentence:
            said.append(sentence)
    if said:
        return Notify(action="notify", message=" ".join(said))
    return Noop(action="noop", reason="nothing new")


def _due(world: World, before: Mapping[str, str], words: Words) -> list[str]:
    """Schedules whose moment has come: what their note says."""
    reading = _value(world.snapshots.get("sys-schedules"))
    now, was = reading.get("signal"), _earlier(before.get("snap:sys-schedules"))
    notes = reading.get("detail", {}).get("notes", {}) if isinstance(reading.get("detail"), dict) else {}
    if not isinstance(now, dict):
        return []
    known = was if isinstance(was, dict) else {}
    fresh = [
        name
        for name, one in now.items()
        if (one == "due" or (isinstance(one, int) and one > 0)) and known.get(name) != one
    ]
    return [
        words(N_("It is time for {name}: {note}"), name=name, note=notes.get(name) or "–") for name in fresh
    ]


def _workers(world: World, before: Mapping[str, str], words: Words) -> list[str]:
    """Workers that failed, whose check did, or that are silent for long, and were not at the last look. One that somebody ended
    is no news."""
    now = _signal(world.snapshots.get("sys-sessions"))
    was = _earlier(before.get("snap:sys-sessions"))
    if not isinstance(now, list):
        return []
    known = {one["id"]: one for one in was} if isinstance(was, list) else {}
    found = []
    for one in now:
        earlier = known.get(one["id"], {})
        if one["state"] == "exited" and one["exit_code"] and earlier.get("state") != "exited":
            found.append(
                words(
                    N_("{worker} has ended before it was done (exit {code})."),
                    worker=one["id"],
                    code=one["exit_code"],
                )
            )
        if one.get("verify") == "fail" and earlier.get("verify") != "fail":
            found.append(words(N_("The check of {worker} says that it is not done."), worker=one["id"]))
        if one["health"] == "stuck" and earlier.get("health") != "stuck":
            found.append(words(N_("{worker} has been silent for long."), worker=one["id"]))
    return found


def _failing(world: World, before: Mapping[str, str], words: Words) -> list[str]:
    """Sensors that failed and did not at the last look; one that waits for a yes is asked about already."""
    found = []
    for name, data in world.snapshots.items():
        if not name.startswith("sensor-"):
            continue
        now, was = _signal(data), _earlier(before.get(f"snap:{name}"))
        if isinstance(now, dict) and now.get("error") and not now.get("pending") and now != was:
            why = f"exit {now['exit_code']}" if "exit_code" in now else str(now["error"])
            found.append(
                words(N_("The sensor {name} fails: {why}."), name=name.removeprefix("sensor-"), why=why)
            )
    return found


def _value(data: bytes | None) -> dict[str, Any]:
    try:
        value = parsed(data or b"")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _signal(data: bytes | None) -> Any:
    if data is None:
        return None
    try:
        value = parsed(data)
    except ValueError:
        return None
    return value.get("signal") if isinstance(value, dict) else None


def _earlier(item: str | None) -> Any:
    """Of what is remembered of a reading; a long one is only a digest, and counts as unknown."""
    if item is None:
        return None
    try:
        return parsed(item)
    except ValueError:
        return None


def _new(now: Any, before: Any, key: str) -> list[str]:
    """Of a list in the signal what was not in it before."""
    if not isinstance(now, dict) or not isinstance(now.get(key), list):
        return []
    known = before.get(key) if isinstance(before, dict) else None
    return [str(one) for one in now[key] if not isinstance(known, list) or one not in known]


def _named(text: str, key: str) -> Told:
    def told(now: Any, before: Any, words: Words) -> str:
        fresh = _new(now, before, key)
        return words(text, which=", ".join(fresh)) if fresh else ""

    return told


def _state(texts: Mapping[str, str]) -> Told:
    def told(now: Any, before: Any, words: Words) -> str:
        text = texts.get(str(now)) if now != before else None
        return words(text) if text is not None else ""

    return told


def _both(*every: Told) -> Told:
    return lambda now, before, words: " ".join(one for told in every if (one := told(now, before, words)))


REFLEXES: Final[Mapping[str, Told]] = {
    "stays": _both(
        _named(N_("Not done before the next guest at this pace: {which}."), "threatened"),
        _named(N_("The reservations of these cannot be read: {which}."), "unreadable"),
    ),
    "dispatches": _named(N_("Nobody has taken: {which}."), "nobody_took"),
    "tickets": _named(N_("Overdue: {which}."), "overdue"),
    "vendors": _named(N_("Silent for longer than usual: {which}."), "silent"),
    "budget": _both(
        _named(N_("Over this month's budget: {which}."), "over"),
        _named(N_("On the way over this month's budget: {which}."), "pace"),
    ),
    "line-quota": _state(
        {
            "low": N_("This month's LINE messages are nearly used up."),
            "spent": N_("This month's LINE messages are used up."),
        }
    ),
    "models": _state(
        {
            "pace": N_("At this pace the month's money for models will not last."),
            "spent": N_("This month's money for models is spent."),
        }
    ),
    "cover": _both(
        _named(N_("Nobody looks after: {which}."), "uncovered"),
        _named(N_("On site without a backup: {which}."), "no_backup"),
    ),
}
