"""Which models this installation asks, and what `loopos doctor` says about them."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from pydantic import SecretStr

from bot.models import chosen, examine, gateway_of
from core.llm.anthropic import Anthropic, known, newest, pick
from core.llm.calls import CallSource
from core.llm.gateway import Gateway
from core.llm.openai import FAST, STRONG
from tests.core.llm.stage import CANARY, LONG, QUESTION, SHORT, Stage, why


def test_the_defaults_are_the_newest_of_their_class_that_the_sdk_knows() -> None:
    assert (newest("haiku"), newest("opus")) == ("claude-haiku-5-5", "claude-opus-5-5")
    assert {newest("haiku"), newest("opus")} <= set(known()) - set(DEPRECATED_MODELS)


def test_a_dated_or_deprecated_name_is_not_picked() -> None:
    names = [
        "claude-opus-5",
        "claude-opus-6-20270101",
        "claude-opus-5-10",
        "claude-opus-5-9",
        "claude-opus-7",
    ]
    assert pick("opus", names, ["claude-opus-7"]) == "claude-opus-5-10"


def test_openais_defaults_are_known_to_its_sdk() -> None:
    from typing import get_args

    from openai.types.shared.chat_model import ChatModel

    assert {FAST, STRONG} <= set(get_args(ChatModel))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ("anthropic", "openai")),
        ({"llm": "openai"}, ("openai",)),
        ({"llm": "offline"}, ()),
        ({"openai_key": None}, ("anthropic", "openai")),
        ({"openai_key": None, "openai_url": None}, ("anthropic",)),
        ({"anthropic_key": None}, ("openai",)),
        ({"anthropic_key": None, "llm": "anthropic"}, ()),
    ],
)
def test_who_is_asked(stage: Stage, changes: dict[str, str | None], names: tuple[str, ...]) -> None:
    settings = stage.settings(**changes)
    assert chosen(settings) == names
    assert (gateway_of(settings, stage.meter, stage.clock) is None) is (not names)


async def test_the_operators_models_are_for_the_first_provider(stage: Stage) -> None:
    gateway = await stage.gateway(fast_model="claude-haiku-4-5", strong_model="claude-opus-4-7")
    claude, gpt = gateway.health()
    assert claude.models == {"fast": "claude-haiku-4-5", "strong": "claude-opus-4-7"}
    assert gpt.models == {"fast": FAST, "strong": STRONG, "embed": "text-embedding-3-small"}


def test_building_the_gateway_imports_no_sdk() -> None:
    program = (
        "import sys, pathlib; from bot.models import gateway_of; from bot.settings import Settings\n"
        "s = Settings(ANTHROPIC_API_KEY='k1', OPENAI_API_KEY='k2', LOOPOS_HOME='x')\n"
        "assert gateway_of(s, None, None)\n"
        "print(sorted({'anthropic', 'openai', 'httpx2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_cold_gateway_warms_itself_at_the_first_question(stage: Stage) -> None:
    gateway = gateway_of(stage.settings(), stage.meter, stage.clock)
    assert gateway is not None and gateway.health()[0].models == {}
    stage.gateways.append(gateway)
    assert (await gateway.ask(QUESTION, LONG)).value.severity == 3


async def test_a_hurried_question_does_not_stop_the_import_that_it_began(stage: Stage) -> None:
    imported, builds = threading.Event(), []

    def build() -> Anthropic:
        builds.append(imported.wait(5))
        return Anthropic(SecretStr(CANARY), stage.anthropic.url, None, None)

    gateway = Gateway([CallSource("anthropic", build)], stage.meter, stage.clock)
    stage.gateways.append(gateway)
    unanswered = await why(gateway.ask(QUESTION, SHORT))
    assert unanswered.tried == ("anthropic: still starting",)
    imported.set()
    assert (await gateway.ask(QUESTION, LONG)).value.severity == 3
    assert builds == [True]


async def test_a_provider_that_cannot_be_built_is_down_and_says_so(stage: Stage) -> None:
    gateway = await stage.gateway(llm="anthropic", anthropic_url="http://models.internal:port")
    assert (await why(gateway.ask(QUESTION, LONG))).why == "down"
    assert (gateway.health()[0].state, gateway.health()[0].detail) == (
        "down",
        "cannot be started (InvalidURL)",
    )
    assert await examine(stage.settings(llm="anthropic", anthropic_url="http://models.internal:port")) == [
        "anthropic cannot be started (InvalidURL): check ANTHROPIC_BASE_URL."
    ]


async def test_the_doctor_finds_nothing_where_all_is_well(stage: Stage) -> None:
    assert await examine(stage.settings()) == []
    assert await examine(stage.settings(llm="offline")) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"anthropic_key": "sk-wrong"},
            "anthropic: the key is refused (401): check ANTHROPIC_API_KEY and the account behind it.",
        ),
        (
            {"llm": "openai", "openai_key": "sk-wrong"},
            "openai: the key is refused (401): check OPENAI_API_KEY and the account behind it.",
        ),
        (
            {"fast_model": "claude-haiku-9"},
            "anthropic: the model claude-haiku-9 is not known there: set LOOPOS_FAST_MODEL.",
        ),
        (
            {"llm": "openai", "strong_model": "gpt-9"},
            "openai: the model gpt-9 is not known there: set LOOPOS_STRONG_MODEL.",
        ),
        (
            {"embed_model": "nomic"},
            "openai: the model nomic is not known there: set LOOPOS_EMBED_MODEL.",
        ),
        (
            {"strong_model": "claude-sonnet-4-5"},
            "anthropic: the model claude-sonnet-4-5 is switched off on November 30th, 2026: set LOOPOS_STRONG_MODEL.",
        ),
        (
            {"anthropic_url": "http://127.0.0.1:9"},
            "anthropic cannot be reached (no connection): check the network and ANTHROPIC_BASE_URL.",
        ),
        (
            {"llm": "anthropic", "anthropic_key": None},
            "LOOPOS_LLM is anthropic, but ANTHROPIC_API_KEY is not set: set it, or set LOOPOS_LLM=auto.",
        ),
    ],
)
async def test_the_doctor_names_the_variable_to_change(
    stage: Stage, changes: dict[str, str | None], line: str
) -> None:
    stage.anthropic.models.add("claude-sonnet-4-5")
    assert await examine(stage.settings(**changes)) == [line]


async def test_the_doctor_knows_how_the_two_addresses_differ(stage: Stage) -> None:
    root, v1 = stage.openai.url, f"{stage.anthropic.url}/v1/"
    assert await examine(stage.settings(anthropic_url=v1, openai_url=root)) == [
        "ANTHROPIC_BASE_URL ends in /v1, which is added to it: leave that out.",
        "OPENAI_BASE_URL names no path: the endpoints of most servers begin with /v1, add that.",
    ]


async def test_an_endpoint_without_a_list_of_models_is_no_finding(stage: Stage) -> None:
    stage.openai.unlisted = True
    assert await examine(stage.settings(llm="openai", fast_model="whatever")) == []
