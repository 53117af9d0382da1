"""What people and files send is data: these functions make it safe to keep and to show."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Final

# Overrides and isolates can make a card read otherwise than it is stored (C20).
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KEPT_CONTROLS: Final = frozenset("\n\t")

READ_LIMIT: Final = 4000
"""Characters of one message that are read; the whole text is kept."""


_UNIT: Final = r"(?:(?<![^\W\d_])(?:usd|twd|jpy|idr|eur|dollars?|d[oó]lar(?:es)?|euros?|yen|rupiah|rp)(?![^\W\d_])|us\$|[$€¥£￥]|美元|美金|台幣|塊|元|円|ドル)"
_IN_WORDS: Final = (
    r"(?:[〇零一二三四五六七八九十百千萬万億兩]|\b(?:hundred|thousand|million|cientos|mil|ratus|ribu|juta)\b)"
)
MONEY: Final = re.compile(
    rf"(?:us\$|nt\$|[$€¥£￥]|\b(?:usd|twd|jpy|idr|eur|rp)\.?)\s?\d|(?<![\d.,])\d[\d.,]*\s?(?:{_UNIT}|ribu\b|juta\b|萬|万)"
    rf"|{_IN_WORDS}\s?{_UNIT}",
    re.IGNORECASE,
)
"""An amount of money, in figures or in words."""
ADDRESS: Final = re.compile(
    r"https?:|www\.|\b[\w-]{1,63}\.(?:com|net|org|io|co|tw|jp|id|es|ru|cn|info|xyz|link|me)\b|\S{1,64}@\S{1,255}|\+?\d[\d\s().-]{7,40}\d",
    re.IGNORECASE,
)
"""A link, a mail address, a number to call."""


def escape(text: str) -> str:
    r"""`text` with control characters, lone surrogates and bidi overrides written out as \u{202E}.

    The result can be stored by any database and shown in any chat, and says what was there."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) for char in text.replace("\r\n", "\n").replace("\r", "\n"))


def _escaped(char: str) -> str:
    unsafe = char in _BIDI or (unicodedata.category(char) in {"Cc", "Cs"} and char not in _KEPT_CONTROLS)
    return f"\\u{{{ord(char):04X}}}" if unsafe else char


_GAP: Final = re.compile(r"[^\S\n]{2,}")
_BLANK: Final = re.compile(r"\n\s*\n")


def folded(text: str) -> str:
    """`text` without what nobody reads: runs of spaces are one, several empty lines are one."""
    return _BLANK.sub("\n\n", _GAP.sub(" ", text)).strip()


def command_in(text: str) -> str | None:
    """The command that `text` is, whatever its width and its spaces; None where it is none."""
    if not text.lstrip().startswith(("/", "／")):
        return None
    return " ".join(unicodedata.normalize("NFKC", text).split())


_TICKET_ID: Final = re.compile(r"(?<![a-z0-9])t(?:\s?[-‐‑‒–—―−ー]\s?)?(\d{3,9})(?!\d)")


def ticket_ids_in(text: str) -> list[str]:
    """The tickets that `text` names ("T-1001", "t1001", "Ｔ－１００１"), also right beside signs: between those and letters
    there is no word's end."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return [f"T-{number}" for number in dict.fromkeys(_TICKET_ID.findall(plain))]


def normal(text: str) -> str:
    """The form in which texts are compared: compatibility forms folded, case folded, spaces single."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


def fingerprint(text: str) -> str:
    """A fingerprint under which two texts are the same message."""
    return hashlib.sha256(normal(text).encode("utf-8", "surrogatepass")).hexdigest()


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the cut marked."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


_CJK_RUN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff々ー]+")
_WORD: Final = re.compile(r"[^\W_]+", re.UNICODE)


def tokens(text: str) -> list[str]:
    """Words for matching: letters' words as they stand, Chinese and Japanese runs as overlapping pairs
    (neither writes spaces, and pairs need no dictionary that could be missing)."""
    found: list[str] = []
    for word in _WORD.findall(normal(text)):
        at = 0
        for run in _CJK_RUN.finditer(word):
            if run.start() > at:
                found.append(word[at : run.start()])
            chars = run.group()
            found += [chars] if len(chars) == 1 else [chars[i : i + 2] for i in range(len(chars) - 1)]
            at = run.end()
        if at < len(word):
            found.append(word[at:])
    return found


LEAK: Final = 30
"""So many characters of a text in a row are no chance."""


def repeats(text: str, source: str, run: int = LEAK) -> bool:
    """Whether `text` holds `run` characters of `source` in a row, whatever the case, the spacing and what is invisible
    between them."""
    return not _runs(source, run).isdisjoint(_runs(text, run))


@lru_cache(maxsize=64)
def _runs(text: str, length: int) -> frozenset[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    flat = "".join(char for char in folded if unicodedata.category(char) != "Cf" and not char.isspace())
    return frozenset(flat[at : at + length] for at in range(len(flat) - length + 1))
