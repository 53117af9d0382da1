"""What the loop looks at, as one value: it is compared, and said in a hash. Unchanged costs nothing.

Looked at: PLAYBOOK, each goal, of each snapshot what may wake (`signal` where there is one, else all of it). Not: `detail`,
the clock, the journal, reports, tells, configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NoReturn

UNREADABLE: Final = b"\x00unreadable"
"""Stands for what is there and cannot be read: a reading like any other."""
KEPT: Final = 4000
"""Characters of a signal that are remembered as they are; of a longer one the beginning and a digest."""
SHOWN: Final = 200
"""Characters of a signal in a list of changes."""


@dataclass(frozen=True)
class World:
    """One reading. None: it is there and cannot be read."""

    playbook: bytes | None
    goals: Mapping[str, bytes | None] = field(default_factory=dict)
    snapshots: Mapping[str, bytes | None] = field(default_factory=dict)

    @cached_property
    def hash(self) -> str:
        """Each part with its length before it: no two readings run together into the same bytes."""
        found = hashlib.sha256()
        for name, data in self._parts:
            for part in (name.encode("utf-8", "surrogatepass"), data):
                found.update(len(part).to_bytes(8, "big"))
                found.update(part)
        return found.hexdigest()

    @cached_property
    def items(self) -> dict[str, str]:
        """`playbook`, `goal:ID`, `snap:NAME` -> a digest, or the signal where it is short."""
        return {
            name: _shown(data) if name.startswith("snap:") else hashlib.sha256(data).hexdigest()[:16]
            for name, data in self._parts
        }

    @cached_property
    def policy_hash(self) -> str:
        """Of what a person wrote: PLAYBOOK and goals alone."""
        return World(self.playbook, self.goals).hash

    @cached_property
    def _parts(self) -> list[tuple[str, bytes]]:
        return list(self._read())

    def _read(self) -> Iterator[tuple[str, bytes]]:
        yield "playbook", UNREADABLE if self.playbook is None else self.playbook
        for name, data in sorted(self.goals.items()):
            yield f"goal:{name}", UNREADABLE if data is None else data
        for name, data in sorted(self.snapshots.items()):
            yield f"snap:{name}", wake_part(data)


def wake_part(data: bytes | None) -> bytes:
    """Of a snapshot what may wake the loop. What is no JSON counts as it is."""
    if data is None:
        return UNREADABLE
    try:
        value = parsed(data)
    except ValueError:
        return data
    if isinstance(value, dict) and "signal" in value:
        value = value["signal"]
    return canonical(value).encode("utf-8", "surrogatepass")


def parsed(data: bytes | str) -> Any:
    """JSON, and nothing that only calls itself so: NaN is no number. Raises ValueError."""
    try:
        return json.loads(data, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("deeper than anybody reads") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def canonical(value: Any) -> str:
    """The same value is the same text, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _shown(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    if len(text) <= KEPT:
        return text
    return f"{text[:SHOWN]}… #{hashlib.sha256(data).hexdigest()[:16]}"


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= SHOWN + 20 else f"{text[:SHOWN]}…"


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What is another between two readings, a line each: `goal:setup gone`, `snap:sensor-today "a" -> "b"`."""
    found = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if old is None:
            found.append(f"{name} new" + (f": {_cut(new)}" if name.startswith("snap:") else ""))
        elif new is None:
            found.append(f"{name} gone")
        else:
            found.append(
                f"{name}: {_cut(old)} -> {_cut(new)}" if name.startswith("snap:") else f"{name} changed"
            )
    return found
