"""Amounts that people type. US dollars, two places, never a float."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from core.errors import Refused

CENT: Final = Decimal("0.01")
MOST: Final = Decimal(100_000)
"""A single repair above this is a typing mistake, not a bill."""

_AMOUNT: Final = re.compile(
    r"(?:us\$|usd|\$)?\s*(?P<digits>\d{1,7}(?:\.\d{1,2})?|\d{1,3}(?:,\d{3})+\.\d{2})\s*(?:us\$|usd|\$)?"
)


def usd(value: Decimal | int | str) -> Decimal:
    """`value` as dollars and cents."""
    return Decimal(value).quantize(CENT)


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
    if amount > MOST:
        raise Refused("amount_unclear", text=text[:40])
    return amount
