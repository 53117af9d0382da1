"""Which language a note is in: the house's names and Whisper's, and how far its speaker's profile decides."""

from __future__ import annotations

from typing import Final

from core.model import LANGUAGES
from core.triage.languages import LATIN, by_script

SURE_SECONDS: Final = 3.0
"""Shorter notes hold too little sound to tell a language by: there the speaker's first is taken."""
TRADITIONAL_PROMPT: Final = "繁體中文。"
"""Sets the script and nothing else: a sentence leaks into what is heard."""

_WHISPER: Final = {"zh-TW": "zh"}
_HOUSE: Final = {
    "zh": "zh-TW",
    "yue": "zh-TW",
    "ms": "id",
    "jw": "id",
    "english": "en",
    "chinese": "zh-TW",
    "japanese": "ja",
    "indonesian": "id",
    "malay": "id",
    "spanish": "es",
}
"""What engines answer: codes, or whole names. Whisper often takes Indonesian for Malay or Javanese."""


def whisper_code(language: str) -> str:
    """ISO 639-1, as engines take it."""
    return _WHISPER.get(language, language)


def house_code(told: str | None, text: str, candidates: tuple[str, ...]) -> str:
    """One of core.model.LANGUAGES for what an engine told of the language; where it told nothing that we know, what
    the text itself shows."""
    plain = (told or "").strip().casefold().split("-")[0]
    found = _HOUSE.get(plain, plain)
    if found in LANGUAGES:
        return found
    latin = next((one for one in candidates if one in LATIN), "en")
    return by_script(text.casefold(), candidates) or latin


def hint(languages: tuple[str, ...], seconds: float) -> tuple[tuple[str, ...], bool]:
    """(what may have been spoken, whether the first is certain), from what the speaker speaks."""
    known = tuple(one for one in languages if one in LANGUAGES)
    if not known:
        return LANGUAGES, False
    return known, len(known) == 1 or seconds < SURE_SECONDS


def prompt_for(candidates: tuple[str, ...], certain: bool) -> str | None:
    """For an engine that takes one prompt before it knows the language."""
    surely = certain or len(candidates) == 1
    return TRADITIONAL_PROMPT if candidates[0] == "zh-TW" and surely else None
