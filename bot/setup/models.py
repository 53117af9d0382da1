"""What `loopos init` asks of language models and of voice. All of it may be left out: the house works by rule without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from pydantic import SecretStr

from bot import models, transcribers
from bot.settings import Settings
from bot.setup.dialog import PLAIN, Session, ask_token
from core.errors import StartupError

_WHERE: Final[dict[models.Name, tuple[str, str]]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "https://console.anthropic.com/settings/keys (sk-ant-...)."),
    "openai": ("OPENAI_API_KEY", "https://platform.openai.com/api-keys (sk-...); it also hears voice notes."),
}
_SIZES: Final = "small (0.5 GB), medium (1.5 GB), large-v3-turbo (1.6 GB)"


def ask(session: Session) -> None:
    say = session.dialog.say
    say("\n— Language models. Without a key messages are read and dispatches drafted by rule.")
    for name, (variable, where) in _WHERE.items():
        ask_token(session, variable, where, live=partial(_try, session.before, name))
    say("\n— Voice notes. Without an ear they are kept, and a person listens.")
    _ask_voice(session)


async def _try(before: Settings, name: models.Name, key: str) -> str:
    """Raises StartupError for a key that is refused and for a vendor that is not reached. What is wrong with the chosen
    models is told in the end, when all is known."""
    only: dict[str, object] = {"llm": name, f"{name}_key": SecretStr(key)}
    found = await models.examine(before.model_copy(update=only))
    for line in found:
        if f"{name.upper()}_API_KEY" in line or f"{name.upper()}_BASE_URL" in line:
            raise StartupError(line, "")
    return "The key works."


def _ask_voice(session: Session) -> None:
    say, held = session.dialog.say, _ear(session)
    say(
        f"On this machine, for nothing: {_SIZES} or a folder, fetched once. Or openai, with the key above; or off."
    )
    while True:
        said = session.dialog.ask(f"Voice model [{held}]: ").strip()
        wrong = "" if said in {"", "off"} else _unusable(session, said)
        if not wrong:
            break
        say(f"✗ {wrong}")
    if not said:
        return
    far = said in {"off", "openai"}
    session.values["LOOPOS_WHISPER"] = said if far else "local"
    session.values["LOOPOS_WHISPER_MODEL"] = "" if far else said


def _ear(session: Session) -> str:
    """What hears now, as the settings have it."""
    chosen = f"{session.now('LOOPOS_WHISPER')} {session.now('LOOPOS_WHISPER_MODEL')}".strip()
    if chosen:
        return chosen
    far = (("RUNPOD_WHISPER_URL", "runpod"), ("OPENAI_API_KEY", "openai"))
    return next((name for variable, name in far if session.now(variable)), "none")


def _unusable(session: Session, said: str) -> str:
    """Why `said` is no ear; "" where it is one, or will be once it is fetched."""
    if said == "openai":
        return "" if session.now("OPENAI_API_KEY") else "That needs OPENAI_API_KEY."
    if said in transcribers.REPOSITORIES:
        return ""
    wanted = session.before.model_copy(update={"whisper": "local", "whisper_model": said})
    if PLAIN.fullmatch(said) and transcribers.local_folder(wanted) is not None:
        return ""
    return "There is no such model, and no folder with a model.bin."


def report(settings: Settings, say: Callable[[str], None]) -> None:
    """What is not right yet; it keeps nothing from working."""
    findings = [*asyncio.run(models.examine(settings)), *transcribers.examine(settings)]
    if findings:
        say("\nModels and voice:")
    for one in findings:
        say(f"✗ {one}")
