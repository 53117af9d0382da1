"""In which language a text is written: by script where that tells, by the model among the Latin ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LATIN: Final = ("en", "id", "es")

_KANA: Final = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_HIRAGANA: Final = re.compile(r"[\u3041-\u3096]")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LATIN: Final = re.compile(r"[a-z]{2,}")
_OURS: Final = re.compile(
    r"[a-zªºß-ʯḀ-ỿ\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]", re.IGNORECASE
)
MIN_UNREAD: Final = 3
"""Letters: fewer are a name or a slip."""
_SPOKEN_BONUS: Final = 0.15
"""What speaking a language adds to its share: enough to settle a doubt, too little to overrule words."""


def by_script(plain: str, spoken: tuple[str, ...]) -> str | None:
    """The language that carries a folded text without its names, where the script tells; where there is
    nothing to read, the speaker's first. None: one of LATIN."""
    usual = spoken[0] if spoken else "en"
    kana, han, words = len(_KANA.findall(plain)), len(_HAN.findall(plain)), len(_LATIN.findall(plain))
    # English nouns inside do not change the language; a Chinese or Japanese name in a sentence does not either.
    if kana + han > words:
        hiragana = len(_HIRAGANA.findall(plain))
        if hiragana > 1 or kana > han or (kana and usual == "ja"):
            return "ja"
        return "ja" if usual == "ja" and han < 5 and not kana else "zh-TW"
    return None if words else usual


def is_unread(plain: str) -> bool:
    """Most of a folded text is in a script that none of our five languages uses: what it says cannot be told."""
    if plain.isascii():
        return False
    letters = [one for one in plain if one.isalpha()]
    strange = sum(_OURS.match(one) is None for one in letters)
    return strange >= MIN_UNREAD and strange * 2 > len(letters)


def by_shares(latin: Mapping[str, float], spoken: tuple[str, ...]) -> str:
    """One of LATIN, by the model's shares."""
    scores = {one: share + (_SPOKEN_BONUS if one in spoken else 0) for one, share in latin.items()}
    return max(scores, key=lambda one: scores[one])
