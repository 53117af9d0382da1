"""The process above one worker: it outlives the service, keeps what the worker prints and how it ended, and ends with it whatever it
started. A program of its own (`python -I -S supervisor.py`, its job as JSON on standard input) on the standard library alone.

SIGTERM: end the worker, KILL after a while. SIGUSR1: the same, because the worker wished so: it ended well."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MAX_BYTES = 4 * 1024 * 1024
"""Bytes of a transcript; then it is put aside as transcript.1.log, and the one before that is gone."""
LINE = 64 * 1024
"""Bytes that are held back until a line is whole, so that no secret is cut in two."""
LINGER = 0.5
"""Seconds that what it left in its pipe is waited for."""
WAITS = 20.0
"""Seconds until the service must have said that it may begin."""
STRUCK = b"[struck out]"
SET_DUMPABLE, SET_CHILD_SUBREAPER = 4, 36
"""prctl: other processes of the same user may not look into this one; what its descendants orphan becomes its child."""
CANNOT_START = 127


def main() -> int:
    job = json.loads(sys.stdin.buffer.read())
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        sys.stdout.write(os.read(reading, 200).decode())
        sys.stdout.flush()
        os._exit(0)
    os.close(reading)
    os.setsid()
    os.write(writing, json.dumps({"pid": os.getpid(), "began": began(os.getpid())}).encode())
    os.close(writing)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(SET_DUMPABLE, 0, 0, 0, 0)
    Supervisor(job).run()
    return 0


class Supervisor:
    def __init__(self, job: dict[str, Any]) -> None:
        """`job`: {argv, cwd, env, given (a file, or ""), folder, run, launch, secrets (base64), wake (a pipe), grace (seconds)}"""
        self.job = job
        self.folder = Path(job["folder"])
        secrets = (base64.b64decode(one) for one in job["secrets"])
        self.secrets = sorted(secrets, key=len, reverse=True)
        self.held = b""
        self.log = (self.folder / "transcript.log").open("ab")
        self.ending: float | None = None
        """When it was asked to end."""
        self.wished = False
        self.killed = False

    def run(self) -> None:
        waking, woken = os.pipe()
        os.set_blocking(waking, False)
        os.set_blocking(woken, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._asked_to_end)
        signal.signal(signal.SIGUSR1, self._asked_to_end)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        child = self._started() if self._may_begin() else None
        code = CANNOT_START if child is None else self._followed(child, waking)
        end_all()
        self._keep(b"", last=True)
        self.log.close()
        put(
            self.folder / "exit.json",
            {**self._which(), "code": 0 if self.wished else code, "at": time.time(), "wished": self.wished},
        )
        ring(self.job["wake"])

    def _which(self) -> dict[str, Any]:
        return {"run": self.job["run"], "launch": self.job["launch"]}

    def _asked_to_end(self, number: int, _frame: Any) -> None:
        if self.ending is None:
            self.ending = time.monotonic()
            self.wished = number == signal.SIGUSR1

    def _may_begin(self) -> bool:
        """The service knows by now whose supervisor this is: before that a verb of the worker's would be nobody's."""
        until = time.monotonic() + WAITS
        while time.monotonic() < until and self.ending is None:
            with contextlib.suppress(OSError, ValueError):
                if json.loads((self.folder / "go.json").read_text()) == self._which():
                    return True
            time.sleep(0.005)
        return False

    def _started(self) -> subprocess.Popen[bytes] | None:
        given = self.job["given"]
        try:
            with Path(given or os.devnull).open("rb") as source:
                child = subprocess.Popen(  # noqa: S603  (the job is our own service's)
                    self.job["argv"],
                    cwd=self.job["cwd"],
                    env=self.job["env"],
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            self._keep(f"it cannot be started: {error.strerror}\n".encode())
            return None
        about = {
            "pid": os.getpid(),
            "began": began(os.getpid()),
            "child": child.pid,
            "child_began": began(child.pid),
        }
        put(self.folder / "run.json", {**self._which(), **about, "at": time.time()})
        return child

    def _followed(self, child: subprocess.Popen[bytes], waking: int) -> int:
        """Until it has ended; its exit code."""
        assert child.stdout is not None
        pipe = child.stdout.fileno()
        os.set_blocking(pipe, False)
        looking = selectors.DefaultSelector()
        looking.register(pipe, selectors.EVENT_READ)
        looking.register(waking, selectors.EVENT_READ)
        code: int | None = None
        until, told, is_open = float("inf"), False, True
        while True:
            now = time.monotonic()
            if self.ending is not None and code is None:
                # Its own wish is granted once it has read the answer to it.
                begin = self.ending + (0.3 if self.wished else 0.0)
                if not told and now >= begin:
                    told = True
                    self._signal(child.pid, signal.SIGTERM)
                elif told and now >= begin + self.job["grace"]:
                    end_all()
                until = (
                    (begin if not told else begin + self.job["grace"])
                    if now < begin + self.job["grace"]
                    else now + 0.1
                )
            if code is not None and (not is_open or now >= until):
                break
            if not self.folder.exists() and self.ending is None:
                self.ending = now  # its home is gone
            for key, _ in looking.select(max(0.0, min(until - now, 5.0))):
                if key.fd == waking:
                    with contextlib.suppress(BlockingIOError):
                        os.read(waking, 4096)
                    continue
                with contextlib.suppress(BlockingIOError):
                    chunk = os.read(pipe, 65536)
                    if chunk:
                        self._keep(chunk)
                    else:
                        is_open = False
                        looking.unregister(pipe)
            reap()
            if code is None and child.pid in ENDED:
                code, until = ENDED[child.pid], time.monotonic() + LINGER
        return code

    def _signal(self, pid: int, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(pid, number)
        for one in descendants():
            with contextlib.suppress(OSError):
                os.kill(one, number)

    def _keep(self, chunk: bytes, *, last: bool = False) -> None:
        data = self.held + chunk
        cut = len(data) if last or len(data) > LINE else data.rfind(b"\n") + 1
        whole, self.held = data[:cut], data[cut:]
        for secret in self.secrets:
            whole = whole.replace(secret, STRUCK)
        with contextlib.suppress(OSError):  # a full disk ends no worker
            self.log.write(whole)
            self.log.flush()
            if self.log.tell() > MAX_BYTES:
                self.log.close()
                path = self.folder / "transcript.log"
                path.replace(self.folder / "transcript.1.log")
                self.log = path.open("ab")


ENDED: dict[int, int] = {}
"""Exit codes of the children that were reaped."""


def reap() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        ENDED[pid] = code if code >= 0 else 128 - code


def descendants() -> list[int]:
    """All that this process started, and what that started: who was orphaned came back to us."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found, left = [], [os.getpid()]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def end_all() -> None:
    for _ in range(100):
        left = descendants()
        if not left:
            return
        for one in left:
            with contextlib.suppress(OSError):
                os.kill(one, signal.SIGKILL)
        time.sleep(0.01)
        reap()


def began(pid: int) -> str | None:
    """As core.processes has it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def put(path: Path, value: dict[str, Any]) -> None:
    part = path.with_name(f".{path.name}.part")
    with contextlib.suppress(OSError):
        with part.open("w") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def ring(pipe: str) -> None:
    """Whoever owns the home looks now."""
    with contextlib.suppress(OSError):
        number = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(number, b"w")
        finally:
            os.close(number)


if __name__ == "__main__":
    sys.exit(main())
