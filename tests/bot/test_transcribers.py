"""Which ears a company gets from its settings, and what `doctor` says of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot import transcribers
from bot.settings import Settings
from tests.core.speech.hearing import HandClock, Ledger
from tests.voice.clips import MODEL

OPENAI = {"OPENAI_API_KEY": "sk-canary-openai"}
RUNPOD = {"RUNPOD_WHISPER_URL": "https://api.runpod.ai/v2/abc", "RUNPOD_API_KEY": "rpa-canary"}
HERE = {"LOOPOS_WHISPER_MODEL": str(MODEL)}


@pytest.fixture(autouse=True)
def no_model_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The model hub's folder on this machine, empty."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


def settings(*parts: dict[str, str], **more: str) -> Settings:
    values: dict[str, Any] = {}
    for part in parts:
        values |= part
    return Settings.model_validate(values | more)


async def order(wanted: Settings) -> list[str]:
    made = transcribers.transcribers_of(wanted, Ledger(), HandClock())
    if made is None:
        return []
    await made.close()
    return [f"{engine.provider}/{engine.model}" for engine in made.engines]


def cached(folder: Path, repository: str) -> Path:
    """A model as the hub's client keeps it."""
    base = folder / f"models--{repository.replace('/', '--')}"
    snapshot = base / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.bin").write_bytes(b"weights")
    (base / "refs").mkdir()
    (base / "refs" / "main").write_text("0123abc")
    return snapshot


async def test_without_any_setting_there_is_no_ear_and_doctor_says_how_to_get_one() -> None:
    assert await order(settings()) == []
    (finding,) = transcribers.examine(settings())
    assert "hf download Systran/faster-whisper-small" in finding


async def test_what_is_configured_is_asked_in_order_and_the_chosen_one_first() -> None:
    assert await order(settings(HERE)) == ["local/tiny-whisper"]
    assert await order(settings(OPENAI)) == ["openai/gpt-transcribe"]
    assert await order(settings(OPENAI, RUNPOD)) == ["runpod/turbo", "openai/gpt-transcribe"]
    chosen = settings(OPENAI, RUNPOD, HERE, LOOPOS_WHISPER="local")
    assert await order(chosen) == ["local/tiny-whisper", "runpod/turbo", "openai/gpt-transcribe"]
    assert transcribers.examine(chosen) == []


async def test_the_model_is_that_of_the_ear_that_is_asked_first() -> None:
    named = settings(OPENAI, RUNPOD, LOOPOS_WHISPER="openai", LOOPOS_WHISPER_MODEL="whisper-1")
    assert await order(named) == ["openai/whisper-1", "runpod/turbo"]


async def test_off_is_off() -> None:
    off = settings(OPENAI, RUNPOD, LOOPOS_WHISPER="off")
    assert await order(off) == []
    assert transcribers.examine(off) == []


async def test_a_model_in_the_cache_is_found_by_its_name_and_none_is_fetched(
    no_model_in_the_cache: Path,
) -> None:
    turbo = settings(LOOPOS_WHISPER="local", LOOPOS_WHISPER_MODEL="turbo")
    assert transcribers.local_folder(turbo) is None
    assert any(
        "hf download mobiuslabsgmbh/faster-whisper-large-v3-turbo" in one
        for one in transcribers.examine(turbo)
    )
    snapshot = cached(no_model_in_the_cache, "mobiuslabsgmbh/faster-whisper-large-v3-turbo")
    assert transcribers.local_folder(turbo) == snapshot
    assert transcribers.examine(turbo) == []


async def test_a_folder_that_is_not_there_is_told_and_nothing_breaks(tmp_path: Path) -> None:
    lost = settings(LOOPOS_WHISPER="local", LOOPOS_WHISPER_MODEL=str(tmp_path / "gone"))
    assert await order(lost) == []
    (finding,) = transcribers.examine(lost)
    assert f"{tmp_path}/gone holds no model" in finding


async def test_half_a_configuration_is_told_and_never_its_key() -> None:
    for wrong, name in (
        (settings(LOOPOS_WHISPER="openai"), "OPENAI_API_KEY"),
        (settings(OPENAI, LOOPOS_WHISPER="runpod"), "RUNPOD_WHISPER_URL"),
        (settings(OPENAI, RUNPOD_WHISPER_URL="https://api.runpod.ai/v2/abc"), "RUNPOD_API_KEY"),
    ):
        found = transcribers.examine(wrong)
        assert name in found[0]
        assert "canary" not in repr(found)


def test_the_names_of_models_are_the_librarys_own() -> None:
    # In a process of its own: the library takes 20 MB and is needed here for nothing else.
    code = "from faster_whisper.utils import _MODELS; import json; print(json.dumps(_MODELS))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)
    assert {name: theirs[name] for name in transcribers.REPOSITORIES} == transcribers.REPOSITORIES
