"""The values that a company's files are made of, each refused with what it should have been."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

MAX_MONEY: Final = Decimal(10) ** 12
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _money(value: Any) -> Decimal:
    if isinstance(value, float):
        raise ValueError('write money as a string with two places, such as "145.00": a float is not exact')
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('write money as a string, such as "145.00"')
    try:
        amount = Decimal(value)
    except ArithmeticError:
        raise ValueError(f"{value!r} is not an amount in US dollars") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError("an amount is never negative or infinite")
    if amount > MAX_MONEY:
        raise ValueError("an amount of that size is a mistake")
    return amount.quantize(Decimal("0.01"))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone such as Asia/Taipei") from None
    return value


def rate(value: Any) -> Decimal:
    """How much of a currency a US dollar buys. Raises ValueError."""
    if isinstance(value, float):
        raise ValueError('write a rate as a string, such as "32.10": a float is not exact')
    try:
        found = Decimal(value)
    except (ArithmeticError, TypeError, ValueError):
        raise ValueError(f"{value!r} is not a rate") from None
    if not found.is_finite() or found <= 0:
        raise ValueError("a rate is above nought")
    return found


def _said(value: str) -> str:
    if not value.strip():
        raise ValueError("it says nothing")
    return value


Said = Annotated[str, AfterValidator(_said)]
"""Words, and not only blanks."""
Usd = Annotated[Decimal, BeforeValidator(_money)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
"""ISO 4217."""
Zone = Annotated[str, AfterValidator(_zone)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.\-]{0,59}$")]
Language = Literal["en", "zh-TW", "ja", "id", "es"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
