"""Amounts of US dollars: two places, never a float. What people write in sentences: core.amounts."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from core.errors import Refused
from core.text import normal

CENT: Final = Decimal("0.01")
MAX_AMOUNT: Final = Decimal(100_000)
"""A single repair above this is a typing mistake, not a bill."""

_AMOUNT: Final = re.compile(
    r"\A(?:us\$|usd|\$)? ?(?P<digits>\d{1,7}(?:\.\d{1,2})?|\d{1,3}(?:,\d{3})+\.\d{2}) ?(?:us\$|usd|\$)?"
)


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
    plain = normal(text)
    match = _AMOUNT.fullmatch(plain)
    if match is None:
        raise Refused("amount_unclear", text=text[:40])
    amount = usd(match["digits"].replace(",", ""))
    if amount > MAX_AMOUNT:
        raise Refused("amount_unclear", text=text[:40])
    return amount
