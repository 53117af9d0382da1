"""Keeps messages as the web channel does and acknowledges each on descriptor 7, only after its commit:
`python -m tests.powercut.writer HOME COUNT`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from bot.app import build
from bot.settings import Settings
from channels.web.channel import take

ACK = 7


async def main(home: Path, count: int) -> None:
    settings: dict[str, Any] = {"LOOPOS_HOME": home, "LOOPOS_DEMO": True}
    app = await build(Settings(**settings))
    await app.start()

    async def one(number: int) -> None:
        payload: dict[str, Any] = {
            "type": "message",
            "id": f"power-{number:06d}",
            "sender": "celine",
            "text": f"vila Bali: handuk {number}",
            "files": [],
            "reply_to": None,
            "at": app.clock.now().isoformat(),
        }
        await app.store.write(lambda tx: take(tx, payload))
        os.write(ACK, f"{payload['id']}\n".encode())

    for first in range(0, count, 10):
        await asyncio.gather(*(one(number) for number in range(first, first + 10)))
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
