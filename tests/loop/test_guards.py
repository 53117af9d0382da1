"""When the loop thinks, and when it lets it be (acceptance cases 8 to 14, 20, 33)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.loop import guards
from core.loop.guards import Backoff, Flap, Idle, Limits, Memory, Noop

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LIMITS = Limits()
SEEN = Memory(committed="w1")


def why(
    memory: Memory, world: str = "w1", policy: str = "p", at: datetime = NOW, forced: bool = False
) -> str:
    found = guards.idle(memory, world, policy, at, forced=forced, limits=LIMITS)
    return found.why if found is not None else "decide"


def done(
    memory: Memory, noop: bool = True, at: datetime = NOW, nudge: int | None = None, output: str = ""
) -> Memory:
    return guards.succeeded(
        memory, "w1", {"playbook": "x"}, at, noop=noop, next_interval=nudge, output=output, limits=LIMITS
    )


def test_08_an_unchanged_world_is_left_alone_and_a_changed_one_is_not() -> None:
    memory = done(Memory())
    assert (memory.committed, memory.items) == ("w1", {"playbook": "x"})
    assert why(memory) == "unchanged"
    assert why(memory, "w2") == "decide"
    assert why(memory, forced=True) == "decide"
    assert why(Memory()) == "decide", "nothing was looked at yet"


def test_09_doing_nothing_is_thought_over_after_six_hours_at_the_same_world_alone() -> None:
    memory = done(Memory())
    late = NOW + timedelta(hours=6, seconds=1)
    assert why(memory, at=NOW + timedelta(hours=6)) == "unchanged"
    assert why(memory, at=late) == "decide"
    assert why(replace(memory, noop=Noop(NOW, "w0")), at=late) == "unchanged"
    assert why(done(memory, noop=False), at=late) == "unchanged", "a real move was no doing nothing"
    never = Limits(noop_ttl=timedelta())
    assert guards.idle(memory, "w1", "p", late, forced=False, limits=never) is not None


def test_10_a_failure_waits_whatever_the_sensors_do_and_an_edit_cuts_the_wait_short() -> None:
    memory = guards.failed(SEEN, "p", NOW, "tick-1", "timeout", "it hung")
    soon = NOW + timedelta(seconds=59)
    assert (memory.committed, memory.backoff) == ("w1", Backoff(1, NOW, "p"))
    assert why(memory, "w2", at=soon) == "backing_off"
    assert why(memory, "w3", at=soon, forced=True) == "backing_off"
    assert why(memory, "w2", policy="edited", at=soon) == "decide"
    again = guards.failed(memory, "edited", soon, "tick-2", "timeout", "it hung")
    assert again.backoff is not None and again.backoff.fails == 2, "the wait was cut, not the count"
    assert again.failure is not None and (again.failure.run_id, again.failure.fails) == ("tick-2", 2)
    well = done(again)
    assert (well.backoff, well.failure) == (None, None)


def test_11_the_waits_grow_to_five_minutes() -> None:
    memory, waits = SEEN, []
    for _ in range(5):
        memory = guards.failed(memory, "p", NOW, "t", "c", "e")
        assert memory.backoff is not None
        waits.append(memory.backoff.wait.total_seconds())
        assert why(memory, "w2", at=NOW + memory.backoff.wait) == "decide"
    assert waits == [60, 120, 240, 300, 300]
    assert guards.damaged("p", NOW).wait == timedelta(seconds=300)
    assert guards.damaged("p", NOW).fails == 4
    assert Backoff(10**6, NOW, "p").wait == timedelta(seconds=300)


def test_12_what_was_committed_cannot_be_read() -> None:
    memory = Memory(committed=None)
    assert why(memory) == why(memory, "w2", forced=True) == "unreadable"


def test_13_attempts_in_an_hour_have_a_ceiling_whoever_asks() -> None:
    memory = SEEN
    for number in range(120):
        assert why(memory, "w2", at=NOW + timedelta(seconds=number)) == "decide"
        memory = guards.attempted(memory, NOW + timedelta(seconds=number))
    at = NOW + timedelta(minutes=30)
    found = guards.idle(memory, "w2", "p", at, forced=True, limits=LIMITS)
    assert found == Idle("capped", NOW + timedelta(hours=1))
    assert memory.backoff is None
    assert why(memory, "w2", at=NOW + timedelta(hours=1)) == "decide"
    assert len(guards.attempted(memory, NOW + timedelta(hours=2)).attempts) == 1
    assert guards.idle(memory, "w2", "p", at, forced=False, limits=Limits(max_decides_per_hour=0)) is None


@pytest.mark.parametrize(
    ("signals", "streaks"),
    [
        ("abcdef", [0, 1, 2, 3, 4, 5]),  # five changes in a row
        ("abcdeff", [0, 1, 2, 3, 4, 5, 4]),  # one still beat, and it is not flagged any more
        ("aaab", [0, 0, 0, 1]),
        ("abcc", [0, 1, 2, 1]),
        ("a bcde", [0, None, 0, 1, 2, 3]),  # away for one beat: it begins anew
    ],
)
def test_14_a_restless_signal(signals: str, streaks: list[int | None]) -> None:
    flaps: dict[str, Flap] = {}
    seen = []
    for one in signals:
        flaps = guards.flapped(flaps, {} if one == " " else {"snap:x": one})
        seen.append(flaps["snap:x"].streak if "snap:x" in flaps else None)
    assert seen == streaks
    assert (guards.flapping(flaps, LIMITS) == ["snap:x"]) is (seen[-1] == 5)


def test_14_change_change_still_is_flagged_in_the_fourth_cycle() -> None:
    flaps, value, flagged = guards.flapped({}, {"x": "0"}), 0, 0
    for cycle in range(1, 5):
        for still in (False, False, True):
            value += not still
            flaps = guards.flapped(flaps, {"x": str(value)})
            if not flagged and guards.flapping(flaps, LIMITS):
                flagged = cycle
    assert flagged == 4


def test_20_what_a_command_printed_is_shown_until_a_decision_succeeded() -> None:
    memory = done(Memory(), noop=False, output="ls: 3 files")
    assert guards.failed(memory, "p", NOW, "t", "c", "e").last_output == "ls: 3 files"
    assert done(memory).last_output == ""


def test_33_a_nudge_waits_through_idle_beats_is_used_up_by_an_attempt_and_a_newer_one_stays() -> None:
    memory = done(Memory(), noop=False, nudge=30)
    due = NOW + timedelta(seconds=30)
    assert memory.next_wake == due
    assert why(memory) == "unchanged"
    assert why(memory, at=due) == "decide"
    assert guards.attempted(memory, due - timedelta(seconds=1)).next_wake == due
    assert guards.attempted(memory, due).next_wake is None
    newer = replace(memory, next_wake=due + timedelta(minutes=1))
    assert guards.attempted(newer, due).next_wake == due + timedelta(minutes=1)
    waiting = guards.failed(memory, "p", due, "t", "c", "e")
    assert why(waiting, at=due + timedelta(seconds=1)) == "backing_off", "overdue: it does not spin"


@pytest.mark.parametrize(("asked", "given"), [(1, 5), (5, 5), (60, 60), (300, 300), (5000, 300), (-3, 5)])
def test_33_a_nudge_is_held_within_bounds(asked: int, given: int) -> None:
    assert done(Memory(), nudge=asked).next_wake == NOW + timedelta(seconds=given)
