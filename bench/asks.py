"""From a tap to the worker: `python -m bench asks`.

The real service as a process of its own, fake servers of Telegram and Slack beside it, and one worker that asks again and again: the
founder on Telegram and a lead on Slack by turns. Measured is the time from the moment a person's tap leaves the platform to the moment
the worker has the answer on its standard input, and from the worker's call to the card on the phone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.platforms import MAKERS, PATHS, RunningClock, account_on, company_with, free_port, settings_for

ROOT: Final = Path(__file__).parents[1]
QUESTIONS: Final = 60
WITHIN: Final = 60.0
SCRIPT: Final = """\
for n in $(seq %d); do
  to=ben; [ $((n %% 2)) = 0 ] && to=miguel
  echo "asks $n $(date +%%s.%%N)"
  answer=$("$LOOPOS_BIN" ask --prompt "Question $n: north or south?" --options north,south --to $to)
  echo "has $n $answer $(date +%%s.%%N)"
done
"""


@dataclass
class Measured:
    to_card: list[float] = field(default_factory=list)
    """Seconds from the worker's call to the card on the phone."""
    to_worker: list[float] = field(default_factory=list)
    """Seconds from the tap to the answer in the worker's hand."""
    lines: list[str] = field(default_factory=list)


async def run(scratch: Path, questions: int = QUESTIONS) -> Measured:
    clock, port = RunningClock(), free_port()
    fakes: dict[str, Any] = {}
    for name in ("telegram", "slack"):
        fakes[name] = MAKERS[name](clock)
        await fakes[name].start()
    accounts = {
        ("ben", "telegram"): account_on(fakes["telegram"], "telegram", "ben"),
        ("miguel", "slack"): account_on(fakes["slack"], "slack", "miguel"),
    }
    company_with(scratch, accounts)
    lead = scratch / "company" / "team.json"
    team = json.loads(lead.read_text(encoding="utf-8"))
    for person in team:
        if person["id"] == "miguel":
            person["role"] = "lead"
    lead.write_text(json.dumps(team, ensure_ascii=False), encoding="utf-8")
    settings = settings_for(scratch, fakes, port)
    env = {"PATH": os.environ["PATH"], "HOME": str(scratch), "PYTHONPATH": str(ROOT), "PORT": str(port)}
    for key in (
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "SLACK_API_URL",
        "TELEGRAM_BOT_TOKEN",
        "TELEGRAM_API_URL",
    ):
        env[key] = _value(settings, key)
    env |= {"LOOPOS_HOME": str(scratch), "LOOPOS_EMBED": "off", "LOOPOS_WHISPER": "off", "LOOPOS_LLM": "offline",
            "LOOPOS_BASE_URL": f"https://127.0.0.1:{port}", "LOOPOS_PACE": "1000"}  # fmt: skip

    async def loopos(*said: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *said,
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, (said, out, err)
        return out.decode()

    service = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "serve", env=env, cwd=ROOT,
        stdout=(scratch / "serve.out").open("wb"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        for name, fake in fakes.items():
            fake.webhook_url = f"http://127.0.0.1:{port}{PATHS[name]}"
        await _until(lambda: _ready(port))
        await asyncio.sleep(3.0)  # the loop begins a second after the service
        folder = scratch / "loop"
        (folder / "asker.sh").write_text(SCRIPT % questions)
        (folder / "config.json").write_text(
            json.dumps({"judgment": "reflexes", "worker_command": "bash asker.sh {{prompt_file}}"})
        )
        await loopos("worker", "start", "asker", "ask")
        return await _exchanged(folder / "sessions" / "asker" / "transcript.log", fakes, accounts, questions)
    finally:
        await loopos("down")
        service.send_signal(signal.SIGTERM)
        await service.wait()
        for fake in fakes.values():
            await fake.stop()


async def _exchanged(
    log: Path, fakes: dict[str, Any], accounts: dict[tuple[str, str], str], questions: int
) -> Measured:
    found = Measured()
    who = {"ben": ("telegram", "Ben"), "miguel": ("slack", "Miguel")}
    for number in range(1, questions + 1):
        person = "miguel" if number % 2 == 0 else "ben"
        channel, name = who[person]
        fake, account = fakes[channel], accounts[person, channel]
        place = fake.dm(account) if channel == "slack" else account
        asked = f"Question {number}:"
        shown: list[Any] = []

        async def is_shown(
            fake: Any = fake, place: str = place, asked: str = asked, shown: list[Any] = shown
        ) -> bool:
            shown[:] = [one for one in await fake.chat(place) if asked in one.text and one.buttons]
            return bool(shown)

        await _until(is_shown)
        seen = time.time()
        began = _moment(log, f"asks {number} ")
        found.to_card.append(seen - began)
        tapped = time.time()
        await fake.taps(account, shown[-1], "south")
        await _until(lambda number=number: _has(log, number))  # type: ignore[misc]
        found.to_worker.append(_moment(log, f"has {number} ") - tapped)
        if number <= 2:
            found.lines += [
                f"asker: {asked} north or south?",
                f"{name} ({channel}): south",
                f"asker has: south, {found.to_worker[-1]:.3f} s after the tap",
            ]
    return found


async def _has(log: Path, number: int) -> bool:
    return f"has {number} south" in log.read_text()


def _moment(log: Path, head: str) -> float:
    line = next(one for one in log.read_text().splitlines() if one.startswith(head))
    return float(line.rsplit(" ", 1)[1])


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WITHIN):
        while not await true():
            await asyncio.sleep(0.005)


async def _ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        head = await reader.readline()
        writer.close()
        return b" 200 " in head
    except OSError:
        return False


def _value(settings: Any, key: str) -> str:
    """As it would stand in the environment."""
    field_name = next(
        name
        for name, one in type(settings).model_fields.items()
        if key in str(one.validation_alias or one.alias or name.upper())
    )
    value = getattr(settings, field_name)
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        found = asyncio.run(run(Path(scratch)))
    for name, times in (("worker to card", found.to_card), ("tap to worker", found.to_worker)):
        ordered = sorted(times)
        print(
            f"{name}: {len(times)} times, p50 {statistics.median(ordered):.3f} s, p95 {ordered[int(len(ordered) * 0.95) - 1]:.3f} s,"
            f" most {ordered[-1]:.3f} s"
        )
    print("\n".join(found.lines))
