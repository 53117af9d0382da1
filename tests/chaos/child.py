"""The service as a process that will be killed: `python -m tests.chaos.child HOME`.

It runs the real house on the real clock, takes orders as JSON lines on its standard input ("message" and
"tap" payloads), and answers `{"kept": id}` only after the commit."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from bot.app import build
from bot.settings import Settings
from channels.web.channel import take


async def main(home: Path) -> None:
    settings: dict[str, Any] = {
        "LOOPOS_HOME": home,
        "LOOPOS_DEMO": True,
        "LOOPOS_CRASH_AT": os.environ.get("LOOPOS_CRASH_AT"),
        "LOOPOS_ESCALATE_AFTER": 1,
    }
    app = await build(Settings(**settings))
    await app.start()
    print(json.dumps({"ready": True}), flush=True)
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )

    async def keep(payload: dict[str, Any]) -> None:
        await app.store.write(lambda tx: take(tx, payload))
        print(json.dumps({"kept": payload["id"]}), flush=True)

    pending: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(keep(json.loads(line)))
        pending.add(task)
        task.add_done_callback(pending.discard)
    await asyncio.gather(*pending)
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
