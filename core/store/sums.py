"""Money is kept as text, and summed by the database in whole parts of a dollar: exact, and the same on any database."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

CENT: Final = 100
GRAIN: Final = 10**12
"""Millionths of a millionth: finer than any price of a model."""


def whole(dollars: str, parts: int) -> str:
    """SQL: `dollars` (a column, or what is made of columns) in whole parts of a dollar."""
    return f"CAST(ROUND(CAST({dollars} AS FLOAT) * {parts}) AS BIGINT)"


GRAINS: Final = whole("usage.usd", GRAIN)
"""What a call to a model cost."""
VENDOR_CENTS: Final = whole("COALESCE(dispatches.actual_cost_usd, dispatches.cost_estimate_usd)", CENT)
"""A dispatch's dollars: the bill once there is one, the estimate until then."""


def in_dollars(amount: int | None) -> Decimal:
    """Of a sum of grains."""
    return Decimal(int(amount or 0)) / GRAIN
