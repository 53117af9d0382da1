"""What the loop remembers between beats, as rows: each thing by itself, so that what is damaged is damaged alone.

Absent is fresh. A damaged record of failures counts as four of them, from now; a committed world that cannot be read keeps the
loop idle; a damaged list of attempts is an empty one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Tx
from core.loop import guards
from core.loop.guards import Backoff, Failure, Flap, Memory, Noop
from core.loop.world import canonical, parsed
from core.outbox.said_once import forget
from core.store.loop_tables import LoopGuard

T = TypeVar("T")
NAMES: Final = (
    "committed",
    "items",
    "backoff",
    "failure",
    "noop",
    "attempts",
    "next_wake",
    "flaps",
    "last_output",
)
DAMAGED: Final = "loop_unreadable"
"""What is said once of it."""
_SHAPES: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What a record that is none raises."""


def load(session: Session, policy_hash: str, now: datetime) -> Memory:
    rows = {row.name: row.value for row in session.scalars(select(LoopGuard))}
    return of_rows(rows, policy_hash, now)


def keep(tx: Tx, memory: Memory) -> None:
    """As it is from now on. Rows that say the same already are left alone."""
    wanted = to_rows(memory)
    for row in tx.session.scalars(select(LoopGuard).where(LoopGuard.name.in_(NAMES))).all():
        if row.name not in wanted:
            tx.session.delete(row)
        elif row.value != wanted[row.name]:
            row.value = wanted[row.name]
        wanted.pop(row.name, None)
    for name, value in wanted.items():
        tx.add(LoopGuard(name=name, value=value))
    tx.session.flush()


def mend(tx: Tx) -> bool:
    """A committed world that cannot be read keeps the loop idle until a person starts it anew; whether there was one."""
    row = tx.get(LoopGuard, "committed")
    if row is None or of_rows({"committed": row.value}, "", tx.now).committed is not None:
        return False
    tx.session.delete(row)
    forget(tx, DAMAGED)
    return True


def of_rows(rows: Mapping[str, str], policy_hash: str, now: datetime) -> Memory:
    """Pure."""

    def read(name: str, as_: Callable[[Any], T], absent: T, damaged: T) -> T:
        if name not in rows:
            return absent
        try:
            return as_(parsed(rows[name]))
        except _SHAPES:
            return damaged

    committed: str | None = read("committed", _text, "", None)
    return Memory(
        committed=committed,
        items=read("items", lambda value: {str(key): _text(one) for key, one in value.items()}, {}, {}),
        backoff=read("backoff", _backoff, None, guards.damaged(policy_hash, now)),
        failure=read("failure", _failure, None, None),
        noop=read("noop", lambda value: Noop(_time(value["at"]), _text(value["world_hash"])), None, None),
        attempts=read("attempts", lambda value: tuple(sorted(_time(one) for one in value)), (), ()),
        next_wake=read("next_wake", _time, None, None),
        flaps=read(
            "flaps",
            lambda value: {
                str(key): Flap(_text(one["last"]), int(one["streak"])) for key, one in value.items()
            },
            {},
            {},
        ),
        last_output=read("last_output", _text, "", ""),
    )


def to_rows(memory: Memory) -> dict[str, str]:
    """Pure; what is empty is no row. A committed world that cannot be read stays as it is."""
    found: dict[str, Any] = {
        "items": dict(memory.items),
        "attempts": [one.isoformat() for one in memory.attempts],
        "next_wake": memory.next_wake.isoformat() if memory.next_wake else None,
        "flaps": {name: {"last": one.last, "streak": one.streak} for name, one in memory.flaps.items()},
        "last_output": memory.last_output,
        "committed": memory.committed,
    }
    if memory.backoff is not None:
        back = memory.backoff
        found["backoff"] = {
            "fails": back.fails,
            "since": back.since.isoformat(),
            "policy_hash": back.policy_hash,
        }
    if memory.failure is not None:
        one = memory.failure
        found["failure"] = {
            "at": one.at.isoformat(),
            "run_id": one.run_id,
            "code": one.code,
            "error": one.error,
            "fails": one.fails,
        }
    if memory.noop is not None:
        found["noop"] = {"at": memory.noop.at.isoformat(), "world_hash": memory.noop.world_hash}
    rows = {name: canonical(value) for name, value in found.items() if value not in (None, "", [], {})}
    if memory.committed is None:
        rows["committed"] = "damaged"
    return rows


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _time(value: Any) -> datetime:
    found = datetime.fromisoformat(_text(value))
    if found.tzinfo is None:
        raise ValueError(value)
    return found


def _backoff(value: Any) -> Backoff:
    fails = value["fails"]
    if not isinstance(fails, int) or isinstance(fails, bool) or fails < 1:
        raise ValueError(fails)
    return Backoff(fails, _time(value["since"]), _text(value["policy_hash"]))


def _failure(value: Any) -> Failure:
    return Failure(
        _time(value["at"]),
        _text(value["run_id"]),
        _text(value["code"]),
        _text(value["error"]),
        int(value["fails"]),
    )


# --- what is kept beside it: records of its own, a damaged one is an empty one

SEEN: Final = "seen"
"""What was told of last, whether or not anything was decided about it."""
COMMANDS: Final = "commands"
"""What config.json let run at the last look."""
ACTED: Final = "acted"
"""When each goal was last acted on."""


def record(session: Session, name: str) -> dict[str, Any]:
    row = session.get(LoopGuard, name)
    try:
        value = parsed(row.value) if row is not None else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def keep_record(tx: Tx, name: str, value: Mapping[str, Any]) -> None:
    row = tx.get(LoopGuard, name)
    if row is None:
        tx.add(LoopGuard(name=name, value=canonical(value)))
    else:
        row.value = canonical(value)


def touch(tx: Tx, goal: str, at: datetime) -> None:
    """A goal was acted on."""
    keep_record(tx, ACTED, {**record(tx.session, ACTED), goal: at.isoformat()})


def acted_at(session: Session) -> dict[str, datetime | None]:
    """When each goal was last acted on."""
    try:
        return {name: _time(at) for name, at in record(session, ACTED).items()}
    except _SHAPES:
        return {}
