"""What a property really cost in a month: vendors, models, credits to guests and the team's time, ticket by ticket.

Each thing belongs to one month, so that two statements never bill it twice: vendors' money to the month in which it was
authorised, models to that of the call, credits and working time to that in which the ticket was closed."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from core.company.company import Company
from core.company.schema import Property
from core.cost.months import Span, month_name
from core.i18n import N_, Words
from core.model import Status
from core.money import DOLLARS, USD, Amount, Local, Rate, exact, usd
from core.phrases import CATEGORY, CHARGE, label
from core.store.rows import Rows
from core.store.sums import GRAINS, in_dollars

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One ticket's part in the month; dollars."""

    ticket_id: str
    opened: datetime
    resolved: datetime | None
    category: str
    charge_to: str | None
    vendors: tuple[str, ...] = ()
    estimate: Decimal | None = None
    """Of what was authorised; None where no vendor was."""
    bill: Decimal | None = None
    """What they took; None while one of them has not said."""
    vendor: Decimal = ZERO
    """The bill where there is one, the estimate where not."""
    estimate_local: Decimal | None = None
    """In the property's money, at the rate of the time; the same for the bill."""
    bill_local: Decimal | None = None
    models: Decimal = ZERO
    credit: Decimal = ZERO
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    entries: Sequence[Entry] = ()
    other_models: Decimal = ZERO
    """Of calls that belong to no ticket."""


def find(rows: Rows, place: Property, month: Span, rate: Rate = DOLLARS) -> Found:
    """What the database says about `place` in its local `month`. `rate`: of its money, for what was said in another."""
    models: dict[str | None, Decimal] = {
        one.ticket_id: in_dollars(one.amount)
        for one in rows.rows(
            f"SELECT ticket_id, SUM({GRAINS}) AS amount FROM usage "  # noqa: S608
            "WHERE property_id = :place AND at >= :start AND at < :end GROUP BY ticket_id",
            place=place.id,
            start=month.start,
            end=month.end,
        )
    }
    dispatches: dict[str, list[Any]] = defaultdict(list)
    for dispatch in rows.rows(
        "SELECT * FROM dispatches WHERE property_id = :place AND month = :month AND authorized AND NOT void "
        "ORDER BY created_at",
        place=place.id,
        month=month_name(month),
    ):
        dispatches[dispatch.ticket_id].append(dispatch)
    # A merged ticket is told by the one it went into.
    tickets = rows.rows(
        "SELECT * FROM tickets WHERE ticket_id IN :paid OR (property_id = :place AND status != :merged "
        "AND ((created_at >= :start AND created_at < :end) OR (resolved_at >= :start AND resolved_at < :end))) "
        "ORDER BY number",
        paid=[*dispatches, *(one for one in models if one)],
        place=place.id,
        merged=Status.MERGED.value,
        start=month.start,
        end=month.end,
    )
    shown = {ticket.ticket_id for ticket in tickets}
    return Found(
        [
            _entry(one, dispatches[one.ticket_id], models.get(one.ticket_id, ZERO), month, rate)
            for one in tickets
        ],
        sum((amount for ticket_id, amount in models.items() if ticket_id not in shown), ZERO),
    )


def _entry(ticket: Any, dispatches: Sequence[Any], models: Decimal, month: Span, rate: Rate) -> Entry:
    bills = [
        _amount(one.actual_cost_usd, one.actual_cost_local)
        for one in dispatches
        if one.actual_cost_usd is not None
    ]
    billed = bool(dispatches) and len(bills) == len(dispatches)
    closed = ticket.resolved_at in month
    return Entry(
        ticket_id=ticket.ticket_id,
        opened=ticket.created_at,
        resolved=ticket.resolved_at,
        category=ticket.category,
        charge_to=ticket.charge_to,
        vendors=tuple(dict.fromkeys(one.vendor_id for one in dispatches if one.vendor_id)),
        estimate=sum((one.cost_estimate_usd for one in dispatches), ZERO) if dispatches else None,
        bill=sum((one.usd for one in bills), ZERO) if billed else None,
        estimate_local=_local(
            (_amount(one.cost_estimate_usd, one.cost_estimate_local) for one in dispatches), rate
        )
        if dispatches
        else None,
        bill_local=_local(bills, rate) if billed else None,
        vendor=sum(
            (
                one.cost_estimate_usd if one.actual_cost_usd is None else one.actual_cost_usd
                for one in dispatches
            ),
            ZERO,
        ),
        models=models,
        credit=(ticket.guest_credit_usd or ZERO) if closed else ZERO,
        minutes=(ticket.staff_minutes or 0) if closed else 0,
    )


def _amount(dollars: Decimal, said: Mapping[str, str] | None) -> Amount:
    if not said:
        return Amount(dollars)
    return Amount(dollars, Local(Decimal(said["amount"]), said["currency"], Decimal(said["rate"])))


def _local(amounts: Iterable[Amount], rate: Rate) -> Decimal:
    """Their sum in the property's money: as it was said where it was said in that, else at today's rate."""
    sums = (
        one.local.amount
        if one.local is not None and one.local.currency == rate.currency
        else in_this.local.amount
        if (in_this := rate.of_usd(one.usd)).local is not None
        else one.usd
        for one in amounts
    )
    return sum(sums, ZERO)


@dataclass(frozen=True, slots=True)
class Statement:
    """A property's month, added up. Nothing is rounded here."""

    company: Company
    place: Property
    month: Span
    made_at: datetime
    found: Found

    @property
    def entries(self) -> Sequence[Entry]:
        return self.found.entries

    def staff(self, entry: Entry) -> Decimal:
        """The team's time in money, to the cent."""
        return usd(self.company.about.staff_hourly_usd * entry.minutes / 60)

    def total_of(self, entry: Entry) -> Decimal:
        return entry.vendor + entry.models + entry.credit + self.staff(entry)

    @property
    def headings(self) -> tuple[tuple[str, str], ...]:
        """(heading, what fills its {currency}): in the property's money first where that is no dollars."""
        money = self.place.currency
        local = [] if money == USD else [(one, money) for one in LOCAL_HEADINGS]
        return (*((one, "") for one in HEADINGS[:5]), *local, *((one, "") for one in HEADINGS[5:]))

    @property
    def vendor(self) -> Decimal:
        return sum((one.vendor for one in self.entries), ZERO)

    @property
    def models(self) -> Decimal:
        return sum((one.models for one in self.entries), self.found.other_models)

    @property
    def credit(self) -> Decimal:
        return sum((one.credit for one in self.entries), ZERO)

    @property
    def staff_total(self) -> Decimal:
        return sum((self.staff(one) for one in self.entries), ZERO)

    @property
    def minutes(self) -> int:
        return sum(one.minutes for one in self.entries)

    @property
    def total(self) -> Decimal:
        return self.vendor + self.models + self.credit + self.staff_total

    def paid_by(self) -> Mapping[str | None, Decimal]:
        """Who pays the vendors: owner, guest, us, or None where nobody said."""
        sums: dict[str | None, Decimal] = defaultdict(Decimal)
        for entry in self.entries:
            sums[entry.charge_to] += entry.vendor
        return {payer: amount for payer, amount in sums.items() if amount}

    def vendors_of(self, entry: Entry) -> str:
        known = ((one, self.company.vendor(one)) for one in entry.vendors)
        return ", ".join(vendor.name if vendor is not None else one for one, vendor in known)

    def file_name(self, ending: str) -> str:
        return f"{self.place.id}-{month_name(self.month)}.{ending}"


TITLE: Final = N_("{place}: costs in {month}")
HEADINGS: Final = (
    N_("Ticket"),
    N_("Reported"),
    N_("Resolved"),
    N_("What"),
    N_("Vendor"),
    N_("Estimate (USD)"),
    N_("Bill (USD)"),
    N_("Who pays"),
    N_("Models and speech (USD)"),
    N_("Credit to the guest (USD)"),
    N_("Staff minutes"),
    N_("Staff (USD)"),
    N_("Total (USD)"),
)
LOCAL_HEADINGS: Final = (N_("Estimate ({currency})"), N_("Bill ({currency})"))
"""Before those in dollars, where the property has another money."""
NO_TICKET: Final = N_("No ticket")
TOTAL: Final = N_("Total")
UNDECIDED: Final = N_("Not decided")
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def payer_name(payer: str | None, words: Words) -> str:
    return label(CHARGE, payer, words) if payer is not None else words(UNDECIDED)


def month_words(statement: Statement, words: Words) -> str:
    """ "November 2026" as the reader writes it."""
    from babel.dates import format_skeleton

    return str(format_skeleton("yMMMM", statement.month.start, locale=words.language.replace("-", "_")))


def day(moment: datetime | None, statement: Statement) -> str:
    """The local date at the property."""
    return "" if moment is None else f"{moment.astimezone(statement.place.zone):%Y-%m-%d}"


def csv_bytes(statement: Statement, words: Words) -> bytes:
    """One line per ticket, what belongs to none, the sums: UTF-8 with a mark, which spreadsheets need to see. Amounts
    are not rounded, so the lines add up."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([words(one, currency=money) for one, money in statement.headings])
    local = len(statement.headings) - len(HEADINGS)
    for one in statement.entries:
        writer.writerow(
            _harmless(cell)
            for cell in (
                one.ticket_id,
                day(one.opened, statement),
                day(one.resolved, statement),
                label(CATEGORY, one.category, words),
                statement.vendors_of(one),
                *(
                    []
                    if not local
                    else ["" if sum_ is None else str(sum_) for sum_ in (one.estimate_local, one.bill_local)]
                ),
                "" if one.estimate is None else exact(one.estimate),
                "" if one.bill is None else exact(one.bill),
                payer_name(one.charge_to, words) if one.estimate is not None else "",
                exact(one.models),
                exact(one.credit),
                str(one.minutes),
                exact(statement.staff(one)),
                exact(statement.total_of(one)),
            )
        )
    other = statement.found.other_models
    if other:
        writer.writerow([words(NO_TICKET), *[""] * (7 + local), exact(other), "", "", "", exact(other)])
    writer.writerow(
        [
            words(TOTAL),
            *[""] * (7 + local),
            exact(statement.models),
            exact(statement.credit),
            str(statement.minutes),
            exact(statement.staff_total),
            exact(statement.total),
        ]
    )
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula is text."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
