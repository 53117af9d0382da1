"""What repeats in a company's tickets: rules with their evidence; and the night that finds them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.cli import main
from bot.settings import DATA
from core.brain.patterns import Corrected, Seen, patterns, prices_in
from core.company.loader import load_company
from core.model import Category
from core.workflow import learning_clock
from core.workflow.learning_clock import following
from tests.world import World, open_world

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HARBOUR = load_company(DATA / "company")
DRAIN = "Ito Stream House: the shower drain is slow"


def seen(number: int, days: int = 0, **more: Any) -> Seen:
    values: dict[str, Any] = {
        "property_id": "ito_stream_house", "category": "plumbing_blockage", "vendor_id": "ito_setsubi",
        "bill": Decimal(100), "estimate": Decimal(100), **more,
    }  # fmt: skip
    return Seen(f"T-{number}", False, NOW - timedelta(days=days), **values)


def found(
    *rows: Seen, corrected: list[Corrected] | None = None
) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    every = patterns(HARBOUR, rows, corrected or [], NOW)
    return [
        (
            one.rule.kind,
            one.rule.when.model_dump(exclude_none=True),
            one.rule.then.model_dump(exclude_none=True),
        )
        for one in every
    ]


HERE = {"property_id": "ito_stream_house", "category": "plumbing_blockage"}
FAR = 61
"""Days apart, so that nothing recurs within sixty."""


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ([seen(1), seen(2)], []),
        ([seen(1), seen(2), seen(3)], ["recurring_fault"]),
        ([seen(1), seen(2), seen(3, days=60)], ["recurring_fault"]),
        ([seen(1), seen(2), seen(3, days=61)], []),
        ([seen(1), seen(2), seen(3, category="pest")], []),
        ([seen(1), seen(2), seen(3, property_id="bali_villa")], []),
        # Whoever came and whatever it cost: the fault is the same.
        ([seen(1), seen(2, vendor_id=None, bill=None), seen(3, vendor_id="x")], ["recurring_fault"]),
    ],
)
def test_a_fault_that_comes_back_three_times_in_sixty_days(rows: list[Seen], kinds: list[str]) -> None:
    assert [kind for kind, _, _ in found(*rows)] == kinds


def dear(*bills: str) -> list[Seen]:
    return [seen(n, days=(len(bills) - n) * FAR, bill=Decimal(bill)) for n, bill in enumerate(bills)]


@pytest.mark.parametrize(
    ("rows", "price"),
    [
        (dear("121", "130", "150"), "130.00"),
        (dear("120", "130", "150"), None),
        (dear("90", "130", "140", "150"), "140.00"),
        (dear("130", "140", "150", "90"), None),
        (dear("130", "140"), None),
    ],
)
def test_three_bills_in_a_row_above_their_estimates(rows: list[Seen], price: str | None) -> None:
    expected = [("estimate", {**HERE, "vendor_id": "ito_setsubi"}, {"usd": Decimal(price)})] if price else []
    assert found(*rows) == expected


@pytest.mark.parametrize(
    ("late", "avoided"), [([1, 1, 1], True), ([0, 1, 1, 1], True), ([1, 1, 1, 0], False), ([1, 1], False)]
)
def test_three_times_late_in_a_row(late: list[int], avoided: bool) -> None:
    rows = [seen(n, days=(len(late) - n) * FAR, late=bool(one)) for n, one in enumerate(late)]
    assert found(*rows) == ([("avoid_vendor", HERE, {"vendor_id": "ito_setsubi"})] if avoided else [])


def test_our_own_people_are_never_avoided() -> None:
    own = [seen(n, days=n * FAR, late=True, vendor_id="haru_personal") for n in range(3)]
    assert HARBOUR.vendor("haru_personal") is not None
    assert found(*own) == []


@pytest.mark.parametrize(
    ("amounts", "cap"),
    [(["150", "180", "170"], "180.00"), (["150", "180"], None), (["150", "180", "9000"], None)],
)
def test_three_yeses_over_one_cap_raise_it_to_the_dearest_for_ninety_days_and_never_that_of_the_place(
    amounts: list[str], cap: str | None
) -> None:
    rows = [seen(n, days=n * FAR, over_cap=Decimal(one)) for n, one in enumerate(amounts)]
    expected = [("raise_cap", {**HERE, "vendor_id": "ito_setsubi"}, {"cap_usd": Decimal(cap)})] if cap else []
    assert found(*rows) == expected
    if cap:
        (one,) = patterns(HARBOUR, rows, [], NOW)
        assert one.rule.until == NOW + timedelta(days=90)


def test_a_kind_that_is_corrected_three_times_the_same_way_is_for_whoever_keeps_the_code() -> None:
    rows = [Corrected(f"T-{n}", NOW, "pest", "cleaning") for n in range(3)]
    assert found(corrected=rows) == [("code", {}, {})]
    assert found(corrected=rows[:2]) == []
    assert found(corrected=[*rows[:2], Corrected("T-9", NOW, "cleaning", "pest")]) == []


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("Mr. Wang takes $120 at most", ["120.00"]),
        ("never above 1,250.50 USD, usually US$ 90", ["1250.50", "90.00"]),
        ("about eighty", []),
        ("room 120, 5 days", []),
    ],
)
def test_prices_that_a_memo_names(text: str, prices: list[str]) -> None:
    assert [str(one) for one in prices_in(text)] == prices


@pytest.mark.parametrize(("bill", "questioned"), [("151", True), ("149", False), ("89", True), ("91", False)])
def test_a_memo_whose_price_the_last_three_bills_miss_is_questioned(bill: str, questioned: bool) -> None:
    memo = HARBOUR.memos[0].model_copy(
        update={"property_id": "ito_stream_house", "category": "plumbing_blockage", "transcript_en": "$120"}
    )
    memo = memo.model_copy(update={"category": Category.PLUMBING_BLOCKAGE})
    company = replace(HARBOUR, memos=[memo])
    rows = [seen(n, days=n * FAR, bill=Decimal(bill), estimate=None) for n in range(3)]
    kinds = [one.rule.kind for one in patterns(company, rows, [], NOW)]
    assert kinds == (["retire_memo"] if questioned else [])


def test_most_money_first() -> None:
    cheap = [seen(n, category="pest", bill=Decimal(10)) for n in range(3)]
    costly = [seen(n + 5, bill=Decimal(500), estimate=None) for n in range(3)]
    assert [when["category"] for _, when, _ in found(*cheap, *costly)] == ["plumbing_blockage", "pest"]


@pytest.mark.parametrize(
    ("now", "at", "next_"),
    [
        ("2026-11-20T02:00", "03:10", "2026-11-20T03:10"),
        ("2026-11-20T03:10", "03:10", "2026-11-21T03:10"),
        ("2026-11-20T23:00", "03:10", "2026-11-21T03:10"),
        # The clocks go back that night: by his clock all the same.
        ("2026-10-31T20:00", "03:10", "2026-11-01T03:10"),
    ],
)
def test_the_night_is_the_founders(now: str, at: str, next_: str) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    when = following(datetime.fromisoformat(now).replace(tzinfo=zone), time.fromisoformat(at))
    assert when.tzinfo is UTC
    assert when.astimezone(zone).strftime("%Y-%m-%dT%H:%M") == next_


# --- in the house


async def drained(world: World, cost: str) -> None:
    await world.says("haru", DRAIN)
    if (await world.tickets())[-1]["status"] == "AWAITING_HUMAN":
        await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("haru", "job")).tap("ack")
    await (await world.card("haru", "job")).tap("resolve", amount=cost, outcome="", rating="5")
    await world.wait(days=9)


async def test_the_night_proposes_what_repeats_once_and_not_in_his_sleep(tmp_path: Path) -> None:
    async with open_world(tmp_path / "home", LOOPOS_LEARN_AT="03:10") as world:
        await world.do(learning_clock.ensure)
        for cost in ("60", "60", "60"):
            await drained(world, cost)
        kinds = [one.text for one in await world.cards("ben", "rule")]
        assert len(kinds) == 1
        assert "it keeps coming back" in kinds[0]
        assert all(f"T-100{n}" in kinds[0] for n in (1, 2, 3))
        await (await world.card("ben", "rule")).tap("dismiss")
        await world.wait(days=3)
        assert len(await world.cards("ben", "rule")) == 1, "the same evidence is not proposed twice"


def test_the_pass_from_the_shell_says_what_it_found_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    assert main(["learn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "proposed": [], "held_back": [], "demoted": [], "questioned": [], "calls": 0, "usd": "0",
    }  # fmt: skip
    rows = [
        {"id": f"r{n}{kind}", "property_id": "bali_villa", "category": kind, "vendor_id": "kampung_plumber",
         "summary": "s", "resolved_on": datetime.now(UTC).date().isoformat(), "hours": 1,
         "cost_usd": f"{cost}.00", "rating": 5}
        for kind, cost in [("pest", 5), ("plumbing_leak", 50), ("cleaning", 20), ("appliance", 9)]
        for n in range(3)
    ]  # fmt: skip
    path = tmp_path / "repairs.json"
    path.write_text(json.dumps(rows))
    assert main(["import", "resolutions", str(path)]) == 0
    capsys.readouterr()
    assert main(["learn", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in told["proposed"]] == [
        f"recurring_fault_bali_villa_{kind}" for kind in ("plumbing_leak", "cleaning", "appliance")
    ]
    assert [one["id"] for one in told["held_back"]] == ["recurring_fault_bali_villa_pest"]
    assert main(["learn"]) == 0
    assert "held back: recurring_fault_bali_villa_pest" in capsys.readouterr().out
