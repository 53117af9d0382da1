"""The month's money as a picture for a chat: how far the budget is used, and which property used it on which tier.

Imports matplotlib (half a second) and draws for a moment: both in a thread. No pyplot: it keeps state of its own."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Final

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.patches import Patch

from core.company.company import Company
from core.cost.report import (
    AHEAD,
    NO_PROPERTY,
    NOTHING,
    TITLE,
    UNASSIGNED,
    USED,
    USED_WITH_VENDORS,
    Spending,
    in_usd,
    small,
    tier_name,
)
from core.i18n import N_, Words

COLOURS: Final = {"strong": "#0072B2", "fast": "#56B4E9", "speech": "#E69F00", "embed": "#009E73"}
"""Told apart also by who sees no red or green (Okabe and Ito)."""
MAX_BARS: Final = 8
WIDEST: Final = 22
"""Columns of a name; a Chinese sign takes two."""
_INK, _SOFT, _REST, _ALARM = "#1f2933", "#616e7c", "#e4e7eb", "#c92a2a"
_FONTS: Final = (
    "DejaVu Sans",
    "Noto Sans CJK TC",
    "Noto Sans CJK JP",
    "Noto Sans TC",
    "Noto Sans JP",
    "PingFang TC",
    "Hiragino Sans",
    "Microsoft JhengHei",
    "Yu Gothic",
    "WenQuanYi Zen Hei",
)


def png(spent: Spending, company: Company, words: Words) -> bytes:
    """800 × 600 pixels, readable on a phone."""
    said = _Said(words)
    figure = Figure(figsize=(8, 6), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(
        0.04,
        0.94,
        said(TITLE[spent.period], amount=in_usd(spent.total)),
        fontproperties=said.font(19, "bold"),
        va="center",
    )
    _gauge(figure.add_axes((0.04, 0.75, 0.92, 0.055)), spent, said)
    bars = _bars(spent, company, said)
    if bars:
        _draw_bars(figure, bars, said)
    else:
        figure.text(0.5, 0.36, said(NOTHING), fontproperties=said.font(17), color=_SOFT, ha="center")
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _gauge(axes: Axes, spent: Spending, said: _Said) -> None:
    """The month's budget as a bar: what is used, and a dashed line where this pace leads to."""
    used, ahead, budget = (
        float(one) for one in (spent.budget - spent.remaining, spent.forecast, spent.budget)
    )
    whole = max(used, ahead, budget, 0.01)
    pace = _ALARM if ahead > budget else _SOFT
    colour = _ALARM if used >= budget else "#0072B2"
    axes.barh(0, whole, height=1, color=_REST)
    axes.barh(0, used, height=1, color=colour)
    axes.plot([budget, budget], [-0.75, 0.75], color=_INK, linewidth=2.5, clip_on=False)
    axes.plot([ahead, ahead], [-0.75, 0.75], color=pace, linewidth=2, linestyle=(0, (2, 1)), clip_on=False)
    axes.set_xlim(0, whole * 1.005)
    axes.set_ylim(-0.5, 0.5)
    axes.axis("off")
    above = said(
        USED if spent.whole else USED_WITH_VENDORS, used=in_usd(spent.used), budget=in_usd(spent.budget)
    )
    below = said(AHEAD, forecast=in_usd(spent.forecast))
    axes.text(0, 0.85, above, fontproperties=said.font(13), color=_INK, va="bottom")
    axes.text(0, -0.85, below, fontproperties=said.font(12), color=pace, va="top")


def _bars(spent: Spending, company: Company, said: _Said) -> list[tuple[str, Mapping[str, Decimal]]]:
    """(label, tier -> dollars) from the dearest property on; the last one holds all that do not fit."""
    found = [(name, spent.tiers_of[name]) for name, amount in spent.by_property.items() if amount]
    shown, rest = (found[: MAX_BARS - 1], found[MAX_BARS - 1 :]) if len(found) > MAX_BARS else (found, [])
    bars: list[tuple[str, Mapping[str, Decimal]]] = []
    for name, tiers in shown:
        place = company.place(name)
        label = said.plain(place.name, name) if place is not None else name
        bars.append((said(NO_PROPERTY) if name == UNASSIGNED else _cut(label), tiers))
    if rest:
        sums = {tier: sum((one.get(tier, Decimal(0)) for _, one in rest), Decimal(0)) for tier in COLOURS}
        bars.append((said(N_("{count} more"), count=len(rest)), sums))
    return bars


def _draw_bars(figure: Figure, bars: list[tuple[str, Mapping[str, Decimal]]], said: _Said) -> None:
    height = min(0.47, 0.065 * len(bars))
    axes = figure.add_axes((0.32, 0.62 - height, 0.50, height))
    present = [tier for tier in COLOURS if any(tiers.get(tier) for _, tiers in bars)]
    totals = [float(sum(tiers.values(), Decimal(0))) for _, tiers in bars]
    for at, (_, tiers) in enumerate(bars):
        left = 0.0
        for tier in present:
            width = float(tiers.get(tier, 0))
            axes.barh(at, width, left=left, height=0.62, color=COLOURS[tier])
            left += width
        axes.text(
            left + max(totals) * 0.02,
            at,
            small(Decimal(str(totals[at]))),
            fontsize=13,
            va="center",
            color=_INK,
        )
    axes.set_yticks(range(len(bars)), [label for label, _ in bars], fontproperties=said.font(13))
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, max(totals))
    axes.set_xticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.spines["left"].set(visible=True, color=_REST)
    figure.legend(
        handles=[Patch(color=COLOURS[tier], label=said.tier(tier)) for tier in present],
        loc="lower left",
        bbox_to_anchor=(0.03, 0.015),
        ncols=len(present),
        frameon=False,
        prop=said.font(12),
    )


def _cut(name: str) -> str:
    """`name` in at most WIDEST columns."""
    width = 0
    for at, sign in enumerate(name):
        width += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if width > WIDEST:
            return name[: at - 1].rstrip() + "…"
    return name


# --- words that the fonts of this machine can draw


@cache
def _fonts() -> dict[str, frozenset[int]]:
    """Those of _FONTS that are installed, with the signs they have."""
    installed = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
    return {name: frozenset(FT2Font(installed[name]).get_charmap()) for name in _FONTS if name in installed}


def _drawable(text: str) -> bool:
    return all(any(ord(sign) in signs for signs in _fonts().values()) for sign in text if not sign.isspace())


class _Said:
    """Words as the picture can show them: where no font has the signs, the English or the id stands instead of boxes."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._english = Words("en", words.zone)
        first = ["Noto Sans CJK JP"] if words.language == "ja" else []
        names = dict.fromkeys(["DejaVu Sans", *first, *_fonts()])
        self._families = [name for name in names if name in _fonts()]

    def __call__(self, text: str, **params: object) -> str:
        return self.plain(self._words(text, **params), self._english(text, **params))

    def font(self, size: int, weight: str = "normal") -> font_manager.FontProperties:
        return font_manager.FontProperties(family=self._families, size=size, weight=weight)

    def tier(self, tier: str) -> str:
        return self.plain(tier_name(tier, self._words), tier_name(tier, self._english))

    @staticmethod
    def plain(text: str, otherwise: str) -> str:
        return text if _drawable(text) else otherwise
