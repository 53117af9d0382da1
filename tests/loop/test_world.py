"""What counts as another world (acceptance cases 5, 7, 19)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.loop.world import World, changes, parsed, wake_part


def snap(value: Any) -> bytes:
    return json.dumps(value).encode()


def of(snapshot: bytes | None = None, playbook: bytes | None = b"p", **goals: bytes | None) -> World:
    return World(playbook, goals, {} if snapshot is None else {"sensor-x": snapshot})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (snap({"signal": 1, "detail": "a"}), snap({"signal": 1, "detail": "b"}), True),
        (snap({"signal": {"a": 1, "b": 2}}), b'{"detail": 0, "signal": {"b": 2, "a": 1}}', True),
        (snap({"signal": 1}), snap({"signal": 2}), False),
        (snap({"a": 1, "b": 2}), b'{"b":2,"a":1}', True),
        (snap({"a": 1}), snap({"a": 1, "b": None}), False),
        (b"plain text a", b"plain text b", False),  # no JSON: as it is
        (b"NaN", b"Infinity", False),
        (b'{"signal": NaN}', b'{"signal": NaN, "detail": 1}', False),
        (b"1", b"1.0", False),
    ],
)
def test_07_what_wakes_is_the_signal_or_all_of_it(one: bytes, other: bytes, same: bool) -> None:
    assert (of(one).hash == of(other).hash) is same


def test_07_every_part_counts_and_none_runs_into_the_next() -> None:
    base = of(snap({"signal": 1}), setup=b"goal: a")
    others = [
        of(snap({"signal": 1}), playbook=b"q", setup=b"goal: a"),
        of(snap({"signal": 1}), playbook=None, setup=b"goal: a"),
        of(snap({"signal": 1}), setup=b"goal: b"),
        of(snap({"signal": 1}), setup=None),
        of(snap({"signal": 1}), other=b"goal: a"),
        of(snap({"signal": 1})),
        of(setup=b"goal: a"),
        World(b"p", {"setup": b"goal: a"}, {"sensor-y": snap({"signal": 1})}),
        World(b"p", {"setup": b"goal: a"}, {"sensor-x": None}),
        World(b"pgoal:setupgoal: a", {}, {"sensor-x": snap({"signal": 1})}),
    ]
    hashes = {one.hash for one in [base, *others]}
    assert len(hashes) == len(others) + 1


def test_07_the_policy_is_what_a_person_wrote() -> None:
    assert of(snap({"signal": 1}), a=b"x").policy_hash == of(snap({"signal": 2}), a=b"x").policy_hash
    assert of(a=b"x").policy_hash != of(a=b"y").policy_hash


def test_19_what_changed_is_told_a_line_each() -> None:
    before = of(snap({"signal": "dry"}), setup=b"1", gone=b"x").items
    now = World(
        b"q", {"setup": b"2", "fresh": b""}, {"sensor-x": snap({"signal": "wet"}), "sensor-y": b"7"}
    ).items
    assert changes(before, now) == [
        "goal:fresh new",
        "goal:gone gone",
        "goal:setup changed",
        "playbook changed",
        'snap:sensor-x: "dry" -> "wet"',
        "snap:sensor-y new: 7",
    ]
    assert changes(now, now) == []
    long = World(b"", {}, {"s": snap({"signal": "x" * 5000})}).items["snap:s"]
    assert len(long) < 300


@pytest.mark.parametrize("text", [b"[" * 200_000, b'{"a": Infinity}', b"", b"\xff"])
def test_what_only_calls_itself_json_is_no_reading_to_fall_over(text: bytes) -> None:
    with pytest.raises(ValueError):
        parsed(text)
    assert wake_part(text) == text
    assert of(text).hash
