"""What the company knows about a problem: whose memos, which procedure, which past repairs, which skill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.company.company import Company
from core.company.loader import load_company
from core.company.rules import Rule
from core.company.schema import CompanyFile, EscalationFile, Memo, Resolution, Sop, Step
from core.knowledge.entries import memo_entry
from core.knowledge.lexical import lexical_scores
from core.knowledge.recall import (
    Knowledge,
    Query,
    also_named,
    as_resolution,
    find_resolutions,
    find_sop,
    rank_memos,
    recall,
)
from core.model import Category
from core.stored_values import Source

HARBOUR = load_company(Path(__file__).parents[2] / "data" / "company")


def memo(memo_id: str, text: str, **changes: Any) -> Memo:
    whole = {"speaker": "ben", "language": "en", "recorded_at": datetime(2026, 1, 1, tzinfo=UTC), **changes}
    return Memo.model_validate({"id": memo_id, "transcript": text, "transcript_en": text, **whole})


def sop(sop_id: str, *phrases: str) -> Sop:
    return Sop(id=sop_id, title=sop_id, steps=["s"], trigger_phrases=list(phrases))


def repair(repair_id: str, on: str = "2026-01-01", place: str = "flat", category: str = "pest") -> Resolution:
    return Resolution(
        id=repair_id, property_id=place, category=Category(category), summary="s",
        resolved_on=date.fromisoformat(on), hours=1, cost_usd=Decimal(10), rating=5,
    )  # fmt: skip


def company(*sops: Sop, memos: Sequence[Memo] = (), repairs: Sequence[Resolution] = ()) -> Company:
    nothing = EscalationFile(default=[Step(who="founder", wait=30)])
    return Company(CompanyFile(name="C"), [], [], [], memos, sops, repairs, nothing)


def ids(memos: list[tuple[Memo, float]]) -> list[str]:
    return [one.id for one, _ in memos]


@pytest.mark.parametrize(
    ("of_memo", "of_query", "given"),
    [
        ("flat", "flat", True),
        ("house", "flat", False),
        ("flat", "house", False),
        (None, "flat", True),
        ("flat", None, True),
        (None, None, True),
    ],
)
def test_a_memo_of_another_property_is_never_given_however_well_it_fits(
    of_memo: str | None, of_query: str | None, given: bool
) -> None:
    others = [memo(f"other{n}", "nothing to do with it") for n in range(5)]
    fits = memo("fits", "the boiler sings at night", property_id=of_memo, category="pest")
    found = rank_memos([*others, fits], Query("the boiler sings at night", of_query, "pest"))
    assert ("fits" in ids(found)) == given


@pytest.mark.parametrize(
    ("of_memo", "query", "score"),
    [
        ({"property_id": "flat", "category": "pest"}, Query("?", "flat", "pest"), 0.25),
        ({"property_id": "flat", "category": "pest"}, Query("", "flat", "pest"), 0.25),
        ({"property_id": "flat", "category": "pest"}, Query("unheard of", "flat", "pest"), 0.25),
        ({"property_id": "flat", "category": "pest"}, Query("?", "flat", "cleaning"), None),
        ({"property_id": "flat", "category": "pest"}, Query("?", None, "pest"), None),
        ({"property_id": "flat"}, Query("?", "flat", "pest"), None),
        ({"property_id": "flat"}, Query("?", "flat", None), None),
        ({"category": "pest"}, Query("?", "flat", "pest"), None),
        ({}, Query("?", None, None), None),
    ],
)
def test_a_memo_without_a_word_in_common_is_given_only_for_the_same_fault_in_the_same_place(
    of_memo: dict[str, str], query: Query, score: float | None
) -> None:
    found = rank_memos([memo("m", "the boiler sings", **of_memo)], query)
    assert [one for _, one in found] == ([] if score is None else [score])


def test_the_place_weighs_more_than_the_kind_and_words_more_than_either() -> None:
    rare = "the boiler sings at night"
    others = [memo(f"x{n}", "towels and keys and codes") for n in range(20)]
    fitting = [
        memo("words", rare),
        memo("kind", rare, category="pest"),
        memo("place", rare, property_id="flat"),
    ]
    found = rank_memos([*others, *fitting], Query("boiler sings night", "flat", "pest"))
    scored = {one.id: score for one, score in found}
    assert list(scored) == ["place", "kind", "words"]
    assert scored["words"] > 0.5
    assert scored["kind"] - scored["words"] == pytest.approx(0.10, abs=2e-4)
    assert scored["place"] - scored["words"] == pytest.approx(0.15, abs=2e-4)


@pytest.mark.parametrize(
    ("memo_ids", "given"),
    [
        ([], []),
        (["b"], ["b"]),
        (["b", "a"], ["a", "b"]),
        (["c", "b", "a"], ["a", "b", "c"]),
        (["d", "c", "b", "a"], ["a", "b", "c"]),
    ],
)
def test_three_memos_at_most_and_of_equals_the_first_by_id(memo_ids: list[str], given: list[str]) -> None:
    alike = [memo(one, "boiler", property_id="flat", category="pest") for one in memo_ids]
    assert ids(rank_memos(alike, Query("", "flat", "pest"))) == given


@pytest.mark.parametrize(
    ("native", "english", "query"),
    [
        ("冷氣在滴水,先叫王師傅", "The AC drips: ring Mr. Wang first", "冷氣滴水"),
        ("冷氣在滴水,先叫王師傅", "The AC drips: ring Mr. Wang first", "AC drips wang"),
        ("エアコンの水漏れは王さんへ", "Ring Mr. Wang when the AC drips", "水漏れです"),
        ("AC bocor, telepon Pak Made", "The AC leaks: call Pak Made", "ac bocor pak"),
        ("Si gotea el aire, llama a Wang", "If the AC drips call Wang", "gotea el aire"),
        ("Ring Wang about drips", "Ring Wang about drips", "drips wang"),
    ],
)
def test_a_memo_is_found_by_his_own_words_and_by_the_english_ones(
    native: str, english: str, query: str
) -> None:
    others = [memo(f"x{n}", "towels and keys and codes") for n in range(20)]
    wang = memo("wang", native, transcript_en=english)
    assert ids(rank_memos([*others, wang], Query(query))) == ["wang"]


def test_english_that_only_repeats_the_original_does_not_count_twice() -> None:
    once = memo("once", "boiler", property_id="flat", category="pest")
    other = memo("other", "towels and keys")
    assert rank_memos([once], Query("boiler", "flat", "pest")) == [(once, 0.3044)]
    assert rank_memos([once, other], Query("boiler", "flat", "pest")) == [(once, 0.4017)]


def test_a_few_common_words_are_not_enough() -> None:
    just_enough = memo("m", "boiler sings")
    found = rank_memos(
        [just_enough, memo("x", "eight words about towels and keys and codes")], Query("boiler")
    )
    assert found == [(just_enough, 0.1596)]
    assert rank_memos([just_enough, memo("x", "towels and keys")], Query("boiler")) == []


@pytest.mark.parametrize(
    ("documents", "text", "scores"),
    [
        ([], "boiler", []),
        (["boiler"], "", [0]),
        (["boiler"], "?!", [0]),
        (["boiler", "towel"], "oven", [0, 0]),
        (["", "?!"], "boiler", [0, 0]),
        (["boiler"], "boiler", [0.0544]),
        (["boiler"], "BOILER boiler, Boiler!", [0.0544]),
        (["boiler"], "boiler unheard", [0.0544]),
        (["boiler", "towel"], "boiler", [0.1218, 0]),
        (["boiler", ""], "boiler", [0.0873, 0]),
        (["boiler", "towel"], "towel boiler", [0.1218, 0.1218]),
        (["boiler boiler", "towel towel"], "boiler", [0.1653, 0]),
    ],
)
def test_words_in_common_score_between_nothing_and_one(
    documents: list[str], text: str, scores: list[float]
) -> None:
    """By hand: s / (s + 2) of ln(1 + (N - n + 1/2) / (n + 1/2)) * f / (f + 3/8 + 9/8 * length / mean)."""
    assert [round(score, 4) for score in lexical_scores(documents, text)] == scores


@pytest.mark.parametrize(
    ("text", "category", "found"),
    [
        ("no matter", "hvac_leak", "hvac_leak"),
        ("the AC is leaking; AC leaking!", "lockout", "lockout"),
        ("AC leaking again", None, "hvac_leak"),
        ("ac   LEAKING", None, "hvac_leak"),
        ("ＡＣ　ｌｅａｋｉｎｇ", None, "hvac_leak"),
        ("客廳冷氣漏水了", None, "hvac_leak"),
        ("2階のエアコン水漏れです", None, "hvac_leak"),
        ("洗面所で水漏れ", None, "plumbing_leak"),
        ("kamar 2: AC bocor lagi", None, "hvac_leak"),
        ("¡Gotea el aire!", None, "hvac_leak"),
        ("El huésped NO PUEDE ENTRAR", None, "lockout"),
        ("AC leaking", "other", "hvac_leak"),
        ("the AC leaks", None, None),
        ("the AC leaks", "other", None),
        ("", None, None),
    ],
)
def test_a_procedure_is_found_by_the_kind_of_fault_and_else_by_a_phrase(
    text: str, category: str | None, found: str | None
) -> None:
    one = find_sop(HARBOUR, Query(text, category=category))
    assert (one and one.id) == found


def test_of_two_procedures_with_a_phrase_in_the_text_the_first_of_the_file_is_taken() -> None:
    text = "the drain smells and the tap drips"
    drain, tap = sop("plumbing_blockage", "drain"), sop("plumbing_leak", "gushes", "TAP  drips")
    assert find_sop(company(drain, tap), Query(text)) == drain
    assert find_sop(company(tap, drain), Query(text)) == tap
    assert find_sop(company(), Query(text)) is None


@pytest.mark.parametrize(
    ("repairs", "found"),
    [
        ([], []),
        ([repair("a", place="house")], []),
        ([repair("a", category="cleaning")], []),
        ([repair("a", "2026-01-01"), repair("b", "2026-01-02")], ["b", "a"]),
        ([repair("b", "2026-01-02"), repair("a", "2026-01-01")], ["b", "a"]),
        ([repair("a"), repair("b")], ["b", "a"]),
        ([repair("b"), repair("a")], ["b", "a"]),
        (
            [
                repair("a", "2026-01-01"),
                repair("b", "2026-01-02"),
                repair("c", "2026-01-03"),
                repair("d", "2026-01-04"),
            ],
            ["d", "c", "b"],
        ),
        ([repair("a", "2026-03-01", place="house"), repair("b"), repair("c", category="cleaning")], ["b"]),
    ],
)
def test_past_repairs_are_those_of_the_same_fault_in_the_same_place_newest_first_three_at_most(
    repairs: list[Resolution], found: list[str]
) -> None:
    assert [one.id for one in find_resolutions(repairs, Query("", "flat", "pest"))] == found


@pytest.mark.parametrize("query", [Query("", None, "pest"), Query("", "flat", None), Query("", None, None)])
def test_without_place_or_fault_there_are_no_past_repairs(query: Query) -> None:
    assert find_resolutions([repair("a")], query) == []


def test_all_four_layers_answer_with_their_sources() -> None:
    found = recall(
        HARBOUR,
        Query("air conditioning dripping, ring Mr. Wang?", "warm_taipei_2br", "hvac_leak"),
        skill=HARBOUR.skills[0],
    )
    assert [one.id for one in found.memos] == ["memo_taipei_ac"]
    assert found.sop is not None
    assert found.sop.id == "hvac_leak"
    assert [one.id for one in found.resolutions] == ["hist_taipei_ac_2025_09", "hist_taipei_ac_2024_04"]
    assert found.skill is not None
    assert found.skill.skill_id == "taipei_ac_leak"
    memo_, sop_, newer, older, skill_ = found.sources
    assert (memo_.layer, memo_.id, memo_.title) == ("memo", "memo_taipei_ac", "ben")
    assert memo_.quote.startswith("Anything with the air conditioning in Taipei: ring Mr. Wang")
    assert memo_.score > 0.5
    assert (sop_.layer, sop_.id, sop_.title) == (
        "sop",
        "hvac_leak",
        "Water from an air conditioner or heater",
    )
    assert sop_.quote.startswith(
        "Switch the unit off at the breaker if that is safe to reach. Keep people away"
    )
    assert newer == Source(
        "history", "hist_taipei_ac_2025_09", "2025-09-12",
        "128.00 USD, 1.8 h, 5/5: Drain line of the AC blocked; flushed and re-routed.",
    )  # fmt: skip
    assert (older.id, older.title) == ("hist_taipei_ac_2024_04", "2024-04-12")
    assert skill_ == Source(
        "skill", "taipei_ac_leak", "AC leak in Taipei v1",
        "Water from an air conditioner at Warm Taipei: Mr. Wang, power off first, warranty above 200.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("property_id", "memo_id"),
    [
        ("warm_taipei_2br", "memo_taipei_ac"),
        ("ito_stream_house", "memo_ito_winter"),
        ("creekfront_cabin", "memo_yosemite_lockout"),
        ("mtn_city_reno", "memo_reno_checkout"),
        ("bali_villa", "memo_bali_plumbing"),
    ],
)
def test_each_property_hears_its_own_memo_and_no_other(property_id: str, memo_id: str) -> None:
    words = " ".join(one.transcript for one in HARBOUR.memos)
    assert [one.id for one in recall(HARBOUR, Query(words, property_id)).memos] == [memo_id]


def test_a_quote_of_a_memo_or_a_procedure_is_280_characters_at_most() -> None:
    long = memo("long", "w" * 281, property_id="flat", category="pest")
    steps = Sop(id="pest", title="t", steps=["step", "s" * 276])
    whole = Company(CompanyFile(name="C"), [], [], [], [long], [steps], [], HARBOUR.escalation)
    of_memo, of_sop = recall(whole, Query("", "flat", "pest")).sources
    assert of_memo.quote == "w" * 279 + "…"
    assert of_sop.quote == "step " + "s" * 274 + "…"


def test_what_the_service_repaired_itself_is_known_beside_the_companys_file() -> None:
    own = as_resolution(
        "T-1001", "mtn_city_reno", "hvac_leak", None, "reset", date(2026, 2, 1), 2.0, Decimal(95), 4
    )
    found = recall(HARBOUR, Query("", "mtn_city_reno", "hvac_leak"), [own])
    assert [one.id for one in found.resolutions] == ["t-1001", "hist_reno_ac_2025_10"]
    assert found.sources[1] == Source("history", "t-1001", "2026-02-01", "95.00 USD, 2 h, 4/5: reset")


def test_of_what_nobody_knows_nothing_is_said() -> None:
    assert recall(company(), Query("anything", "flat", "pest")) == Knowledge()


def test_a_ticket_of_our_own_becomes_a_past_repair() -> None:
    made = as_resolution(
        "T-1001", "flat", "pest", "wang", "ants gone", date(2026, 2, 1), 1.5, Decimal("95.5"), 4
    )
    assert made == Resolution(
        id="t-1001", property_id="flat", category=Category.PEST, vendor_id="wang", summary="ants gone",
        resolved_on=date(2026, 2, 1), hours=1.5, cost_usd=Decimal("95.50"), rating=4,
    )  # fmt: skip


# --- who may read, what the founder adopted, vectors


def about_pest(memo_id: str, place: str | None = "flat", **changes: Any) -> Memo:
    return memo(memo_id, "the ants come in spring", property_id=place, category="pest", **changes)


@pytest.mark.parametrize(
    ("readable", "memos", "repairs"),
    [
        (None, ["general", "here", "there"], ["in_flat"]),
        ([], ["general"], []),
        (["flat"], ["general", "here"], ["in_flat"]),
        (["house"], ["general", "there"], []),
        (["flat", "house"], ["general", "here", "there"], ["in_flat"]),
    ],
)
def test_of_places_that_one_may_not_read_about_nothing_is_given(
    readable: list[str] | None, memos: list[str], repairs: list[str]
) -> None:
    knows = company(
        memos=[about_pest("here"), about_pest("there", "house"), about_pest("general", None)],
        repairs=[repair("in_flat"), repair("in_house", place="house")],
    )
    anywhere = recall(knows, Query("ants in spring", None, "pest"), readable=readable)
    assert sorted(one.id for one in anywhere.memos) == memos
    here = recall(knows, Query("ants in spring", "flat", "pest"), readable=readable)
    assert [one.id for one in here.resolutions] == repairs
    assert {one.id for one in here.memos} == set(memos) - {"there"}


def rule(rule_id: str, kind: str, then: dict[str, str]) -> Rule:
    return Rule.model_validate(
        {"rule_id": rule_id, "kind": kind, "then": then, "text": {"en": f"about {rule_id}"}}
    )


def test_a_memo_that_was_retired_or_holds_no_more_is_not_given() -> None:
    knows = company(memos=[about_pest("old"), about_pest("ended", status="proposed"), about_pest("new")])
    found = recall(knows, Query("ants", "flat", "pest"), rules=[rule("r", "retire_memo", {"memo_id": "old"})])
    assert [one.id for one in found.memos] == ["new"]
    assert [one.id for one in recall(knows, Query("ants", "flat", "pest")).memos] == ["new", "old"]


def test_rules_are_sources_and_their_steps_stand_at_the_end_of_the_procedure() -> None:
    rules = [
        rule("first", "sop_step", {"step": "Close the window."}),
        rule("other", "avoid_vendor", {"vendor_id": "wang"}),
        rule("second", "sop_step", {"step": "Take a photo."}),
    ]
    found = recall(company(sop("pest", "ants")), Query("", "flat", "pest"), rules=rules)
    assert found.sop is not None and found.sop.steps == ["s", "Close the window.", "Take a photo."]
    assert found.rules == tuple(rules)
    of_sop, *of_rules = found.sources
    assert of_sop.quote == "s Close the window. Take a photo."
    assert of_rules == [
        Source("rule", "first", "sop_step", "about first"),
        Source("rule", "other", "avoid_vendor", "about other"),
        Source("rule", "second", "sop_step", "about second"),
    ]
    assert recall(company(), Query("", "flat", "pest"), rules=rules).sop is None
    silent = rules[0].model_copy(update={"text": {"ja": "x"}})
    assert recall(company(), Query(""), rules=[silent]).sources == (Source("rule", "first", "sop_step", ""),)


def test_half_of_a_memos_score_is_the_vectors_where_it_has_one() -> None:
    memos = [about_pest("a"), about_pest("elsewhere", "house"), about_pest("b"), about_pest("c", None)]
    knows, asked = company(memos=memos), list[Sequence[str]]()

    def near(texts: Sequence[str]) -> Sequence[float | None]:
        asked.append(texts)
        return [0.2, None, 1.0]

    query = Query("nothing of it", "flat", "pest")
    scores = {one.id: one.score for one in recall(knows, query, near=near).sources}
    plain = {one.id: one.score for one in recall(knows, query).sources}
    assert asked == [[memo_entry(knows, one).embedded for one in (memos[0], memos[2], memos[3])]]
    assert scores == {"a": pytest.approx(0.25 + 0.1), "b": plain["b"], "c": pytest.approx(0.10 + 0.5)}
    assert plain == {"a": 0.25, "b": 0.25}


@pytest.mark.parametrize(
    ("text", "but", "shown"),
    [
        ("Late checkout, please", None, ["late"]),
        ("LATE  check-out?", None, ["late"]),
        ("the title Key return stands here", None, ["keys"]),
        ("late checkout and key return and pool rules", None, ["late", "keys"]),
        ("late checkout and key return and pool rules", "late", ["keys", "pool"]),
        ("ants everywhere", None, []),  # of a kind of problem: that is found by its kind
        ("nothing", None, []),
        ("", None, []),
    ],
)
def test_procedures_of_no_kind_of_problem_are_shown_where_they_are_named(
    text: str, but: str | None, shown: list[str]
) -> None:
    every = {
        "late": Sop(id="late", title="Late departure", steps=["s"], trigger_phrases=["late checkout", "late check-out"]),
        "pest": Sop(id="pest", title="Ants", steps=["s"], trigger_phrases=["ants"]),
        "keys": Sop(id="keys", title="Key return", steps=["s"], trigger_phrases=[]),
        "pool": Sop(id="pool", title="Pool", steps=["s"], trigger_phrases=["pool rules"]),
    }  # fmt: skip
    knows = company(*every.values())
    found = also_named(knows, Query(text, "flat", "pest"), every[but] if but else None)
    assert [one.id for one in found] == shown
    whole = recall(knows, Query(text, "flat", "pest"))
    beside = [one.id for one in whole.sources if one.layer == "sop"]
    assert beside == ["pest", *(one.id for one in also_named(knows, Query(text), every["pest"]))]
