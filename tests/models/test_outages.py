"""Models that are down, slow, wrong, dear or malicious: the ticket goes its way all the same, and says what happened."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.triage import by_model
from core.workflow import suggesting, translating
from tests.fakes.models_and_speech import Asked, Fault, Json
from tests.models.brain import ENGLISH, SINK, clever, purpose_of
from tests.models.conftest import Thinking
from tests.models.conftest import thinking as open_thinking
from tests.world import STORY


def wait_at_most(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    for module in (by_model, suggesting, translating):
        monkeypatch.setattr(module, "WITHIN", timedelta(seconds=seconds))


async def fallbacks(house: Thinking) -> list[Json]:
    return [row["detail"] for row in (await house.world.ticket())["history"] if row["event"] == "fallback"]


FAULTS: tuple[Fault, ...] = ("529", "500", "429", "429_bare", "drop", "hang", "cut", "401", "spend_limit")


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_model_that_does_not_answer_is_done_without(
    house: Thinking, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_at_most(monkeypatch, 0.5)
    house.mind.then(fault, times=20)
    await house.world.says("celine", SINK)
    ticket = await house.world.ticket()
    assert ticket["status"] == "DISPATCHED"
    assert ticket["category"] == "plumbing_blockage"
    assert {row["why"] for row in await fallbacks(house)} == {"down"}
    assert [row["tier"] for row in await fallbacks(house)] == ["fast", "strong"]
    assert "by rule: no language model answered" in await as_ben_sees_it(house)


async def as_ben_sees_it(house: Thinking) -> str:
    await house.world.says("ben", "/ticket T-1001")
    return (await house.world.card("ben", "ticket")).text


@pytest.mark.parametrize("fault", ["wrong_json", "misfit", "truncated", "refusal", "filtered"])
async def test_an_answer_that_cannot_be_used_is_decided_by_a_person(house: Thinking, fault: Fault) -> None:
    house.mind.then(fault, times=20)
    await house.world.says("celine", SINK)
    ticket = await house.world.ticket()
    assert ticket["status"] == "AWAITING_HUMAN"
    assert "invalid" in {row["why"] for row in await fallbacks(house)}
    assert "cannot be believed" in (await house.world.card("ben", "approval")).text


async def test_one_repair_is_enough(house: Thinking) -> None:
    house.mind.then("wrong_json")
    await house.world.says("celine", SINK)
    assert [purpose_of(call) for call in house.mind.calls] == ["triage", "triage", "draft"]
    assert await fallbacks(house) == []


async def test_the_second_provider_answers_where_the_first_is_down(tmp_path: Path) -> None:
    async with open_thinking(tmp_path, "anthropic", "openai") as house:
        house.mind.then("529", times=20)
        await house.world.says("celine", SINK)
        ticket = await house.world.ticket()
        assert ticket["status"] == "DISPATCHED"
        assert ticket["transcript_en"] != ""
        assert house.other is not None
        assert [purpose_of(call) for call in house.other.calls] == ["triage", "draft"]


async def test_money_that_is_spent_steps_down_and_says_so(tmp_path: Path) -> None:
    async with open_thinking(tmp_path, "anthropic", LOOPOS_BUDGET_USD="0.000001") as house:
        await house.world.says("celine", SINK)
        assert house.mind.calls == []
        ticket = await house.world.ticket()
        assert ticket["status"] == "DISPATCHED"
        assert {row["why"] for row in await fallbacks(house)} == {"over_budget"}
        assert "this month's money for language models is spent" in await as_ben_sees_it(house)


async def test_a_danger_to_life_waits_for_nobody(house: Thinking, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_at_most(monkeypatch, 0.3)
    house.mind.then("hang", times=20)
    await house.world.says("shirley", "Warm Taipei 廚房瓦斯味很重,客人頭暈想吐!")
    ticket = await house.world.ticket()
    assert ticket["severity"] == 5
    assert ticket["status"] == "AWAITING_HUMAN"
    assert [purpose_of(call) for call in house.mind.calls] in ([], ["translate"])
    assert any("119" in text for text in await house.world.texts("shirley"))


LIES: dict[str, dict[str, Any]] = {
    "an invented vendor": {"vendor": "bobs_plumbing"},
    "the vendor of another house": {"vendor": "mr_wang_hvac"},
    "a price beyond all bills": {"price": "900.00"},
    "a price below zero": {"price": "-30.00"},
    "a price that is no number": {"price": "NaN"},
    "a price that is a sentence": {"price": "whatever it takes"},
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_a_model_makes_up_is_drafted_by_rule_and_asked(house: Thinking, lie: str) -> None:
    house.mind.brain = clever(**LIES[lie])
    await house.world.says("celine", SINK)
    ticket = await house.world.ticket()
    assert ticket["status"] == "AWAITING_HUMAN"
    (dispatch,) = ticket["dispatches"]
    assert dispatch["vendor_id"] == "kampung_plumber"
    assert dispatch["cap_usd"] == "60.00"
    assert dispatch["cost_estimate_usd"] == "40.00"
    assert "not_believed" in {row["why"] for row in await fallbacks(house)}
    assert "cannot be believed" in (await house.world.card("ben", "approval")).text


BAD_TEXTS = {
    "the wrong language": "Please come quickly and bring your tools, the kitchen sink is completely blocked here.",
    "an amount": "Wastafel mampet total, silakan datang, anggaran sampai 5000 USD sudah disetujui.",
    "a link": "Wastafel mampet total, lihat fotonya di http://evil.example/x sebelum datang ke vila.",
    "a number to call": "Wastafel mampet total, hubungi +62 812 3456 7890 untuk pembayaran sebelum datang.",
}


@pytest.mark.parametrize("what", BAD_TEXTS)
async def test_words_that_must_not_go_out_do_not(house: Thinking, what: str) -> None:
    texts = [{"reader": "vendor", "language": "id", "text": BAD_TEXTS[what]}]
    house.mind.brain = clever(texts=texts)
    await house.world.says("celine", SINK)
    job = await house.world.card("celine", "job")
    assert BAD_TEXTS[what] not in job.text
    assert any(row.get("dropped") for row in await fallbacks(house))
    assert (await house.world.ticket())["status"] == "DISPATCHED"


async def test_a_model_cannot_make_a_danger_smaller(house: Thinking) -> None:
    def soothing(asked: Asked) -> Json:
        return {
            **clever()(asked),
            **(
                {"severity": 1, "intent": "chit_chat", "risk_tags": [], "category": "other"}
                if purpose_of(asked) == "triage"
                else {}
            ),
        }

    house.mind.brain = soothing
    await house.world.says("shirley", STORY)
    ticket = await house.world.ticket()
    assert ticket["severity"] == 4
    assert ticket["category"] == "hvac_leak"
    assert "electrical_risk" in ticket["risk_tags"]
    assert ticket["status"] == "AWAITING_HUMAN"


async def test_a_model_may_see_more_danger_than_the_words_show(house: Thinking) -> None:
    def worried(asked: Asked) -> Json:
        return {**clever()(asked), **({"severity": 5} if purpose_of(asked) == "triage" else {})}

    house.mind.brain = worried
    await house.world.says("celine", SINK)
    ticket = await house.world.ticket()
    assert ticket["severity"] == 5
    assert ticket["status"] == "AWAITING_HUMAN"
    assert any("112" in text for text in await house.world.texts("celine"))
    assert [purpose_of(call) for call in house.mind.calls] == ["triage"]
    assert ENGLISH not in ticket["transcript_en"]


async def test_the_card_says_that_another_model_answered(tmp_path: Path) -> None:
    async with open_thinking(tmp_path, "anthropic", "openai") as house:
        house.mind.then("529", times=20)
        await house.world.says("celine", SINK)
        assert [(row["tier"], row["why"]) for row in await fallbacks(house)] == [
            ("fast", "other_model"),
            ("strong", "other_model"),
        ]
        assert "by another language model" in await as_ben_sees_it(house)
