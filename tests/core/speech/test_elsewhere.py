"""The ears on other people's machines: the real clients against servers that refuse what the vendors refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.metering import Usage
from core.speech.engine import EngineFailed, Note
from core.speech.port import NotTranscribed, Transcript
from core.speech.remote import OpenAITranscriber
from core.speech.runpod import RunPodTranscriber
from core.speech.upload import upload_of
from tests.core.speech.hearing import ABOUT, HandClock, Ledger, local, transcriber
from tests.fakes import runpod, transcriptions
from tests.fakes.runpod import ENDPOINT, FakeRunPod
from tests.fakes.transcriptions import FakeTranscriptions
from tests.voice.clips import CLIPS, Clip, clip

LEAK_ZH, DOOR_AMR = clip("leak.zh.ogg"), clip("door.id.amr")
FAST = timedelta(milliseconds=5)


@asynccontextmanager
async def openai_ear(
    fake: FakeTranscriptions, key: str = transcriptions.KEY, **options: object
) -> AsyncIterator[OpenAITranscriber]:
    await fake.start()
    try:
        yield OpenAITranscriber(SecretStr(key), f"{fake.url}/v1", **{"retries": 0, **options})  # type: ignore[arg-type]
    finally:
        await fake.stop()


@asynccontextmanager
async def runpod_ear(fake: FakeRunPod, key: str = runpod.KEY) -> AsyncIterator[RunPodTranscriber]:
    await fake.start()
    try:
        yield RunPodTranscriber(f"{fake.url}{ENDPOINT}/runsync", SecretStr(key), poll=FAST)
    finally:
        await fake.stop()


async def hear(
    engine: OpenAITranscriber | RunPodTranscriber, one: Clip, *languages: str, ledger: Ledger | None = None
) -> Transcript:
    async with transcriber(engine, ledger=ledger) as listening:
        return await listening.listen(one.path, one.media_type, languages, ABOUT)


async def reason(engine: OpenAITranscriber | RunPodTranscriber, ledger: Ledger | None = None) -> str:
    async with transcriber(engine, ledger=ledger) as listening:
        with pytest.raises(NotTranscribed) as refused:
            await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
    assert refused.value.code == "failed"
    (tried,) = refused.value.tried
    return tried.partition(": ")[2]


async def test_openai_hears_a_note_and_is_paid_by_its_seconds() -> None:
    ledger = Ledger()
    fake = FakeTranscriptions(text="主卧冷气在漏水", languages=["zh"], seconds=8.0)
    async with openai_ear(fake) as engine:
        said = await hear(engine, LEAK_ZH, "zh-TW", ledger=ledger)
    assert (said.text, said.language, said.engine) == ("主臥冷氣在漏水", "zh-TW", "openai/gpt-transcribe")
    (call,) = fake.called("transcribe")
    assert call["languages"] == ["zh"]
    assert call["prompt"] == "繁體中文。"
    assert call["file"] == {"name": "note.ogg", "type": "audio/ogg", "bytes": LEAK_ZH.path.stat().st_size}
    (row,) = ledger.rows
    assert (row.usage, row.ok, row.planned.seconds) == (Usage(seconds=8.0), True, said.seconds)


async def test_of_who_speaks_several_languages_openai_is_told_all() -> None:
    fake = FakeTranscriptions(text="The AC is leaking", languages=["en"])
    async with openai_ear(fake) as engine:
        assert (await hear(engine, LEAK_ZH, "zh-TW", "en")).language == "en"
    assert fake.called("transcribe")[0]["languages"] == ["zh", "en"]
    assert fake.called("transcribe")[0]["prompt"] is None


async def test_an_endpoint_that_knows_only_one_language_at_a_time_hears_all_the_same() -> None:
    fake = FakeTranscriptions(text="The AC is leaking", fields=transcriptions.FIELDS - {"languages[]"})
    async with openai_ear(fake) as engine:
        assert (await hear(engine, LEAK_ZH, "en", "zh-TW")).text == "The AC is leaking"
    assert fake.called("transcribe")[0]["languages"] == []


async def test_a_model_that_tells_no_language_has_it_read_from_its_words() -> None:
    fake = FakeTranscriptions(body={"text": "冷氣在漏水,客人在生氣"})
    async with openai_ear(fake, model="whisper-1") as engine:
        assert (await hear(engine, LEAK_ZH, "en", "zh-TW")).language == "zh-TW"
    assert fake.called("transcribe")[0]["languages"] == []


@pytest.mark.long
async def test_what_a_vendor_does_not_read_is_sent_as_a_wave_file() -> None:
    fake = FakeTranscriptions(text=DOOR_AMR.text, languages=["id"])
    async with openai_ear(fake) as engine:
        assert (await hear(engine, DOOR_AMR, "id")).text == DOOR_AMR.text
    assert fake.called("transcribe")[0]["file"]["type"] == "audio/wav"


@pytest.mark.long
async def test_every_clip_is_taken_by_both_vendors() -> None:
    openai, rented = FakeTranscriptions(text="words"), FakeRunPod(text="words")
    async with (
        openai_ear(openai) as one,
        runpod_ear(rented) as other,
        transcriber(one) as first,
        transcriber(other) as second,
    ):
        for each in CLIPS:
            for listening in (first, second):
                assert (await listening.listen(each.path, each.media_type, ("en",), ABOUT)).text == "words"


async def test_what_openai_invents_is_silence() -> None:
    fake = FakeTranscriptions(text="字幕由Amara.org社區提供", languages=["zh"])
    async with openai_ear(fake) as engine, transcriber(engine) as listening:
        with pytest.raises(NotTranscribed) as refused:
            await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
    assert refused.value.code == "silent"


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("server_error", "status 500"),
        ("rate_limited", "too many calls"),
        ("revoked", "the key is refused"),
        ("drop", "cannot be reached"),
    ],
)
async def test_why_openai_failed_is_told_and_never_the_key(how: str, told: str) -> None:
    ledger, fake = Ledger(), FakeTranscriptions(text="words")
    async with openai_ear(fake) as engine:
        fake.fail("transcribe", how)  # type: ignore[arg-type]
        assert await reason(engine, ledger) == told
    assert transcriptions.KEY not in repr(ledger.rows) + repr(engine) + str(vars(engine))
    # Whether a call that broke off was done, nobody knows: then what was set aside stays set aside.
    assert ledger.rows[0].usage == (None if how == "drop" else Usage())


@pytest.mark.long
async def test_a_spent_quota_and_a_nonsense_answer_are_told() -> None:
    fake = FakeTranscriptions(quota_spent=True)
    async with openai_ear(fake) as engine:
        fake.fail("transcribe", "rate_limited")
        assert await reason(engine) == "the quota is spent"
    fake = FakeTranscriptions(body={"words": "none"})
    async with openai_ear(fake) as engine:
        assert await reason(engine) == "its answer has no text"


async def test_a_server_that_is_not_there_cost_nothing() -> None:
    ledger = Ledger()
    engine = OpenAITranscriber(SecretStr("sk-canary"), "http://127.0.0.1:9/v1", retries=0)
    assert await reason(engine, ledger) == "cannot be reached"
    assert ledger.rows[0].usage == Usage()


async def test_a_hiccup_of_openai_is_tried_again() -> None:
    fake = FakeTranscriptions(text="The AC is leaking", languages=["en"])
    async with openai_ear(fake, retries=1) as engine:
        fake.fail("transcribe", "server_error")
        assert (await hear(engine, LEAK_ZH, "en")).text == "The AC is leaking"


@pytest.mark.long
async def test_after_a_refused_key_openai_rests_and_the_own_ear_listens() -> None:
    fake, clock = FakeTranscriptions(text="words"), HandClock()
    async with openai_ear(fake) as engine, transcriber(engine, local(), clock=clock) as listening:
        fake.fail("transcribe", "revoked")
        for wait, expected in ((0, "local"), (60, "local"), (300, "openai")):
            clock.pass_(wait)
            said = await listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT)
            assert said.engine.startswith(expected)


async def test_a_rented_machine_hears_and_translates_once_it_is_awake() -> None:
    fake = FakeRunPod(text="主卧冷气在漏水", language="zh", english="The AC is leaking", polls=2)
    async with runpod_ear(fake) as engine:
        said = await hear(engine, LEAK_ZH, "zh-TW")
    assert (said.text, said.language, said.english) == ("主臥冷氣在漏水", "zh-TW", "The AC is leaking")
    assert said.engine == "runpod/turbo"
    (wish,) = fake.called("runsync")
    assert (wish["language"], wish["translate"], wish["enable_vad"]) == ("zh", True, True)
    assert len(fake.called("status")) == 2


async def test_nobody_pays_for_english_in_english() -> None:
    fake = FakeRunPod(text="The AC is leaking")
    async with runpod_ear(fake) as engine:
        said = await hear(engine, clip("leak.en.ogg"), "en")
    assert said.english == said.text == "The AC is leaking"
    assert fake.called("runsync")[0]["translate"] is False


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("server_error", "status 500"),
        ("rate_limited", "status 429"),
        ("revoked", "the key is refused"),
        ("drop", "its answer cannot be read"),
    ],
)
async def test_why_the_rented_machine_failed_is_told_and_never_the_key(how: str, told: str) -> None:
    ledger, fake = Ledger(), FakeRunPod(text="words")
    async with runpod_ear(fake) as engine:
        fake.fail("runsync", how)  # type: ignore[arg-type]
        assert await reason(engine, ledger) == told
    assert runpod.KEY not in repr(ledger.rows) + repr(engine) + str(vars(engine))


async def test_a_job_that_died_is_a_failure_that_may_have_cost_something() -> None:
    ledger = Ledger()
    async with runpod_ear(FakeRunPod(text="words", ends_as="FAILED", polls=1)) as engine:
        assert await reason(engine, ledger) == "its job ended as FAILED"
    assert ledger.rows[0].usage is None


async def test_a_job_that_nobody_waits_for_any_more_is_cancelled() -> None:
    fake = FakeRunPod(text="words", polls=10_000)
    async with runpod_ear(fake) as engine, transcriber(engine) as listening:
        waiting = asyncio.ensure_future(listening.listen(LEAK_ZH.path, "audio/ogg", ("zh-TW",), ABOUT))
        async with asyncio.timeout(20):
            while not fake.called("status"):
                await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(fake.called("cancel")) == 1


async def test_a_key_that_is_wrong_is_refused_by_the_rented_machine_too() -> None:
    async with runpod_ear(FakeRunPod(), key="rpa_other") as engine:
        assert await reason(engine) == "the key is refused"


async def test_what_is_larger_than_a_vendor_takes_is_not_sent(tmp_path: Path) -> None:
    pcm = tmp_path / "out.pcm"
    pcm.write_bytes(bytes(4000))
    note = Note(DOOR_AMR.path, pcm, 0.1, "amr", "amrnb", ("id",), True)
    assert (await upload_of(note, 5000)).name == "note.wav"
    with pytest.raises(EngineFailed):
        await upload_of(note, 3000)
