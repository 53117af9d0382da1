"""Commands about money: what was spent, and the statement of a property."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from bot.commands.call import Call
from core.company.reading import cost_places
from core.company.schema import Property
from core.cost import report
from core.cost.months import PERIODS, month_at, month_name, month_named
from core.cost.report_jobs import owe_picture, owe_statement
from core.errors import Refused
from core.i18n import N_
from core.store.session_rows import SessionRows
from core.team.rights import Right, Subject
from core.text import normal


def cost(call: Call) -> None:
    """`/cost [today|week|month|all] [property]`: the sums at once, a picture when it is drawn. A lead sees the
    properties that are theirs."""
    tx, company = call.tx, call.tx.services.company
    first, _, rest = call.words_after.partition(" ")
    period = next((one for one in PERIODS if one == first.casefold()), None)
    only = _allowed(call, rest if period else call.words_after)
    period = period or "month"
    budget = tx.services.budget_usd
    spent = report.spending(
        report.find(SessionRows(tx.session), company, period, tx.now, only),
        company,
        period,
        tx.now,
        budget,
        only,
    )
    call.reply_alone(report.text(spent, company, call.reader.words))
    if spent.total or spent.used:
        to, chosen = call.alone(), period
        call.later(lambda tx: owe_picture(tx, call.person, to, call.reader, chosen, only))


def statement(call: Call) -> None:
    """`/report [property] [YYYY-MM]`: the statement as PDF and CSV; of the present month where none is named."""
    tx = call.tx
    said, _, last = call.words_after.rpartition(" ")
    month = _month(last)
    place = _place(call, said if month else call.words_after)
    if place is None:
        if cost_places(tx.services.company, call.person) == frozenset():
            call.require(Right.STATEMENT)
        raise Refused("which_property")
    call.require(Right.STATEMENT, Subject(property_id=place.id))
    month = month or month_name(month_at(tx.now, place.zone))
    to, named, about = call.alone(), month, place
    call.later(lambda tx: owe_statement(tx, call.person, to, call.reader, about, named))
    call.reply_alone(call.reader.words(N_("The statement comes in a moment.")))


def _allowed(call: Call, said: str) -> Sequence[str] | None:
    """The properties that are asked for and may be shown; None for all. Raises Refused."""
    mine = cost_places(call.tx.services.company, call.person)
    if said.strip():
        place = _place(call, said)
        if place is None and mine != frozenset():
            raise Refused("which_property")
        call.require(Right.SPENDING, Subject(property_id=place.id if place is not None else None))
        return [place.id] if place is not None else None
    if not mine:
        call.require(Right.SPENDING)
        return None
    return sorted(mine)


def _place(call: Call, said: str) -> Property | None:
    company, wanted = call.tx.services.company, normal(said)
    if not wanted and len(call.person.properties) == 1:
        return company.place(call.person.properties[0])
    names = {one.id: {one.id, *map(normal, (one.name, *one.aliases))} for one in company.properties}
    return next((one for one in company.properties if wanted in names[one.id]), None)


def _month(said: str) -> str | None:
    try:
        return month_name(month_named(said, UTC))
    except ValueError:
        return None
