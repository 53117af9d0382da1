"""Money: US dollars that the house counts in, and the moneys that people ask, quote and bill in. Never a float.

What people write in sentences is read by core.amounts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

CENT: Final = Decimal("0.01")
MAX_AMOUNT: Final = Decimal(100_000)
"""US dollars. A single repair above this is a typing mistake, not a bill."""
USD: Final = "USD"
NO_CENTS: Final = frozenset({"TWD", "JPY", "IDR", "KRW", "VND", "CLP", "HUF"})
"""Moneys that are written without decimals."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217), with the places that it is written with."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Local:
    """What an amount was in the money it was made in, and what a US dollar was worth then: it never changes again."""

    amount: Decimal
    currency: str
    rate: Decimal
    """Units of `currency` for one US dollar."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum as the house counts it; `local`: as people said it, where that was no dollars."""

    usd: Decimal
    local: Local | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """A money, and how much of it a US dollar buys today."""

    currency: str = USD
    per_usd: Decimal = Decimal(1)

    def of_usd(self, dollars: Decimal) -> Amount:
        """`dollars`, and what that is in this money."""
        if self.currency == USD:
            return Amount(usd(dollars))
        return Amount(
            usd(dollars), Local(rounded(dollars * self.per_usd, self.currency), self.currency, self.per_usd)
        )

    def of(self, amount: Decimal) -> Amount:
        """`amount` of this money, and what that is in dollars."""
        if self.currency == USD:
            return Amount(usd(amount))
        return Amount(
            usd(amount / self.per_usd), Local(rounded(amount, self.currency), self.currency, self.per_usd)
        )


DOLLARS: Final = Rate()


def usd(value: Decimal | int | str) -> Decimal:
    """`value` as dollars and cents."""
    return Decimal(value).quantize(CENT)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """`amount` with the digits that `currency` is written with."""
    return amount.quantize(Decimal(1) if currency in NO_CENTS else CENT)


def exact(amount: Decimal) -> str:
    """`amount` with all its digits, two at least: 0.0000005, 12.50."""
    whole, _, digits = format(amount, "f").partition(".")
    return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"
