"""Sensors as real programs: what each prints, and what goes wrong with it (acceptance cases 3 to 6)."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.loop import sensing
from core.loop.sensing import Bounds, Sensor
from core.loop.world import wake_part

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


class Desk:
    """A loop folder with sensors in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "sensors").mkdir()

    def writes(self, name: str, script: str, mode: int = 0o755) -> Path:
        path = self.folder / "sensors" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(mode)
        return path

    async def senses(
        self, bounds: Bounds | None = None, at: datetime | None = None, **more: Any
    ) -> dict[str, bytes]:
        only: Sensor | None = more.get("only")
        sensors = [only] if only is not None else sensing.sensors_in(self.folder / "sensors")
        await sensing.read_all(
            sensors,
            self.folder / "snapshots",
            self.folder,
            ENV,
            at or datetime.now(UTC),
            bounds or Bounds(),
            more.get("secrets", ()),
        )
        found = sorted((self.folder / "snapshots").iterdir())
        return {one.stem: one.read_bytes() for one in found}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_03_what_fails_is_a_reading_and_its_siblings_are_well(desk: Desk) -> None:
    desk.writes("bad.sh", "echo kaboom >&2; exit 3")
    desk.writes("good", "printf '{\"signal\": 1}'")
    desk.writes(".hidden", "echo no")
    desk.writes("notes.txt", "echo no")
    found = await desk.senses()
    assert found.keys() == {"sensor-bad", "sensor-good"}
    bad = json.loads(found["sensor-bad"])
    assert bad["signal"] == {"error": True, "exit_code": 3}
    assert bad["detail"]["stderr"] == "kaboom\n"
    assert found["sensor-good"] == b'{"signal": 1}'


@pytest.mark.parametrize(
    ("script", "mode", "code", "said"),
    [
        ("sleep 60", 0o755, 124, "did not end within 0.4 s"),
        ("sleep 60 & wait", 0o755, 124, "did not end"),
        ("trap '' TERM; sleep 60", 0o755, 124, "did not end"),
        ("echo x", 0o644, 1, "not executable"),
        ("kill -TERM $$", 0o755, 143, "SIGTERM"),
        ("exit 130", 0o755, 130, "ended with 130"),
    ],
)
async def test_04_hanging_not_executable_ended(
    desk: Desk, script: str, mode: int, code: int, said: str
) -> None:
    (desk.folder / "snapshots").mkdir()
    (desk.folder / "snapshots" / "sensor-x.json").write_text('"stale"')
    desk.writes("x.sh", script, mode)
    reading = json.loads((await desk.senses(Bounds(timeout=0.4)))["sensor-x"])
    assert reading["signal"] == {"error": True, "exit_code": code}
    assert said in reading["detail"]["message"]


async def test_04_whatever_it_started_ends_with_it(desk: Desk) -> None:
    desk.writes("x.sh", "(sleep 300 & echo $! > child; wait) & sleep 300")
    await desk.senses(Bounds(timeout=0.5))
    child = int((desk.folder / "child").read_text())
    async with asyncio.timeout(5):
        while _lives(child):
            await asyncio.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


async def test_04_a_child_that_holds_the_pipe_holds_nobody_up(desk: Desk) -> None:
    desk.writes("x.sh", "printf 7; sleep 300 &")
    assert (await desk.senses(Bounds(timeout=30)))["sensor-x"] == b"7"


async def test_05_too_large_says_how_large_beside_the_signal(desk: Desk) -> None:
    desk.writes("a.sh", "head -c 100 /dev/zero | tr '\\0' x")
    desk.writes("b.sh", "head -c 5000 /dev/zero | tr '\\0' y")
    found = await desk.senses(Bounds(most=16))
    assert wake_part(found["sensor-a"]) == wake_part(found["sensor-b"]) == b'{"cap":16,"error":"too-large"}'
    assert [json.loads(found[one])["detail"]["bytes"] for one in ("sensor-a", "sensor-b")] == [100, 5000]


async def test_05_one_that_floods_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensing, "DRAINED", 1_000_000)
    desk.writes("x.sh", "yes")
    reading = json.loads((await desk.senses(Bounds(timeout=30)))["sensor-x"])
    assert reading["signal"] == {"error": "too-large", "cap": 8192}
    assert reading["detail"]["bytes"] > 1_000_000


async def test_06_an_interval_is_kept_until_the_script_is_newer(desk: Desk) -> None:
    script = desk.writes("x.sh", "# looop:interval=3600\ndate +%s%N")
    at = datetime.now(UTC)
    first = await desk.senses(at=at)
    assert await desk.senses(at=at + timedelta(minutes=59)) == first
    assert await desk.senses(at=at - timedelta(days=1)) == first, "a reading out of the future is fresh"
    again = await desk.senses(at=at + timedelta(minutes=61))
    assert again != first
    later = time.time() + 60
    os.utime(script, (later, later))
    assert await desk.senses(at=at) != again
    script.unlink()
    assert await desk.senses() == {}, "a reading whose sensor is gone is none"


async def test_a_secret_that_turns_up_is_struck_out(desk: Desk) -> None:
    desk.writes("x.sh", 'echo \'{"signal": "token xoxb-12345 end"}\'; ')
    desk.writes("y.sh", "echo xoxb-12345 >&2; exit 1")
    found = await desk.senses(secrets=[b"xoxb-12345", b"end"])
    assert json.loads(found["sensor-x"]) == {"signal": "token [struck out] end"}
    assert b"xoxb" not in found["sensor-y"]


async def test_what_waits_for_a_yes_is_not_run(desk: Desk) -> None:
    path = desk.writes("x.sh", "touch ran; echo 1")
    found = await desk.senses(only=Sensor("x", path, pending="pulse-3"))
    assert json.loads(found["sensor-x"]) == {"signal": {"error": True, "pending": "pulse-3"}}
    assert not (desk.folder / "ran").exists()


async def test_its_surroundings_are_ours_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    desk.writes("x.sh", "env | cut -d= -f1 | sort | tr '\\n' ' '; pwd")
    names, _, where = (await desk.senses())["sensor-x"].decode().rpartition(" ")
    assert set(names.split()) <= {"LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    assert where.strip() == str(desk.folder)
