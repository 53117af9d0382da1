"""Sensors: programs that print what they see. Each has its time and its size; what goes wrong with one is its reading, and
nobody else's trouble."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from core.loop.world import canonical
from core.striking import struck

TIMED_OUT: Final = 124
TOGETHER: Final = 32
"""So many run at once."""
STDERR_KEPT: Final = 1024
"""Bytes of the end of what a failed one complained."""
DRAINED: Final = 64 * 1024 * 1024
"""Bytes after which one that floods is ended."""
LINGER: Final = 0.5
"""Seconds that children which hold the pipe open have after their parent's end."""
MARK: Final = "LOOPOS_LOOP_OF"
"""In the environment of every program that a loop starts: whose it is."""
RUNNING: Final[set[int]] = set()
"""Sessions of the programs that run now, by the number of their first process."""
_INTERVAL: Final = re.compile(rb"^\s*#\s*(?:looop|loopos):interval=(\d{1,7})\s*$")
_INTERVAL_WITHIN: Final = 20
"""Lines from the top."""


@dataclass(frozen=True, slots=True)
class Sensor:
    name: str
    path: Path
    pending: str = ""
    """The ask whose yes it waits for; "": it may run."""


@dataclass(frozen=True, slots=True)
class Bounds:
    timeout: float = 60.0
    """Seconds; 0: none."""
    most: int = 8192
    """Bytes of a reading."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended."""

    code: int
    """124: it was ended for its time; 128 + n: signal n ended it."""
    out: bytes
    """At most a little more than what was asked for."""
    out_bytes: int
    err: bytes
    signal_name: str = ""


def sensors_in(folder: Path) -> list[Sensor]:
    """`NAME.sh` and `NAME`, by name; the same name twice is the first. What begins with a dot is none."""
    found: dict[str, Sensor] = {}
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            name = path.name.removesuffix(".sh")
            if path.is_file() and not path.name.startswith(".") and "." not in name:
                found.setdefault(name, Sensor(name, path))
    return list(found.values())


def is_fresh(sensor: Sensor, snapshot: Path, now: datetime) -> bool:
    """It asks to be run every so many seconds alone, its reading is younger, and it was not edited since. A reading out of the
    future is fresh."""
    try:
        with sensor.path.open("rb") as file:
            head = [file.readline(1000) for _ in range(_INTERVAL_WITHIN)]
        found = next((match for line in head if (match := _INTERVAL.match(line.rstrip()))), None)
        if found is None:
            return False
        made = snapshot.stat().st_mtime
        return made >= sensor.path.stat().st_mtime and now.timestamp() - made < int(found[1])
    except OSError:
        return False


async def read_all(
    sensors: Sequence[Sensor], snapshots: Path, cwd: Path, env: Mapping[str, str], now: datetime, bounds: Bounds,
    secrets: Collection[bytes] = (), kept: Collection[str] = (),
) -> None:  # fmt: skip
    """Every snapshot as it stands now, written whole or not at all; those of no sensor are gone, but for `kept`, which are made
    elsewhere. Sensors that are fresh are not run."""
    turn = asyncio.Semaphore(TOGETHER)

    def target(sensor: Sensor) -> Path:
        return snapshots / f"sensor-{sensor.name}.json"

    def due() -> list[Sensor]:
        snapshots.mkdir(parents=True, exist_ok=True)
        drop_orphans(snapshots, [*(one.name for one in sensors), *kept])
        return [one for one in sensors if one.pending or not is_fresh(one, target(one), now)]

    async def one(sensor: Sensor) -> tuple[Path, bytes]:
        async with turn:
            return target(sensor), struck(await reading_of(sensor, cwd, env, bounds), secrets)

    # Threads are asked for all of them at once: a hop for each would cost more than running them.
    wanted = await asyncio.to_thread(due)
    await asyncio.to_thread(publish_all, await asyncio.gather(*(one(sensor) for sensor in wanted)))


def drop_orphans(snapshots: Path, names: Iterable[str]) -> None:
    """A reading whose sensor is gone is no reading."""
    kept = {f"sensor-{name}.json" for name in names}
    for path in snapshots.glob("sensor-*.json"):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def publish_all(readings: Iterable[tuple[Path, bytes]]) -> None:
    for target, data in readings:
        publish(target, data)


def publish(target: Path, data: bytes) -> None:
    """Whole, or as it was before; what says the same only becomes younger."""
    with contextlib.suppress(OSError):
        if target.read_bytes() == data:
            os.utime(target)
            return
    part = target.with_name(f".{target.name}.{threading.get_ident():x}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)


async def reading_of(sensor: Sensor, cwd: Path, env: Mapping[str, str], bounds: Bounds) -> bytes:
    """What its snapshot holds: what it printed, or what went wrong."""
    if sensor.pending:
        return _json({"signal": {"error": True, "pending": sensor.pending}})
    if not os.access(sensor.path, os.X_OK):
        return _failure(1, f"{sensor.path.name} is not executable", b"")
    try:
        done = await run_program([str(sensor.path)], cwd, env, within=bounds.timeout, most=bounds.most)
    except OSError as error:
        return _failure(1, f"{sensor.path.name} cannot be started: {error.strerror}", b"")
    if done.code != 0:
        return _failure(done.code, _how(sensor, done, bounds), done.err)
    if done.out_bytes > bounds.most:
        return _json(
            {"signal": {"error": "too-large", "cap": bounds.most}, "detail": {"bytes": done.out_bytes}}
        )
    return done.out


def _how(sensor: Sensor, done: Finished, bounds: Bounds) -> str:
    if done.code == TIMED_OUT:
        return f"{sensor.path.name} did not end within {bounds.timeout:g} s"
    if done.signal_name:
        return f"{sensor.path.name} was ended by {done.signal_name}"
    return f"{sensor.path.name} ended with {done.code}"


def _failure(code: int, message: str, err: bytes) -> bytes:
    return _json(
        {
            "signal": {"error": True, "exit_code": code},
            "detail": {"message": message, "stderr": err[-STDERR_KEPT:].decode("utf-8", "replace")},
        }
    )


def _json(value: object) -> bytes:
    return canonical(value).encode("utf-8", "surrogatepass")


async def run_program(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    *,
    within: float,
    most: int,
    given: bytes = b"",
    started: Callable[[int], None] | None = None,
    tail: bool = False,
) -> Finished:
    """In a session of its own, so that whatever it starts ends with it. `within`: seconds, 0: any time; `most`: bytes of what
    it prints that are kept, its beginning or its `tail`; `given`: its input; `started`: is told its process. Raises OSError
    where it cannot be started."""
    out, err = _Kept(most, first=not tail), _Kept(STDERR_KEPT, first=False)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=dict(env),
            stdin=asyncio.subprocess.PIPE if given else asyncio.subprocess.DEVNULL,
            stdout=out.writing,
            stderr=err.writing,
            start_new_session=True,
        )
    except OSError:
        out.close()
        err.close()
        raise
    RUNNING.add(process.pid)
    out.on_flood = lambda: _end(process)
    readers = [asyncio.create_task(one.read()) for one in (out, err)]
    if started is not None:
        await asyncio.to_thread(started, process.pid)
    late = False
    try:
        async with asyncio.timeout(within or None):
            if given and process.stdin is not None:
                await _feed(process.stdin, given)
            await process.wait()
            await _ended(readers)
    except TimeoutError:
        late = True
    finally:
        _end(process)
        code = await process.wait()
        RUNNING.discard(process.pid)
        await _ended(readers)
        for one in readers:
            one.cancel()
        out.close()
        err.close()
    kept = (out.data, out.count, err.data)
    if late:
        return Finished(TIMED_OUT, *kept)
    if out.flooded:
        return Finished(0, *kept)
    if code < 0:
        return Finished(128 - code, *kept, _name_of(-code))
    return Finished(code, *kept)


def end_strays(whose: str) -> list[int]:
    """End what outlived the program that started it by taking a session of its own; returns those processes. Whatever of
    `whose` runs in a session that we started and wait for is left alone, and so is what has another environment."""
    mark, found = f"{MARK}={whose}".encode(), []
    ours = os.getsid(0)  # a service that was started by such a program is no stray of itself
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if mark not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
        except (OSError, ValueError, IndexError):
            continue  # it is gone, or somebody else's
        if session not in RUNNING and session != ours:
            with contextlib.suppress(OSError):
                os.kill(int(entry.name), signal.SIGKILL)
                found.append(int(entry.name))
    return found


async def _ended(readers: Sequence[asyncio.Task[None]]) -> None:
    """Children may hold the pipe open."""
    waiting = [one for one in readers if not one.done()]
    if waiting:
        await asyncio.wait(waiting, timeout=LINGER)


async def _feed(pipe: asyncio.StreamWriter, given: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        pipe.write(given)
        await pipe.drain()
    pipe.close()


def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Kept:
    """A pipe of ours: all that comes out of it is counted, a bounded part kept. It is closed whoever still holds the other end."""

    def __init__(self, most: int, *, first: bool) -> None:
        """`first`: the beginning is kept, else the end."""
        self._most = most
        self._first = first
        self._reading, self.writing = os.pipe()
        self._transport: asyncio.ReadTransport | None = None
        self.data = b""
        self.count = 0
        self.flooded = False
        self.on_flood: Callable[[], None] = lambda: None

    async def read(self) -> None:
        loop = asyncio.get_running_loop()
        os.close(self.writing)
        self.writing = -1
        pipe = asyncio.StreamReader()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(pipe), os.fdopen(self._reading, "rb", 0)
        )
        self._reading = -1
        while chunk := await pipe.read(65536):
            self.count += len(chunk)
            if not self._first:
                self.data = (self.data + chunk)[-self._most :] if self._most else b""
            elif len(self.data) <= self._most:
                self.data = (self.data + chunk)[: self._most + 1]
            if self.count > DRAINED:
                self.flooded = True
                self.on_flood()
                return

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        for number in (self._reading, self.writing):
            if number >= 0:
                os.close(number)
        self._reading = self.writing = -1
