"""Amounts that people type. US dollars, two places, never a float."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from core.errors import Refused

CENT: Final = Decimal("0.01")
MAX_AMOUNT: Final = Decimal(100_000)
"""A single repair above this is a typing mistake, not a bill."""

_AMOUNT: Final = re.compile(
    r"(?:us\$|usd|\$)?\s*(?P<digits>\d{1,7}(?:\.\d{1,2})?|\d{1,3}(?:,\d{3})+\.\d{2})\s*(?:us\$|usd|\$)?"
)


_NUMBER: Final = re.compile(
    r"(?<![\w.,:/-])(?P<before>us\$|usd|\$)?\s*(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d{2})?|\d{1,7}(?:\.\d{1,2})?)"
    r"\s*(?P<after>us\$|usd|\$|dollars?|d[oó]lares|美元|美金|ドル|dolar)?(?![\w:/-]|[.,]\d)"
)
_OTHER_MONEY: Final = re.compile(r"nt\$|twd|jpy|idr|rp\b|€|eur|¥|円|元|台幣|日圓|rupiah|juta|ribu|yen")


def amount_in(text: str) -> Decimal | None:
    """The one amount in dollars that a sentence names ("Done 132", "修好了 132 美元"), None where there is none, more than
    one, or money of another kind: what is not sure is asked."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"\bt-?\d{3,9}\b", " ", plain)
    plain = re.sub(r"(?<=[^\x00-\x7f])(?=\d)|(?<=\d)(?=[^\x00-\x7f])", " ", plain)
    if _OTHER_MONEY.search(re.sub(r"美\s*元", "usd", plain)):
        return None
    found = list(_NUMBER.finditer(plain))
    marked = [m for m in found if m["before"] or m["after"]]
    chosen = marked or found
    if len(chosen) != 1:
        return None
    try:
        return parse_amount(chosen[0]["digits"])
    except Refused:
        return None


def usd(value: Decimal | int | str) -> Decimal:
    """`value` as dollars and cents."""
    return Decimal(value).quantize(CENT)


def exact(amount: Decimal) -> str:
    """`amount` with all its digits, two at least: 0.0000005, 12.50."""
    whole, _, digits = format(amount, "f").partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"


def parse_amount(text: str) -> Decimal:
    """The amount in `text`: "132", "132.50", "$132", "US$ 132", "1,200.50".

    Whatever can be read in two ways ("1.200,50", "1,200"), carries another currency, a sign or an exponent
    is refused and asked again: a wrong guess here is money.

    Raises: Refused("amount_unclear")."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    match = _AMOUNT.fullmatch(plain)
    if match is None:
        raise Refused("amount_unclear", text=text[:40])
    amount = usd(match["digits"].replace(",", ""))
    if amount > MAX_AMOUNT:
        raise Refused("amount_unclear", text=text[:40])
    return amount
