"""What somebody said, as each reader gets it."""

from __future__ import annotations

from typing import Any

import pytest

from core.knowledge.quoting import Quote, quoted, reads

ZH, EN, JA = "先把總開關關掉", "close the main valve first", "まず元栓を閉める"


@pytest.mark.parametrize(
    ("language", "english", "speaks", "translation", "expected"),
    [
        ("zh-TW", EN, ("zh-TW", "en"), "", Quote(ZH, "zh-TW", False)),
        ("zh-TW", EN, ("en", "zh-TW"), "", Quote(ZH, "zh-TW", False)),  # the original, wherever they read it
        ("zh-TW", EN, ("es", "en"), "", Quote(EN, "en", True)),
        ("zh-TW", EN, ("ja",), "", Quote(f"[zh-TW] {ZH}", "zh-TW", False)),
        ("zh-TW", EN, ("ja",), JA, Quote(JA, "ja", True)),
        ("zh-TW", "", ("en",), "", Quote(f"[zh-TW] {ZH}", "zh-TW", False)),
    ],
)
def test_a_quote_stands_in_a_language_its_reader_speaks(
    language: str, english: str, speaks: tuple[str, ...], translation: str, expected: Quote
) -> None:
    assert quoted(ZH, language, english, speaks, translation) == expected


def test_the_language_of_the_answer_comes_first() -> None:
    person: Any = type("Somebody", (), {"languages": ["zh-TW", "en"]})()
    assert reads("en", person) == ("en", "zh-TW")
    assert reads("ja", None) == ("ja",)
