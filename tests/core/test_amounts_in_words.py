"""What "done 132" says, and what is too unsure to be money."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.money import amount_in


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("Done 132", "132"),
        ("T-1001 done, 132.50 USD", "132.50"),
        ("修好了132美元", "132"),
        ("修好了 132", "132"),
        ("selesai, 30 dolar", "30"),
        ("listo, costó $145", "145"),
        ("直りました。145ドルでした", "145"),
        ("fixed, 2 filters, $80", "80"),
        ("done for 1,200.50", "1200.50"),
    ],
)
def test_the_one_amount_is_found(text: str, amount: str) -> None:
    assert amount_in(text) == Decimal(amount).quantize(Decimal("0.01"))


@pytest.mark.parametrize(
    "text",
    [
        "Done",
        "done at 14:30",
        "done, 2 filters, 132",
        "修好了 4200元",
        "修好了 NT$4200",
        "selesai Rp 450.000",
        "直りました 8000円",
        "done 1.200,50",
        "call 0912-345-678",
        "T-1001",
        "done 132 and 20",
        "€132",
        "fixed 2026-11-20",
    ],
)
def test_what_is_not_sure_is_asked(text: str) -> None:
    assert amount_in(text) is None
