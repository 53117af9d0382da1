"""An error in production says where it happened, and nothing of what people wrote."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from aiohttp import web

from bot.log import set_up
from channels.connections import Connections
from core.context import Tx
from core.frames import MAX_FRAMES, frames_of
from core.outbox.delivery import Deliverer
from core.store import deadlines
from core.timers import HANDLERS, given_up, prepare
from core.triage.offline import OfflineEngine
from tests.world import World

SECRET = "the guest's name is Margarethe"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    set_up("WARNING")

    def read() -> list[dict[str, Any]]:
        assert SECRET not in written.getvalue()
        return [json.loads(line) for line in written.getvalue().splitlines()]

    return read


def explode(*_args: Any, **_more: Any) -> None:
    words = SECRET
    raise ValueError(words)


async def test_a_message_that_cannot_be_worked_on_says_where_it_failed(
    world: World, lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OfflineEngine, "understand", explode)
    await world.says("shirley", SECRET)
    failed = next(one for one in lines() if one["event"] == "job_failed")
    assert (failed["level"], failed["error"]) == ("warning", "ValueError")
    assert failed["frames"][-1].startswith("tests/bot/test_log.py:")
    assert failed["frames"][-1].endswith(":explode")
    assert any(one.startswith("core/intake/job.py:") for one in failed["frames"])


async def test_a_timer_that_fails_says_where(world: World, lines: Callable[[], list[dict[str, Any]]]) -> None:
    await world.do(lambda tx: deadlines.schedule(tx, "follow_up", "nothing", tx.now))

    def handler(tx: Tx, due: deadlines.Due) -> None:
        explode()

    handlers = {**HANDLERS, "follow_up": handler}
    await world.do(lambda tx: deadlines.fire_due(tx, handlers, given_up, prepare))
    failed = next(one for one in lines() if one["event"] == "deadline_failed")
    assert failed["frames"][-1].endswith(":explode")


async def test_a_delivery_that_fails_in_a_new_way_says_where(
    world: World, lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deliverer, "_keep", explode)
    await world.says("shirley", "/help")
    failed = next(one for one in lines() if one["event"] == "job_failed")
    assert failed["frames"][-1].endswith(":explode")


def test_what_caused_it_is_named_too_and_a_deep_fall_is_cut() -> None:
    def deep(left: int) -> None:
        if left == 0:
            raise KeyError(SECRET)
        deep(left - 1)

    try:
        try:
            deep(3)
        except KeyError as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError as error:
        frames = frames_of(error)
    assert "caused by KeyError" in frames
    assert frames[-1].endswith(":deep")
    with pytest.raises(KeyError) as fell:
        deep(200)
    assert len(frames_of(fell.value)) == MAX_FRAMES


def test_causes_without_end_are_cut() -> None:
    first, second = ValueError(), KeyError()
    first.__context__, second.__context__ = second, first
    assert frames_of(first) == ["caused by KeyError"]
    last: BaseException = ValueError()
    for _ in range(5000):
        one = OSError()
        one.__context__ = last
        last = one
    assert frames_of(last) == ["caused by OSError"] * MAX_FRAMES


async def never(_request: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError


async def test_what_libraries_say_of_an_error_and_of_a_callback_stays_out(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    library = logging.getLogger("some.library")
    library.error("it failed: %s", ValueError(SECRET))
    try:
        explode()
    except ValueError as error:
        library.error(f"it failed: {error!r}")
        library.exception("it failed")
    listening = await Connections().listen(web.Server(never), "127.0.0.1", 0)
    loop = asyncio.get_running_loop()
    loop.call_soon(explode, SECRET)
    forgotten = loop.create_future()
    forgotten.set_exception(ValueError(SECRET))
    del forgotten
    gc.collect()
    await asyncio.sleep(0.01)
    loop.set_exception_handler(None)
    listening.close()
    await listening.wait_closed()
    found = [one for one in lines() if one["event"] == "event_loop"]
    assert {(one["what"], one["error"]) for one in found} == {
        ("Exception in", "ValueError"),
        ("Future exception was never retrieved", "ValueError"),
    }


@pytest.mark.parametrize(
    "value",
    [
        {"text": SECRET},
        [{"deep": {"body": SECRET}}],
        ValueError(SECRET),
        ("x", ValueError(SECRET)),
        SimpleNamespace(words=SECRET),
    ],
)
def test_however_deep_it_lies_it_stays_out(lines: Callable[[], list[dict[str, Any]]], value: object) -> None:
    structlog.get_logger("x").warning("something", what=value)
    assert len(lines()) == 1


@pytest.mark.parametrize(
    "secret",
    [
        "123456789:" + "A" * 35,
        "ghp_" + "a1" * 18,
        "github_pat_" + "a1" * 30,
        "xoxb-12-abcdef",
        "sk-ant-api03-abcdefghijklmnop",
    ],
)
@pytest.mark.parametrize("around", ["{}", "https://api.example/bot{}/getUpdates", "token={}&x=1"])
def test_secrets_are_struck_out_wherever_they_stand(
    lines: Callable[[], list[dict[str, Any]]], secret: str, around: str
) -> None:
    structlog.get_logger("x").warning("something", where=[around.format(secret)])
    (line,) = lines()
    assert secret not in json.dumps(line)
