"""What the doctor says of language models and of voice: one line each, with its cure and without the key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import cli, models
from bot.settings import Settings
from bot.setup import doctor
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import FakeMind
from tests.fakes.openai import FakeOpenAI
from tests.platforms import free_port
from tests.voice.clips import MODEL

CANARY = "sk-canary-0123456789"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_model_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(params=["anthropic", "openai"])
async def vendor(request: pytest.FixtureRequest) -> AsyncIterator[FakeMind]:
    mind = FakeAnthropic() if request.param == "anthropic" else FakeOpenAI()
    await mind.start()
    yield mind
    await mind.stop()


def words_of(mind: FakeMind) -> tuple[str, str]:
    """How the variables of a vendor begin, and where it is."""
    return ("ANTHROPIC", mind.url) if isinstance(mind, FakeAnthropic) else ("OPENAI", f"{mind.url}/v1")


def settings(home: Path, *parts: dict[str, Any], **more: Any) -> Settings:
    values: dict[str, Any] = {"LOOPOS_HOME": home, "PORT": free_port(), "LOOPOS_WHISPER": "off"}
    for part in (*parts, more):
        values |= part
    return Settings(**values)


def key_of(mind: FakeMind, key: str | None = None, url: str | None = None) -> dict[str, Any]:
    name, address = words_of(mind)
    return {f"{name}_API_KEY": key or mind.key, f"{name}_BASE_URL": url or address}


async def found(wanted: Settings) -> dict[str, list[str]]:
    """Only what is wrong."""
    everything = await doctor.findings_of(wanted)
    for line in (line for lines in everything.values() for line in lines):
        assert "\n" not in line and "canary" not in line
    return {name: lines for name, lines in everything.items() if lines}


# --- language models


async def test_a_key_that_works_is_well_and_costs_nothing(tmp_path: Path, vendor: FakeMind) -> None:
    everything = await doctor.findings_of(settings(tmp_path, key_of(vendor)))
    assert everything["models"] == []
    assert vendor.calls == [] and vendor.refused == []


async def test_without_a_key_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert "models" not in await doctor.findings_of(settings(tmp_path))
    (line,) = (await found(settings(tmp_path, LOOPOS_LLM="anthropic")))["models"]
    assert "ANTHROPIC_API_KEY is not set" in line and "LOOPOS_LLM=auto" in line


async def test_a_wrong_key_is_named_and_not_shown(tmp_path: Path, vendor: FakeMind) -> None:
    (line,) = (await found(settings(tmp_path, key_of(vendor, CANARY))))["models"]
    assert f"check {words_of(vendor)[0]}_API_KEY" in line


async def test_an_address_at_which_nobody_answers_is_named(tmp_path: Path, vendor: FakeMind) -> None:
    name = words_of(vendor)[0]
    address = NOWHERE if name == "ANTHROPIC" else f"{NOWHERE}/v1"
    (line,) = (await found(settings(tmp_path, key_of(vendor, url=address))))["models"]
    assert "cannot be reached" in line and f"{name}_BASE_URL" in line


async def test_a_vendor_that_hangs_holds_up_nobody(
    tmp_path: Path, vendor: FakeMind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_LOOK", 0.3)

    async def hang(_request: Any) -> Any:
        return await vendor.hang()

    mute = FakeMind(delay=5)
    mute.app.router.add_get("/{any:.*}", hang)
    await mute.start()
    try:
        name = words_of(vendor)[0]
        address = mute.url if name == "ANTHROPIC" else f"{mute.url}/v1"
        (line,) = (await found(settings(tmp_path, key_of(vendor, url=address))))["models"]
    finally:
        await mute.stop()
    assert "does not answer" in line and f"{name}_BASE_URL" in line


async def test_a_model_that_the_vendor_does_not_know_is_named_with_its_variable(
    tmp_path: Path, vendor: FakeMind
) -> None:
    wanted = settings(tmp_path, key_of(vendor), LOOPOS_STRONG_MODEL="parrot-1")
    (line,) = (await found(wanted))["models"]
    assert "parrot-1" in line and "LOOPOS_STRONG_MODEL" in line


async def test_each_of_two_vendors_is_looked_at(tmp_path: Path, vendor: FakeMind) -> None:
    other = {"ANTHROPIC": "OPENAI", "OPENAI": "ANTHROPIC"}[words_of(vendor)[0]]
    address = NOWHERE if other == "ANTHROPIC" else f"{NOWHERE}/v1"
    both = {f"{other}_API_KEY": CANARY, f"{other}_BASE_URL": address}
    (line,) = (await found(settings(tmp_path, key_of(vendor), both)))["models"]
    assert f"{other}_BASE_URL" in line


# --- voice


async def test_a_service_without_an_ear_is_told_how_to_get_one(tmp_path: Path) -> None:
    (line,) = (await found(settings(tmp_path, LOOPOS_DEMO=False, LOOPOS_WHISPER=None)))["voice"]
    assert "No ear is configured" in line and "hf download" in line


async def test_a_demo_that_works_with_nothing_is_well(tmp_path: Path) -> None:
    assert await found(settings(tmp_path, LOOPOS_WHISPER=None)) == {}


async def test_a_demo_in_which_voice_was_wanted_is_not(tmp_path: Path) -> None:
    for wanted, cure in (
        ({"LOOPOS_WHISPER": "openai"}, "OPENAI_API_KEY is not set"),
        ({"LOOPOS_WHISPER": "local", "LOOPOS_WHISPER_MODEL": "small"}, "hf download"),
        ({"RUNPOD_WHISPER_URL": "https://api.runpod.ai/v2/abc", "LOOPOS_WHISPER": None}, "RUNPOD_API_KEY"),
    ):
        (line, *_) = (await found(settings(tmp_path, wanted)))["voice"]
        assert cure in line


async def test_a_model_on_this_machine_is_an_ear(tmp_path: Path) -> None:
    local = {"LOOPOS_WHISPER": "local", "LOOPOS_WHISPER_MODEL": str(MODEL), "LOOPOS_DEMO": False}
    assert "voice" not in await found(settings(tmp_path, local))


# --- the command


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    monkeypatch.setenv("PORT", str(free_port()))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", NOWHERE)
    yield monkeypatch


def test_the_command_ends_with_1_and_names_the_cure_but_never_the_key(
    shell: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.setenv("ANTHROPIC_API_KEY", CANARY)
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr()
    assert "✗ models: anthropic cannot be reached" in out.out and "✓ voice" in out.out
    assert "canary" not in out.out + out.err
    assert cli.main(["doctor", "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["findings"]["models"]) == 1
