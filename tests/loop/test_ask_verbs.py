"""A worker's script asks from the shell: it blocks, a person taps, and on its output stands the answer alone."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.world import MovableClock, World, open_world

pytestmark = pytest.mark.long  # each verb is a process of its own; what they do is tested in test_asks


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path, MovableClock(datetime.now(UTC) + timedelta(minutes=1))) as one:
        await one.app.pulse.prepare()
        await one.app.requests.start()
        await one.says("ben", "/help")  # he talks here: this is where he is asked
        yield one


def started(world: World, *said: str, **env: str) -> subprocess.Popen[str]:
    surroundings = {
        "PATH": os.environ["PATH"],
        "LOOPOS_HOME": str(world.app.settings.home),
        "LOOPOS_EMBED": "off",
        **env,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *said],
        env=surroundings,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def runs(world: World, *said: str, given: str = "", **env: str) -> tuple[int, str, str]:
    process = started(world, *said, **env)
    out, err = await asyncio.to_thread(process.communicate, given, 60)
    return process.returncode, out, err


async def asked(world: World) -> Any:
    """The newest question's card, as soon as it is there."""
    async with asyncio.timeout(40):
        while not await world.cards("ben", "ask"):
            await asyncio.sleep(0.1)
            await world.wait(seconds=60 * 60 if not await world.cards("ben", "ask") else 0)
    return await world.card("ben", "ask")


async def test_it_blocks_until_somebody_answers_and_prints_that_alone(world: World) -> None:
    process = started(
        world, "_", "ask", "inbox", "--prompt", "Which key?", "--options", "blue,red", LOOPOS_DEMO="1"
    )
    card = await asked(world)
    assert process.poll() is None
    assert [one["label"] for one in card.card["buttons"]][:2] == ["blue", "red"]
    await world.tap("ben", card.card["buttons"][1]["id"])
    out, err = await asyncio.to_thread(process.communicate, None, 60)
    assert (process.returncode, out, err) == (0, "red\n", "")


async def test_its_id_at_once_the_list_and_the_operators_answer(world: World) -> None:
    assert await runs(world, "ask", "--detach", "--prompt", "Which gate?", SESSION_ID="inbox") == (
        0,
        "inbox-1\n",
        "",
    )
    assert (await runs(world, "ask", "inbox", "--detach", "--prompt", "Which gate?"))[1] == "inbox-1\n", (
        "the same ask"
    )
    code, out, _ = await runs(world, "asks", "--json")
    one = next(one for one in json.loads(out) if one["id"] != "setup-1")
    assert (code, one["id"], one["worker"], one["prompt"], one["options"], one["reference"]) == (
        0, "inbox-1", "inbox", "Which gate?", [], "",
    )  # fmt: skip
    assert isinstance(one["ts"], int)
    assert await runs(world, "answer", "inbox-1", "the", "north", "one") == (0, "answered inbox-1\n", "")
    code, out, err = await runs(world, "answer", "inbox-1", "another")
    assert (code, out) == (1, "") and "the north one" in err
    assert (await runs(world, "answer", "inbox-1", "--force", given="from a pipe\n"))[0] == 0
    assert await runs(world, "ask", "inbox", "--prompt", "Which gate?") == (0, "from a pipe\n", "")
    assert [one["id"] for one in json.loads((await runs(world, "asks", "--json"))[1])] == ["setup-1"]
    assert len(json.loads((await runs(world, "asks", "--all", "--json"))[1])) == 2


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        (("ask", "inbox"), 2, "--prompt"),
        (("ask", "inbox", "--prompt", " "), 1, "words"),
        (("ask", "a/b", "--prompt", "x"), 1, "name"),
        (("ask", "inbox", "--prompt", "x", "--to", "nobody"), 1, "nobody"),
        (("ask", "inbox", "--prompt", "x", "--timeout", "nan"), 2, "number"),
        (("ask", "inbox", "--prompt", "x", "--timeout", "0"), 1, "stays asked"),
        (("answer", "inbox-7", "x"), 1, "inbox-7"),
        (("answer",), 2, "ID"),
        (("asks", "--wrong"), 2, "--wrong"),
    ],
)
async def test_what_is_wrong_says_why_and_prints_nothing(
    world: World, said: tuple[str, ...], code: int, why: str
) -> None:
    found, out, err = await runs(world, *said)
    assert (found, out) == (code, "")
    assert why in err
    assert "Traceback" not in err


async def test_what_cannot_be_undone_is_nobodys_answer_from_the_shell(world: World) -> None:
    assert (await runs(world, "ask", "inbox", "--irreversible", "--detach", "--prompt", "Merge?"))[
        1
    ] == "inbox-1\n"
    code, _, err = await runs(world, "answer", "inbox-1", "yes")
    assert code == 1 and "tap" in err
