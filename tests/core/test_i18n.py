"""The five languages: complete, with the same placeholders, in the right script."""

from __future__ import annotations

import ast
import string
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from core.i18n import Words, catalogue
from core.model import LANGUAGES
from tools.catalogues import KEYWORDS, PACKAGES, ROOT, sentences

TRANSLATED = [language for language in LANGUAGES if language != "en"]
# Characters that only simplified Chinese has, among those our sentences could use.
SIMPLIFIED = set("这们为时说问单电气发请见图处应开关让给谢经过还闭两东车长门间现维护")


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@cache
def in_the_code() -> list[str]:
    return list(sentences())


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_with_its_placeholders(language: str) -> None:
    said = catalogue(language)
    missing = [one for one in in_the_code() if one not in said]
    assert missing == []
    for one in in_the_code():
        assert fields(one) == fields(said[one]), one


def test_no_sentence_in_the_code_is_overlooked() -> None:
    """What Babel reads over (a sentence within the arguments of another call) would reach everybody in English."""
    written = {
        node.args[0].value
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and {getattr(node.func, "id", ""), getattr(node.func, "attr", "")} & KEYWORDS.keys()
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
    assert len(written) > 900
    assert written - set(in_the_code()) == set()


def test_chinese_is_traditional() -> None:
    for one, said in catalogue("zh-TW").items():
        assert not set(said) & SIMPLIFIED, (one, said)


def test_a_time_is_local_and_names_its_zone() -> None:
    words = Words("ja", ZoneInfo("Asia/Tokyo"))
    now = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
    assert words.time(now, now) == "13:00 (Tokyo)"
    assert words.time(datetime(2026, 11, 21, 4, 0, tzinfo=UTC), now) == "11月21日 13:00 (Tokyo)"
