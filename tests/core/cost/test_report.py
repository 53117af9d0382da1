"""What was spent, for whom: the sums that `loopos cost` and /cost tell."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.cli import main
from bot.settings import DATA
from bot.shell import WRONG_USE
from core.company.company import Company
from core.company.loader import load_company
from core.cost import report
from core.cost.months import Span, month_at, month_named, span_of
from core.cost.report import Found, Line, spending
from core.i18n import Words
from core.metering import Planned, Usage
from core.model import LANGUAGES
from core.money import exact
from core.store.session_rows import SessionRows
from tests.core.cost.books import FAST, call, ledger_of, planned
from tests.world import STORY, World, open_world

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
LA = ZoneInfo("America/Los_Angeles")


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(DATA / "company")


async def spent(world: World, period: Any = "month", *only: str, budget: str = "500") -> report.Spending:
    company = world.app.services.company
    found = await world.store.read(
        lambda s: report.find(SessionRows(s), company, period, world.clock.at, only or None)
    )
    return spending(found, company, period, world.clock.at, Decimal(budget), only or None)


async def some_calls(world: World) -> None:
    ledger = ledger_of(world)
    await call(ledger, planned(property_id="bali_villa"), Usage(1000, 1000))  # 0.09
    await call(ledger, planned("fast", FAST, property_id="bali_villa"), Usage(1000, 1000))  # 0.002
    await call(ledger, planned("fast", FAST, property_id="mtn_city_reno"), Usage(1, 1), ok=False)  # 0.000002
    sound = Planned("speech", "openai", "gpt-transcribe", planned().about, seconds=60)
    await call(ledger, sound, Usage(seconds=60))  # 0.0045


async def test_the_json_has_the_keys_and_sums_that_programs_read(world: World) -> None:
    await some_calls(world)
    told = (await spent(world)).to_json()
    assert list(told) == [
        *("period", "from", "to", "total_usd", "budget_usd", "remaining_usd", "forecast_usd"),
        *("by_property", "by_tier", "by_model", "vendor_usd", "tickets"),
    ]
    assert (told["period"], told["total_usd"], told["budget_usd"]) == ("month", "0.096502", "500.00")
    assert told["remaining_usd"] == "499.903498"
    assert (told["from"], told["to"]) == ("2026-11-01T00:00:00-07:00", "2026-12-01T00:00:00-08:00")
    assert told["by_property"] == {"bali_villa": "0.092", "unassigned": "0.0045", "mtn_city_reno": "0.000002"}
    assert told["by_tier"] == {"strong": "0.09", "speech": "0.0045", "fast": "0.002002"}
    assert told["by_model"]["claude-opus-4-7"] == "0.09"
    for part in ("by_property", "by_tier", "by_model"):
        assert sum(map(Decimal, told[part].values())) == Decimal(told["total_usd"])
    assert Decimal(told["forecast_usd"]) > Decimal(told["total_usd"])


async def test_one_property_is_measured_by_its_own_budget_vendors_and_models_together(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    ticket = await world.ticket()
    plan = planned(property_id="warm_taipei_2br", ticket_id=ticket["ticket_id"])
    await call(ledger_of(world), plan, Usage(1000, 1000))
    one = await spent(world, "month", "warm_taipei_2br")
    assert (one.total, one.vendor, one.tickets) == (Decimal("0.09"), Decimal(145), 1)
    assert one.budget == 500 and one.remaining == Decimal("354.91")
    other = await spent(world, "month", "bali_villa")
    assert (other.total, other.vendor, other.tickets, other.remaining) == (
        Decimal(0),
        Decimal(0),
        0,
        Decimal(400),
    )
    whole = await spent(world)
    assert (whole.vendor, whole.tickets) == (Decimal(145), 1)
    assert whole.remaining == Decimal("499.91")  # vendors are not the models' money


async def test_periods_are_the_founders_days_weeks_and_months(world: World) -> None:
    ledger = ledger_of(world)
    for ago in (timedelta(0), timedelta(days=1), timedelta(days=8), timedelta(days=40)):
        world.clock.at = NOW - ago
        await call(ledger, planned("fast", FAST), Usage(0, 1000))
    world.clock.at = NOW
    counted = {period: (await spent(world, period)).total / Decimal("0.0015") for period in report.TITLE}
    assert counted == {"today": 1, "week": 2, "month": 3, "all": 4}
    every = (await spent(world, "all")).to_json()
    assert every["from"].startswith("2026-10-10") and every["to"].startswith("2026-11-19T20:00")


async def test_nothing_spent_is_told_as_nothing(world: World) -> None:
    for period in report.TITLE:
        one = await spent(world, period)
        assert one.to_json()["total_usd"] == "0.00"
        assert "Nothing was spent." in report.text(one, world.app.services.company, Words("en", LA))


def test_days_weeks_and_months_follow_the_wall_clock() -> None:
    at = datetime(2026, 11, 1, 20, tzinfo=UTC)  # summer time ends on this day in Los Angeles
    assert span_of("today", at, LA) == Span(
        datetime(2026, 11, 1, tzinfo=LA), datetime(2026, 11, 2, tzinfo=LA)
    )
    assert span_of("week", at, LA).start == datetime(2026, 10, 26, tzinfo=LA)
    assert month_at(datetime(2026, 12, 31, 23, tzinfo=UTC), UTC).end == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_at(datetime(2026, 12, 1, 3, tzinfo=UTC), LA) == month_named("2026-11", LA)
    for wrong in ("2026-13", "2026-1", "26-01", "now", "2026-11-01", ""):
        with pytest.raises(ValueError, match="is not a month"):
            month_named(wrong, UTC)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("0.0000005", "0.0000005"),
        ("12.5", "12.50"),
        ("1E+2", "100.00"),
        ("5E-8", "0.00000005"),
    ],
)
def test_amounts_keep_all_their_digits(amount: str, text: str) -> None:
    assert exact(Decimal(amount)) == text


# --- the words and the picture


def demo(company: Company, *lines: Line) -> report.Spending:
    total = sum((line.usd for line in lines), Decimal(0))
    return spending(Found(lines, Decimal(132), 3, NOW, total), company, "month", NOW, Decimal(500))


def test_the_table_reads_well_in_every_language(company: Company) -> None:
    one = demo(
        company,
        Line("warm_taipei_2br", "strong", "m", Decimal("12.5")),
        Line(None, "embed", "m", Decimal("0.0004")),
    )
    for language in LANGUAGES:
        lines = report.text(one, company, Words(language, LA)).splitlines()
        assert len(lines) == 7
        assert lines[1] == "12.5000  Warm Taipei 2BR"
        assert lines[2].startswith("\u20070.0004  ")
        assert "{" not in "".join(lines)


def test_many_properties_are_cut_and_still_add_up(company: Company) -> None:
    one = demo(company, *(Line(f"p{at}", "fast", "m", Decimal(1)) for at in range(30)))
    lines = report.text(one, company, Words("en", LA)).splitlines()
    assert lines[13] == "18.00  …"


def test_the_picture_is_drawn_for_a_phone() -> None:
    # In a process of its own, as the service does: what draws takes 50 MB and keeps them.
    code = "from tests.core.cost.test_report import sizes_drawn; print(sizes_drawn())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([(800, 600)] * 2 * len(LANGUAGES))


def sizes_drawn() -> list[tuple[int, int]]:
    from PIL import Image

    from core.cost.spend_chart import png

    company = load_company(DATA / "company")
    crowd = replace(
        company,
        properties=[
            company.properties[0].model_copy(update={"id": f"p{at}", "name": name * 9})
            for at, name in enumerate(["Cabin ", "溫暖台北", "伊東の家", "أرض", "🏡"] * 4)
        ],
    )
    lines = [Line(f"p{at}", "strong", "m", Decimal(at)) for at in range(20)]
    return [
        Image.open(io.BytesIO(png(demo(house, *found), house, Words(language, LA)))).size
        for house, found in ((company, ()), (crowd, lines))
        for language in LANGUAGES
    ]


def test_the_picture_needs_no_display_and_no_pyplot() -> None:
    code = "import core.cost.spend_chart, sys; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- the shell


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATABASE_URL", "LOOPOS_COMPANY", "LOOPOS_BUDGET_USD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    return tmp_path


async def test_the_shell_reads_what_the_house_spent(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_BUDGET_USD", "20")
    async with open_world(home) as world:
        await some_calls(world)
    capsys.readouterr()
    assert main(["cost", "all", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["total_usd"], told["budget_usd"]) == ("0.096502", "20.00")
    assert main(["cost", "all", "--property", "bali_villa", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total_usd"] == "0.092"
    assert main(["cost", "all"]) == 0
    assert "Bali Villa" in capsys.readouterr().out


def test_the_shell_answers_before_there_is_a_database(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["period"] == "month"
    assert main(["report", "bali_villa", "2026-11"]) == 0
    assert capsys.readouterr().out.startswith("Ticket,")
    assert list(home.iterdir()) == []


def test_wrong_use_of_the_shell_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--property", "atlantis"]) == WRONG_USE
    assert "atlantis" in capsys.readouterr().err
    assert main(["report", "bali_villa", "2026-13"]) == WRONG_USE
    assert "2026-13" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["cost", "yesterday"])
    assert stopped.value.code == WRONG_USE


def test_a_file_that_cannot_be_written_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "bali_villa", "--csv", str(home / "no" / "x.csv")]) == 1
    assert "x.csv" in capsys.readouterr().err
