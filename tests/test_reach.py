"""What happens when somebody cannot be reached, a platform is down, or the service was: nobody is left alone."""

from __future__ import annotations

import asyncio
import json
import re
import struct
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from sqlalchemy import select

from bot.serve import http_app
from channels.pacing import rate_limiter
from channels.telegram.channel import Telegram
from channels.telegram.parse import event_of
from core.i18n import Words
from core.outbox import card_publisher, channel_watch
from core.store.tables import Offer, OutboxRow
from tests.channels.files import png
from tests.platforms import House, open_house, until
from tests.world import STORY

BOTH = [("shirley", "line"), ("shirley", "telegram"), ("ben", "slack"), ("ben", "telegram"), ("haru", "line")]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, BOTH, {"mr_wang_hvac": "telegram"}) as one:
        yield one


# --- one card everywhere


async def test_the_same_card_on_two_platforms_and_a_tap_on_one_changes_both(house: House) -> None:
    shirley = house.phone("shirley", "line")
    on_slack, on_telegram = house.phone("ben", "slack"), house.phone("ben", "telegram")
    await shirley.says(STORY)
    first, second = await on_slack.card("approve"), await on_telegram.card("approve")
    await on_slack.taps("approve")
    for phone, card in ((on_slack, first), (on_telegram, second)):
        now = next(one for one in await phone.chat() if one.ref == card.ref)
        assert "approve" not in {name.split(":")[0] for _, name in now.buttons}
    page = [one for one in await on_telegram.chat() if one.ref == second.ref]
    assert "Approved" in page[0].text or "approved" in page[0].text


async def test_a_code_links_a_second_account_which_then_gets_the_cards(house: House) -> None:
    haru = house.phone("haru", "line")
    await haru.says("/link")
    code = re.search(r"/link ([a-z0-9-]{11})", "\n".join(await haru.texts()))
    assert code is not None
    new = house.stranger("telegram", "haru")
    await new.says(f"/link {code[1]}")
    await new.says("伊東の家 排水口が詰まっています")
    assert (await house.ticket())["reporter"] == "haru"


async def test_wrong_codes_are_counted_and_then_refused_even_when_right(house: House) -> None:
    await house.phone("ben", "slack").says("/link")
    code = re.search(r"/link ([a-z0-9-]{11})", "\n".join(await house.phone("ben", "slack").texts()))
    assert code is not None
    thief = house.stranger("telegram", "thief")
    for _ in range(5):
        await thief.says("/link aaaaa-aaaaa")
    await thief.says(f"/link {code[1]}")
    assert ("telegram", thief.account) not in house.app.services.company.joined
    await house.wait(minutes=11)
    late = house.stranger("telegram", "late")
    await late.says(f"/link {code[1]}")
    assert ("telegram", late.account) not in house.app.services.company.joined


# --- when somebody cannot be reached


async def test_who_blocked_the_bot_is_told_elsewhere_and_the_founder_hears_why(house: House) -> None:
    shirley = house.phone("shirley", "telegram")
    await shirley.says("Warm Taipei 洗碗機壞了")
    await house.fakes["telegram"].blocks(shirley.account)
    await house.phone("ben", "slack").says("/ticket T-1001")
    await house.app.store.write(
        lambda tx: card_publisher.say(tx, house.address("shirley", "telegram"), "only a test")
    )
    await house.settle()
    assert await house.phone("shirley", "line").sees("only a test")
    assert await house.phone("ben", "slack").sees("could not be delivered")


async def test_an_escalation_skips_whoever_cannot_be_reached_at_once(tmp_path: Path) -> None:
    people = [("shirley", "telegram"), ("ben", "slack"), ("haru", "line")]
    async with open_house(tmp_path, people) as house:
        shirley = house.phone("shirley", "telegram")
        await shirley.says(STORY)
        await house.fakes["telegram"].blocks(shirley.account)
        await house.phone("ben", "slack").taps("approve")
        await house.wait(seconds=1)
        assert await house.phone("haru", "line").card("ack")


async def test_the_line_quota_is_gone_so_telegram_is_used_and_the_founder_hears_it_once(house: House) -> None:
    line = house.fakes["line"]
    line.used = line.quota
    for text in ("message 0", "message 1"):
        say = partial(card_publisher.say, address=house.address("shirley", "line"), text=text)
        await house.app.store.write(say)
        await house.settle()
    assert await house.phone("shirley", "telegram").sees("message 1")
    told = [text for text in await house.phone("ben", "slack").texts() if "could not be delivered" in text]
    assert len(told) == 1


async def test_an_unknown_send_stays_unknown_though_the_next_try_surely_fails(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("ben", "slack")]) as house:
        slack, ben = house.fakes["slack"], house.phone("ben", "slack")
        await ben.says("/oncall")
        slack.fail("chat.postMessage", "accept_and_drop")
        # The look into the history is refused for a while: nothing is sent by that, and nothing is known by it.
        slack.fail("conversations.history", "rate_limited", 2)
        await house.app.store.write(
            lambda tx: card_publisher.say(tx, house.address("ben", "slack"), "only once")
        )
        for _ in range(8):
            await house.wait(seconds=5)
        assert (await ben.texts()).count("only once") == 1


# --- a platform that is down


async def test_a_revoked_token_parks_the_channel_keeps_the_outbox_and_tells_the_founder_elsewhere(
    house: House,
) -> None:
    slack = house.fakes["slack"]
    slack.fail("*", "revoked", 50)
    await house.phone("shirley", "line").says(STORY)
    await until(lambda: house.app.services.health["slack"].trouble is not None)
    await house.app.watch.look()
    await house.settle()
    assert await house.phone("ben", "telegram").sees("SLACK_BOT_TOKEN")
    async with aiohttp.ClientSession() as web, web.get(f"{house.url}/readyz") as answer:
        state = await answer.json()
    assert (answer.status, state["channels"]["slack"]["state"]) == (200, "degraded")
    slack.heal()
    await house.wait(seconds=61)
    await until(lambda: house.app.services.health["slack"].trouble is None)
    assert await house.phone("ben", "slack").card("approve")


async def test_a_deaf_channel_is_named_in_status_and_metrics(house: House) -> None:
    health = house.app.services.health["telegram"]
    health.pinged()
    house.clock.ahead += timedelta(seconds=130)
    assert health.deaf
    await house.app.watch.look()
    await house.settle()
    assert await house.phone("ben", "slack").sees("Telegram")
    async with aiohttp.ClientSession() as web, web.get(f"{house.url}/metrics") as answer:
        text = await answer.text()
    assert 'loopos_channel_up{channel="telegram"} 0.0' in text
    assert 'loopos_channel_up{channel="slack"} 1.0' in text


async def test_a_clock_that_is_a_minute_wrong_is_told_before_slack_refuses_us(house: House) -> None:
    house.fakes["slack"].skew = timedelta(seconds=90)
    await house.phone("shirley", "line").says(STORY)
    await house.app.watch.look()
    await house.settle()
    assert await house.phone("ben", "telegram").sees("clock")


async def test_after_an_outage_waiting_cards_are_shown_once_more(house: House) -> None:
    await house.phone("shirley", "line").says(STORY)
    ben = house.phone("ben", "slack")
    before = await ben.card("approve")
    long_ago = house.clock.now() - timedelta(minutes=3)
    assert await house.app.store.write(lambda tx: channel_watch.after_outage(tx, house.clock.now())) == 0
    assert await house.app.store.write(lambda tx: channel_watch.after_outage(tx, long_ago)) > 0
    await house.settle()
    after = await ben.card("approve")
    assert after.ref != before.ref
    old = next(one for one in await ben.chat() if one.ref == before.ref)
    assert not any(name.startswith("approve") for _, name in old.buttons)
    await ben.taps("approve", after)
    assert (await house.ticket())["status"] == "DISPATCHED"


# --- the vendor's page


async def test_a_vendor_without_any_account_answers_on_a_page_behind_a_signed_link(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("shirley", "line"), ("ben", "slack")]) as house:
        await house.phone("shirley", "line").says(STORY)
        await house.phone("ben", "slack").taps("approve")
        offer = await house.app.store.read(lambda s: s.scalar(select(Offer)))
        assert offer is not None
        shown = "\n".join(await house.phone("shirley", "line").texts())
        link = re.search(r"https://127\.0\.0\.1:\d+(/v/[\w.=-]+)", shown)
        assert link is not None, shown
        async with aiohttp.ClientSession() as web:
            async with web.get(house.url + link[1]) as page:
                text = await page.text()
                assert (page.status, "王師傅" in text or "您" in text or "T-1001" in text) == (200, True)
                assert "script-src" not in page.headers["Content-Security-Policy"]
            button = re.search(r'value="(accept:[a-z0-9]+)"', text)
            assert button is not None
            async with web.post(house.url + link[1], data={"button": button[1], "eta": "60"}) as page:
                assert page.status == 200
            await house.settle()
            # The same answer again, and a link with one letter changed: nothing.
            async with web.post(house.url + link[1], data={"button": button[1], "eta": "30"}) as page:
                assert page.status == 200
            forged = link[1][:-1] + ("A" if link[1][-1] != "A" else "B")
            async with web.get(house.url + forged) as page:
                assert page.status == 404
        await house.settle()
        offer = await house.app.store.read(lambda s: s.scalar(select(Offer)))
        assert offer is not None
        assert offer.status == "accepted"
        assert offer.eta_at is not None
        assert (offer.eta_at - offer.answered_at) > timedelta(minutes=59)


async def test_an_order_whose_fate_is_unknown_is_never_sent_twice_by_itself(tmp_path: Path) -> None:
    people = [("shirley", "line"), ("ben", "slack")]
    async with open_house(tmp_path, people, {"mr_wang_hvac": "telegram"}) as house:
        telegram = house.fakes["telegram"]
        await house.phone("shirley", "line").says(STORY)
        telegram.fail("sendMessage", "accept_and_drop")
        ben = house.phone("ben", "slack")
        await ben.taps("approve")
        await house.wait(seconds=30)
        wang = house.phone("mr_wang_hvac", "telegram")
        assert len([one for one in await wang.chat() if one.buttons]) == 1
        await ben.taps("arrived")
        await house.wait(seconds=30)
        assert len([one for one in await wang.chat() if one.buttons]) == 1


# --- people and places


async def test_a_group_bound_to_a_property_is_listened_to_and_nobody_names_the_house(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("ben", "telegram"), ("celine", "telegram")]) as house:
        telegram = house.fakes["telegram"]
        room = telegram.room("Bali")
        celine = house.phone("celine", "telegram")
        await celine.says("wastafel mampet", room=room)
        assert await house.tickets() == []
        await house.phone("ben", "telegram").says("/bind bali_villa", room=room)
        await celine.says("wastafel mampet", room=room)
        assert (await house.ticket())["property_id"] == "bali_villa"


async def test_words_that_come_in_together_with_the_groups_new_id_are_heard(tmp_path: Path) -> None:
    """Both updates lie in one answer to a poll, so they are worked on together."""
    async with open_house(tmp_path, [("ben", "telegram"), ("celine", "telegram")]) as house:
        telegram = house.fakes["telegram"]
        room = telegram.room("Bali")
        celine = house.phone("celine", "telegram")
        await house.phone("ben", "telegram").says("/bind bali_villa", room=room)
        telegram.deliver = False
        moved = await telegram.migrates(room, by=celine.account)
        await telegram.says(celine.account, "wastafel mampet", room=moved)
        now = house.clock.now()
        together = [event_of(one.body, now) for one in telegram.pending]
        platform = house.app.platforms[0]
        assert isinstance(platform, Telegram)
        await platform._ingress.take(together)
        await house.settle()
        assert (await house.ticket())["property_id"] == "bali_villa"


@pytest.mark.long
async def test_what_waits_its_turn_while_the_group_moves_arrives_in_the_new_one(tmp_path: Path) -> None:
    """Telegram lets twenty messages a minute into a group; the group can get its new id while the next one waits."""
    async with open_house(tmp_path, [("ben", "telegram"), ("celine", "telegram")]) as house:
        telegram = house.fakes["telegram"]
        room = telegram.room("Bali")
        celine = house.phone("celine", "telegram")
        await house.phone("ben", "telegram").says("/bind bali_villa", room=room)
        platform = house.app.platforms[0]
        assert isinstance(platform, Telegram)
        limiter = platform._per_group._known[room] = rate_limiter(1, 4.0)
        await limiter.acquire()  # tests run at a thousand times the pace; here one message was all
        telegram.deliver = False
        await telegram.says(celine.account, "wastafel mampet", room=room)
        moved = await telegram.migrates(room, by=celine.account)
        now = house.clock.now()
        said, *moving = [event_of(one.body, now) for one in telegram.pending]
        await platform._ingress.take([said])
        await until(lambda: bool(limiter._waiters))
        await platform._ingress.take(moving)
        await house.settle()
        assert any("Bali" in one.text for one in await telegram.chat(moved))
        owed = select(OutboxRow).where(OutboxRow.status.in_(("pending", "sending")))
        assert await house.app.store.read(lambda s: s.scalars(owed).all()) == []


async def test_taking_a_message_back_erases_its_words_and_keeps_the_ticket(house: House) -> None:
    shirley = house.phone("shirley", "line")
    ref = await shirley.says("Warm Taipei 洗碗機壞了 我的電話 0912345678")
    await house.fakes["line"].unsends("shirley", ref)
    await house.settle()
    ticket = await house.ticket()
    assert ticket["raw_input"] == ""
    assert "0912345678" not in json.dumps(ticket, ensure_ascii=False)


async def test_an_edit_that_makes_it_worse_makes_the_ticket_worse(house: House) -> None:
    shirley = house.phone("shirley", "telegram")
    ref = await shirley.says("Warm Taipei 浴室水龍頭漏水")
    assert (await house.ticket())["severity"] == 3
    await house.fakes["telegram"].edits(shirley.account, ref, "Warm Taipei 浴室水龍頭漏水,水流到插座,冒火花")
    await house.settle()
    assert (await house.ticket())["severity"] >= 4


async def test_an_edit_that_overtakes_its_message_waits_for_it(house: House) -> None:
    shirley, telegram = house.phone("shirley", "telegram"), house.fakes["telegram"]
    telegram.deliver = False
    ref = await telegram.says(shirley.account, "Warm Taipei 洗碗機壞了")
    await telegram.edits(shirley.account, ref, "Warm Taipei 洗碗機壞了,漏水到插座")
    first, change = telegram.pending[-2], telegram.pending[-1]
    telegram.pending[-2:] = []
    await telegram.post(change.body)
    await telegram.post(first.body)
    await house.settle()
    await house.wait(seconds=3)
    ticket = await house.ticket()
    assert ticket["raw_input"] == "Warm Taipei 洗碗機壞了,漏水到插座"
    assert len(ticket["reports"]) == 1


async def test_small_talk_that_is_edited_into_a_problem_is_a_problem(house: House) -> None:
    shirley = house.phone("shirley", "telegram")
    ref = await shirley.says("早安")
    assert await house.tickets() == []
    await house.fakes["telegram"].edits(shirley.account, ref, "Warm Taipei 洗碗機壞了")
    await house.settle()
    assert (await house.ticket())["category"] == "appliance"


async def test_a_message_taken_back_before_it_came_in_makes_no_ticket(house: House) -> None:
    line = house.fakes["line"]
    event = line.message("text", "shirley", text="Warm Taipei 洗碗機壞了")
    await line.unsends("shirley", event["message"]["id"])
    await line.send(event)
    await house.settle()
    assert await house.tickets() == []


async def test_somebody_else_is_on_and_takes_everything_over_with_one_tap(house: House) -> None:
    shirley, haru = house.phone("shirley", "line"), house.phone("haru", "line")
    await shirley.says("Warm Taipei 洗碗機壞了")
    await shirley.says("/oncall haru 8h")
    card = await haru.card("take")
    assert "T-1001" in card.text
    await haru.taps("take", card)
    dispatch = (await house.ticket())["dispatches"][-1]
    assert dispatch["acknowledged_by"] == "haru"
    on_site = house.app.services.company.on_site("warm_taipei_2br")
    assert on_site is not None
    assert on_site.id == "haru"
    await house.wait(hours=9)
    on_site = house.app.services.company.on_site("warm_taipei_2br")
    assert on_site is not None
    assert on_site.id == "shirley"


async def test_a_strangers_file_is_fetched_only_once_they_are_let_in(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("ben", "telegram")]) as house:
        dewi, ben = house.stranger("telegram", "dewi"), house.phone("ben", "telegram")
        await dewi.photo("vila Bali: wastafel mampet")
        assert not any(house.app.services.media.glob("*"))
        await ben.taps("admit", property="Bali Villa")
        assert [one["kind"] for one in (await house.ticket())["attachments"]] == ["photo"]


async def test_two_jobs_done_at_once_are_asked_one_after_the_other(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("celine", "telegram"), ("ben", "telegram")]) as house:
        celine = house.phone("celine", "telegram")
        await celine.says("vila Bali: wastafel mampet")
        await celine.says("vila Bali: keran bocor di taman")
        for _ in range(2):
            await celine.taps("ack")
        first, second = [
            next(one for one in await celine.chat() if ticket in one.text and "resolve" in str(one.buttons))
            for ticket in ("T-1001", "T-1002")
        ]
        await celine.taps("resolve", first)
        await celine.taps("resolve", second)
        questions = [one for one in await celine.chat() if not one.buttons and "USD" in one.text][-2:]
        assert ["T-1001" in questions[0].text, "T-1002" in questions[1].text] == [True, True]
        await celine.says("31", reply_to=questions[0].ref)
        await celine.says("42")
        spent = [one["dispatches"][-1]["actual_cost_usd"] for one in await house.tickets()]
        assert spent == ["31.00", "42.00"]


async def test_slack_home_shows_what_waits(house: House) -> None:
    await house.phone("shirley", "line").says(STORY)
    ben = house.phone("ben", "slack")
    await house.fakes["slack"].opens_home(ben.account)
    await house.settle()
    assert "T-1001" in house.fakes["slack"].home(ben.account).text


async def test_nothing_is_left_in_the_outbox(house: House) -> None:
    await house.phone("shirley", "line").says(STORY)
    rows = await house.app.store.read(lambda s: list(s.scalars(select(OutboxRow.status))))
    assert set(rows) == {"sent"}
    assert http_app(house.app) is not None


# --- without an address of our own


async def test_without_an_address_telegram_is_polled_and_slack_keeps_a_socket_open(tmp_path: Path) -> None:
    people = [("shirley", "telegram"), ("ben", "slack")]
    more: dict[str, Any] = {"LOOPOS_BASE_URL": "", "SLACK_APP_TOKEN": "xapp-1", "SLACK_SIGNING_SECRET": ""}
    async with open_house(tmp_path, people, **more) as house:
        shirley, ben = house.phone("shirley", "telegram"), house.phone("ben", "slack")
        await until(lambda: bool(house.fakes["slack"].sockets))
        house.fakes["slack"].webhook_url = ""
        await shirley.says(STORY)
        await until(lambda: ben.has("approve"))
        await ben.taps("approve")
        await until(lambda: shirley.has("ack"))
        await shirley.taps("ack")
        await until(lambda: shirley.has("unack"))  # "resolve" stood there before, as "Already done"
        assert (await house.ticket())["dispatches"][-1]["acknowledged_by"] == "shirley"
        assert house.app.services.health["telegram"].last_ping is not None
        assert house.app.services.health["slack"].last_ping is not None
        async with aiohttp.ClientSession() as web, web.post(f"{house.url}/slack/events", json={}) as answer:
            assert answer.status == 401


# --- after a restart, and all at once


async def test_buttons_sent_before_a_restart_still_work(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("shirley", "line"), ("ben", "slack"), ("ben", "telegram")]) as house:
        await house.phone("shirley", "line").says(STORY)
        card = await house.phone("ben", "slack").card("approve")
        await house.restart()
        await house.phone("ben", "slack").taps("approve", card)
        assert (await house.ticket())["status"] == "DISPATCHED"
        now = next(one for one in await house.phone("ben", "telegram").chat() if "T-1001" in one.text)
        assert not any(name.startswith("approve") for _, name in now.buttons)


async def test_a_hundred_taps_over_every_surface_are_one_decision(tmp_path: Path) -> None:
    people = [("shirley", "line"), ("ben", "line"), ("ben", "slack"), ("ben", "telegram")]
    async with open_house(tmp_path, people, LOOPOS_DEMO=True) as house:
        await house.phone("shirley", "line").says(STORY)
        phones = [house.phone("ben", channel) for channel in ("line", "slack", "telegram")]
        cards = [await phone.card("approve") for phone in phones]
        names = [next(n for _, n in card.buttons if n.startswith("approve")) for card in cards]
        taps = [
            house.tap_forged(phone, card, name)
            for phone, card, name in zip(phones, cards, names, strict=True)
            for _ in range(25)
        ]
        taps += [house.tap_web("ben") for _ in range(25)]
        await asyncio.gather(*taps)
        await house.settle()
        ticket = await house.ticket()
        assert [row["event"] for row in ticket["history"]].count("approved") == 1
        assert len([one for one in ticket["dispatches"] if one["authorized"]]) == 1


# --- what is refused is counted


async def test_what_is_refused_is_counted_and_changes_nothing(house: House) -> None:
    before = await house.tickets()
    async with aiohttp.ClientSession() as web:
        for path, status in (("/slack/events", 401), ("/line/webhook", 401), ("/telegram/webhook", 403)):
            async with web.post(house.url + path, json={"type": "event_callback"}) as answer:
                assert answer.status == status
        await house.tap_forged(
            house.phone("ben", "slack"),
            await _any_card(house),
            "approve:aaaaaaaaaaaaaaaaaaaaaaaaaa",
        )
        async with web.get(f"{house.url}/metrics") as answer:
            text = await answer.text()
    assert len(await house.tickets()) == len(before) + 1
    assert 'loopos_refused_total{where="tap",why="unknown_button"}' in text
    assert 'where="webhook"' in text


async def _any_card(house: House) -> object:
    await house.phone("shirley", "line").says(STORY)
    return await house.phone("ben", "slack").card("approve")


async def test_a_picture_that_would_unpack_to_gigabytes_is_never_unpacked(house: House) -> None:
    shirley = house.phone("shirley", "telegram")
    await shirley.photo(data=bomb(30_000))
    assert await house.tickets() == []
    assert "圖" in "\n".join(await shirley.texts()) or "picture" in "\n".join(await shirley.texts())
    await shirley.says("Warm Taipei 洗碗機壞了")
    assert len(await house.tickets()) == 1


async def test_a_picture_that_cannot_be_opened_is_said_and_its_report_is_filed_all_the_same(
    house: House,
) -> None:
    words = Words("zh-TW", ZoneInfo("UTC"))
    shirley = house.phone("shirley", "telegram")
    await shirley.photo("Warm Taipei 洗碗機壞了", data=png(640, 480)[:600])
    assert await shirley.sees(words("I cannot open that picture. Please take it again, or send it smaller."))
    await shirley.photo("Warm Taipei 浴室燈不亮", data=bomb(10_001))
    assert await shirley.sees(words("That picture is too large."))
    tickets = await house.tickets()
    assert [one["raw_input"] for one in tickets] == ["Warm Taipei 洗碗機壞了", "Warm Taipei 浴室燈不亮"]
    assert [one["attachments"] for one in tickets] == [[], []]


def bomb(side: int) -> bytes:
    """A PNG of side x side pixels in a few hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" * 100_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
