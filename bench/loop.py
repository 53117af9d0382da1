"""The loop where nothing happens: CPU of an unchanged beat with 20 sensors beyond the sensors' own, beside hashing the same bytes;
200 sensors in one beat; a verb beside `loopos --help`. `python -m bench loop`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core.loop.house import LoopHouse
from core.loop.pulse import Pulse
from tests.world import World, open_world

BEATS: Final = int(os.environ.get("LOOPOS_BENCH_BEATS", "200"))
VERBS: Final = 10
SENSOR: Final = (
    '#!/bin/sh\necho \'{"signal": "dry", "detail": {"level": 7, "text": "all is well in room %d"}}\'\n'
)


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": lambda: asyncio.run(_ours()), "bare": lambda: asyncio.run(_bare())}


async def _pulse(world: World, sensors: int) -> Pulse:
    house = LoopHouse(world.app.store, world.app.services, world.app.settings.home, dict(os.environ))
    pulse = Pulse(house)
    await pulse.prepare()
    for number in range(sensors):
        path = house.folder.path / "sensors" / f"s{number}.sh"
        path.write_text(SENSOR % number)
        path.chmod(0o755)
    return pulse


def _own() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _ours() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        async with open_world(Path(home)) as world:
            pulse = await _pulse(world, 20)
            await pulse.beat()
            while (await pulse.beat()).result != "unchanged":
                pass
            begun, took = _own(), time.perf_counter()
            for _ in range(BEATS):
                assert (await pulse.beat()).result == "unchanged"
            cpu, wall = (_own() - begun) / BEATS * 1000, (time.perf_counter() - took) / BEATS * 1000
            bare = await _alone(pulse)
            for one in (pulse.house.folder.path / "sensors").glob("s*.sh"):
                one.unlink()
            while (await pulse.beat()).result != "unchanged":
                pass
            begun = _own()
            for _ in range(BEATS):
                await pulse.beat()
            empty = (_own() - begun) / BEATS * 1000
    with tempfile.TemporaryDirectory() as home:
        async with open_world(Path(home)) as world:
            pulse = await _pulse(world, 200)
            took = time.perf_counter()
            await pulse.beat()
            many = time.perf_counter() - took
    return {
        "unchanged beat, 20 sensors, CPU ms": cpu,
        "unchanged beat, 20 sensors, CPU ms beyond running them": cpu - bare,
        "unchanged beat, 20 sensors, wall ms": wall,
        "unchanged beat, no sensors, CPU ms": empty,
        "200 sensors in one beat, s": many,
        "a verb beside a service, s": _verb(),
    }


async def _alone(pulse: Pulse) -> float:
    """CPU of ours for starting the same programs and nothing else."""
    paths = sorted((pulse.house.folder.path / "sensors").glob("s*.sh"))
    begun = _own()
    for _ in range(20):
        running = [
            await asyncio.create_subprocess_exec(str(one), stdout=subprocess.PIPE, start_new_session=True)
            for one in paths
        ]
        await asyncio.gather(*(one.communicate() for one in running))
    return (_own() - begun) / 20 * 1000


async def _bare() -> dict[str, float]:
    texts = [(SENSOR % number).encode() for number in range(20)]
    begun = _own()
    for _ in range(BEATS):
        found = hashlib.sha256()
        for one in texts:
            found.update(one)
        found.hexdigest()
    cpu = (_own() - begun) / BEATS * 1000
    return {"unchanged beat, 20 sensors, CPU ms": cpu, "a verb beside a service, s": _help()}


def _help() -> float:
    taken = []
    for _ in range(VERBS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "bot", "--help"], capture_output=True, check=True)
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[VERBS // 2]


def _verb() -> float:
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "LOOPOS_HOME": home, "PORT": "0", "LOOPOS_EMBED": "off", "LOOPOS_LLM": "offline"}
        service = subprocess.Popen(
            [sys.executable, "-m", "bot"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert service.stdout is not None
            while "ready" not in (service.stdout.readline() or "ready"):
                pass
            taken = []
            for _ in range(VERBS):
                begun = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-m", "bot", "goal", "list", "--json"],
                    env=env,
                    capture_output=True,
                    check=True,
                )
                taken.append(time.perf_counter() - begun)
                assert json.loads(done.stdout)
        finally:
            service.terminate()
            service.wait(15)
    return sorted(taken)[VERBS // 2]
