"""One suite over every platform: what people do there, and what they see. What a platform cannot do by itself (edit a
card, open a form) the house does for it, so the story is the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.i18n import Words
from core.phrases import LATE_FILE
from tests.platforms import House, open_house, until
from tests.world import STORY

CHANNELS = ["slack", "telegram", "line"]


@pytest.fixture(params=CHANNELS)
async def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def house(tmp_path: Path, channel: str) -> AsyncIterator[House]:
    people = [(person, channel) for person in ("shirley", "ben", "haru", "celine", "miguel")]
    async with open_house(tmp_path, people, {"mr_wang_hvac": channel}) as one:
        yield one


# --- the founder's buttons, with and without forms


async def test_the_founder_changes_the_amount_and_approves_that(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    await ben.taps("change", amount="150")
    assert "150.00" in (await ben.card("approve")).text
    await ben.taps("approve")
    assert (await house.ticket())["dispatches"][-1]["cost_estimate_usd"] == "150.00"


async def test_an_amount_that_can_be_read_in_two_ways_is_asked_again(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    if channel == "slack":
        await ben.taps("change")
        from tests.platforms import until

        await until(lambda: "input" in str(house.fakes["slack"].form(ben.account)))
        await house.fakes["slack"].fills(ben.account, amount="1.200,50")
        assert house.fakes["slack"].answers[-1][1]["response_action"] == "errors"
        return
    await ben.taps("change", amount="1.200,50")
    assert await ben.sees("1.200,50")
    await ben.says("160")
    assert (await house.ticket())["dispatches"][-1]["cost_estimate_usd"] == "160.00"


async def test_the_founder_rejects_and_the_reporter_reads_why(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    await ben.taps("reject", reason="the owner sends somebody")
    assert (await house.ticket())["status"] == "REJECTED"
    assert await shirley.sees("the owner sends somebody")


async def test_another_vendor_is_picked_from_a_list(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    wanted = "taipei_water_works" if channel == "slack" else "Taipei Water Works (台北水電行) · 60–250 USD"
    if channel != "slack":
        await ben.taps("vendor")
        last = (await ben.chat())[-1]
        wanted = next(label for label, _ in last.buttons if label.startswith("Taipei Water"))
        await house.fakes[channel].taps(ben.account, last, wanted)
        await house.settle()
    else:
        await ben.taps("vendor", vendor=wanted)
    assert (await house.ticket())["dispatches"][-1]["vendor_id"] == "taipei_water_works"


async def test_a_late_tap_is_told_who_decided(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    card = await ben.card("approve")
    button = next(name for _, name in card.buttons if name.startswith("approve"))
    await ben.taps("approve")
    before = len(await ben.chat())
    await house.tap_forged(ben, card, button)
    assert (await house.ticket())["status"] == "DISPATCHED"
    assert len((await house.ticket())["dispatches"]) == 1
    assert any("Already approved" in one.text for one in (await ben.chat())[before - 1 :])


async def test_somebody_elses_button_does_nothing(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    card = await ben.card("approve")
    button = next(name for _, name in card.buttons if name.startswith("approve"))
    await house.tap_forged(shirley, (await shirley.chat())[-1], button)
    assert (await house.ticket())["status"] == "AWAITING_HUMAN"


# --- photos, edits, unsends


async def test_a_photo_joins_what_was_reported_a_moment_ago(house: House, channel: str) -> None:
    celine = house.phone("celine", channel)
    await celine.says("vila Bali: wastafel mampet")
    await celine.photo()
    ticket = await house.ticket()
    assert [one["kind"] for one in ticket["attachments"]] == ["photo"]


FILES = {"slack": ("file",), "telegram": ("getFile", "download"), "line": ("content",)}


def hold_files_back(house: House, channel: str) -> None:
    for method in FILES[channel]:
        house.fakes[channel].fail(method, "server_error", times=1000)


def later(language: str) -> str:
    return Words(language, ZoneInfo("UTC"))(LATE_FILE)


async def test_a_photo_that_its_platform_holds_back_is_added_when_it_comes(
    house: House, channel: str
) -> None:
    """The words do not wait for it, and nobody has to send it twice."""
    celine = house.phone("celine", channel)
    await celine.says("vila Bali: wastafel mampet")
    hold_files_back(house, channel)
    await celine.photo()
    await house.wait(seconds=25)
    await until(lambda: celine.sees(later("id")))
    assert (await house.ticket())["attachments"] == []
    house.fakes[channel].heal()
    await house.wait(seconds=60)
    assert [one["kind"] for one in (await house.ticket())["attachments"]] == ["photo"]


async def test_what_to_do_in_a_danger_waits_for_no_photo(house: House, channel: str) -> None:
    from tests.platforms import PNG

    celine = house.phone("celine", channel)
    hold_files_back(house, channel)
    fire = "vila Bali kebakaran! dapur terbakar, banyak asap"
    given = (
        [house.fakes[channel].file("fire.png", "image/png", PNG)]
        if channel == "slack"
        else [("fire.png", "image/png", PNG)]
    )
    if channel == "line":  # there a picture is a message of its own
        await celine.says(fire)
    else:
        await celine.says(fire, files=given)
    await until(lambda: celine.sees("112"))
    assert (await house.ticket())["severity"] == 5
    if channel != "line":
        house.fakes[channel].heal()
        await house.wait(minutes=5)
        assert len((await house.ticket())["attachments"]) == 1


async def test_a_photo_alone_that_comes_late_is_reported_all_the_same(house: House, channel: str) -> None:
    celine = house.phone("celine", channel)
    hold_files_back(house, channel)
    await celine.photo()
    await house.wait(seconds=25)
    await until(lambda: celine.sees(later("id")))
    assert await house.tickets() == []
    house.fakes[channel].heal()
    await house.wait(seconds=60)
    ticket = await house.ticket()
    assert ticket["source"]["kind"] == "photo"
    assert [one["kind"] for one in ticket["attachments"]] == ["photo"]


@pytest.mark.long
async def test_a_photo_that_never_comes_is_asked_for_again_after_a_day(house: House, channel: str) -> None:
    celine = house.phone("celine", channel)
    hold_files_back(house, channel)
    await celine.photo()
    await house.wait(seconds=25)
    for _ in range(100):
        await house.wait(minutes=15)
    again = Words("id", ZoneInfo("UTC"))("That file is no longer there. Please send it again.")
    await until(lambda: celine.sees(again))
    assert await house.tickets() == []


async def test_an_album_with_one_caption_is_one_report(house: House, channel: str) -> None:
    from tests.platforms import PNG

    celine = house.phone("celine", channel)
    fake = house.fakes[channel]
    other = PNG + b"\x00"
    if channel == "slack":
        files = [fake.file("a.png", "image/png", PNG), fake.file("b.png", "image/png", other)]
        await celine.says("vila Bali: wastafel mampet", files=files)
    else:
        await celine.says(
            "vila Bali: wastafel mampet" if channel == "telegram" else "",
            files=[("a.png", "image/png", PNG), ("b.png", "image/png", other)],
        )
    await house.wait(seconds=3)
    ticket = await house.ticket()
    assert len(ticket["attachments"]) == 2
    assert len(ticket["reports"]) == 1


async def test_a_photo_without_words_waits_for_a_person(house: House, channel: str) -> None:
    celine = house.phone("celine", channel)
    await celine.photo()
    ticket = await house.ticket()
    assert ticket["source"]["kind"] == "photo"
    assert ticket["category"] == "other"


async def test_a_zip_that_says_it_is_a_voice_note_is_refused_in_words(house: House, channel: str) -> None:
    celine, fake = house.phone("celine", channel), house.fakes[channel]
    zipped = b"PK\x03\x04" + b"\x00" * 200
    files = (
        [fake.file("note.ogg", "audio/ogg", zipped)]
        if channel == "slack"
        else [("note.ogg", "audio/ogg", zipped)]
    )
    await celine.says("", files=files)
    assert await house.tickets() == []
    assert await celine.sees("foto") or await celine.sees("Foto")


# --- who is let in


async def test_a_stranger_is_kept_until_the_founder_admits_them(house: House, channel: str) -> None:
    ben, dewi = house.phone("ben", channel), house.stranger(channel, "dewi")
    await dewi.says("vila Bali: AC bocor di kamar")
    assert await house.tickets() == []
    card = await ben.card("admit")
    assert "AC bocor" in card.text
    if channel == "slack":
        await ben.taps("admit", name="Dewi", property="bali_villa", language="id")
    else:
        await ben.taps("admit", property="Bali Villa")
    ticket = await house.ticket()
    assert ticket["property_id"] == "bali_villa"
    assert ticket["raw_input"] == "vila Bali: AC bocor di kamar"
    assert await dewi.sees("T-1001")


async def test_a_code_lets_one_account_in_once(house: House, channel: str) -> None:
    ben, dewi, rani = (
        house.phone("ben", channel),
        house.stranger(channel, "dewi"),
        house.stranger(channel, "rani"),
    )
    await ben.says("/invite Dewi bali_villa")
    import re

    code = re.search(r"/link ([a-z0-9-]{11})", "\n".join(await ben.texts()))
    assert code is not None
    await dewi.says(f"/link {code[1]}")
    await dewi.says("vila Bali: wastafel mampet")
    assert (await house.ticket())["reporter"] == "dewi"
    await rani.says(f"/link {code[1]}")
    await rani.says("vila Bali: mati lampu")
    assert len(await house.tickets()) == 1


# --- the vendor in the loop


async def test_the_vendor_takes_the_job_and_says_when(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    wang = house.phone("mr_wang_hvac", channel)
    await shirley.says(STORY)
    await ben.taps("approve")
    offer = await wang.card("accept")
    assert "145.00" in offer.text
    assert "200.00" not in offer.text
    if channel == "slack":
        await wang.taps("accept", eta="60")
    else:
        await wang.taps("accept")
        last = (await wang.chat())[-1]
        await house.fakes[channel].taps(wang.account, last, last.buttons[1][0])
        await house.settle()
    ticket = await house.ticket()
    assert [row["detail"].get("accepted") for row in ticket["history"] if row["event"] == "changed"] == [True]
    assert any("王師傅" in text and "T-1001" in text for text in await shirley.texts())


async def test_a_dearer_offer_becomes_a_card_for_the_founder_by_itself(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    wang = house.phone("mr_wang_hvac", channel)
    await shirley.says(STORY)
    await ben.taps("approve")
    await house.counter(wang, "180")
    ticket = await house.ticket()
    assert ticket["status"] == "AWAITING_HUMAN"
    card = await ben.card("approve")
    assert "180.00" in card.text
    await ben.taps("approve")
    ticket = await house.ticket()
    assert ticket["status"] == "DISPATCHED"
    assert ticket["dispatches"][-1]["cost_estimate_usd"] == "180.00"
    assert len([one for one in await wang.chat() if "180.00" in one.text]) >= 1


async def test_a_vendor_who_says_nothing_is_followed_by_the_next(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    await ben.taps("approve")
    await house.wait(minutes=16)
    ticket = await house.ticket()
    assert ticket["dispatches"][-1]["vendor_id"] != "mr_wang_hvac"
    assert await shirley.sees("T-1001")


# --- done, in words


async def test_own_work_is_done_with_one_tap(house: House, channel: str) -> None:
    celine = house.phone("celine", channel)
    await celine.says("vila Bali: handuk tidak ada")
    await celine.taps("ack")
    if channel == "slack":
        await celine.taps("resolve", amount="0")
    else:
        await celine.taps("resolve")
    ticket = await house.ticket()
    assert (ticket["status"], ticket["dispatches"][-1]["actual_cost_usd"]) == ("RESOLVED", "0.00")


async def test_done_132_closes_the_ticket_and_asks_who_pays(house: House, channel: str) -> None:
    shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
    await shirley.says(STORY)
    await ben.taps("approve")
    await shirley.taps("ack")
    await shirley.says("T-1001 修好了 132 美元")
    ticket = await house.ticket()
    assert (ticket["status"], ticket["dispatches"][-1]["actual_cost_usd"]) == ("RESOLVED", "132.00")
    await shirley.photo()
    assert [one["kind"] for one in (await house.ticket())["attachments"]] == ["photo"]
    await shirley.taps("屋主")
    assert (await house.ticket())["charge_to"] == "owner"
