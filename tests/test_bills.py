"""A bill is asked about before it is booked where it is hard to believe, can be corrected afterwards, and teaches nothing
while it is far from the usual."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.test_credits import job_under_way
from tests.test_local_money import changed, company_in
from tests.world import STORY, World, open_world

NEXT_LEAK = "Warm Taipei 客廳冷氣又漏水了,水一直滴,插座旁邊"


async def resolved(world: World, amount: str) -> None:
    await (await job_under_way(world)).tap("resolve", amount=amount)
    if (await world.ticket())["status"] == "DISPATCHED":
        await (await world.card("shirley", "really")).tap("resolve")
    assert (await world.ticket())["status"] == "RESOLVED"


@pytest.mark.parametrize("how", ["a form", "words", "a command"])
async def test_a_bill_above_the_cap_is_asked_about_first(world: World, how: str) -> None:
    job = await job_under_way(world)
    if how == "a form":
        await job.tap("resolve", amount="260", outcome="新的壓縮機", rating="4")
    else:
        await world.says(
            "shirley", "T-1001 done, 260 usd" if how == "words" else "/resolve T-1001 260 新的壓縮機"
        )
    assert (await world.ticket())["status"] == "DISPATCHED"
    asked = await world.card("shirley", "really")
    assert "260.00 USD" in asked.lead and "200" in asked.text
    await asked.tap("resolve")
    ticket = await world.ticket()
    assert (ticket["status"], ticket["dispatches"][0]["actual_cost_usd"]) == ("RESOLVED", "260.00")
    if how == "a form":
        assert (ticket["outcome"], ticket["rating"]) == ("新的壓縮機", 4)
    assert (await world.card("shirley", "really")).card["buttons"] == []
    assert any("260.00 USD" in text for text in await world.texts("ben")), "the founder is told, as before"


async def test_a_slip_books_nothing(world: World) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="1320")
    await (await world.card("shirley", "really")).tap("leave")
    assert (await world.ticket())["status"] == "DISPATCHED"
    await (await world.card("shirley", "job")).tap("resolve", amount="132")
    assert (await world.ticket())["dispatches"][0]["actual_cost_usd"] == "132.00"


async def test_a_yes_to_a_job_that_somebody_else_closed_meanwhile_changes_nothing(world: World) -> None:
    await (await job_under_way(world)).tap("resolve", amount="999")
    await world.says("ben", "/resolve T-1001 140")
    await (await world.card("shirley", "really")).tap("resolve")
    ticket = await world.ticket()
    assert ticket["dispatches"][0]["actual_cost_usd"] == "140.00"
    assert [row["event"] for row in ticket["history"]].count("resolved") == 1


@pytest.mark.parametrize(("values", "said"), [({"credit": "900"}, "900"), ({"minutes": "2000"}, "2000")])
async def test_credit_and_minutes_have_caps_too(world: World, values: dict[str, str], said: str) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", **values)
    assert (await world.ticket())["status"] == "DISPATCHED"
    asked = await world.card("shirley", "really")
    assert said in asked.text
    await asked.tap("resolve")
    ticket = await world.ticket()
    assert ticket["status"] == "RESOLVED"
    assert (ticket["guest_credit_usd"], ticket["staff_minutes"]) in {("900.00", None), (None, 2000)}


async def test_who_may_resolve_corrects_the_bill_and_the_founder_hears_of_it(world: World) -> None:
    await resolved(world, "132")
    await (await world.card("shirley", "job")).tap("bill", amount="152", why="看錯收據")
    ticket = await world.ticket()
    assert ticket["dispatches"][0]["actual_cost_usd"] == "152.00"
    (row,) = [row for row in ticket["history"] if row["event"] == "changed_bill"]
    assert (row["actor"], row["detail"]) == ("shirley", {"old": "132.00", "new": "152.00", "why": "看錯收據"})
    told = (await world.texts("ben"))[-1]
    assert "132.00 USD → 152.00 USD" in told and "看錯收據" in told
    assert "152.00 USD" in (await world.card("shirley", "job")).text


async def test_a_second_resolve_is_the_correction(world: World) -> None:
    await resolved(world, "132")
    await world.says("shirley", "/resolve T-1001 140")
    ticket = await world.ticket()
    assert ticket["dispatches"][0]["actual_cost_usd"] == "140.00"
    assert [row["event"] for row in ticket["history"]].count("resolved") == 1


async def test_a_correction_is_asked_about_like_a_bill_and_not_everybodys(world: World) -> None:
    await resolved(world, "132")
    await world.says("celine", "/resolve T-1001 150")
    assert (await world.ticket())["dispatches"][0]["actual_cost_usd"] == "132.00"
    await world.says("shirley", "/resolve T-1001 1320")
    assert (await world.ticket())["dispatches"][0]["actual_cost_usd"] == "132.00"
    await (await world.card("shirley", "really")).tap("resolve")
    assert (await world.ticket())["dispatches"][0]["actual_cost_usd"] == "1320.00"


async def test_of_a_bill_far_from_the_usual_nothing_is_learnt_before_the_founder_says_so(
    world: World,
) -> None:
    await resolved(world, "900")
    await world.wait(days=8)
    await world.says("shirley", NEXT_LEAK)
    second = (await world.tickets())[-1]
    assert second["ticket_id"] == "T-1002"
    assert second["dispatches"][-1]["cost_estimate_usd"] == "145.00"
    await (await world.card("ben", "outlier")).tap("confirm")
    await world.says("ben", "/resolve T-1002 140")
    await world.wait(days=8)
    await world.says("shirley", NEXT_LEAK)
    assert (await world.tickets())[-1]["dispatches"][-1]["cost_estimate_usd"] == "900.00"


async def test_only_the_founder_says_that_an_unusual_bill_is_right(world: World) -> None:
    await resolved(world, "900")
    assert not await world.cards("shirley", "outlier")
    card = await world.card("ben", "outlier")
    await card.tap("confirm", by="shirley")
    assert (await world.card("ben", "outlier")).card["buttons"], "her tap did nothing"


async def test_a_vendor_has_a_cap_for_each_day(tmp_path: Path) -> None:
    folder = company_in(tmp_path / "company", {})
    changed(folder, "properties.json", lambda rows: [row.update(currency="USD") for row in rows] and None)

    def caps(rows: Any) -> None:
        for row in rows:
            if row["id"] == "kampung_plumber":
                row["day_cap_usd"] = "60.00"

    changed(folder, "vendors.json", caps)
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("celine", "vila Bali: wastafel dapur mampet")
        await world.says("celine", "vila Bali: keran kamar mandi bocor, air menetes")
        first, second = await world.tickets()
        assert (first["status"], second["status"]) == ("DISPATCHED", "AWAITING_HUMAN")
        (reason,) = [one["code"] for one in second["approvals"][-1]["reasons"]]
        assert reason == "vendor_day"
        await world.wait(days=1)
        await world.says("celine", "vila Bali: pipa di halaman bocor")
        assert (await world.tickets())[-1]["status"] == "DISPATCHED"


async def test_an_order_that_was_taken_back_counts_until_somebody_says_it_is_off(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await world.says("ben", "/ticket T-1001")
    await (await world.card("ben", "ticket")).tap("cancel")
    await (await world.card("shirley", "receipt")).tap("reopen")
    asked = (await world.ticket())["approvals"][-1]
    assert [one["params"]["total"] for one in asked["reasons"] if one["code"] == "over_cap"] == ["290.00"]
    card = await world.card("shirley", "recalled")
    assert "Mr. Wang" in card.text and "145.00 USD" in card.text
    await card.tap("off")
    await (await world.card("ben", "approval")).tap("change", amount="140")
    asked = (await world.ticket())["approvals"][-1]
    assert "over_cap" not in [one["code"] for one in asked["reasons"]]


async def test_a_dollar_that_two_places_share_is_asked_with_two_buttons(tmp_path: Path) -> None:
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=company_in(tmp_path / "company")) as world:
        await job_under_way(world)
        await world.says("shirley", "T-1001 修好了 $4,200")
        assert (await world.ticket())["status"] == "DISPATCHED"
        card = await world.card("shirley", "really")
        labels = [one["label"] for one in card.card["buttons"]]
        assert labels[:2] == ["NT$4,200 (131 USD)", "NT$134,820 (4200 USD)"]
        await world.tap("shirley", card.card["buttons"][0]["id"])
        (dispatch,) = (await world.ticket())["dispatches"]
        assert dispatch["actual_cost_local"] == {"amount": "4200", "currency": "TWD", "rate": "32.10"}


async def test_which_dollars_were_meant_says_nothing_of_how_likely_that_is(tmp_path: Path) -> None:
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=company_in(tmp_path / "company")) as world:
        await job_under_way(world)
        await world.says("shirley", "T-1001 修好了 $42,000")
        card = await world.card("shirley", "really")
        await world.tap("shirley", card.card["buttons"][1]["id"])
        assert (await world.ticket())["status"] == "DISPATCHED"
        again = await world.card("shirley", "really")
        assert "42000 USD" in again.lead


async def test_an_old_yes_undoes_nobodys_later_correction(world: World) -> None:
    await resolved(world, "140")
    await world.says("shirley", "/resolve T-1001 9500")
    await world.says("ben", "/resolve T-1001 150")
    await (await world.card("shirley", "really")).tap("resolve")
    assert (await world.ticket())["dispatches"][0]["actual_cost_usd"] == "150.00"


@pytest.mark.parametrize(
    ("person", "report"),
    [
        ("shirley", "Warm Taipei 毛巾不夠了"),
        ("shirley", "Warm Taipei 客人被鎖在外面,進不去"),
        ("shirley", STORY),
        ("miguel", "the toilet is blocked upstairs"),
    ],
)
async def test_whoever_ordered_it_a_large_bill_is_asked_about_and_kept(
    world: World, person: str, report: str
) -> None:
    await world.says(person, report)
    await world.says(person, "/resolve T-1001 9000")
    assert (await world.ticket())["status"] != "RESOLVED"
    await (await world.card(person, "really")).tap("resolve")
    ticket = await world.ticket()
    assert ticket["status"] == "RESOLVED"
    assert ticket["dispatches"][-1]["actual_cost_usd"] == "9000.00"
    assert any("9000.00 USD" in text for text in await world.texts("ben"))
    await world.says(person, "/resolve T-1001 90")
    assert (await world.ticket())["dispatches"][-1]["actual_cost_usd"] == "90.00"


async def test_what_our_own_people_bought_is_no_price_of_theirs(world: World) -> None:
    await world.says("shirley", "Warm Taipei 毛巾不夠了")
    await world.says("shirley", "/resolve T-1001 90")
    await world.wait(days=9)
    await world.says("shirley", "Warm Taipei 毛巾不夠了")
    assert (await world.tickets())[-1]["dispatches"][-1]["cost_estimate_usd"] == "0.00"


async def test_orders_that_were_taken_back_count_for_the_day_and_the_month(tmp_path: Path) -> None:
    folder = company_in(tmp_path / "company", {})
    changed(folder, "properties.json", lambda rows: [row.update(currency="USD") for row in rows] and None)

    def caps(rows: Any) -> None:
        for row in rows:
            if row["id"] == "kampung_plumber":
                row["day_cap_usd"] = "60.00"

    changed(folder, "vendors.json", caps)
    async with open_world(tmp_path / "home", LOOPOS_COMPANY=folder) as world:
        await world.says("celine", "vila Bali: wastafel dapur mampet")
        await world.says("celine", "/ticket T-1001")
        await (await world.card("celine", "ticket")).tap("cancel")
        assert await world.cards("celine", "recalled"), "somebody has to tell the plumber"
        await world.says("celine", "vila Bali: keran kamar mandi bocor, air menetes")
        assert (await world.tickets())[-1]["status"] == "AWAITING_HUMAN"
        assert "vendor_day" in [
            one["code"] for one in (await world.tickets())[-1]["approvals"][-1]["reasons"]
        ]
        await (await world.card("celine", "recalled")).tap("off")
        await (await world.card("ben", "approval")).tap("change", amount="39")
        reasons = [one["code"] for one in (await world.tickets())[-1]["approvals"][-1]["reasons"]]
        assert "vendor_day" not in reasons


async def test_a_correction_above_the_cap_says_so(world: World) -> None:
    await resolved(world, "140")
    await world.says("shirley", "/resolve T-1001 310")
    await (await world.card("shirley", "really")).tap("resolve")
    assert any(
        "140.00 USD → 310.00 USD" in text and "200.00 USD" in text for text in await world.texts("ben")
    )


async def test_the_founder_reads_that_he_is_asked(world: World) -> None:
    await world.says("shirley", STORY)
    await world.says("ben", "/ticket T-1001")
    assert (await world.card("ben", "ticket")).lead.startswith("You are asked to approve: Mr. Wang")
