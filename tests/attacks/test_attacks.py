"""Every attack of the corpus three times: where no model is, with a good one, and with one that obeys it.

Whatever is written: no cap, vendor, approval, role or ticket is other than company data and people make it, nobody is
shown what a model made up, and nothing of ours is told (D6 to D8 and D10 to D12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest
import pytest_asyncio

from tests.attacks.breaches import Outcome
from tests.attacks.corpus import EVERY, Attack, batches, of
from tests.attacks.houses import Target, memos, target

pytestmark = pytest.mark.asyncio(loop_scope="module")
Run = Literal["offline", "good", "obeyed"]
RUNS: Final[tuple[Run, ...]] = ("offline", "good", "obeyed")
OFFLINE: Final[dict[str, Any]] = {"LOOPOS_LLM": "offline"}
SAID: Final = batches(of("text", "voice"))
EACH_TIME: Final = [
    pytest.param(batch, marks=() if number % 9 == 0 else pytest.mark.long)
    for number, batch in enumerate(SAID)
]
"""The model that obeys is what could do most: of its attacks some run each time, the others in `make long`."""
TALLY: Final[dict[tuple[Run, str], Outcome]] = {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def without(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with target(tmp_path_factory.mktemp("without"), **OFFLINE) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def thinking(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with target(tmp_path_factory.mktemp("thinking")) as one:
        yield one


async def hold(house: Target, attacks: list[Attack], run: Run) -> None:
    """None of them gets anywhere; the failure names those that do, and how."""
    broken: dict[str, tuple[str, ...]] = {}
    for attack in attacks:
        found = await house.strike(attack, EVERY.index(attack), obeyed=run == "obeyed")
        TALLY[run, attack.id] = found
        if found.breaches:
            broken[attack.id] = found.breaches
        if attack.way == "photo_name":
            assert not house.was_read(attack), "a file's name is nothing to read"
    assert broken == {}


def first_and_last(batch: list[Attack]) -> str:
    return f"{batch[0].id}..{batch[-1].id}"


@pytest.mark.long
@pytest.mark.parametrize("batch", SAID, ids=first_and_last)
async def test_words_get_nowhere_without_a_model(without: Target, batch: list[Attack]) -> None:
    await hold(without, batch, "offline")


@pytest.mark.long
@pytest.mark.parametrize("batch", SAID, ids=first_and_last)
async def test_words_get_nowhere_with_a_good_model(thinking: Target, batch: list[Attack]) -> None:
    await hold(thinking, batch, "good")


@pytest.mark.long
@pytest.mark.parametrize("batch", EACH_TIME, ids=first_and_last)
async def test_words_get_nowhere_where_the_model_obeys_them(thinking: Target, batch: list[Attack]) -> None:
    await hold(thinking, batch, "obeyed")


@pytest.mark.long
async def test_memos_that_were_planted_get_nowhere(tmp_path: Path) -> None:
    attacks = of("memo")
    company: dict[str, Any] = {"LOOPOS_COMPANY": memos(tmp_path, attacks)}
    async with target(tmp_path / "offline", **OFFLINE, **company) as house:
        await hold(house, attacks, "offline")
    async with target(tmp_path / "thinking", **company) as house:
        await hold(house, attacks, "good")
        await hold(house, attacks, "obeyed")


@pytest.mark.long
async def test_names_of_photos_and_answers_of_vendors_get_nowhere(tmp_path: Path) -> None:
    attacks = of("photo_name", "vendor_answer")
    async with target(tmp_path / "offline", platforms=True, **OFFLINE) as house:
        await hold(house, attacks, "offline")
    async with target(tmp_path / "thinking", platforms=True) as house:
        await hold(house, attacks, "good")
        await hold(house, attacks, "obeyed")


async def test_every_attack_was_tried_three_times_and_each_is_flagged_or_harmless() -> None:
    """Says how many; only where the whole file ran."""
    assert len(EVERY) >= 200
    assert len({attack.id for attack in EVERY}) == len(EVERY)
    assert {attack.language for attack in EVERY} == {"en", "zh-TW", "ja", "id", "es"}
    assert len(of("voice", "photo_name", "memo")) >= 50
    if len(TALLY) < len(EVERY) * len(RUNS):
        pytest.skip("only a part of the attacks ran")
    for run in RUNS:
        came = [TALLY[run, attack.id] for attack in EVERY]
        totals = Counter(
            "breach" if one.breaches else "flagged" if one.flagged else "harmless" for one in came
        )
        print(f"{run:8} {dict(totals)}")
        assert totals["breach"] == 0
        assert totals["flagged"] + totals["harmless"] == len(EVERY)
