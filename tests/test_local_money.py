"""People ask, quote, bill and read in the money of their place; caps, budgets and the ledger are in US dollars."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.settings import DATA as _DATA
from bot.settings import read_settings
from bot.setup.doctor import _rates
from core import housekeeping
from core.company.findings import CompanyDataError
from core.company.loader import load_company
from core.cost import statement
from core.cost.months import month_at
from core.cost.statement_pdf import pdf_bytes
from core.i18n import Words
from core.store.session_rows import SessionRows
from tests.test_credits import job_under_way
from tests.world import STORY, World, open_world

PLACES = {"warm_taipei_2br": "TWD", "ito_stream_house": "JPY", "bali_villa": "IDR"}


def changed(folder: Path, file: str, change: Callable[[Any], Any]) -> None:
    path = folder / file
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(data) or data, ensure_ascii=False), encoding="utf-8")


def company_in(folder: Path, vendors: dict[str, str] | None = None) -> Path:
    """The demo company, whose places have moneys of their own."""
    shutil.copytree(_DATA / "company", folder)

    def places(rows: Any) -> None:
        for row in rows:
            row["currency"] = PLACES.get(row["id"], "USD")

    def billing(rows: Any) -> None:
        for row in rows:
            if vendors and row["id"] in vendors:
                row["currency"] = vendors[row["id"]]

    changed(folder, "properties.json", places)
    changed(folder, "vendors.json", billing)
    return folder


@pytest.fixture
async def taipei(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=company_in(tmp_path / "company")) as world:
        yield world


def local(amount: str, currency: str = "TWD", rate: str = "32.10") -> dict[str, str]:
    return {"amount": amount, "currency": currency, "rate": rate}


async def test_the_founder_decides_about_the_money_of_the_place_with_dollars_behind(taipei: World) -> None:
    await taipei.says("shirley", STORY)
    card = await taipei.card("ben", "approval")
    assert (
        card.lead == "Send Mr. Wang HVAC for about NT$4,654 (145 USD)?" or "NT$4,654 (145 USD)" in card.lead
    )
    assert card.buttons()["approve"]["label"] == "Approve NT$4,654"
    assert "Cap: 200.00 USD" in card.text
    assert "NT$4,654 (145 USD)" in card.text
    (dispatch,) = (await taipei.ticket())["dispatches"]
    assert dispatch["cost_estimate_usd"] == "145.00"
    assert dispatch["cost_estimate_local"] == local("4654")


async def test_a_bare_number_is_the_money_of_the_place(taipei: World) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", "T-1001 修好了 4600")
    ticket = await taipei.ticket()
    (dispatch,) = ticket["dispatches"]
    assert (ticket["status"], dispatch["actual_cost_usd"]) == ("RESOLVED", "143.30")
    assert dispatch["actual_cost_local"] == local("4600")
    assert "NT$4,600 (143 USD)" in (await taipei.card("ben", "approval")).text


@pytest.mark.parametrize(
    ("said", "dollars", "shown"),
    [
        ("T-1001 修好了 4,600元", "143.30", local("4600")),
        ("T-1001 修好了,0.46萬塊", "143.30", local("4600")),
        ("T-1001 done, NT$4600", "143.30", local("4600")),
        ("T-1001 修好了 ４６００元", "143.30", local("4600")),
        ("T-1001 done, 132 usd", "132.00", local("4237")),
        ("T-1001 done, 15,000 yen", "98.43", local("15000", "JPY", "152.4")),
    ],
)
async def test_a_money_that_is_named_wins(
    taipei: World, said: str, dollars: str, shown: dict[str, str]
) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", said)
    (dispatch,) = (await taipei.ticket())["dispatches"]
    assert (dispatch["actual_cost_usd"], dispatch["actual_cost_local"]) == (dollars, shown)


async def test_a_money_without_a_rate_closes_nothing(taipei: World) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", "T-1001 done, 130 euros")
    assert (await taipei.ticket())["status"] == "DISPATCHED"
    await taipei.says("shirley", "/resolve T-1001 130€")
    assert "EUR" in (await taipei.texts("shirley"))[-1]
    assert (await taipei.ticket())["status"] == "DISPATCHED"


async def test_the_form_asks_and_takes_the_money_of_the_place(taipei: World) -> None:
    job = await job_under_way(taipei)
    field = job.buttons()["resolve"]["fields"][0]
    assert (field["label"], field["currency"]) == ("花了多少 TWD？", "TWD")
    await job.tap("resolve", amount="4,600", credit="600")
    ticket = await taipei.ticket()
    assert ticket["dispatches"][0]["actual_cost_local"] == local("4600")
    assert (ticket["guest_credit_usd"], ticket["guest_credit_local"]) == ("18.69", local("600"))


async def test_the_founder_changes_the_amount_in_it(taipei: World) -> None:
    await taipei.says("shirley", STORY)
    await (await taipei.card("ben", "approval")).tap("change", amount="4,200")
    card = await taipei.card("ben", "approval")
    assert "NT$4,200 (131 USD)" in card.lead
    assert "NT$4,654 → NT$4,200 (131 USD)" in card.text
    (dispatch,) = (await taipei.ticket())["dispatches"]
    assert (dispatch["cost_estimate_usd"], dispatch["cost_estimate_local"]) == ("130.84", local("4200"))


async def test_a_command_takes_it_too(taipei: World) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", "/resolve T-1001 4600 換了排水管")
    (dispatch,) = (await taipei.ticket())["dispatches"]
    assert dispatch["actual_cost_local"] == local("4600")


@pytest.mark.parametrize(
    ("typed", "dollars", "shown", "outcome"),
    [
        ("130 usd new pan", "130.00", local("4173"), "new pan"),
        ("NT$ 4600 換了排水管", "143.30", local("4600"), "換了排水管"),
        ("15,000 yen", "98.43", local("15000", "JPY", "152.4"), None),
        ("usd 130", "130.00", local("4173"), None),
        ("4.6k", "143.30", local("4600"), None),
        ("4600", "143.30", local("4600"), None),
    ],
)
async def test_a_command_reads_all_of_the_amount(
    taipei: World, typed: str, dollars: str, shown: dict[str, str], outcome: str | None
) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", f"/resolve T-1001 {typed}")
    ticket = await taipei.ticket()
    (dispatch,) = ticket["dispatches"]
    assert (dispatch["actual_cost_usd"], dispatch["actual_cost_local"]) == (dollars, shown)
    assert ticket["outcome"] == outcome


@pytest.mark.parametrize("typed", ["4 600", "$4,200", "$130", "130 € pan", "about 4600", "4600~5000"])
async def test_what_a_command_cannot_be_sure_of_is_asked_again(taipei: World, typed: str) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", f"/resolve T-1001 {typed}")
    assert (await taipei.ticket())["status"] == "DISPATCHED"


async def test_a_correction_keeps_the_rate_of_its_bill(taipei: World) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", "T-1001 修好了 4600")
    changed(taipei.app.settings.company_folder, "rates.json", lambda rates: rates["per_usd"].update(TWD="40"))
    await taipei.app.company_files.look()
    await taipei.says("shirley", "/resolve T-1001 4600")
    await taipei.says("shirley", "/resolve T-1001 4700")
    ticket = await taipei.ticket()
    assert ticket["dispatches"][0]["actual_cost_local"] == local("4700")
    assert [row["event"] for row in ticket["history"]].count("changed_bill") == 1


async def test_a_rate_that_changes_changes_nothing_that_stands(tmp_path: Path) -> None:
    folder = company_in(tmp_path / "company")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await job_under_way(world)
    changed(folder, "rates.json", lambda rates: rates["per_usd"].update(TWD="40"))
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("shirley", "T-1001 修好了 4600")
        (dispatch,) = (await world.ticket())["dispatches"]
        assert dispatch["cost_estimate_local"] == local("4654")
        assert (dispatch["actual_cost_usd"], dispatch["actual_cost_local"]) == (
            "115.00",
            local("4600", rate="40"),
        )


async def test_a_vendor_may_have_a_money_of_their_own(tmp_path: Path) -> None:
    folder = company_in(tmp_path / "company", {"mr_wang_hvac": "USD"})
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("shirley", STORY)
        assert "145.00 USD" in (await world.card("ben", "approval")).lead
        (dispatch,) = (await world.ticket())["dispatches"]
        assert dispatch["cost_estimate_local"] == local("145.00", "USD", "1")


async def test_the_cap_is_in_dollars_whatever_the_bill_is_in(tmp_path: Path) -> None:
    """Rp 500.000 are 31 dollars, not half a million: nobody has to be asked."""
    folder = company_in(tmp_path / "company")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("celine", "vila Bali: wastafel dapur mampet, tidak ada tamu")
        ticket = await world.ticket()
        assert ticket["status"] == "DISPATCHED"
        estimate = ticket["dispatches"][0]["cost_estimate_local"]
        assert (estimate["currency"], estimate["rate"]) == ("IDR", "16250")
        await (await world.card("celine", "job")).tap("ack")
        await world.says("celine", "T-1001 selesai 500 ribu")
        (dispatch,) = (await world.ticket())["dispatches"]
        assert dispatch["actual_cost_usd"] == "30.77"
        assert "Rp 500.000 (31 USD)" in (await world.card("celine", "job")).text


def test_a_company_whose_rate_is_missing_is_named_with_its_line(tmp_path: Path) -> None:
    folder = company_in(tmp_path / "company", {"kampung_plumber": "SGD"})
    changed(folder, "rates.json", lambda rates: rates["per_usd"].pop("JPY") and None)
    with pytest.raises(CompanyDataError) as wrong:
        load_company(folder)
    assert {(one.file, one.problem) for one in wrong.value.findings} == {
        ("properties.json", "rates.json has no rate for JPY"),
        ("vendors.json", "rates.json has no rate for SGD"),
    }


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", 32.1, "a lot"])
def test_a_rate_is_a_number_above_nought(tmp_path: Path, rate: Any) -> None:
    folder = company_in(tmp_path / "company")
    changed(folder, "rates.json", lambda rates: rates["per_usd"].update(TWD=rate))
    with pytest.raises(CompanyDataError) as wrong:
        load_company(folder)
    assert wrong.value.findings[0].file == "rates.json"


async def test_old_rates_are_told_once_a_month_and_by_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = company_in(tmp_path / "company")
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.do(housekeeping.ensure)
        await world.wait(days=30)
        assert not any("rates.json" in text for text in await world.texts("ben"))
        await world.wait(days=25)
        told = [text for text in await world.texts("ben") if "rates.json" in text]
        assert len(told) == 1 and "2026-11-01" in told[0]
    changed(folder, "rates.json", lambda rates: rates.update(as_of="2020-01-31"))
    monkeypatch.setenv("LOOPOS_COMPANY", str(folder))
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    found = [*_rates(read_settings())]
    assert len(found) == 1 and "2020-01-31" in found[0]


async def test_the_statement_has_the_money_of_the_place_with_dollars_beside(taipei: World) -> None:
    await job_under_way(taipei)
    await taipei.says("shirley", "T-1001 修好了 4600")
    company = taipei.app.services.company
    place = company.place("warm_taipei_2br")
    assert place is not None
    now = taipei.clock.now()
    month = month_at(now, place.zone)
    rate = company.rate_of(place.currency)
    found = await taipei.store.read(lambda session: statement.find(SessionRows(session), place, month, rate))
    made = statement.Statement(company, place, month, now, found)
    rows = list(
        csv.DictReader(io.StringIO(statement.csv_bytes(made, Words("en", place.zone)).decode("utf-8-sig")))
    )
    assert (rows[0]["Bill (TWD)"], rows[0]["Bill (USD)"]) == ("4600", "143.30")
    assert (rows[0]["Estimate (TWD)"], rows[0]["Estimate (USD)"]) == ("4654", "145.00")
    assert list(rows[-1].values())[-1] == "143.30"
    assert pdf_bytes(made, Words("zh-TW", place.zone)).startswith(b"%PDF")
