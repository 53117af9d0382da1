from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import FakeMind
from tests.fakes.openai import FakeOpenAI
from tests.models.brain import clever
from tests.world import World, open_world


@dataclass
class Thinking:
    """The house with a model vendor beside it."""

    world: World
    mind: FakeMind
    other: FakeMind | None = None


Open = Callable[..., AbstractAsyncContextManager[Thinking]]
KEYS = {"anthropic": "ANTHROPIC", "openai": "OPENAI"}


def settings_of(name: str, mind: FakeMind) -> dict[str, Any]:
    root = mind.url if name == "anthropic" else f"{mind.url}/v1"
    return {f"{KEYS[name]}_API_KEY": mind.key, f"{KEYS[name]}_BASE_URL": root}


def fake(name: str) -> FakeMind:
    return FakeAnthropic(brain=clever()) if name == "anthropic" else FakeOpenAI(brain=clever())


@contextlib.asynccontextmanager
async def thinking(home: Path, *names: str, **more: Any) -> AsyncIterator[Thinking]:
    """`names`: the providers, in the order they are asked."""
    models_and_speech = [fake(name) for name in names]
    async with contextlib.AsyncExitStack() as stack:
        for mind in models_and_speech:
            await mind.start()
            stack.push_async_callback(mind.stop)
        settings = {
            key: value
            for name, mind in zip(names, models_and_speech, strict=True)
            for key, value in settings_of(name, mind).items()
        }
        world = await stack.enter_async_context(open_world(home, **settings, **more))
        yield Thinking(
            world, models_and_speech[0], models_and_speech[1] if len(models_and_speech) > 1 else None
        )


@pytest.fixture(params=["anthropic", "openai"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Thinking]:
    async with thinking(tmp_path, request.param) as one:
        yield one
