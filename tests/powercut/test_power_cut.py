"""What a power cut leaves: 50 cuts, and not one acknowledged row lost.

kill -9 cannot show a missing fsync (the kernel still has the pages), so every write and sync of the real
service is written down by a preloaded library, and the disk is rebuilt as it could stand after a cut at any
moment: all that was synced, and of the rest only what a coin keeps. A second run with synchronous=OFF proves
that the test can see the loss it looks for."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

COMPILER = shutil.which("cc") or shutil.which("gcc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine: apt-get install gcc")
HERE = Path(__file__).parent
CUTS = 50
MESSAGES = 120


@dataclass(frozen=True)
class Step:
    kind: str
    file: int
    offset: int
    length: int
    data: bytes


def steps_of(log: Path) -> list[Step]:
    raw, at, found = log.read_bytes(), 0, []
    while at + 25 <= len(raw):
        kind, file, offset, length = struct.unpack_from("<cQQQ", raw, at)
        at += 25
        carries = kind in {b"W", b"A"}
        found.append(Step(kind.decode(), file, offset, length, raw[at : at + length] if carries else b""))
        at += length if carries else 0
    return found


def path_id(path: str) -> int:
    value = 14695981039346656037
    for byte in path.encode():
        value = ((value ^ byte) * 1099511628211) % 2**64
    return value


def apply(disk: dict[int, bytearray], step: Step) -> None:
    content = disk.setdefault(step.file, bytearray())
    if step.kind == "W":
        if len(content) < step.offset:
            content.extend(bytes(step.offset - len(content)))
        content[step.offset : step.offset + step.length] = step.data
    elif step.kind == "T":
        del content[step.offset :]
        content.extend(bytes(step.offset - len(content)))
    elif step.kind == "U":
        disk.pop(step.file, None)


def disk_after_cut(steps: list[Step], cut: int, rng: random.Random) -> dict[int, bytearray]:
    """Every file as it may stand if the power goes before step `cut`."""
    last_sync = {step.file: index for index, step in enumerate(steps[:cut]) if step.kind == "S"}
    disk: dict[int, bytearray] = {}
    for index, step in enumerate(steps[:cut]):
        if step.kind not in {"W", "T", "U"}:
            continue
        # Directory changes (unlink) are taken as kept: the journal is never deleted while the service runs.
        certain = index < last_sync.get(step.file, -1) or step.kind == "U"
        if certain or rng.random() < 0.5:
            apply(disk, step)
    return disk


def traced_run(tmp_path: Path, environment: dict[str, str]) -> tuple[list[Step], Path]:
    assert COMPILER is not None
    library, log, home = tmp_path / "trace.so", tmp_path / "trace.log", tmp_path / "home"
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", "-O1", "-o", library, HERE / "trace.c", "-ldl", "-lpthread"],
        check=True,
    )
    with (tmp_path / "acks").open("wb") as acks:
        subprocess.run(
            [
                "bash",
                "-c",
                f'exec 7>&{acks.fileno()}; exec "$0" -m tests.powercut.writer "$1" "$2"',
                sys.executable,
                str(home),
                str(MESSAGES),
            ],
            check=True,
            pass_fds=[acks.fileno()],
            timeout=120,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                **environment,
                "LD_PRELOAD": str(library),
                "TRACE_LOG": str(log),
                "TRACE_UNDER": str(home),
                "TRACE_ACK": "7",
            },
        )
    return steps_of(log), home


def lost_after_cuts(steps: list[Step], home: Path, folder: Path, seed: int) -> tuple[int, int]:
    """(acknowledged rows looked for, rows of them that were lost) over CUTS cuts."""
    rng = random.Random(seed)
    first_ack = next(index for index, step in enumerate(steps) if step.kind == "A")
    looked, lost = 0, 0
    for number in range(CUTS):
        cut = rng.randint(first_ack + 1, len(steps))
        acknowledged = {
            line for step in steps[:cut] if step.kind == "A" for line in step.data.decode().split()
        }
        disk = disk_after_cut(steps, cut, rng)
        place = folder / f"cut-{number}"
        place.mkdir()
        for suffix in ("", "-wal"):
            content = disk.get(path_id(str(home / f"loopos.db{suffix}")))
            if content is not None:
                (place / f"loopos.db{suffix}").write_bytes(content)
        looked += len(acknowledged)
        try:
            with sqlite3.connect(place / "loopos.db") as db:
                assert db.execute("pragma quick_check").fetchone()[0] == "ok"
                kept = {row[0].split(":", 1)[1] for row in db.execute("select event_id from inbox")}
            db.close()
        except (sqlite3.DatabaseError, AssertionError):
            kept = set()
        lost += len(acknowledged - kept)
        shutil.rmtree(place)
    return looked, lost


@pytest.mark.long
def test_no_acknowledged_row_is_lost_in_fifty_power_cuts(tmp_path: Path) -> None:
    steps, home = traced_run(tmp_path, {})
    assert sum(step.kind == "S" for step in steps) > MESSAGES / 10
    looked, lost = lost_after_cuts(steps, home, tmp_path, seed=1)
    print(f"{CUTS} cuts, {looked} acknowledged rows looked for, {lost} lost")
    assert looked > CUTS * MESSAGES / 10
    assert lost == 0


@pytest.mark.long
def test_the_same_cuts_do_lose_rows_where_nothing_is_synced(tmp_path: Path) -> None:
    steps, home = traced_run(tmp_path, {})
    unsynced = [step for step in steps if step.kind != "S"]
    _, lost = lost_after_cuts(unsynced, home, tmp_path, seed=1)
    assert lost > 0
