"""What a property really cost in a month, as its owner is sent it."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.settings import DATA
from core.company.company import Company
from core.company.loader import load_company
from core.cost.months import Span, month_named
from core.cost.statement import Entry, Found, Statement, csv_bytes, find
from core.cost.statement_pdf import pdf_bytes
from core.i18n import Words
from core.metering import Usage
from core.model import LANGUAGES
from core.store.session_rows import SessionRows
from core.store.tables import Ticket
from tests.core.cost.books import FAST, call, ledger_of, planned
from tests.world import STORY, World

AT = datetime(2026, 11, 3, 4, tzinfo=UTC)
NOVEMBER = "2026-11"


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(DATA / "company")


def month_of(company: Company, property_id: str, month: str = NOVEMBER) -> Span:
    place = company.place(property_id)
    assert place is not None
    return month_named(month, place.zone)


def made(
    company: Company, *entries: Entry, other: str = "0", property_id: str = "warm_taipei_2br"
) -> Statement:
    place = company.place(property_id)
    assert place is not None
    return Statement(company, place, month_of(company, property_id), AT, Found(entries, Decimal(other)))


def entry(number: int = 1001, **more: object) -> Entry:
    about: dict[str, object] = {
        "ticket_id": f"T-{number}",
        "opened": AT,
        "resolved": AT + timedelta(days=1),
        "category": "hvac_leak",
        "charge_to": "owner",
        "vendors": ("mr_wang_hvac",),
        "estimate": Decimal(145),
        "bill": Decimal(132),
        "vendor": Decimal(132),
        "models": Decimal("0.0123"),
        "credit": Decimal(20),
        "minutes": 35,
    }
    return Entry(**{**about, **more})  # type: ignore[arg-type]


def table(statement: Statement, language: str = "en") -> list[list[str]]:
    raw = csv_bytes(statement, Words(language, statement.place.zone))
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))


async def statement_of(world: World, property_id: str, month: str = NOVEMBER) -> Statement:
    company = world.app.services.company
    place = company.place(property_id)
    assert place is not None
    span = month_named(month, place.zone)
    found = await world.store.read(lambda s: find(SessionRows(s), place, span))
    return Statement(company, place, span, world.clock.at, found)


async def first_story(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    plan = planned("fast", FAST, property_id="warm_taipei_2br", ticket_id="T-1001")
    await call(ledger_of(world), plan, Usage(1000, 1000))
    job = await world.card("shirley", "job")
    await job.tap("ack")
    await (await world.card("shirley", "job")).tap("resolve", amount="132")
    given = update(Ticket).values(guest_credit_usd=Decimal(20), staff_minutes=45, charge_to="owner")
    await world.do(lambda tx: tx.change(given))


async def test_a_ticket_costs_its_vendor_its_models_its_credit_and_the_teams_time(world: World) -> None:
    await first_story(world)
    one = await statement_of(world, "warm_taipei_2br")
    (entry,) = one.entries
    assert (entry.ticket_id, entry.vendors, entry.charge_to) == ("T-1001", ("mr_wang_hvac",), "owner")
    assert (entry.estimate, entry.bill, entry.vendor) == (Decimal(145), Decimal(132), Decimal(132))
    assert (entry.models, entry.credit, entry.minutes) == (Decimal("0.002"), Decimal(20), 45)
    assert one.staff(entry) == Decimal("18.75")  # 45 minutes at 25 an hour
    assert one.total == Decimal("170.752")
    assert one.paid_by() == {"owner": 132}


async def test_what_is_only_authorised_counts_with_its_estimate(world: World) -> None:
    await world.says("shirley", STORY)
    assert (await statement_of(world, "warm_taipei_2br")).total == 0
    await (await world.card("ben", "approval")).tap("approve")
    (entry,) = (await statement_of(world, "warm_taipei_2br")).entries
    assert (entry.estimate, entry.bill, entry.vendor) == (Decimal(145), None, Decimal(145))


async def test_each_thing_belongs_to_one_month_and_one_property(world: World) -> None:
    await first_story(world)
    for month in ("2026-10", "2026-12"):
        assert (await statement_of(world, "warm_taipei_2br", month)).total == 0
    assert (await statement_of(world, "bali_villa")).entries == []
    world.clock.at = datetime(2026, 11, 30, 17, tzinfo=UTC)  # December in Taipei
    plan = planned("fast", FAST, property_id="warm_taipei_2br", ticket_id="T-1001")
    await call(ledger_of(world), plan, Usage(1000, 1000))
    later = await statement_of(world, "warm_taipei_2br", "2026-12")
    assert [(one.ticket_id, one.vendor, one.credit, one.minutes) for one in later.entries] == [
        ("T-1001", Decimal(0), Decimal(0), 0)
    ]
    assert later.total == Decimal("0.002")
    assert (await statement_of(world, "warm_taipei_2br")).total == Decimal("170.752")


async def test_calls_without_a_ticket_are_not_lost(world: World) -> None:
    await call(ledger_of(world), planned("fast", FAST, property_id="bali_villa"), Usage(1000, 1000))
    one = await statement_of(world, "bali_villa")
    assert (one.entries, one.total) == ([], Decimal("0.002"))


# --- as CSV


def test_the_csv_adds_up_to_the_last_digit(company: Company) -> None:
    rows = table(made(company, entry(), entry(1002, models=Decimal("0.00777"), bill=None), other="0.5"))
    assert rows[0][0] == "Ticket" and rows[0][-1] == "Total (USD)"
    assert {len(row) for row in rows} == {13}
    *lines, total = rows[1:]
    for at in (8, 9, 10, 11, 12):
        assert sum(Decimal(line[at] or 0) for line in lines) == Decimal(total[at])
    assert rows[1][:8] == [
        *("T-1001", "2026-11-03", "2026-11-04", "AC or heating leak"),
        *("Mr. Wang (王師傅)", "145.00", "132.00", "The owner"),
    ]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "＝1", "\tx", "\r=1"])
def test_no_cell_is_a_formula(company: Company, name: str) -> None:
    house = replace(company, vendors=[company.vendors[0].model_copy(update={"name": name})])
    rows = table(made(house, entry()))
    assert rows[1][4] == f"'{name}"


def test_a_month_without_anything_is_a_statement_too(company: Company) -> None:
    assert [row[0] for row in table(made(company))] == ["Ticket", "Total"]


# --- as PDF


def text_of(data: bytes, tmp_path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("needs poppler")
    file = tmp_path / "statement.pdf"
    file.write_bytes(data)
    done = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


def test_the_pdf_shows_what_an_owner_looks_for(company: Company, tmp_path: Path) -> None:
    text = text_of(pdf_bytes(made(company, entry()), Words("en", AT.tzinfo)), tmp_path)  # type: ignore[arg-type]
    for said in (
        *(
            "Warm Taipei 2BR: costs in November 2026",
            "Harbour & Pine Stays",
            "T-1001",
            "王師傅",
            "The owner 132.00",
        ),
        *("145.00", "14.58 (35 min)", "Staff, 35 minutes", "166.59", "Page 1 of 1"),
    ):
        assert said in text


def test_each_page_repeats_the_heading_and_bears_its_number(company: Company, tmp_path: Path) -> None:
    many = made(company, *(entry(1001 + at) for at in range(80)))
    text = text_of(pdf_bytes(many, Words("en", AT.tzinfo)), tmp_path)  # type: ignore[arg-type]
    pages = text.split("\f")[:-1]
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Estimate" in page


def test_the_column_of_the_pdf_adds_up_in_cents(company: Company, tmp_path: Path) -> None:
    bare = {
        "vendors": (),
        "estimate": None,
        "bill": None,
        "vendor": Decimal(0),
        "credit": Decimal(0),
        "minutes": 0,
    }
    one = made(company, *(entry(1001 + at, models=Decimal("0.006"), **bare) for at in range(10)))
    text = text_of(pdf_bytes(one, Words("en", AT.tzinfo)), tmp_path)  # type: ignore[arg-type]
    (rest,) = [line for line in text.splitlines() if line.strip().startswith("No ticket")]
    assert rest.split()[-2:] == ["0.06", "0.06"]


def test_a_pdf_is_made_in_every_language_and_of_anything(company: Company) -> None:
    wild = company.vendors[0].model_copy(update={"name": "<b>&amp; 溫暖" * 30 + "🏡" + "x" * 300})
    house = replace(company, vendors=[wild])
    for language in LANGUAGES:
        for entries in ((), (entry(),)):
            data = pdf_bytes(made(house, *entries), Words(language, AT.tzinfo))  # type: ignore[arg-type]
            assert data.startswith(b"%PDF-")
