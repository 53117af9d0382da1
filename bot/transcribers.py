"""Which ears there are, from the settings. Nothing is downloaded here: a model of gigabytes is an operator's choice."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bot.settings import Settings
from core.clock import Clock
from core.metering import Meter
from core.speech import remote, runpod
from core.speech.engine import Engine
from core.speech.local import LocalTranscriber
from core.speech.remote import OpenAITranscriber
from core.speech.runpod import RunPodTranscriber
from core.speech.transcribers import Transcribers

LOCAL_MODEL: Final = "small"
"""The smallest that is of use in all five languages."""
REPOSITORIES: Final = {"large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo"} | {
    name: f"Systran/faster-whisper-{name}"
    for name in ("tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3")
}
"""faster-whisper's own short names; asking it would load half a gigabyte of libraries."""
_SHORTER: Final = {"large": "large-v3", "turbo": "large-v3-turbo"}
_ORDER: Final = ("runpod", "openai", "local")


def transcribers_of(settings: Settings, meter: Meter, clock: Clock) -> Transcribers | None:
    """The engines that are configured, the chosen one first; None where there is none or voice is off."""
    engines = {name: engine for name in _ORDER if (engine := _engine(name, settings)) is not None}
    if settings.whisper == "off" or not engines:
        return None
    first = _first(settings)
    ordered = sorted(engines, key=lambda name: (name != first, _ORDER.index(name)))
    return Transcribers([engines[name] for name in ordered], meter, clock, folder=settings.home / "hearing")


def examine(settings: Settings) -> list[str]:
    """What an operator should know of the ears; empty where voice notes will be understood, or are off."""
    if settings.whisper == "off":
        return []
    findings = []
    if settings.whisper == "openai" and settings.openai_key is None:
        findings.append("LOOPOS_WHISPER is openai, and OPENAI_API_KEY is not set.")
    if settings.whisper == "runpod" and not (settings.runpod_url and settings.runpod_key):
        findings.append("LOOPOS_WHISPER is runpod: it needs RUNPOD_WHISPER_URL and RUNPOD_API_KEY.")
    if settings.runpod_url and settings.runpod_key is None and settings.whisper != "runpod":
        findings.append("RUNPOD_WHISPER_URL is set, and RUNPOD_API_KEY is not.")
    if _first(settings) == "local" and settings.whisper_model and local_folder(settings) is None:
        findings.append(_missing(settings.whisper_model))
    if not findings and not any(_engine(name, settings) for name in _ORDER):
        findings.append(
            "No ear is configured: voice notes are kept and shown to a person, but not understood. "
            f"Free and on this machine: {fetching(LOCAL_MODEL)} Or set LOOPOS_WHISPER=off."
        )
    return findings


def fetching(model: str) -> str:
    """The command that brings a model here. It goes where it is looked for."""
    return f"hf download {_repository(model)}"


def _missing(model: str) -> str:
    if model.startswith(("/", "~", ".")):
        return f"LOOPOS_WHISPER_MODEL: {model} holds no model in CTranslate2's format (no model.bin)."
    return f"The voice model {model} is not on this machine. Fetch it once with: {fetching(model)}"


def local_folder(settings: Settings) -> Path | None:
    """Where the local model lies: the folder that is named, or the cache of the model hub; None: it is not here."""
    wish = _local_wish(settings)
    folder = Path(wish).expanduser()
    if (folder / "model.bin").is_file():
        return folder.absolute()
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(_repository(wish), "model.bin")
    except ValueError:  # a folder that does not exist, and no name either
        return None
    return Path(found).parent if isinstance(found, str) else None


def _local_wish(settings: Settings) -> str:
    wish = settings.whisper_model if _first(settings) == "local" else None
    return wish or LOCAL_MODEL


def _repository(model: str) -> str:
    return REPOSITORIES.get(_SHORTER.get(model, model), model)


def _engine(name: str, settings: Settings) -> Engine | None:
    """The engine of that name where it is configured. The libraries behind it load at its first note."""
    match name:
        case "local":
            folder = local_folder(settings)
            return LocalTranscriber(folder, settings.whisper_device) if folder else None
        case "openai" if settings.openai_key is not None:
            model = _remote_model("openai", settings) or remote.MODEL
            return OpenAITranscriber(settings.openai_key, settings.openai_url, model)
        case "runpod" if settings.runpod_url is not None and settings.runpod_key is not None:
            model = _remote_model("runpod", settings) or runpod.MODEL
            return RunPodTranscriber(settings.runpod_url, settings.runpod_key, model)
    return None


def _first(settings: Settings) -> str:
    """The ear that is asked first, and that LOOPOS_WHISPER_MODEL names a model for."""
    if settings.whisper is not None:
        return settings.whisper
    if settings.runpod_url is not None and settings.runpod_key is not None:
        return "runpod"
    return "openai" if settings.openai_key is not None else "local"


def _remote_model(name: str, settings: Settings) -> str | None:
    return settings.whisper_model if _first(settings) == name else None
