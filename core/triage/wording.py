"""Whether words that a model wrote may be shown to anybody. Pure but for the engine that tells the language."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from core.llm.quoting import RULES
from core.model import LANGUAGES
from core.text import ADDRESS, MONEY, escape, repeats
from core.triage.port import BaselineEngine, Speaker

LONGEST: Final = 700
TELLING: Final = 40
"""Characters of a Latin text from which on its language can be told."""
BORROWED: Final = 32
BORROWED_SIGNS: Final = 16
"""So many characters of a person's own words in a row make a text theirs: of letters, and of Chinese or Japanese."""
_KANA: Final = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_CJK: Final = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff]")
_LETTER: Final = re.compile(r"[^\W\d_]")
_SPELT: Final = re.compile(
    r"(?<![〇零一二三四五六七八九十百千兩])[〇零一二三四五六七八九十百千兩]+|(?<![\d.,])\d[\d.,]*(?=\s?(?:[百千萬万億k]|ribu|juta|mil\b))"
)
"""A number that a translator has to write another way: its digits stay, its zeros may not."""
_AS_DIGITS: Final = str.maketrans("〇零一二三四五六七八九兩", "001234567892", "十百千")
_PINGS: Final = re.compile(r"<[!@#]|@(?:everyone|channel|here)\b", re.IGNORECASE)
_FIGURE: Final = re.compile(r"\d(?:[\d.,]*\d)?")
# A key, a token: no word of any language, and no name of ours, is that long and mixed.
_CODE: Final = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{20,}", re.IGNORECASE | re.ASCII)
_OURS: Final = re.compile(
    r"<<<|>>>|\b(?:SAID|END) \d|gives_orders|risk_tags|property_id|system prompt", re.IGNORECASE
)


def flaws(
    text: str,
    language: str,
    baseline: BaselineEngine,
    *,
    quotes: bool = False,
    source: str | None = None,
    told: str = "",
) -> list[str]:
    """Why `text` may not be shown as words in `language`, [] where it may.

    `quotes`: it says in another language what a person wrote, at any length. `source`: what people wrote; a quote may
    hold the amounts and addresses that stand there and no others, and words of our own may not repeat it at length.
    `told`: the instructions it was written under, which it must not repeat."""
    plain = unicodedata.normalize("NFKC", text.strip())
    found: list[str] = []
    if not plain:
        return ["empty"]
    if escape(text.strip()) != text.strip().replace("\r\n", "\n") or _has_invisible(plain):
        found.append("control characters")
    if not in_language(plain, language, baseline):
        found.append(f"not {language}")
    if _OURS.search(plain) or repeats(plain, RULES) or repeats(plain, told):
        found.append("our own instructions")
    if quotes:
        return found + ([] if source is None else _made_up(plain, source))
    if len(plain) > LONGEST:
        found.append("too long")
    flat = _flat(plain)
    if MONEY.search(flat):
        found.append("an amount of money")
    if ADDRESS.search(flat):
        found.append("an address or a number to call")
    if _CODE.search(flat):
        found.append("a code")
    if _PINGS.search(plain):
        found.append("a ping")
    if baseline.judge(plain, Speaker((language,), ())).steering:
        found.append("orders")
    if source and repeats(plain, source, BORROWED_SIGNS if _CJK.search(plain) else BORROWED):
        found.append("a person's own words")
    return found


def _made_up(text: str, source: str) -> list[str]:
    """What a translation of `source` says that is not there: amounts, addresses, codes."""
    text, written = _flat(text), _flat(unicodedata.normalize("NFKC", source))
    there, figures = _bare(written), {_figure(one) for one in _FIGURE.findall(written)}
    spelt = {_digits_of(one) for one in _SPELT.findall(written)}
    found: list[str] = []
    for amount in (one.group() for one in MONEY.finditer(text)):
        said = [_figure(one) for one in _FIGURE.findall(amount)]
        known = all(one in figures or one.rstrip("0") in spelt for one in said) and (
            said or MONEY.search(written)
        )
        if not known:
            found.append("an amount that nobody wrote")
    if any(_bare(one.group()) not in there for one in ADDRESS.finditer(text)):
        found.append("an address that nobody wrote")
    if any(_bare(one.group()) not in there for one in _CODE.finditer(text)):
        found.append("a code that nobody wrote")
    return found


def _flat(text: str) -> str:
    """With single spaces: as many as one likes between a sign and its number hide nothing."""
    return " ".join(text.split())


def _figure(number: str) -> str:
    """Its digits, without cents: 1,320.00 and 1320 are the same."""
    return _bare(re.sub(r"[.,]\d{2}$", "", number))


def _digits_of(spelt: str) -> str:
    """四千九百七十七 as 4977, 一千五 and 1.5 as 15: as far as one can tell without its zeros."""
    begun = f"一{spelt}" if spelt[0] in "十百千" else spelt
    return _bare(begun.translate(_AS_DIGITS)).rstrip("0")


def _bare(text: str) -> str:
    """Letters and digits alone: a number is the same however it is grouped."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _has_invisible(text: str) -> bool:
    """Tag characters, zero-width ones: legible to a model, not to a person. Joined emoji may be."""
    return any(unicodedata.category(char) == "Cf" and char != "\u200d" for char in text)


def in_language(text: str, language: str, baseline: BaselineEngine) -> bool:
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
    return len(text) < TELLING or baseline.judge(text, Speaker((language,), ())).language == language
