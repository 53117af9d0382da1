"""Voice notes through the real library, on a model that knows forty phrases."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from core.metering import Usage
from core.speech.engine import EngineFailed, Said
from core.speech.local import LocalTranscriber
from core.speech.port import NotTranscribed, Transcript
from tests.core.speech.hearing import ABOUT, HandClock, Ledger, Scripted, local, transcriber
from tests.voice.clips import BROKEN, CLIPS, CUT, LEAK, NOISE, SILENCE, Clip, clip

LEAK_ZH = clip("leak.zh.ogg")


async def heard(
    one: Clip, *engines: Scripted | LocalTranscriber, languages: tuple[str, ...] = ()
) -> Transcript:
    async with transcriber(*engines) as listening:
        return await listening.listen(one.path, one.media_type, languages, ABOUT)


async def unheard(path: Path, *engines: Scripted | LocalTranscriber) -> NotTranscribed:
    async with transcriber(*engines or (local(),)) as listening:
        with pytest.raises(NotTranscribed) as refused:
            await listening.listen(path, "audio/ogg", ("en",), ABOUT)
    return refused.value


@pytest.mark.long
async def test_every_clip_comes_out_as_the_words_that_were_said_and_in_english() -> None:
    async with transcriber(local()) as listening:
        for one in CLIPS:
            said = await listening.listen(one.path, one.media_type, (one.spoken,), ABOUT)
            assert (said.text, said.language, said.english) == (one.text, one.spoken, one.english), one.name
            assert said.engine == "local/tiny-whisper"
            assert 2 < said.seconds < 12


@pytest.mark.long
async def test_who_speaks_two_languages_is_understood_in_both() -> None:
    async with transcriber(local()) as listening:
        for name in ("leak.zh.ogg", "leak.en.ogg"):
            one = clip(name)
            said = await listening.listen(one.path, one.media_type, ("zh-TW", "en"), ABOUT)
            assert (said.text, said.language) == (one.text, one.spoken)


async def test_of_somebody_unknown_the_language_is_found_among_the_five() -> None:
    said = await heard(clip("cleaner.es.ogg"), local())
    assert said.language == "es"


@pytest.mark.long
async def test_what_is_shorter_than_three_seconds_is_in_its_speakers_first_language() -> None:
    short = clip("hot_water.en.wav")
    said = await heard(short, local(), languages=("id", "en"))
    assert said.language == "id"
    assert (await heard(short, local(), languages=("en", "id"))).text == short.text


@pytest.mark.long
async def test_ten_notes_at_once_all_come_out_and_progress_is_told() -> None:
    shares: list[float] = []
    wanted = [*CLIPS[:5], *CLIPS[:5]]
    async with transcriber(local()) as listening:
        said = await asyncio.gather(
            *(
                listening.listen(one.path, one.media_type, (one.spoken,), ABOUT, shares.append)
                for one in wanted
            )
        )
    assert [one.text for one in said] == [one.text for one in wanted]
    assert len(shares) >= len(wanted)
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.long
@pytest.mark.parametrize("path", [SILENCE, NOISE], ids=["silence", "noise"])
async def test_silence_and_noise_are_silent_and_nobody_elsewhere_is_paid_for_them(path: Path) -> None:
    assert (await unheard(path)).code == "silent"
    elsewhere = Scripted([Said("Thanks for watching!", "en")])
    refused = await unheard(path, elsewhere)
    assert (refused.code, refused.seconds) == ("silent", 6.0)
    assert elsewhere.heard == []


async def test_words_that_an_engine_made_up_are_silence() -> None:
    assert (await unheard(LEAK_ZH.path, Scripted([Said("", "en")]))).code == "silent"


@pytest.mark.parametrize("path", [BROKEN, CUT], ids=["broken", "cut"])
async def test_a_broken_file_is_told_as_broken_and_no_engine_is_asked(path: Path) -> None:
    elsewhere = Scripted([Said("words", "en")])
    assert (await unheard(path, elsewhere)).code == "damaged"
    assert elsewhere.heard == []


async def test_the_length_is_told_without_any_engine() -> None:
    async with transcriber() as listening:
        assert await listening.length(LEAK_ZH.path) == pytest.approx(7.4, abs=0.1)
        with pytest.raises(NotTranscribed) as refused:
            await listening.length(BROKEN)
        assert refused.value.code == "damaged"
        with pytest.raises(NotTranscribed) as off:
            await listening.listen(LEAK_ZH.path, "audio/ogg", (), ABOUT)
        assert off.value.code == "off"


async def test_the_local_ear_is_a_row_that_used_seconds() -> None:
    ledger = Ledger()
    async with transcriber(local(), ledger=ledger) as listening:
        said = await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
    (row,) = ledger.rows
    assert (row.planned.tier, row.planned.provider, row.planned.about) == ("speech", "local", ABOUT)
    assert (row.usage, row.ok) == (Usage(seconds=said.seconds), True)


async def test_simplified_signs_of_an_engine_become_traditional() -> None:
    elsewhere = Scripted([Said("主卧冷气在漏水,水滴到插座旁边,客人在生气,要找谁?", "zh-TW", "The AC leaks.")])
    said = await heard(LEAK_ZH, elsewhere)
    assert (said.text, said.english) == (LEAK_ZH.text, "The AC leaks.")


@pytest.mark.long
async def test_the_next_engine_is_asked_where_the_first_fails_and_both_are_rows() -> None:
    ledger = Ledger()
    first = Scripted([EngineFailed("status 503")], model="ear-1")
    timed_out = Scripted([EngineFailed("too slow", spent=True)], model="ear-2")
    async with transcriber(first, timed_out, local(), ledger=ledger) as listening:
        said = await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
    assert said.engine == "local/tiny-whisper"
    assert ledger.told() == [
        ("elsewhere/ear-1", False),
        ("elsewhere/ear-2", False),
        ("local/tiny-whisper", True),
    ]
    assert [row.usage for row in ledger.rows[:2]] == [Usage(), None]


async def test_where_all_fail_each_is_named_with_its_reason() -> None:
    refused = await unheard(
        LEAK_ZH.path,
        Scripted([EngineFailed("status 503")]),
        Scripted([EngineFailed("too slow")], model="ear-2"),
    )
    assert refused.code == "failed"
    assert refused.tried == ("elsewhere/ear-1: status 503", "elsewhere/ear-2: too slow")


@pytest.mark.long
async def test_over_the_budget_what_costs_is_passed_over_and_the_own_ear_still_listens() -> None:
    ledger = Ledger(over=frozenset({"elsewhere", "local"}))
    elsewhere = Scripted([Said("words", "en")])
    async with transcriber(elsewhere, local(), ledger=ledger) as listening:
        said = await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
    assert said.text == LEAK_ZH.text
    assert elsewhere.heard == []


async def test_an_engine_that_keeps_failing_rests_for_a_minute() -> None:
    clock = HandClock()
    flaky = Scripted([EngineFailed("status 503")] * 3 + [Said("It works again", "en")])
    other = Scripted([Said("hello there", "en")], model="ear-2")

    async with transcriber(flaky, other, clock=clock) as listening:

        async def engine() -> str:
            return (await listening.listen(LEAK_ZH.path, "audio/ogg", ("en",), ABOUT)).engine

        assert {await engine() for _ in range(4)} == {"elsewhere/ear-2"}
        assert len(flaky.heard) == 3
        clock.pass_(61)
        assert await engine() == "elsewhere/ear-1"


async def test_more_notes_than_may_wait_are_told_so() -> None:
    async with transcriber(local(), most_waiting=2) as listening:
        first = [
            asyncio.ensure_future(listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT))
            for _ in range(2)
        ]
        await asyncio.sleep(0)
        with pytest.raises(NotTranscribed) as busy:
            await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
        assert busy.value.code == "busy"
        assert {one.text for one in await asyncio.gather(*first)} == {LEAK_ZH.text}


async def test_a_note_that_takes_too_long_is_given_up_and_the_next_is_heard() -> None:
    ledger = Ledger()
    async with transcriber(local(), ledger=ledger, within=timedelta(seconds=0.2)) as hurried:
        with pytest.raises(NotTranscribed) as refused:
            await hurried.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
    assert refused.value.code == "failed"
    assert all(row.ok is False for row in ledger.rows)


@pytest.mark.long
async def test_an_ear_that_dies_over_a_note_is_started_anew_and_hears_it() -> None:
    ear = local()
    async with transcriber(ear) as listening:
        await ear.warm()
        before = ear.pid
        assert before is not None
        os.kill(before, signal.SIGSTOP)
        waiting = asyncio.ensure_future(listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT))
        await asyncio.sleep(0.2)
        os.kill(before, signal.SIGKILL)
        assert (await waiting).text == LEAK_ZH.text
        assert ear.pid not in {None, before}


@pytest.mark.long
async def test_an_ear_that_is_not_used_gives_its_memory_back_and_comes_again() -> None:
    ear = local(idle=timedelta())
    async with transcriber(ear) as listening:
        for _ in range(2):
            await ear.warm()
            async with asyncio.timeout(10):
                while ear.pid is not None:
                    await asyncio.sleep(0.01)
        said = await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
        assert said.text == LEAK_ZH.text


async def test_a_model_that_cannot_be_loaded_is_an_engine_that_failed(tmp_path: Path) -> None:
    refused = await unheard(LEAK_ZH.path, LocalTranscriber(tmp_path))
    assert refused.tried == (f"local/{tmp_path.name}: the model cannot be loaded",)


@pytest.mark.long
async def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ear = local()
    async with transcriber(ear) as listening:
        await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
        assert not list(tmp_path.rglob("*.pcm"))
        child = ear.pid
    assert child is not None
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


async def test_what_a_killed_service_left_of_a_voice_is_thrown_away(tmp_path: Path) -> None:
    folder = tmp_path / "hearing"
    folder.mkdir()
    (folder / "left.pcm").write_bytes(b"a voice")
    async with transcriber(Scripted([Said("words", "en")]), folder=folder) as listening:
        await listening.listen(LEAK_ZH.path, "audio/ogg", ("en",), ABOUT)
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


async def test_the_children_see_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    ear = local()
    async with transcriber(ear):
        await ear.warm()
        environment = Path(f"/proc/{ear.pid}/environ").read_bytes()
    assert b"canary" not in environment
    assert b"OPENAI" not in environment


def test_the_first_story_is_among_the_clips() -> None:
    assert {one.spoken for one in CLIPS if one.topic == LEAK} == {"zh-TW", "ja", "id", "es", "en"}
