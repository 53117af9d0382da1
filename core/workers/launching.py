"""Starting a worker's process under its supervisor, and finding it again: by number and beginning, whoever started it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from core.files import is_small_file, put
from core.processes import began

PROGRAM: Final = Path(__file__).with_name("supervisor.py")
GRACE: Final = 5.0
"""Seconds between TERM and KILL."""
STARTS_WITHIN: Final = 20.0
GOES_WITHIN: Final = 0.5
"""Seconds that a supervisor which has written how its worker ended may still be there."""
TRANSCRIPT: Final = "transcript.log"


@dataclass(frozen=True, slots=True)
class Job:
    """One process of a worker. `given`: the file that is its input, None: nothing."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    folder: Path
    """sessions/ID: transcript.log, run.json, exit.json."""
    run: int
    launch: int
    secrets: Collection[bytes] = ()
    given: Path | None = None
    wake: Path | None = None
    """A pipe that is written to when it has ended."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How a launch stands: it lives, it ended with `code`, or (neither) it is lost without a word."""

    alive: bool
    code: int | None = None
    pid: int | None = None
    began: str | None = None


def launch(job: Job) -> tuple[int, str]:
    """(number, beginning) of its supervisor. Blocks for some 50 ms. Raises OSError."""
    if job.folder.is_symlink():
        job.folder.unlink()  # whatever it leads to is not ours
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "exit.json").unlink(missing_ok=True)
    (job.folder / "run.json").unlink(missing_ok=True)
    (job.folder / "go.json").unlink(missing_ok=True)
    said = {
        "argv": list(job.argv),
        "cwd": str(job.cwd),
        "env": dict(job.env),
        "folder": str(job.folder),
        "run": job.run,
        "launch": job.launch,
        "secrets": [base64.b64encode(one).decode() for one in job.secrets],
        "given": str(job.given or ""),
        "wake": str(job.wake or ""),
        "grace": GRACE,
    }
    try:
        done = subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, "-I", "-S", str(PROGRAM)],
            input=json.dumps(said).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=STARTS_WITHIN,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            check=True,
        )
        found = json.loads(done.stdout)
        return int(found["pid"]), str(found["began"])
    except (subprocess.SubprocessError, ValueError, KeyError) as error:
        raise OSError(f"its supervisor cannot be started: {type(error).__name__}") from None


def let_go(folder: Path, run: int, launch: int) -> None:
    """Its row says which supervisor is its: now it begins."""
    put(folder / "go.json", json.dumps({"run": run, "launch": launch}))


def look(folder: Path, run: int, launch: int, pid: int | None, since: str | None) -> Seen:
    """`pid`, `since`: its supervisor, where the row knows it; else what the supervisor wrote counts."""
    if pid is None:
        about = _read(folder / "run.json", run, launch)
        if about is None:
            return Seen(alive=False, code=_code(folder, run, launch))
        pid, since = _int(about.get("pid")), str(about.get("began"))
    until = time.monotonic() + (GOES_WITHIN if _code(folder, run, launch) is not None else 0.0)
    while (
        began(pid) == since
    ):  # a worker may write a file that says it has ended; while its supervisor lives it has not
        if time.monotonic() >= until:
            return Seen(alive=True, pid=pid, began=since)
        time.sleep(0.01)
    return Seen(alive=False, code=_code(folder, run, launch))


def _code(folder: Path, run: int, launch: int) -> int | None:
    end = _read(folder / "exit.json", run, launch)
    return None if end is None else _int(end.get("code"), 1)


def _int(value: Any, otherwise: int = -1) -> int:
    return value if isinstance(value, int) and abs(value) < 2**31 else otherwise


def ask_to_end(pid: int, since: str, *, wished: bool) -> bool:
    """Of a supervisor; whether it was there."""
    if began(pid) != since:
        return False
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGUSR1 if wished else signal.SIGTERM)
    return True


def end_child(folder: Path, run: int, launch: int) -> None:
    """What a supervisor that is gone left behind."""
    about = _read(folder / "run.json", run, launch)
    child = _int(about.get("child")) if about is not None else -1
    if about is not None and child > 1 and began(child) == about.get("child_began"):
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)


def end_marked(worker: str, home: Path) -> None:
    """Whatever says in its environment that it is this worker's: its supervisor is gone, and with it who knew its children."""
    wanted = {f"LOOPOS_SESSION_ID={worker}".encode(), f"LOOPOS_HOME={home}".encode()}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            if wanted <= set((entry / "environ").read_bytes().split(b"\0")):
                os.kill(int(entry.name), signal.SIGKILL)


def wait_for_end(folder: Path, run: int, launch: int, pid: int | None, since: str | None) -> int | None:
    """Its exit code, after GRACE and a little at the latest; None: it is gone without one. Blocks."""
    until = time.monotonic() + GRACE + 3
    while time.monotonic() < until:
        seen = look(folder, run, launch, pid, since)
        if not seen.alive:
            return seen.code
        time.sleep(0.03)
    return None


def silent_since(folder: Path) -> float | None:
    """When it last printed something, Unix seconds; None: nothing is known."""
    try:
        return (folder / TRANSCRIPT).stat().st_mtime
    except OSError:
        return None


def put_aside(folder: Path) -> None:
    """What an earlier run of the same id printed."""
    with contextlib.suppress(OSError):
        if folder.is_symlink():
            folder.unlink()
        (folder / TRANSCRIPT).replace(folder / "transcript.1.log")


def _read(path: Path, run: int, launch: int) -> dict[str, Any] | None:
    if not is_small_file(path):
        return None
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    if isinstance(found, dict) and (found.get("run"), found.get("launch")) == (run, launch):
        return found
    return None
