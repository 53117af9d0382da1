"""Vectors of what the company knows, from the shell: made once per text and model, never mixed, and words where they fail."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.cli import main
from bot.settings import DATA
from core.knowledge.questions import shelf_of
from core.store.tables import UsageRow
from tests.fakes.openai import FakeOpenAI
from tests.models.conftest import thinking
from tests.world import World


@pytest.fixture
async def mind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeOpenAI]:
    one = FakeOpenAI()
    await one.start()
    shutil.copytree(DATA / "company", tmp_path / "company")
    for name, value in {
        "LOOPOS_HOME": str(tmp_path),
        "LOOPOS_COMPANY": str(tmp_path / "company"),
        "OPENAI_API_KEY": one.key,
        "OPENAI_BASE_URL": one.base,
    }.items():
        monkeypatch.setenv(name, value)
    yield one
    await one.stop()


async def runs(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = await asyncio.to_thread(main, ["brain", *words, "--json"])
    out = capsys.readouterr()
    at = out.out.find("{\n")  # a line of the log may stand before it
    return code, json.loads(out.out[at:]) if at >= 0 else {"told": out.err}


def embedded(mind: FakeOpenAI) -> list[str]:
    return [text for call in mind.calls if call.method == "embeddings" for text in call.args["input"]]


async def test_each_text_is_embedded_once_per_model(
    mind: FakeOpenAI, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, first = await runs(capsys, "reindex")
    assert (code, first["model"], first["failed"], first["kept"]) == (0, "text-embedding-3-small", 0, 0)
    assert first["embedded"] == len(embedded(mind)) == len(set(embedded(mind))) > 20
    assert max(len(call.args["input"]) for call in mind.calls) <= 96
    code, again = await runs(capsys, "reindex")
    assert (code, again["embedded"], again["kept"]) == (0, 0, first["embedded"])
    monkeypatch.setenv("LOOPOS_EMBED_MODEL", "text-embedding-3-large")
    code, unknown = await runs(capsys, "query", "AC leaking in Taipei")
    assert (code, unknown["engine"], unknown["model"]) == (0, "lexical", None)
    assert "nothing was embedded yet" in unknown["fallback"]
    code, other = await runs(capsys, "reindex")
    assert (code, other["model"], other["embedded"]) == (0, "text-embedding-3-large", first["embedded"])
    monkeypatch.setenv("LOOPOS_EMBED_MODEL", "text-embedding-3-small")
    assert (await runs(capsys, "reindex"))[1]["embedded"] == 0


async def test_an_answer_says_by_what_it_was_ranked(
    mind: FakeOpenAI, capsys: pytest.CaptureFixture[str]
) -> None:
    await runs(capsys, "reindex")
    scores = {}
    for engine in ("lexical", "embeddings", "fused"):
        code, answer = await runs(capsys, "query", "AC dripping in Taipei", "--engine", engine)
        assert (code, answer["engine"], answer["fallback"]) == (0, engine, None)
        scores[engine] = {one["id"]: one["similarity"] for one in answer["sources"]}
    shared = set(scores["lexical"]) & set(scores["embeddings"]) & set(scores["fused"])
    assert shared
    for name in shared:
        half = (scores["lexical"][name] + scores["embeddings"][name]) / 2
        assert scores["fused"][name] == pytest.approx(half, abs=2e-4)


@pytest.mark.parametrize("spoil", ["count", "short", "nan", "zeros"])
async def test_what_is_no_vector_is_not_used(
    mind: FakeOpenAI, capsys: pytest.CaptureFixture[str], spoil: str
) -> None:
    await runs(capsys, "reindex")
    mind.spoil = spoil
    code, answer = await runs(capsys, "query", "AC dripping in Taipei")
    assert (code, answer["engine"]) == (0, "lexical") and answer["fallback"] and answer["sources"]
    mind.spoil = ""
    code, answer = await runs(capsys, "query", "AC dripping in Taipei")
    assert (answer["engine"], answer["fallback"]) == ("fused", None)


@pytest.mark.parametrize("spoil", ["count", "nan", "zeros"])
async def test_an_index_that_could_not_be_made_says_so(
    mind: FakeOpenAI, capsys: pytest.CaptureFixture[str], spoil: str
) -> None:
    mind.spoil = spoil
    code, told = await runs(capsys, "reindex")
    assert (code, told["embedded"]) == (1, 0) and told["failed"] > 20
    mind.spoil = ""
    code, told = await runs(capsys, "reindex")
    assert (code, told["failed"]) == (0, 0)


async def test_an_endpoint_that_is_silent_costs_two_seconds_and_no_answer(
    mind: FakeOpenAI, capsys: pytest.CaptureFixture[str]
) -> None:
    await runs(capsys, "reindex")
    mind.then("hang")
    code, answer = await runs(capsys, "query", "AC dripping in Taipei")
    assert (code, answer["engine"]) == (0, "lexical") and answer["fallback"] and answer["sources"]


async def test_without_a_provider_nobody_is_called(
    mind: FakeOpenAI, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("LOOPOS_EMBED", "off"), ("LOOPOS_LLM", "offline")):
        monkeypatch.setenv(name, value)
        code, told = await runs(capsys, "reindex")
        assert code == 1 and "OPENAI_API_KEY" in told["told"]
        code, answer = await runs(capsys, "query", "AC dripping in Taipei", "--engine", "embeddings")
        assert (code, answer["engine"]) == (0, "lexical") and "no provider" in answer["fallback"]
        monkeypatch.delenv(name)
    assert mind.calls == []


async def made(world: World, mind: FakeOpenAI) -> None:
    """Until the background has embedded what is known."""
    wanted = shelf_of(world.app.services.company).texts
    async with asyncio.timeout(20):
        while not set(wanted) <= set(embedded(mind)):
            await asyncio.sleep(0.02)


async def test_the_service_makes_them_in_the_background_and_chat_and_programs_use_them(
    tmp_path: Path,
) -> None:
    async with thinking(tmp_path, "openai", LOOPOS_EMBED="openai") as house:
        world, mind = house.world, house.mind
        assert isinstance(mind, FakeOpenAI)
        await made(world, mind)
        await asyncio.sleep(0.1)
        before = len(embedded(mind))
        await world.says("ben", "/brain who knows the drain pan of the AC")
        assert "hist_taipei_ac_2024_04" in (await world.texts("ben"))[-1]
        assert embedded(mind)[before:] == ["who knows the drain pan of the AC"]
        mind.spoil = "nan"
        await world.says("ben", "/brain AC dripping Taipei")
        assert "hist_taipei_ac_2024_04" in (await world.texts("ben"))[-1]
        rows = await world.app.store.read(
            lambda s: s.execute(select(UsageRow.tier, UsageRow.purpose).where(UsageRow.tier == "embed")).all()
        )
        assert rows


async def test_a_memo_that_is_added_is_embedded_alone(tmp_path: Path) -> None:
    async with thinking(tmp_path, "openai", LOOPOS_EMBED="openai") as house:
        world, mind = house.world, house.mind
        assert isinstance(mind, FakeOpenAI)
        await made(world, mind)
        before = set(embedded(mind))
        file = world.app.settings.company_folder / "voice_corpus.json"
        memos = json.loads(file.read_text(encoding="utf-8"))
        words = "The spare key of the cabin hangs behind the woodshed door."
        memos.append({**memos[0], "id": "memo_key", "transcript": words, "transcript_en": words})
        file.write_text(json.dumps(memos, ensure_ascii=False), encoding="utf-8")
        await world.app.company_files.look()
        await made(world, mind)
        assert [words in text for text in set(embedded(mind)) - before] == [True]


SAID = "Bali Villa: the machine that keeps the swimming water clean makes a noise like a swarm of bees"


async def test_a_ticket_finds_what_was_said_in_other_words_by_its_vector(tmp_path: Path) -> None:
    """No word in common; the vectors lie close. One vector for what was written, made beside the reading, none for an
    acknowledgement; and where the provider does not answer, words alone."""
    async with thinking(tmp_path, "openai", LOOPOS_EMBED="openai") as house:
        world, mind = house.world, house.mind
        assert isinstance(mind, FakeOpenAI)
        mind.like = {"swarm of": "pump", "humming": "pump"}
        await world.says("ben", "/memo When it is humming, the filter basket is full: empty it")
        await (await world.card("ben", "memo")).tap(
            "change", property="general", category="general", words=""
        )
        await (await world.card("ben", "memo")).tap("confirm")
        await made(world, mind)
        await asyncio.sleep(0.1)
        before = len(embedded(mind))
        await world.says("celine", SAID)
        assert embedded(mind)[before:] == [SAID]
        ticket = (await world.tickets())[-1]
        memo = world.app.services.company.memos[-1]
        assert memo.id in ticket["matched_voice_memo_ids"]
        mind.spoil = "nan"
        await world.says("miguel", SAID.replace("Bali Villa", "Creekfront Cabin"))
        assert len(await world.tickets()) == 2
        assert memo.id not in (await world.tickets())[-1]["matched_voice_memo_ids"]
        mind.spoil = ""
        await world.says("celine", f"/ack {ticket['ticket_id']}")
        assert len(embedded(mind)) == before + 2


async def test_a_danger_waits_for_no_vector(tmp_path: Path) -> None:
    async with thinking(tmp_path, "openai", LOOPOS_EMBED="openai", LOOPOS_LLM="offline") as house:
        world, mind = house.world, house.mind
        assert isinstance(mind, FakeOpenAI)
        await made(world, mind)
        before = len(embedded(mind))
        await world.says("celine", "Bali Villa: strong smell of gas in the kitchen, the guests are inside!")
        assert (await world.tickets())[-1]["severity"] == 5
        assert embedded(mind)[before:] == []
