"""People speak instead of writing, in five languages and on every platform; a small real Whisper listens."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from sqlalchemy import select

from core.i18n import Words
from core.intake import transcription
from core.phrases import NOT_HEARD
from core.store.tables import UsageRow
from tests.clients.programs import MODERN, Programs, assistant
from tests.clients.test_mcp import call
from tests.fakes.openai import FakeOpenAI, hello
from tests.platforms import House, Phone, open_house, until
from tests.voice.clips import BROKEN, MODEL, SILENCE, clip
from tests.world import World, open_world

ACCOUNTS = [
    (person, channel)
    for person in ("ben", "shirley", "haru", "celine", "miguel")
    for channel in ("slack", "telegram", "line")
]
EAR: dict[str, Any] = {
    "LOOPOS_WHISPER": "local",
    "LOOPOS_WHISPER_MODEL": str(MODEL),
    "LOOPOS_WHISPER_DEVICE": "cpu",
}
ELSEWHERE = [pytest.param(one, marks=pytest.mark.long) for one in ("telegram", "line")]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, ACCOUNTS, **EAR) as one:
        yield one


async def speaks(phone: Phone, name: str, **more: Any) -> None:
    one = clip(name)
    await phone.speaks(one.path, one.media_type, **more)


@pytest.mark.parametrize("channel", ["slack", *ELSEWHERE])
async def test_the_taipei_leak_by_voice_ends_as_by_text(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await speaks(shirley, "leak.zh.ogg")
    ticket = await house.ticket()
    said = clip("leak.zh.ogg")
    assert ticket["transcript_native"] == said.text
    assert ticket["transcript_en"] == said.english
    assert ticket["source"]["kind"] == "voice"
    assert [one["kind"] for one in ticket["attachments"]] == ["voice"]
    assert (ticket["status"], ticket["category"], ticket["severity"]) == ("AWAITING_HUMAN", "hvac_leak", 4)
    assert set(ticket["risk_tags"]) == {"electrical_risk", "water_damage", "guest_angry"}
    (dispatch,) = ticket["dispatches"]
    assert dispatch["vendor_id"] == "mr_wang_hvac"
    assert (dispatch["cost_estimate_usd"], dispatch["cap_usd"]) == ("145.00", "200.00")
    assert await ben.sees("145.00")
    assert await ben.sees(said.english)
    await ben.taps("approve")
    assert (await house.ticket())["status"] == "DISPATCHED"


SPOKEN = [
    ("haru", "slack", "leak.ja.m4a", "hvac_leak"),
    ("celine", "telegram", "leak.id.webm", "hvac_leak"),
    ("miguel", "slack", "leak.es.mp4", "hvac_leak"),
    ("shirley", "line", "toilet.zh.m4a", "plumbing_blockage"),
    ("haru", "telegram", "towels.ja.ogg", "linen_supplies"),
    ("celine", "slack", "door.id.amr", "lockout"),
    ("miguel", "telegram", "cleaner.es.ogg", "cleaning"),
    ("ben", "line", "hot_water.en.wav", None),
    ("miguel", "line", "wifi.en.mp3", "wifi_internet"),
]


@pytest.mark.long
async def test_a_note_in_ones_own_language_becomes_the_right_ticket(house: House) -> None:
    for person, channel, name, category in SPOKEN:
        await speaks(house.phone(person, channel), name)
        said = clip(name)
        (ticket,) = [one for one in await house.tickets() if one["transcript_native"] == said.text]
        assert ticket["transcript_en"] == said.english, name
        assert ticket["language"] == said.spoken, name
        assert category in {None, ticket["category"]}, name


LEAKS = {
    "shirley": "leak.zh.ogg",
    "haru": "leak.ja.m4a",
    "celine": "leak.id.webm",
    "miguel": "leak.es.mp4",
    "ben": "leak.en.ogg",
}


@pytest.mark.long
@pytest.mark.parametrize("channel", ["slack", "telegram", "line"])
async def test_five_people_speak_five_languages_in_three_formats(house: House, channel: str) -> None:
    for person, name in LEAKS.items():
        await speaks(house.phone(person, channel), name)
        said = clip(name)
        reports = [report for ticket in await house.tickets() for report in ticket["reports"]]
        (report,) = [one for one in reports if one["transcript_native"] == said.text]
        assert (report["reporter"], report["source"]["channel"]) == (person, channel)
        assert (report["transcript_en"], report["language"]) == (said.english, said.spoken)
    # The offline engine takes the English sentence for a plumbing leak (0.62 sure); as urgent, and asked all the same.
    found = {ticket["language"]: ticket["category"] for ticket in await house.tickets()}
    assert found == {**dict.fromkeys(("zh-TW", "ja", "id", "es"), "hvac_leak"), "en": "plumbing_leak"}


@pytest.mark.parametrize("channel", ["slack", *ELSEWHERE])
async def test_what_was_heard_is_shown_and_can_be_put_right(house: House, channel: str) -> None:
    shirley = house.phone("shirley", channel)
    await speaks(shirley, "toilet.zh.m4a")
    assert await shirley.sees(clip("toilet.zh.m4a").text)
    wrong = Words("zh-TW", ZoneInfo("UTC"))("I said something else")
    await shirley.taps(wrong, words="客廳冷氣在漏水")
    ticket = await house.ticket()
    assert ticket["transcript_native"] == "客廳冷氣在漏水"
    assert ticket["category"] == "hvac_leak"
    assert ticket["reports"][0]["raw_input"] == "客廳冷氣在漏水"


@pytest.mark.long
async def test_silence_and_damage_are_told_and_make_no_ticket(house: House) -> None:
    words = Words("zh-TW", ZoneInfo("UTC"))
    for channel in ("slack", "telegram", "line"):
        shirley = house.phone("shirley", channel)
        await shirley.speaks(SILENCE, "audio/ogg")
        assert await shirley.sees(words(NOT_HEARD["silent"])), channel
        await shirley.speaks(BROKEN, "audio/ogg")
        answers = [words(NOT_HEARD[code]) for code in ("damaged", "not_audio")]
        texts = await shirley.texts()
        assert any(answer in text for answer in answers for text in texts), texts
    assert await house.tickets() == []


@pytest.mark.long
@pytest.mark.parametrize(
    "channel",
    ["slack", pytest.param("telegram", marks=pytest.mark.long), pytest.param("line", marks=pytest.mark.long)],
)
async def test_in_a_group_and_its_threads_notes_are_heard(house: House, channel: str) -> None:
    fake = house.fakes[channel]
    room = "CTAIPEI"
    match channel:
        case "slack":
            fake.room(room)
        case "telegram":
            room = fake.room("Taipei")
        case _:
            fake.group(room)
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await speaks(shirley, "leak.zh.ogg", room=room)
    assert await house.tickets() == [], "people among themselves"
    assert list((house.app.settings.home / "media").glob("*")) == []
    called = {"line": {"mention": True}}.get(channel, {})
    await ben.says(f"{'<@UBOT> ' if channel == 'slack' else ''}/bind warm_taipei_2br", room=room, **called)
    await speaks(shirley, "leak.zh.ogg", room=room)
    assert (await house.ticket())["transcript_native"] == clip("leak.zh.ogg").text


async def test_without_an_ear_the_note_is_filed_and_a_person_told(tmp_path: Path) -> None:
    async with open_house(tmp_path, ACCOUNTS, LOOPOS_WHISPER="off") as house:
        shirley, ben = house.phone("shirley", "telegram"), house.phone("ben", "telegram")
        await speaks(shirley, "leak.zh.ogg")
        ticket = await house.ticket()
        assert (ticket["status"], ticket["transcript_native"]) == ("AWAITING_HUMAN", "")
        assert await ben.has("approve")
        assert await shirley.sees(Words("zh-TW", ZoneInfo("UTC"))(NOT_HEARD["off"]))


@pytest.mark.long
async def test_a_note_that_takes_too_long_is_filed_at_once_and_told_when_it_is_known(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcription, "WAITS_FOR_WORDS", transcription.WAITS_FOR_WORDS * 0)
    transcriber = house.app.models_and_speech.transcriber
    assert transcriber is not None
    slow = asyncio.Event()
    listen = transcriber.listen

    async def when_it_may(*args: Any, **more: Any) -> Any:
        await slow.wait()
        return await listen(*args, **more)

    monkeypatch.setattr(transcriber, "listen", when_it_may)
    shirley, ben = house.phone("shirley", "telegram"), house.phone("ben", "telegram")
    one = clip("leak.zh.ogg")
    await shirley.begins_to_speak(one.path, one.media_type)

    async def filed() -> bool:
        return bool(await house.tickets())

    await until(filed)
    assert (await house.ticket())["transcript_native"] == ""
    slow.set()
    await house.settle()
    await until(lambda: ben.sees(one.english))
    ticket = await house.ticket()
    assert ticket["transcript_native"] == one.text
    assert (ticket["category"], ticket["severity"]) == ("hvac_leak", 4)
    assert ticket["dispatches"][-1]["vendor_id"] == "mr_wang_hvac"


@contextlib.asynccontextmanager
async def vendor_of_ears() -> AsyncIterator[FakeOpenAI]:
    fake = FakeOpenAI()
    await fake.start()
    try:
        yield fake
    finally:
        await fake.stop()


@pytest.mark.long
async def test_when_the_vendor_of_ears_is_down_a_person_has_the_note_and_it_is_heard_later(
    tmp_path: Path,
) -> None:
    async with vendor_of_ears() as vendor:
        settings: dict[str, Any] = {
            "LOOPOS_WHISPER": "openai",
            "LOOPOS_LLM": "offline",
            "OPENAI_API_KEY": vendor.key,
            "OPENAI_BASE_URL": f"{vendor.url}/v1",
        }
        vendor.heard = lambda form, sound: {**hello(form, sound), "text": "Warm Taipei 客廳冷氣在漏水"}
        vendor.then("500", times=20)
        async with open_house(tmp_path, ACCOUNTS, **settings) as house:
            shirley, ben = house.phone("shirley", "telegram"), house.phone("ben", "telegram")
            await speaks(shirley, "leak.zh.ogg")
            assert await shirley.sees(Words("zh-TW", ZoneInfo("UTC"))(NOT_HEARD["failed"]))
            ticket = await house.ticket()
            assert (ticket["status"], ticket["transcript_native"]) == ("AWAITING_HUMAN", "")
            assert await ben.has("approve")
            vendor.script.clear()
            await house.wait(minutes=10)
            ticket = await house.ticket()
            assert ticket["transcript_native"] == "Warm Taipei 客廳冷氣在漏水"
            assert (ticket["category"], ticket["property_id"]) == ("hvac_leak", "warm_taipei_2br")


async def test_listening_elsewhere_is_paid_for_and_written_down(tmp_path: Path) -> None:
    async with vendor_of_ears() as vendor:
        settings: dict[str, Any] = {
            "LOOPOS_WHISPER": "openai",
            "LOOPOS_LLM": "offline",
            "OPENAI_API_KEY": vendor.key,
            "OPENAI_BASE_URL": f"{vendor.url}/v1",
        }
        async with open_house(tmp_path, ACCOUNTS, **settings) as house:
            await speaks(house.phone("shirley", "telegram"), "leak.zh.ogg")
            rows = await house.app.store.read(lambda s: list(s.scalars(select(UsageRow))))
            assert [(row.tier, row.purpose, row.ok) for row in rows] == [("speech", "transcribe", True)]


@pytest.mark.long
async def test_on_the_page_five_languages_are_heard_too(tmp_path: Path) -> None:
    async with open_world(tmp_path, **EAR) as world:
        for person, name in LEAKS.items():
            await speaks_on_page(world, person, name)
            said = clip(name)
            reports = [report for ticket in await world.tickets() for report in ticket["reports"]]
            (report,) = [one for one in reports if one["transcript_native"] == said.text]
            assert (report["reporter"], report["transcript_en"]) == (person, said.english)
            assert said.text in (await world.card(person, "receipt")).text


async def speaks_on_page(world: World, person: str, name: str) -> None:
    one = clip(name)
    data = one.path.read_bytes()
    sha = hashlib.sha256(data).hexdigest()
    media = world.app.settings.home / "media"
    media.mkdir(exist_ok=True)
    (media / sha).write_bytes(data)
    file = {
        "kind": "voice",
        "media_type": one.media_type,
        "bytes": len(data),
        "sha256": sha,
        "path": f"media/{sha}",
    }
    await world.says(person, "", files=[file])


async def test_for_a_long_note_its_sender_is_told_that_it_takes_a_moment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcription, "LONG", 1.0)
    shirley = house.phone("shirley", "telegram")
    await speaks(shirley, "leak.zh.ogg")
    moment = Words("zh-TW", ZoneInfo("UTC"))(
        "🎧 I am listening to your voice note ({length}). That takes a moment.", length="0:06"
    )
    texts = await shirley.texts()
    assert any(text[:6] == moment[:6] for text in texts), texts
    assert len(await house.tickets()) == 1


@pytest.mark.parametrize("way", ["in the call", "sent before"])
async def test_a_recording_through_an_assistant_ends_as_one_from_a_phone(house: House, way: str) -> None:
    said = clip("leak.zh.ogg")
    data = said.path.read_bytes()
    async with aiohttp.ClientSession() as http:
        programs = Programs(house, http)
        given: dict[str, Any] = {"audio": base64.b64encode(data).decode()}
        if way == "sent before":
            token = await programs.token("shirley", "read write")
            headers = {"Authorization": f"Bearer {token}", "Content-Type": said.media_type}
            async with http.post(f"{house.url}/api/v1/media", data=data, headers=headers) as answer:
                given = {"sha256": (await answer.json())["sha256"]}
        token = await programs.token("shirley", "read write", "mcp")
        async with assistant(house.url, token, MODERN) as client:
            found = await call(client, "ingest_voice_note", media_type=said.media_type, **given)
    assert (found["language"], found["transcript_native"]) == ("zh-TW", said.text)
    assert found["transcript_en"] == said.english
    assert found["ticket"]["status"] == "AWAITING_HUMAN"
    await house.settle()
    assert await house.phone("shirley", "slack").sees(found["ticket"]["ticket_id"])
