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
        local = moment.astimezone(self.zone)
        city = (self.zone.key or "UTC").rsplit("/", 1)[-1].replace("_", " ")
        clock = f"{local:%H:%M} ({city})"
        if local.date() == now.astimezone(self.zone).date():
            return clock
        from babel.dates import format_skeleton

        return f"{format_skeleton('MMMd', local, locale=self.language.replace('-', '_'))} {clock}"

    def money(self, amount: Decimal) -> str:
        return f"{amount:.2f} USD"

    def join(self, parts: list[str]) -> str:
        return ("、" if self.language in {"zh-TW", "ja"} else ", ").join(parts)
