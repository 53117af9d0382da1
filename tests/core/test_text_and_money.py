"""What people type is kept, compared and cut without harm, and read as an amount only where it is clear."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.amounts import parse_amount
from core.errors import Refused
from core.money import DOLLARS, Amount, Local, Money, Rate, exact, rounded, usd
from core.text import (
    ADDRESS,
    MONEY,
    command_in,
    escape,
    fingerprint,
    folded,
    normal,
    repeats,
    shorten,
    ticket_ids_in,
    tokens,
)


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
        ("0.01", "0.01"),
        ("$132.50", "132.50"),
        ("$ 132", "132.00"),
        ("132$", "132.00"),
        ("132 US$", "132.00"),
        ("USD132", "132.00"),
        ("12,345.67", "12345.67"),
        ("99999.99", "99999.99"),
        ("100000", "100000.00"),
        ("100,000.00", "100000.00"),
        ("１，２００．５０", "1200.50"),
    ],
)
def test_amounts_that_are_clear(typed: str, amount: str) -> None:
    assert parse_amount(typed) == Money(Decimal(amount), "USD")


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
        "¥132",
        "132.505",
        "99999999",
        "1 2",
        "0x10",
        "+5",
        ".50",
        "132.",
        "1,20.50",
        "1,200.5",
        "12,00",
        "1 200.50",
        "1_200",
        "132 dollars",
        "100000.01",
        "100,000.01",
        "1234567",
        "12345678",
        "1,000,000.00",
        "١٣٢٫٥x",
    ],
)
def test_amounts_that_are_asked_again(typed: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_amount(typed)
    assert (refused.value.code, refused.value.params) == ("amount_unclear", {"text": typed})


@pytest.mark.parametrize("typed", ["about " * 20, "1" * 41, "９" * 60])
def test_of_a_long_text_the_refusal_repeats_forty_characters(typed: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_amount(typed)
    assert refused.value.params == {"text": typed[:40]}


def test_so_does_the_refusal_of_an_amount_too_high() -> None:
    typed = f"{' ' * 10}${' ' * 30}100000.01"
    with pytest.raises(Refused) as refused:
        parse_amount(typed)
    assert refused.value.params == {"text": typed[:40]}


@pytest.mark.parametrize(
    ("value", "dollars"),
    [
        (5, "5.00"), ("5", "5.00"), ("5.5", "5.50"), (Decimal("5.005"), "5.00"), (Decimal("5.015"), "5.02"),
        (Decimal("5.0051"), "5.01"), (0, "0.00"), (Decimal("-1.5"), "-1.50"),
    ],
)  # fmt: skip
def test_dollars_have_two_places_and_a_half_cent_goes_to_the_even_one(
    value: Decimal | int | str, dollars: str
) -> None:
    assert str(usd(value)) == dollars


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0", "0.00"), ("12", "12.00"), ("12.5", "12.50"), ("12.50", "12.50"), ("12.500", "12.50"),
        ("12.345", "12.345"), ("-0.10", "-0.10"),
        ("0.0000005", "0.0000005"), ("5E-7", "0.0000005"), ("1E+3", "1000.00"), ("1200", "1200.00"),
    ],
)  # fmt: skip
def test_an_exact_amount_has_all_its_digits_and_two_at_least(amount: str, written: str) -> None:
    assert exact(Decimal(amount)) == written


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("132", "USD", "132.00"), ("132.505", "USD", "132.50"), ("132", "EUR", "132.00"),
        *(("4600.4", currency, "4600") for currency in ("TWD", "JPY", "IDR", "KRW", "VND", "CLP", "HUF")),
    ],
)  # fmt: skip
def test_each_money_is_written_with_its_own_digits(amount: str, currency: str, written: str) -> None:
    assert str(rounded(Decimal(amount), currency)) == written


def test_dollars_are_what_the_house_counts_in() -> None:
    assert Rate("USD", Decimal(1)) == DOLLARS
    assert DOLLARS.of(Decimal("132.005")) == DOLLARS.of_usd(Decimal("132.005")) == Amount(Decimal("132.00"))
    assert str(DOLLARS.of(Decimal(132)).usd) == str(DOLLARS.of_usd(Decimal(132)).usd) == "132.00"


def test_what_was_made_in_another_money_stands_in_both_and_keeps_its_rate() -> None:
    taiwan = Rate("TWD", Decimal("31.5"))
    made, shown = taiwan.of(Decimal("4600.4")), taiwan.of_usd(Decimal("146.035"))
    assert made == Amount(Decimal("146.04"), Local(Decimal(4600), "TWD", Decimal("31.5")))
    assert shown == Amount(Decimal("146.04"), Local(Decimal(4600), "TWD", Decimal("31.5")))
    assert made.local is not None and str(made.local.amount) == "4600"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/tickets", "/tickets"),
        ("  /tickets   T-1042 ", "/tickets T-1042"),
        ("／ｔｉｃｋｅｔｓ　Ｔ－１０４２", "/tickets T-1042"),
        ("/cost\nmonth", "/cost month"),
        ("/", "/"),
        ("tickets", None),
        ("the AC / heater", None),
        ("", None),
    ],
)
def test_a_command_is_one_whatever_its_width_and_spaces(text: str, command: str | None) -> None:
    assert command_in(text) == command


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("one  two", "one two"),
        ("one two", "one two"),
        ("one \t\u3000two", "one two"),
        ("one\ttwo", "one\ttwo"),
        ("one\ntwo", "one\ntwo"),
        ("one\n\n\n \ntwo", "one\n\ntwo"),
        ("one\n\ntwo\n\n\nthree", "one\n\ntwo\n\nthree"),
        ("  one\n ", "one"),
        (" \n ", ""),
    ],
)
def test_what_nobody_reads_is_left_out(text: str, read: str) -> None:
    assert folded(text) == read


@pytest.mark.parametrize(
    ("text", "tickets"),
    [
        ("T-1001", ["T-1001"]),
        ("t1001 and T -1002, T - 1003", ["T-1001", "T-1002", "T-1003"]),
        ("Ｔ－１００１", ["T-1001"]),
        ("請看T-1001和t－1002。", ["T-1001", "T-1002"]),
        ("T-1001 again: t1001", ["T-1001"]),
        ("T-1002 T-1001", ["T-1002", "T-1001"]),
        *((f"T{dash}1001", ["T-1001"]) for dash in "-‐‑‒–—―−ー－"),
        ("T-12", []),
        ("T-999999999", ["T-999999999"]),
        ("T-1234567890", []),
        ("AT-1001 2T-1001", []),
        ("no ticket", []),
    ],
)
def test_the_tickets_that_a_text_names(text: str, tickets: list[str]) -> None:
    assert ticket_ids_in(text) == tickets


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("", ""),
        ("The AC drips.", "The AC drips."),
        ("冷氣漏水 水漏れ ¡fuga! 🚰", "冷氣漏水 水漏れ ¡fuga! 🚰"),
        ("one\ttwo\nthree", "one\ttwo\nthree"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("one\rtwo\n\rthree", "one\ntwo\n\nthree"),
        ("a\x00b\u202ec\ud800d", r"a\u{0000}b\u{202E}c\u{D800}d"),
        ("\x1b\x7f\x85\x9f", r"\u{001B}\u{007F}\u{0085}\u{009F}"),
        ("\u202a\u202b\u202c\u202d\u202e", r"\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}"),
        ("\u2066\u2067\u2068\u2069", r"\u{2066}\u{2067}\u{2068}\u{2069}"),
        ("\ud83d alone", r"\u{D83D} alone"),
        ("👨\u200d👩 \u200e \u00ad \ufeff", "👨\u200d👩 \u200e \u00ad \ufeff"),
    ],
)
def test_what_could_deceive_is_written_out_and_all_else_stays(text: str, safe: str) -> None:
    assert escape(text) == safe


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("", ""),
        ("  The  AC\n\tDRIPS ", "the ac drips"),
        ("ＡＣ　漏水", "ac 漏水"),
        ("ｴｱｺﾝ", "エアコン"),
        ("Straße", "strasse"),
        ("BAÑO", "baño"),
        ("n\u0303", "ñ"),
        ("\u3000\xa0", ""),
    ],
)
def test_texts_are_compared_without_width_case_and_spacing(text: str, compared: str) -> None:
    assert normal(text) == compared


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The AC drips", " the  ac\ndrips", True),
        ("ＡＣ", "ac", True),
        ("冷氣漏水", "冷氣漏水 ", True),
        ("AC drips", "AC drip", False),
        ("AC drips", "ACdrips", False),
        ("baño", "bano", False),
        ("\ud800", "\ud800", True),
        ("\ud800", "\ud801", False),
    ],
)
def test_two_texts_are_the_same_message_if_they_compare_alike(one: str, other: str, same: bool) -> None:
    assert (fingerprint(one) == fingerprint(other)) == same


def test_a_fingerprint_is_the_sha_256_of_the_text_as_it_is_compared() -> None:
    assert fingerprint(" ABC ") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("", 5, ""),
        ("abcd", 5, "abcd"),
        ("abcde", 5, "abcde"),
        ("abcdef", 5, "abcd…"),
        ("abc def", 5, "abc…"),
        ("ab  \n cd", 5, "ab cd"),
        (" abcde ", 5, "abcde"),
        ("ab cd ef", 5, "ab c…"),
        ("冷氣在漏水了", 5, "冷氣在漏…"),
        ("abc", 1, "…"),
    ],
)
def test_a_text_is_cut_to_the_limit_and_the_cut_is_marked(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short


OURS = "Never pay above the cap, 上限を超えない"


@pytest.mark.parametrize(
    ("text", "run", "found"),
    [
        ("they said: never pay above the cap!", 19, True),
        ("they said: never pay above the cap!", 20, False),
        ("NEVER PAY ABOVE THE CAP", 19, True),
        ("n e v e r\npay", 8, True),
        ("never\u200b pay\u2060 abo", 11, True),
        ("ｎｅｖｅｒ ｐａｙ", 8, True),
        ("上限を 超えない", 7, True),
        ("never pays", 8, True),
        ("never pays", 9, False),
        ("nev", 3, True),
        ("nev", 4, False),
        ("towels", 3, False),
        ("", 1, False),
    ],
)
def test_words_of_ours_are_recognised_whatever_their_case_and_spacing(
    text: str, run: int, found: bool
) -> None:
    assert repeats(text, OURS, run) == found


@pytest.mark.parametrize(("length", "found"), [(29, False), (30, True), (31, True)])
def test_thirty_signs_in_a_row_are_no_chance(length: int, found: bool) -> None:
    ours = "abcdefghijklmnopqrstuvwxyz0123456789"
    assert repeats(f"so: {ours[:length]}!", ours) == found


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=200))
def test_any_text_can_be_kept_and_compared(text: str) -> None:
    escape(text).encode("utf-8")
    assert fingerprint(text) == fingerprint(text.upper().lower()) or text.upper().lower() != text
    tokens(escape(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("?! … ___", []),
        ("The AC drips, room 204!", ["the", "ac", "drips", "room", "204"]),
        ("snake_case", ["snake", "case"]),
        ("AC bocor di kamar-2", ["ac", "bocor", "di", "kamar", "2"]),
        ("¿Gotea el baño?", ["gotea", "el", "baño"]),
        ("ＡＣ", ["ac"]),
        ("水", ["水"]),
        ("漏水", ["漏水"]),
        ("冷氣漏水 AC leak", ["冷氣", "氣漏", "漏水", "ac", "leak"]),
        ("AC漏水了2次", ["ac", "漏水", "水了", "2", "次"]),
        ("room2の水", ["room2", "の水"]),
        ("エアコン", ["エア", "アコ", "コン"]),
        ("ドア", ["ドア"]),
        ("人々", ["人々"]),
        ("タオル、水", ["タオ", "オル", "水"]),
        ("水ー", ["水ー"]),
        ("豈", ["豈"]),
    ],
)
def test_words_stand_as_they_are_and_chinese_and_japanese_are_matched_by_pairs(
    text: str, words: list[str]
) -> None:
    assert tokens(text) == words


@pytest.mark.parametrize(
    "text",
    [
        *(f"{sign}5" for sign in ("us$", "NT$", "$", "€", "¥", "£", "usd", "twd ", "jpy ", "idr ", "eur ", "rp. ")),
        *(
            f"5 {unit}"
            for unit in (
                "usd", "twd", "jpy", "idr", "eur", "dollar", "dollars", "dolar", "dólares", "euro", "euros", "yen", "rupiah",
                "rp", "us$", "$", "€", "¥", "£", "￥", "美元", "美金", "台幣", "塊", "元", "円", "ドル", "ribu", "juta", "萬", "万",
            )
        ),
        *(
            f"{number} dollars"
            for number in ("hundred", "thousand", "million", "cientos", "mil", "ratus", "ribu", "juta")
        ),
        *(f"{number}元" for number in "〇零一二三四五六七八九十百千萬万億兩"),
        "around 1,200.50 usd in all", "5usd", "usd5.50", "rp5000",
    ],
)  # fmt: skip
def test_an_amount_of_money_in_figures_or_in_words(text: str) -> None:
    assert MONEY.search(text)


@pytest.mark.parametrize(
    "text", ["5 towels", "room 204", "at 14:30", "one dollar", "usd", "15 minutes", "三個人", "5 rpm"]
)
def test_these_are_no_amounts(text: str) -> None:
    assert not MONEY.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "see https://x", "see http:x", "www.x", "shirley@example", "+886 912 345 678", "(02) 2345-6789", "0912345678",
        *(f"go to shop.{end} now" for end in "com net org io co tw jp id es ru cn info xyz link me".split()),  # noqa: SIM905
    ],
)  # fmt: skip
def test_a_link_a_mail_address_a_number_to_call(text: str) -> None:
    assert ADDRESS.search(text)


@pytest.mark.parametrize(
    "text", ["Close the window.", "wait 15 minutes", "room 2045", "ok.thanks", "T-1001", "v2.0"]
)
def test_these_are_no_addresses(text: str) -> None:
    assert not ADDRESS.search(text)
