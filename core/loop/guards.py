"""What keeps the loop from thinking too much: unchanged is idle, a failure waits, an hour has a ceiling. Pure: what was
remembered and the moment go in, a decision or what is remembered from now on comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

FIRST_WAIT: Final = 60
LONGEST_WAIT: Final = 300
"""Seconds after a failure: 60, 120, 240, 300, 300."""
CORRUPT_FAILS: Final = 4
"""As many a damaged record of failures counts for."""
FLAPPING: Final = 5
HOUR: Final = timedelta(hours=1)
LEAST_NUDGE: Final = 5

Why = Literal["unchanged", "backing_off", "capped", "unreadable"]


@dataclass(frozen=True, slots=True)
class Limits:
    noop_ttl: timedelta = timedelta(hours=6)
    """A decision to do nothing is taken anew after so long, though nothing changed; zero: never."""
    max_decides_per_hour: int = 120
    max_next_interval: int = 300
    flap_streak: int = FLAPPING


@dataclass(frozen=True, slots=True)
class Backoff:
    fails: int
    since: datetime
    policy_hash: str
    """Of what the founder had written then: an edit cuts the wait short, never the count."""

    @property
    def wait(self) -> timedelta:
        return timedelta(seconds=min(FIRST_WAIT * 2 ** min(self.fails - 1, 10), LONGEST_WAIT))


@dataclass(frozen=True, slots=True)
class Failure:
    at: datetime
    run_id: str
    code: str
    error: str
    fails: int


@dataclass(frozen=True, slots=True)
class Noop:
    at: datetime
    world_hash: str


@dataclass(frozen=True, slots=True)
class Flap:
    last: str
    streak: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What the beats before have left behind."""

    committed: str | None = ""
    """The world that was looked at and acted upon; "": none yet; None: what was written there cannot be read."""
    items: Mapping[str, str] = field(default_factory=dict)
    backoff: Backoff | None = None
    failure: Failure | None = None
    noop: Noop | None = None
    attempts: tuple[datetime, ...] = ()
    """When it was decided, or tried to, within the last hour."""
    next_wake: datetime | None = None
    """An earlier look that the last decision asked for."""
    flaps: Mapping[str, Flap] = field(default_factory=dict)
    last_output: str = ""
    """Of the last command, shown in exactly one later decision."""


@dataclass(frozen=True, slots=True)
class Idle:
    why: Why
    retry_at: datetime | None = None


def idle(
    memory: Memory, world_hash: str, policy_hash: str, now: datetime, *, forced: bool, limits: Limits
) -> Idle | None:
    """Why nothing is decided in this beat; None: it is time to decide. `forced`: a pulse's first beat, or somebody asked for it;
    it goes past the first gate alone."""
    if memory.committed is None:
        return Idle("unreadable")
    forced = forced or (memory.next_wake is not None and memory.next_wake <= now)
    if memory.committed == world_hash and not forced and not aged(memory.noop, world_hash, now, limits):
        return Idle("unchanged", memory.next_wake)
    backoff = memory.backoff
    if backoff is not None and backoff.policy_hash == policy_hash and now < backoff.since + backoff.wait:
        return Idle("backing_off", backoff.since + backoff.wait)
    lately = [one for one in memory.attempts if now - one < HOUR]
    if limits.max_decides_per_hour and len(lately) >= limits.max_decides_per_hour:
        return Idle("capped", lately[-limits.max_decides_per_hour] + HOUR)
    return None


def aged(noop: Noop | None, world_hash: str, now: datetime, limits: Limits) -> bool:
    """The last decision here was to do nothing, and long ago."""
    return (
        noop is not None
        and noop.world_hash == world_hash
        and bool(limits.noop_ttl)
        and now - noop.at > limits.noop_ttl
    )


def attempted(memory: Memory, now: datetime) -> Memory:
    """A decision is being tried: attempts count, not successes. A nudge that was due is used up; one that is still to come
    stays."""
    kept = tuple(one for one in memory.attempts if now - one < HOUR)
    due = memory.next_wake is not None and memory.next_wake <= now
    return replace(memory, attempts=(*kept, now), next_wake=None if due else memory.next_wake)


def succeeded(
    memory: Memory,
    world_hash: str,
    items: Mapping[str, str],
    now: datetime,
    *,
    noop: bool,
    next_interval: int | None,
    output: str,
    limits: Limits,
) -> Memory:
    """The world as it was sensed before the move is committed, so that the loop looks at its own effects once."""
    wake = memory.next_wake
    if next_interval is not None:
        wake = now + timedelta(seconds=nudge(next_interval, limits))
    return replace(
        memory,
        committed=world_hash,
        items=dict(items),
        backoff=None,
        failure=None,
        noop=Noop(now, world_hash) if noop else None,
        next_wake=wake,
        last_output=output,
    )


def nudge(seconds: int, limits: Limits) -> int:
    return max(LEAST_NUDGE, min(seconds, limits.max_next_interval))


def failed(memory: Memory, policy_hash: str, now: datetime, run_id: str, code: str, error: str) -> Memory:
    """Nothing is committed: the next beat finds the world as unseen as it was."""
    fails = (memory.backoff.fails if memory.backoff is not None else 0) + 1
    return replace(
        memory,
        backoff=Backoff(fails, now, policy_hash),
        failure=Failure(now, run_id, code, error, fails),
    )


def damaged(policy_hash: str, now: datetime) -> Backoff:
    """In the place of a record of failures that cannot be read."""
    return Backoff(CORRUPT_FAILS, now, policy_hash)


def flapped(before: Mapping[str, Flap], now: Mapping[str, str]) -> dict[str, Flap]:
    """How restless each snapshot is: one more with each change, one less when it is still. What was away begins anew."""
    found = {}
    for name, signal in now.items():
        old = before.get(name)
        if old is None:
            found[name] = Flap(signal)
        elif old.last == signal:
            found[name] = Flap(signal, max(0, old.streak - 1))
        else:
            found[name] = Flap(signal, old.streak + 1)
    return found


def flapping(flaps: Mapping[str, Flap], limits: Limits) -> list[str]:
    return sorted(
        name for name, one in flaps.items() if limits.flap_streak and one.streak >= limits.flap_streak
    )
