from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused
from core.money import parse_amount
from core.text import escape, fingerprint, tokens


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("132", "132.00"),
        (" $132 ", "132.00"),
        ("132.5", "132.50"),
        ("US$ 132", "132.00"),
        ("132 usd", "132.00"),
        ("１３２", "132.00"),
        ("1,200.50", "1200.50"),
        ("0", "0.00"),
    ],
)
def test_amounts_that_are_clear(typed: str, amount: str) -> None:
    assert parse_amount(typed) == Decimal(amount)


@pytest.mark.parametrize(
    "typed",
    [
        "-5",
        "$-5",
        "1e9",
        "1.200,50",
        "1,200",
        "NaN",
        "inf",
        "",
        "abc",
        "NT$132",
        "¥132",
        "132.505",
        "99999999",
        "1 2",
        "0x10",
        "١٣٢٫٥x",
    ],
)
def test_amounts_that_are_asked_again(typed: str) -> None:
    with pytest.raises(Refused, match="amount_unclear"):
        parse_amount(typed)


def test_what_could_deceive_is_written_out() -> None:
    assert escape("a\x00b\u202ec\ud800d") == "a\\u{0000}b\\u{202E}c\\u{D800}d"
    assert escape("one\r\ntwo\tthree") == "one\ntwo\tthree"


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=200))
def test_any_text_can_be_kept_and_compared(text: str) -> None:
    escape(text).encode("utf-8")
    assert fingerprint(text) == fingerprint(text.upper().lower()) or text.upper().lower() != text
    tokens(escape(text))


def test_chinese_and_japanese_are_matched_by_pairs() -> None:
    assert tokens("冷氣漏水 AC leak") == ["冷氣", "氣漏", "漏水", "ac", "leak"]
