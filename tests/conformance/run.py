"""The protocol's own conformance suite against a real service: `python -m tests.conformance.run FOLDER`.

FOLDER is where `npm install node@22 @modelcontextprotocol/conformance` was run. The suite knows no tokens, so a proxy stands before
the service that adds one. Each scenario prints one line; docs/CONFORMANCE.md says which of them need the suite's own demo tools."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.platforms import free_port

REVISIONS = ("2026-07-28", "2025-11-25")
HOP = {"host", "content-length", "transfer-encoding", "connection"}


async def proxy(target: str, token: str, port: int) -> web.AppRunner:
    """Passes everything on with a token, the host and origin that the service is known by kept as they came."""
    session = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None))

    async def handle(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        headers["Authorization"] = f"Bearer {token}"
        if request.headers.get("Host", "").partition(":")[0] not in {"127.0.0.1", "localhost"}:
            headers["Host"] = request.headers["Host"]
        async with session.request(
            request.method, target + request.path_qs, headers=headers, data=await request.read()
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            with contextlib.suppress(ConnectionResetError):  # whoever asked has gone
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response

    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", handle)

    async def close(_app: web.Application) -> None:
        await session.close()

    app.on_cleanup.append(close)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    node = args.folder / "node_modules/.bin/node"
    suite = args.folder / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    with tempfile.TemporaryDirectory(prefix="loopos-conformance-") as folder:
        port, before = free_port(), free_port()
        environment = {**os.environ, "LOOPOS_HOME": f"{folder}/home", "PORT": str(port), "LOOPOS_DEMO": "1"}
        service = subprocess.Popen([sys.executable, "-m", "bot"], env=environment, stdout=subprocess.DEVNULL)
        try:
            await _ready(f"http://127.0.0.1:{port}/readyz")
            said = ["clients", "token", "--person", "ben", "--scope", "decide"]
            made = subprocess.run(
                [sys.executable, "-m", "bot.cli", *said],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            runner = await proxy(f"http://127.0.0.1:{port}", made.stdout.strip(), before)
            for revision in REVISIONS:
                out = Path(folder) / revision
                command = [str(node), str(suite), "server", "--url", f"http://127.0.0.1:{before}/mcp"]
                command += ["--requirements", revision, "-o", str(out)]
                process = await asyncio.create_subprocess_exec(
                    *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
                )
                text, _ = await process.communicate()
                print(f"== {revision}")
                for line in _outcomes(out) or [text.decode()[-3000:]]:
                    print(line)
            await runner.cleanup()
        finally:
            service.terminate()
            service.wait(10)
    return 0


def _outcomes(folder: Path) -> list[str]:
    """One line for each scenario: its name, how many checks passed, and why the others did not."""
    lines = []
    for path in sorted(folder.rglob("checks.json")):
        checks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        bad = [one for one in checks if one.get("status") == "FAILURE"]
        whys = [str(one.get("errorMessage") or one.get("description")) for one in bad]
        good = sum(one.get("status") == "SUCCESS" for one in checks)
        ours = [why for why in whys if not any(mark in why for mark in DEMO)]
        verdict = "passes" if not bad else "needs its demo" if not ours else "fails"
        name = re.sub(r"^server-|-20\d\d-\d\d-\d\dT.*$", "", path.parent.name)
        lines.append(f"| {verdict} | `{name}` | {good} of {len(checks)} | {'; '.join(ours)[:300]} |")
    return sorted(lines)


DEMO = (
    "There is no such tool",
    "There is no such prompt",
    "There is no such resource",
    "Not testable",
    "Prerequisite failed",
    "Available tools",
    "Expected InputRequiredResult",
    "fixture",
    "failing_job",
)
"""What a scenario says that misses the suite's own tools, prompts and documents."""


async def _ready(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise RuntimeError("the service did not become ready")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
