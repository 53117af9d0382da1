"""Work that would stay in the service for ever is done by a process that ends with it."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta

import pytest

from core import child
from core.frames import frames_of

LONG = timedelta(seconds=60)


def whoami(suffix: str) -> tuple[int, str]:
    return os.getpid(), f"done{suffix}"


def environment() -> dict[str, str]:
    return dict(os.environ)


def imports_much() -> bool:
    import matplotlib.figure  # noqa: F401

    return "matplotlib" in sys.modules


def fails() -> None:
    raise ValueError("what somebody wrote")


def dies() -> None:
    os._exit(9)


def sleeps() -> None:
    time.sleep(600)


async def test_it_runs_elsewhere_and_says_what_it_found() -> None:
    pid, said = await child.run(LONG, whoami, suffix="!")
    assert pid != os.getpid()
    assert said == "done!"


async def test_what_it_imports_is_gone_with_it() -> None:
    before = set(sys.modules)
    assert await child.run(LONG, imports_much)
    assert not {one for one in set(sys.modules) - before if one.startswith("matplotlib")}


async def test_it_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    assert "xoxb-secret" not in (await child.run(LONG, environment)).values()


@pytest.mark.parametrize(("work", "within"), [(fails, LONG), (dies, LONG), (sleeps, timedelta(seconds=0.5))])
async def test_a_failure_a_death_and_a_standstill_are_one_clear_error(work, within) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(child.ChildFailed) as failed:
        await child.run(within, work)
    assert "somebody wrote" not in str(failed.value)


async def test_where_it_failed_is_known_and_what_it_said_is_not() -> None:
    with pytest.raises(child.ChildFailed) as failed:
        await child.run(LONG, fails)
    assert failed.value.frames[-1].endswith(":fails")
    told = frames_of(failed.value)
    assert any(one.startswith("in its process: tests/core/test_child.py:") for one in told)
    assert "somebody wrote" not in f"{failed.value} {told}"
