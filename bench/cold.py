"""Cold start to the first ready answer, and idle memory. The bare minimum: aiohttp with one sqlite3 table."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.test_browser import free_port

BARE = """
import sqlite3, sys
from aiohttp import web
db = sqlite3.connect(sys.argv[1]); db.execute("create table if not exists t (x)")
async def ready(request): return web.json_response({"ready": True})
app = web.Application(); app.router.add_get("/readyz", ready)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), print=None)
"""


def measure(command: list[str], port: int, environment: dict[str, str]) -> dict[str, float]:
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                    break
            except OSError:
                assert time.perf_counter() - begun < 30, "it did not start"
                time.sleep(0.005)
        ready = time.perf_counter() - begun
        time.sleep(1.0)
        status = Path(f"/proc/{process.pid}/status").read_text()
        memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    finally:
        process.terminate()
        process.wait(10)
    return {"start to ready s": ready, "idle memory MB": memory / 1024}


def loopos() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        environment = {"LOOPOS_HOME": home, "PORT": str(port), "LOOPOS_DEMO": "1"}
        measure(
            [sys.executable, "-m", "bot"], port, environment
        )  # the first start migrates; measured is the second
        return measure([sys.executable, "-m", "bot"], port, environment)


def bare() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        return measure([sys.executable, "-c", BARE, f"{home}/x.db", str(port)], port, {})


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": loopos, "bare": bare}
