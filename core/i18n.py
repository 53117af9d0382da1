"""The five languages. English stands in the code; the others in core/catalogues/*.po.

A missing translation shows the English: never an empty card, never a delayed one (W17)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from core.money import NO_CENTS, Amount

_MARKS: Final = {
    "TWD": "NT$",
    "JPY": "¥",
    "IDR": "Rp ",
    "EUR": "€",
    "GBP": "£",
    "KRW": "₩",
    "THB": "฿",
    "HKD": "HK$",
}
"""Before the number; another money is named by its code."""
_WHOLE_FROM: Final = 10
"""From so many dollars on the cents are left out where they only stand beside what was really said."""
CATALOGUES: Final = Path(__file__).parent / "catalogues"


def N_(text: str) -> str:
    """Gettext's name for "translate this later"."""
    return text


@cache
def catalogue(language: str) -> dict[str, str]:
    """English text -> translation. Empty for English and for a language without a file."""
    path = CATALOGUES / f"{language}.po"
    if not path.exists():
        return {}
    from babel.messages.pofile import read_po

    with path.open("rb") as file:
        messages = read_po(file, ignore_obsolete=True)
    return {str(m.id): str(m.string) for m in messages if m.id and m.string and not m.fuzzy}


@dataclass(frozen=True)
class Words:
    """Says things to one reader: in their language, with times in their zone."""

    language: str
    zone: ZoneInfo

    def __call__(self, text: str, /, **params: object) -> str:
        said = catalogue(self.language).get(text, text)
        return said.format(**params) if params else said

    def time(self, moment: datetime, now: datetime) -> str:
        """The local time with its zone named; with the date where that is not today's."""
        return f"{self.clock(moment, now)} ({self.city})"

    @property
    def city(self) -> str:
        """What the zone is named after."""
        return (self.zone.key or "UTC").rsplit("/", 1)[-1].replace("_", " ")

    def clock(self, moment: datetime, now: datetime) -> str:
        """The same where the zone is known already: a page says it once."""
        try:
            local = moment.astimezone(self.zone)
        except OverflowError:  # at the end of the calendar there is no other zone
            local = moment
        clock = f"{local:%H:%M}"
        if local.date() == now.astimezone(self.zone).date():
            return clock
        from babel.dates import format_skeleton

        return f"{format_skeleton('MMMd', local, locale=self.language.replace('-', '_'))} {clock}"

    def money(self, amount: Decimal) -> str:
        """US dollars."""
        return f"{amount:.2f} USD"

    def amount(self, amount: Amount) -> str:
        """As people there say it, dollars behind where it was none: "NT$4,600 (143 USD)"."""
        if amount.local is None:
            return self.money(amount.usd)
        dollars = f"{amount.usd:.0f}" if amount.usd >= _WHOLE_FROM else f"{amount.usd:.2f}"
        return f"{self.local(amount)} ({dollars} USD)"

    def local(self, amount: Amount) -> str:
        """The same without the dollars behind, where there is little room."""
        if amount.local is None:
            return self.money(amount.usd)
        from babel.numbers import format_decimal

        locale = self.language.replace("-", "_")
        digits = "#,##0" if amount.local.currency in NO_CENTS else "#,##0.00"
        number = format_decimal(amount.local.amount, format=digits, locale=locale)
        mark = _MARKS.get(amount.local.currency, f"{amount.local.currency} ")
        return f"{mark}{number}"

    def join(self, parts: list[str]) -> str:
        return ("、" if self.language in {"zh-TW", "ja"} else ", ").join(parts)
