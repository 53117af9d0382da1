"""Message in -> card out, every durable step kept. The bare minimum: four fdatasync of a small write, which is
what accepting, claiming, deciding and recording the delivery cost on this disk."""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from channels.web.channel import take
from core.store.tables import WebMessage
from tests.world import open_world

ONE_BY_ONE = 30
BURST = 100


def text(number: int) -> str:
    words = " ".join(f"w{number:04d}{letter}" for letter in "abcdefgh")
    return f"vila Bali: handuk {words}"


def loopos() -> dict[str, float]:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_loopos(Path(folder)))


async def _loopos(home: Path) -> dict[str, float]:
    async with open_world(home) as world:
        await world.says("celine", text(0))

        async def cards() -> int:
            return await world.store.read(
                lambda s: (
                    s.scalar(
                        select(func.count()).where(
                            WebMessage.conversation_id == "celine", WebMessage.author == "loopos"
                        )
                    )
                    or 0
                )
            )

        async def until(count: int) -> None:
            news = asyncio.Event()
            leave = world.store.subscribe("web:celine", news.set)
            while True:
                news.clear()
                if await cards() >= count:
                    leave()
                    return
                await news.wait()

        spent = []
        for number in range(1, ONE_BY_ONE + 1):
            have = await cards()
            begun = time.perf_counter()
            await world.send("celine", text(number))
            await until(have + 1)
            spent.append((time.perf_counter() - begun) * 1000)
            await world.settle()
        begun, cpu = time.perf_counter(), time.process_time()
        payloads: list[dict[str, Any]] = [
            {
                "type": "message",
                "id": f"burst-{n:05d}",
                "sender": who,
                "text": text(1000 + n),
                "files": [],
                "reply_to": None,
                "at": world.clock.now().isoformat(),
            }
            for n in range(BURST)
            for who in [("celine", "haru", "shirley", "miguel")[n % 4]]
        ]
        await asyncio.gather(*(world.store.write(partial(take, payload=one)) for one in payloads))
        await world.settle()
        spent_burst = time.perf_counter() - begun
        tickets = await world.tickets()
        assert len(tickets) >= BURST, "messages were lost"
        return {
            "p50 ms": statistics.median(spent),
            "p99 ms": sorted(spent)[int(len(spent) * 0.99) - 1],
            "messages per second (burst)": BURST / spent_burst,
            "CPU ms per message (burst)": (time.process_time() - cpu) / BURST * 1000,
        }


def bare() -> dict[str, float]:
    spent = []
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as file:
        for _ in range(ONE_BY_ONE):
            begun = time.perf_counter()
            for _ in range(4):
                file.write(b"x" * 600)
                file.flush()
                os.fdatasync(file.fileno())
            spent.append((time.perf_counter() - begun) * 1000)
    return {
        "p50 ms": statistics.median(spent),
        "p99 ms": sorted(spent)[int(len(spent) * 0.99) - 1],
        "messages per second (burst)": 1000 / statistics.median(spent),
    }


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": loopos, "bare": bare}
