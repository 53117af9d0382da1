"""Whether words that a model wrote may be shown to anybody. Pure but for the engine that tells the language."""

from __future__ import annotations

import re
from typing import Final

from core.model import LANGUAGES
from core.text import escape
from core.triage.port import Floor, Speaker

LONGEST: Final = 700
TELLING: Final = 40
"""Characters of a Latin text from which on its language can be told."""
_KANA: Final = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_CJK: Final = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_MONEY: Final = re.compile(
    r"(?:us\$|nt\$|[$€¥£￥]|\b(?:usd|twd|jpy|idr|eur|rp)\b\.?)\s*\d|\d[\d.,]*\s*(?:us\$|[$€¥£￥]|\b(?:usd|twd|jpy|idr|eur|"
    r"dollars?|d[oó]lares|euros?|yen|rupiah|ribu|juta)\b|美元|美金|台幣|塊|元|円|ドル|萬|万)",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(
    r"https?:|www\.|\b[\w-]+\.(?:com|net|org|io|co|tw|jp|id|es|ru|cn|info|xyz|link|me)\b|\S+@\S+|\+?\d[\d\s().-]{7,}\d",
    re.IGNORECASE,
)
_PINGS: Final = re.compile(r"<[!@#]|@(?:everyone|channel|here)\b", re.IGNORECASE)
_OURS: Final = re.compile(
    r"<<<|>>>|\b(?:SAID|END) \d|gives_orders|risk_tags|property_id|system prompt", re.IGNORECASE
)


def flaws(text: str, language: str, floor: Floor, *, quotes: bool = False) -> list[str]:
    """Why `text` may not be shown as words in `language`, [] where it may. `quotes`: it repeats what a person wrote, so
    that amounts and addresses of theirs may stand in it, at any length."""
    plain = text.strip()
    found: list[str] = []
    if not plain:
        return ["empty"]
    if escape(plain) != plain.replace("\r\n", "\n"):
        found.append("control characters")
    if not in_language(plain, language, floor):
        found.append(f"not {language}")
    if _OURS.search(plain):
        found.append("our own instructions")
    if quotes:
        return found
    if len(plain) > LONGEST:
        found.append("too long")
    if _MONEY.search(plain):
        found.append("an amount of money")
    if _ADDRESS.search(plain):
        found.append("an address or a number to call")
    if _PINGS.search(plain):
        found.append("a ping")
    return found


def in_language(text: str, language: str, floor: Floor) -> bool:
    """By script where that tells; a Latin text must be long enough for its words to tell."""
    assert language in LANGUAGES, language
    letters, signs = len(_LETTER.findall(text)), len(_CJK.findall(text))
    if letters == 0:
        return False
    eastern = signs * 2 > letters - signs  # one sign says as much as some letters
    if language == "ja":
        return eastern and bool(_KANA.search(text))
    if language == "zh-TW":
        return eastern and len(_KANA.findall(text)) * 10 <= signs
    if signs * 3 > letters:
        return False
    return len(text) < TELLING or floor.judge(text, Speaker((language,), ())).language == language
