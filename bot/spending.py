"""`loopos cost` and `loopos report`: what was spent, read from the database; no running service is needed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from bot.looking import company_of
from bot.settings import read_settings
from bot.shell import WRONG_USE
from core.clock import SystemClock
from core.company.company import Company
from core.company.schema import Property
from core.cost import report, statement
from core.cost.months import Period, month_at, month_name, month_named
from core.errors import StartupError
from core.i18n import Words
from core.store.plain import reading

EMPTY: Final = report.Found()


def _place(company: Company, property_id: str) -> Property | None:
    place = company.place(property_id)
    if place is None:
        known = ", ".join(one.id for one in company.properties)
        print(f"loopos: there is no property {property_id!r}; there are {known}", file=sys.stderr)
    return place


def cost(period: Period, property_id: str | None, *, as_json: bool) -> int:
    settings = read_settings()
    company = company_of(settings)
    if property_id is not None and _place(company, property_id) is None:
        return WRONG_USE
    now, only = SystemClock().now(), None if property_id is None else [property_id]
    with reading(settings.database) as rows:
        found = EMPTY if rows is None else report.find(rows, company, period, now, only)
    spent = report.spending(found, company, period, now, settings.budget_usd, only)
    if as_json:
        print(json.dumps(spent.to_json(), ensure_ascii=False, indent=2))
    else:
        print(report.text(spent, company, Words("en", company.founder.zone)))
    return 0


def statement_of(property_id: str, month: str | None, csv: str | None, pdf: str | None) -> int:
    """The statement of a property's month as files; without a file its CSV to standard output."""
    settings = read_settings()
    company = company_of(settings)
    place = _place(company, property_id)
    if place is None:
        return WRONG_USE
    now = SystemClock().now()
    try:
        span = month_named(month or month_name(month_at(now, place.zone)), place.zone)
    except ValueError as error:
        print(f"loopos: {error}", file=sys.stderr)
        return WRONG_USE
    with reading(settings.database) as rows:
        found = (
            statement.Found()
            if rows is None
            else statement.find(rows, place, span, company.rate_of(place.currency))
        )
    made = statement.Statement(company, place, span, now, found)
    for name, draw in ((csv, statement.csv_bytes), (pdf, _pdf)):
        if name is not None:
            _write(Path(name), draw(made, Words("en", place.zone)))
    if csv is None and pdf is None:
        sys.stdout.write(statement.csv_bytes(made, Words("en", place.zone)).decode("utf-8-sig"))
    return 0


def _pdf(made: statement.Statement, words: Words) -> bytes:
    from core.cost.statement_pdf import pdf_bytes

    return pdf_bytes(made, words)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise StartupError(f"{path} cannot be written: {error.strerror}.", "Name another file.") from error
    print(f"{path} is written.", file=sys.stderr)
