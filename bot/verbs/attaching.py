"""`loopos attach ID`: what a worker prints, as it prints it. What is typed is told to it."""

from __future__ import annotations

import os
import selectors
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from bot.verbs.grammar import Call
from bot.verbs.home import Home

LINES: Final = 50
LOOKS: Final = 0.2
"""Seconds between two looks at its transcript."""
TAIL: Final = 4 * 1024 * 1024


def attach(home: Home, call: Call, worker: str) -> int:
    """Until the worker has ended, or somebody had enough."""
    name = str(call.args["id"])
    folder = home.path / "loop" / "sessions" / name
    if "/" in name or name.startswith(".") or not folder.is_dir():
        print(f"loopos: there is no worker {name[:80]!r} with a transcript", file=sys.stderr)
        return 1
    path = folder / "transcript.log"
    if path.exists() and not path.is_file():
        print(f"loopos: {path} is no file", file=sys.stderr)
        return 1
    lines = int(call.args.get("lines", LINES))
    follows = sys.stdout.isatty() and not call.args.get("no_follow")
    try:
        file = path.open("rb")
    except OSError:
        if not follows:
            return 0
        file = Path(os.devnull).open("rb")  # noqa: SIM115  (closed below)
    with file:
        _show_tail(file, lines)
        if follows:
            print("(what you type is told to it; Ctrl-C leaves)", file=sys.stderr, flush=True)
            _follow(home, name, path, file, worker)
    return 0


def _show_tail(file: BinaryIO, lines: int) -> None:
    file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
    kept = file.read().splitlines(keepends=True)
    _write(b"".join(kept[-lines:] if lines else []))


def _follow(home: Home, name: str, path: Path, file: BinaryIO, worker: str) -> None:
    ended = path.with_name("exit.json")
    typed = _typed()
    while True:
        gone = ended.exists()
        chunk = file.read()
        _write(chunk)
        if gone and not chunk:
            return
        if _is_another(path, file):
            file.close()
            file = path.open("rb")
        for line in next(typed):
            told = home.does("tell", {"id": name, "text": line}, worker)
            print(told.out if told.code == 0 else f"loopos: {told.err}", file=sys.stderr)
        time.sleep(LOOKS)


def _is_another(path: Path, file: BinaryIO) -> bool:
    """It was put aside, and a new one begun."""
    try:
        return path.stat().st_ino != os.fstat(file.fileno()).st_ino
    except OSError:
        return False


def _typed() -> Iterator[list[str]]:
    """The lines that were typed since the last look. Waits for none."""
    looking = selectors.DefaultSelector()
    try:
        looking.register(sys.stdin, selectors.EVENT_READ)
        is_open = True
    except (OSError, ValueError):
        is_open = False
    while True:
        lines = []
        while is_open and looking.select(0):
            line = sys.stdin.readline()
            if not line:
                is_open = False
            elif line.strip():
                lines.append(line.strip())
        yield lines


def _write(data: bytes) -> None:
    if data:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
