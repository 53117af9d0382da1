"""`loopos up`: the service runs, and the loop with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from bot.settings import read_settings
from bot.verbs.calling import CALLER
from bot.verbs.home import Home, told
from core.loop.sensing import MARK

READY_WITHIN: Final = 60.0


def up(home: Home, worker: str, *, as_json: bool) -> int:
    if worker:
        print("loopos: a worker may not up: it proposes, it never approves", file=sys.stderr)
        return 1
    if home.is_owned():
        return told(home.does("up", {"json": as_json}, worker))
    done = home.does("up", {}, worker)  # stopped is over, whoever serves
    if done.code:
        return told(done)
    settings = read_settings()
    log = settings.home / "serve.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={key: value for key, value in os.environ.items() if key not in {CALLER, MARK}},
            cwd=str(Path(__file__).parents[2]),
        )
    url = f"{settings.model_copy(update={'base_url': None}).url}/readyz"
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until:
        code = process.poll()
        if code is not None and home.is_owned():  # somebody else was faster
            return told(home.does("up", {"json": as_json}, worker))
        if code is not None:
            print(f"loopos: the service ended with {code}; {log} says why", file=sys.stderr)
            return 1
        if home.owner() == process.pid and _is_ready(url):
            line = f"loop started (pid {process.pid})"
            print(f"{url.removesuffix('/readyz')} (log: {log}; kill {process.pid} ends it)", file=sys.stderr)
            print(json.dumps({"started": True, "pid": str(process.pid)}) if as_json else line)
            return 0
        time.sleep(0.1)
    print(f"loopos: the service is not ready after {READY_WITHIN:g} s; {log} says why", file=sys.stderr)
    return 1


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  (our own address)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
