"""The home as a verb meets it: where the database is, who owns it, and how a verb is handed on."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.store.calls import Calls, Gone, Unusable
from core.store.url import file_of, is_supported

AGAIN: Final = -1
"""As core.loop.verbs.call has it."""
LOOKS: Final = 0.02
"""Seconds between two looks for an answer, at first."""
SLOWEST: Final = 0.25
ANSWERS_WITHIN: Final = 60.0
"""A service that holds the home and does not answer for so long is not well. A beat may take longer, and is waited for."""
STARTS_WITHIN: Final = 20.0
SLOW: Final = frozenset({"tick", "run", "_ run", "step"})
LOOKING: Final = frozenset(
    {"wait", "state", "status", "asks", "answered", "approval", "ls", "worker list", "step"}
)
"""What may be asked again: it only looks."""
RIDDEN_THROUGH: Final = 15.0
"""Seconds without a service that one who waits bears: a restart."""
SOCKET: Final = "calls.sock"
"""As core.loop.callers has it."""
MOMENT: Final = b" for a moment"
"""As core.store.ownership writes it."""


class Trouble(Exception):
    """Exit 1, one line why."""


def told(answer: Answer, *, plain: bool = False) -> int:
    """`plain`: what stands on stderr is a command's own."""
    if answer.out:
        print(answer.out, flush=True)
    if answer.err:
        text = answer.err if plain or answer.code in {0, 2} else f"loopos: {answer.err}"
        print(text, file=sys.stderr, flush=True)
    return answer.code


class Answer:
    def __init__(self, code: int, out: str = "", err: str = "") -> None:
        self.code, self.out, self.err = code, out, err


class Home:
    """Where the database is, and who owns it."""

    def __init__(self, environ: Mapping[str, str], *, alone: bool = True) -> None:
        """`alone`: without a service a verb is carried out by this process."""
        self._alone = alone
        base = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        self.path = Path(environ.get("LOOPOS_HOME") or Path(base) / "loopos")
        url = environ.get("DATABASE_URL") or self._written("DATABASE_URL")
        self.database = file_of(url) if is_supported(url) else self.path / "loopos.db"
        self.calls = Calls(self.database)

    def _written(self, key: str) -> str:
        """As LOOPOS_HOME/env has it."""
        try:
            lines = (self.path / "env").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return ""
        found = [one.partition("=")[2].strip().strip("'\"") for one in lines if one.startswith(f"{key}=")]
        return found[-1] if found else ""

    def is_owned(self) -> bool:
        """A living process holds the home: its lock dies with it."""
        try:
            handle = os.open(self.path / "owner.lock", os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            held = error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN}
            # Another verb without a service holds it for a moment: this one takes its turn after it.
            return held and not os.pread(handle, 200, 0).endswith(MOMENT)
        finally:
            os.close(handle)
        return False

    def owner(self) -> int | None:
        """The process that says in the lock that it is the owner."""
        try:
            return int((self.path / "owner.lock").read_text())
        except (OSError, ValueError):
            return None

    def does(self, verb: str, args: Mapping[str, Any], worker: str) -> Answer:
        """Carried out by whoever owns the home, or where nobody does, here. Raises Trouble."""
        try:
            return self._does(verb, args, worker)
        except Unusable as error:
            raise Trouble(str(error)) from None
        except Gone:
            raise Trouble("the request is gone") from None

    def _does(self, verb: str, args: Mapping[str, Any], worker: str) -> Answer:
        name, until = None, time.monotonic() + STARTS_WITHIN
        while True:
            while name is None and self.is_owned() and time.monotonic() < until:
                name = self.calls.put(verb, args, worker)
                if name is None:  # a service that starts makes or migrates the database first
                    time.sleep(SLOWEST)
            if name is not None:
                return self._answer(name, verb, args, worker)
            if not self._alone:
                raise Trouble("the service is gone")
            from bot.verbs.here import OWNED, carry_out

            found = Answer(*carry_out(verb, dict(args), worker))
            if found.code != OWNED:
                return found
            if time.monotonic() > until:
                raise Trouble("another process owns this home and does not answer; please try again")
            time.sleep(LOOKS)  # a service has begun meanwhile

    def _vouched(self, name: str) -> bool:
        """The service is rung, and sees by the socket which process we are; false: it does not listen yet."""
        try:
            folder = os.open(self.path, os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(5.0)
                line.connect(f"/proc/self/fd/{folder}/{SOCKET}")
                line.sendall(f"{name}\n".encode())
                return line.recv(10) == b"ok\n"
        except OSError:
            return False
        finally:
            os.close(folder)

    def _answer(self, name: str, verb: str, args: Mapping[str, Any], worker: str) -> Answer:
        pause, began, seen = LOOKS, time.monotonic(), time.monotonic()
        vouched = False
        while True:
            vouched = vouched or self._vouched(name)
            reply = self.calls.reply(name)
            if reply is not None:
                return Answer(*reply)
            now = time.monotonic()
            if now - seen > 0.5:
                seen = now
                if not self.is_owned():
                    return self._orphaned(name, verb, args, worker)
            if now - began > ANSWERS_WITHIN and verb not in SLOW:
                raise Trouble(f"the service does not answer; it may still do this ({name})")
            time.sleep(pause)
            pause = min(pause * 1.3, SLOWEST)

    def _orphaned(self, name: str, verb: str, args: Mapping[str, Any], worker: str) -> Answer:
        """The owner died. What it had not begun is taken back and done here; of the rest nobody knows."""
        if verb == "wait":  # whoever waits looks by itself who is there now
            return Answer(AGAIN, '{"down": 0}')
        if verb in LOOKING:
            return self._does(verb, args, worker)
        if self.calls.take_back(name):
            return self._does(verb, args, worker)
        raise Trouble("the service stopped in the middle of this; please look whether it was done")
