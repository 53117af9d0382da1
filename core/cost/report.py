"""What was spent in a period, for whom and on which engine: read from the ledger, added up, told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from core.company.company import Company
from core.cost.budget import forecast
from core.cost.months import Period, Span, month_at, span_of
from core.cost.spent import KINDS, Amount, amounts, first_call, since_the_beginning
from core.i18n import N_, Words
from core.money import exact, usd
from core.store.rows import Rows
from core.store.sums import CENT, in_dollars

UNASSIGNED: Final = "unassigned"
"""Under this name stands what belongs to no property."""


@dataclass(frozen=True, slots=True)
class Line:
    """Dollars of one property, tier and model."""

    property_id: str | None
    tier: str
    model: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says about a period."""

    lines: Sequence[Line] = ()
    vendor: Decimal = Decimal(0)
    tickets: int = 0
    first: datetime | None = None
    """The oldest call, where everything since is asked for."""
    month_models: Decimal = Decimal(0)
    month_vendor: Decimal = Decimal(0)
    """Of the month around now, whichever period is asked for: what budget and forecast are about."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Dollars, unrounded. `budget`, `remaining` and `forecast` are the month's whatever the period."""

    period: Period
    span: Span
    total: Decimal
    budget: Decimal
    remaining: Decimal
    forecast: Decimal
    by_property: Mapping[str, Decimal]
    by_tier: Mapping[str, Decimal]
    by_model: Mapping[str, Decimal]
    tiers_of: Mapping[str, Mapping[str, Decimal]]
    """Property -> tier -> dollars."""
    vendor: Decimal
    tickets: int
    whole: bool = True
    """Of the whole house, whose budget is the models' alone; that of properties bounds vendors and models together."""

    @property
    def used(self) -> Decimal:
        """Of this month's budget."""
        return self.budget - self.remaining

    def to_json(self) -> dict[str, Any]:
        """The keys of docs/COST.md. What models cost is not rounded; budgets and vendors' money have two places."""
        return {
            "period": self.period,
            "from": self.span.start.isoformat(),
            "to": self.span.end.isoformat(),
            "total_usd": exact(self.total),
            "budget_usd": str(usd(self.budget)),
            "remaining_usd": exact(self.remaining),
            "forecast_usd": exact(self.forecast),
            "by_property": {name: exact(amount) for name, amount in self.by_property.items()},
            "by_tier": {name: exact(amount) for name, amount in self.by_tier.items()},
            "by_model": {name: exact(amount) for name, amount in self.by_model.items()},
            "vendor_usd": str(usd(self.vendor)),
            "tickets": self.tickets,
        }


# --- reading


def find(
    rows: Rows,
    company: Company,
    period: Period,
    now: datetime,
    properties: Collection[str] | None = None,
) -> Found:
    """What there is about the period around `now`, in the founder's time zone. `properties`: of these alone."""
    zone, only = company.founder.zone, None if properties is None else [*properties]
    month = month_at(now, zone)
    if period == "all":
        models, vendors, tickets = (since_the_beginning(rows, kind, only) for kind in KINDS)
    else:
        span = span_of(period, now, zone)
        models, vendors, tickets = (amounts(rows, kind, span, only) for kind in KINDS)
    return Found(
        [Line(one.property_id, one.tier, one.model, in_dollars(one.amount)) for one in models],
        _cents(vendors),
        sum(one.amount for one in tickets),
        first_call(rows, only) if period == "all" else None,
        in_dollars(sum(one.amount for one in amounts(rows, "models", month, only))),
        _cents(amounts(rows, "vendors", month, only)),
    )


def _cents(found: Sequence[Amount]) -> Decimal:
    return Decimal(sum(one.amount for one in found)) / CENT


# --- adding up


def spending(
    found: Found,
    company: Company,
    period: Period,
    now: datetime,
    budget: Decimal,
    properties: Collection[str] | None = None,
) -> Spending:
    """`budget`: the models' for the whole house; with `properties` theirs is taken instead."""
    zone = company.founder.zone
    month = month_at(now, zone)
    span = Span((found.first or now).astimezone(zone), now.astimezone(zone))
    if period != "all":
        span = span_of(period, now, zone)
    fixed = Decimal(0)  # vendors' bills come singly: nothing is read from their pace
    if properties is not None:
        budget = sum(
            (one.monthly_budget_usd for one in company.properties if one.id in properties), Decimal(0)
        )
        fixed = found.month_vendor
    tiers: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line in found.lines:
        tiers[line.property_id or UNASSIGNED][line.tier] += line.usd
    return Spending(
        period=period,
        span=span,
        total=sum((line.usd for line in found.lines), Decimal(0)),
        budget=budget,
        remaining=budget - found.month_models - fixed,
        forecast=forecast(found.month_models, now, month) + fixed,
        by_property=_by(found.lines, lambda line: line.property_id or UNASSIGNED),
        by_tier=_by(found.lines, lambda line: line.tier),
        by_model=_by(found.lines, lambda line: line.model),
        tiers_of={name: dict(parts) for name, parts in tiers.items()},
        vendor=found.vendor,
        tickets=found.tickets,
        whole=properties is None,
    )


def _by(lines: Sequence[Line], key: Callable[[Line], str]) -> dict[str, Decimal]:
    """Dearest first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[key(line)] += line.usd
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


# --- telling

TITLE: Final = {
    "today": N_("Models today: {amount}"),
    "week": N_("Models this week: {amount}"),
    "month": N_("Models this month: {amount}"),
    "all": N_("Models since the beginning: {amount}"),
}
TIER: Final = {
    "fast": N_("fast model"),
    "strong": N_("strong model"),
    "embed": N_("search"),
    "speech": N_("voice notes"),
    "external": N_("workers' own"),
}
USED: Final = N_("This month's budget: {used} of {budget}")
USED_WITH_VENDORS: Final = N_("This month's budget for vendors and models: {used} of {budget}")
AHEAD: Final = N_("At this pace {forecast} by its end")
NOTHING: Final = N_("Nothing was spent.")
NO_PROPERTY: Final = N_("no property")
FIGURE_SPACE: Final = "\u2007"
"""As wide as a digit: amounts stand under each other in any font."""
MAX_LINES: Final = 12


def text(spent: Spending, company: Company, words: Words) -> str:
    """A short table for a chat: no markup, amounts first."""
    lines = [words(TITLE[spent.period], amount=in_usd(spent.total))]
    if spent.by_property:
        lines += _column(
            [(name_of(one, company, words), amount) for one, amount in spent.by_property.items()]
        )
        lines.append(
            " · ".join(f"{tier_name(one, words)} {small(amount)}" for one, amount in spent.by_tier.items())
        )
    else:
        lines.append(words(NOTHING))
    lines += [
        words(
            N_("Vendors: {amount} · tickets: {count}"), amount=words.money(spent.vendor), count=spent.tickets
        ),
        words(
            USED if spent.whole else USED_WITH_VENDORS,
            used=in_usd(spent.used),
            budget=words.money(spent.budget),
        ),
        words(AHEAD, forecast=in_usd(spent.forecast)),
    ]
    return "\n".join(lines)


def _column(amounts: Sequence[tuple[str, Decimal]]) -> list[str]:
    shown, rest = list(amounts[:MAX_LINES]), amounts[MAX_LINES:]
    if rest:
        shown.append(("…", sum((amount for _, amount in rest), Decimal(0))))
    digits = 4 if any(len(small(amount).partition(".")[2]) > 2 for _, amount in shown) else 2
    texts = [(name, f"{amount:.{digits}f}") for name, amount in shown]
    width = max(len(text) for _, text in texts)
    return [f"{text.rjust(width, FIGURE_SPACE)}  {name}" for name, text in texts]


def small(amount: Decimal) -> str:
    """Cents, and two places more where a few cents would hide what it is: a call costs less than one."""
    cents = usd(amount)
    return str(cents) if amount == cents or abs(amount) >= Decimal("0.1") else f"{amount:.4f}"


def in_usd(amount: Decimal) -> str:
    return f"{small(amount)} USD"


def name_of(property_id: str, company: Company, words: Words) -> str:
    place = company.place(property_id)
    return (
        place.name if place is not None else words(NO_PROPERTY) if property_id == UNASSIGNED else property_id
    )


def tier_name(tier: str, words: Words) -> str:
    return words(TIER[tier]) if tier in TIER else tier
