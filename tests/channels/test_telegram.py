"""What people do on Telegram, what we make of it, and what they see: the real SDK against the fake."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import select

from channels.ingress import Ingress, VerifiedEvent
from channels.pacing import Limits
from channels.telegram import draw, setup
from channels.telegram.api import CURE, PATH, secret_for
from channels.telegram.channel import Telegram
from channels.telegram.parse import Me, event_of, parse
from core.cards.card import Button, Card, CardQuestion, Fact, Link, Section
from core.context import Store
from core.errors import ChannelDown, GiveUp, OutcomeUnknown, StartupError, TryLater
from core.health import Health
from core.inbound import Edited, Inbound, Message, Moved, RemoteFile, Tap
from core.model import SourceKind
from core.ports import Attempt, Delivery, Outgoing
from core.store.tables import InboxRow
from tests.channels.files import PDF, outgoing, png
from tests.fakes.telegram import TOKEN, FakeTelegram, Refusal, read_html
from tests.homes import bare_store

BASE = "https://loopos.test"
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
FAST = (1_000_000, 1.0)


@dataclass
class HandClock:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


class NotingDoor(Ingress):
    """Keeps the events in a list; may be told that the disk is full."""

    def __init__(self, clock: HandClock) -> None:
        self.health = Health(clock)
        self.events: dict[str, VerifiedEvent] = {}
        self.full = 0

    async def take(self, events: Sequence[VerifiedEvent]) -> None:
        if self.full:
            self.full -= 1
            raise TryLater("the disk is full", timedelta(seconds=0.01))
        self.health.heard()
        for event in events:
            self.events.setdefault(event.id, event)


@dataclass
class House:
    fake: FakeTelegram
    clock: HandClock
    ingress: Any
    channel: Telegram
    http: list[web.AppRunner] = field(default_factory=list)

    async def open(self) -> None:
        """Mount the webhook, and tell the fake where it is."""
        app = web.Application()
        self.channel.add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.http.append(runner)
        self.fake.webhook_url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"

    def inbound(self) -> list[Inbound | None]:
        return [self.channel.parse(event.payload) for event in self.ingress.events.values()]

    def newest(self) -> Any:
        return self.inbound()[-1]

    async def send(self, to: str, what: Card | str, **more: Any) -> str:
        card, text = (what, None) if isinstance(what, Card) else (None, what)
        key = more.pop("key", None) or str(uuid4())
        delivery = Delivery("d1", to, card, text, **more)
        (sent,) = await self.channel.send([delivery], Attempt(key))
        return sent.message_ref

    async def bring(self, to: str, file: Outgoing) -> str:
        (sent,) = await self.channel.send([Delivery("d1", to, None, None, file=file)], Attempt(str(uuid4())))
        return sent.message_ref


async def until(true: Any, seconds: float = 5.0) -> None:
    """Let the others run until something is so."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


def telegram(fake: FakeTelegram, ingress: Any, clock: HandClock, **more: Any) -> Telegram:
    defaults = {"base_url": BASE, "timeout": 0.3, "overall": FAST, "per_chat": FAST, "per_group": FAST}
    settings: dict[str, Any] = {
        **defaults,
        "poll_seconds": 1,
        "conflict_pause": 0.02,
        "first_wait": 0.02,
        "hold_taps": 0.05,
        **more,
    }
    return Telegram(ingress=ingress, clock=clock, token=TOKEN, api_url=fake.url, **settings)


@contextlib.asynccontextmanager
async def opened(store: Store | None = None, **more: Any) -> AsyncIterator[House]:
    fake, clock = FakeTelegram(), HandClock()
    await fake.start()
    ingress = NotingDoor(clock) if store is None else Ingress(store, "telegram", Health(clock))
    house = House(fake, clock, ingress, telegram(fake, ingress, clock, **more))
    await house.open()
    try:
        yield house
    finally:
        await house.channel.stop()
        for runner in house.http:
            await runner.cleanup()
        await fake.stop()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """Running, with the webhook registered."""
    async with opened() as one:
        await one.channel.start()
        await until(lambda: one.fake.hook)
        yield one


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    clock = HandClock()
    one = bare_store(tmp_path / "x.db", clock)
    yield one
    await one.close()


def button(action: str, label: str) -> Button:
    return Button(id=f"{action}:abcdefghijklmnopqrstuvwxyz", label=label)


def card(**more: Any) -> Card:
    plain: dict[str, Any] = {
        "kind": "approval",
        "title": "T-7 · Plumbing",
        "lead": "Send Lin for about 120.00 USD?",
        "facts": (Fact(label="Place", value="Warm Taipei"),),
        "buttons": (button("approve", "Approve"), button("reject", "Reject")),
    }
    return Card(**{**plain, **more})


# --- the webhook


async def kept(store: Store) -> list[str]:
    return await store.read(
        lambda s: [row.event_id for row in s.scalars(select(InboxRow).order_by(InboxRow.id))]
    )


async def test_a_message_is_on_disk_before_telegram_hears_200_and_a_repeat_changes_nothing(
    store: Store,
) -> None:
    async with opened(store) as house:
        await house.channel.start()
        await until(lambda: house.fake.hook)
        dana = house.fake.person("Dana")
        number = await house.fake.says(dana, "The freezer is warm")
        assert house.fake.statuses == [200]
        assert await kept(store) == [f"msg:{dana}:{number}"]
        for _ in range(3):
            assert await house.fake.post(house.fake.delivered[0]) == 200
        assert len(await kept(store)) == 1


async def test_the_same_in_another_order_is_kept_the_same(house: House) -> None:
    dana = house.fake.person("Dana")
    house.fake.deliver = False
    for text in ("one", "two", "three"):
        number = await house.fake.says(dana, text)
    await house.fake.edits(dana, number, "four")
    await house.fake.redeliver(shuffled=True)
    said = {one.text for one in house.inbound()}  # type: ignore[union-attr]
    assert said == {"one", "two", "three", "four"}


async def test_what_could_not_be_kept_is_brought_again(house: House) -> None:
    dana = house.fake.person("Dana")
    house.ingress.full = 1
    await house.fake.says(dana, "one")
    assert house.fake.statuses == [503]
    await until(lambda: house.fake.statuses == [503, 200] and house.ingress.events)


async def test_503_says_when_to_come_again(house: House) -> None:
    house.ingress.full = 1
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret_for(TOKEN)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(house.fake.webhook_url, json={"update_id": 1}, headers=headers) as answer,
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("secret", [None, "", "wrong", "gehéim", secret_for(TOKEN)[:-1]])
async def test_nobody_without_the_secret_is_let_in(house: House, secret: str | None) -> None:
    assert await house.fake.post({"update_id": 1}, **{"X-Telegram-Bot-Api-Secret-Token": secret}) == 403
    assert not house.ingress.events


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"\xff\xfe{}", 400),
        (b"[" * 10_000, 400),
        (b'{"a":' * 10_000, 400),
        (b"{}", 400),
        (b'{"update_id": "7"}', 400),
        (b'{"update_id": true}', 400),
        (b'{"update_id": 1e3}', 400),
        (b'{"update_id": 99999999999999999999999}', 400),
        (b" " * (1024 * 1024 + 1), 413),
        (b'{"update_id": 7}', 200),
        (b'{"update_id": 7, "something_new": {"a": [1]}}', 200),
        (b'{"update_id": 7, "message": "?"}', 200),
        (b'{"update_id": 7, "message": {"chat": {"id": 1e99}}}', 200),
    ],
)
async def test_bad_bodies_are_refused_and_unknown_ones_kept(house: House, body: bytes, status: int) -> None:
    assert await house.fake.post(body) == status
    assert len(house.ingress.events) == (status == 200)
    assert house.inbound() in ([], [None])


async def test_only_json_and_only_post(house: House) -> None:
    post = house.fake.post
    assert await post(b"{}", **{"Content-Type": "text/plain"}) == 415
    assert await post(b"x", **{"Content-Encoding": "gzip"}) == 413
    assert await post({"update_id": 1}, **{"Content-Type": "application/json; charset=utf-8"}) == 200
    async with aiohttp.ClientSession() as session:
        for method in ("GET", "PUT", "DELETE"):
            async with session.request(method, house.fake.webhook_url) as answer:
                assert answer.status == 405


async def test_without_a_base_url_there_is_no_webhook() -> None:
    async with opened(base_url=None) as house:
        assert await house.fake.post({"update_id": 1}) == 404


# --- what people send


async def test_words_in_a_private_chat(house: House) -> None:
    dana = house.fake.person("Dana")
    number = await house.fake.says(dana, "Freezer \u202e warm")
    got = house.newest()
    assert isinstance(got, Message)
    assert (got.conversation_id, got.sender, got.message_id) == (dana, dana, number)
    assert got.text == "Freezer \\u{202E} warm"
    assert got.room is None and got.addressed and not got.unusable
    assert abs((got.at - datetime.now(UTC)).total_seconds()) < 60


async def test_an_answer_names_the_message_it_answers(house: House) -> None:
    dana = house.fake.person("Dana")
    asked = await house.send(dana, "How much?")
    await house.fake.says(dana, "120", reply_to=asked)
    assert house.newest().reply_to == asked


@pytest.mark.parametrize(
    ("text", "addressed", "read"),
    [
        ("the fridge is warm", False, "the fridge is warm"),
        ("@loopos_test_bot the fridge is warm", True, "the fridge is warm"),
        ("😀🧊 @LoopOS_test_bot, is warm", True, "😀🧊 , is warm"),
        ("@loopos_test_bot, is warm", True, "is warm"),
        ("@somebody_else is warm", False, "@somebody_else is warm"),
        ("/cost today", True, "/cost today"),
        ("/cost@loopos_test_bot today", True, "/cost today"),
        ("/cost@other_bot today", False, "/cost@other_bot today"),
    ],
)
async def test_in_a_group_the_bot_is_called_by_name(
    house: House, text: str, addressed: bool, read: str
) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei")
    await house.fake.says(dana, text, room=room)
    got = house.newest()
    assert (got.text, got.addressed, got.room, got.conversation_id) == (read, addressed, room, room)


async def test_in_a_group_an_answer_to_the_bot_is_for_the_bot(house: House) -> None:
    dana, ben = house.fake.person("Dana"), house.fake.person("Ben")
    room = house.fake.room("Warm Taipei")
    asked = await house.send(room, "Which room?")
    await house.fake.says(dana, "The second", room=room, reply_to=asked)
    assert house.newest().addressed
    hers = await house.fake.says(dana, "lunch?", room=room)
    await house.fake.says(ben, "yes", room=room, reply_to=hers)
    assert not house.newest().addressed


async def test_a_topic_is_a_conversation_of_its_own(house: House) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei", forum=True)
    topic = house.fake.topic(room, "Kitchen")
    await house.fake.says(dana, "lunch?", room=topic)
    got = house.newest()
    # Telegram says that it answers the topic's first message, which the bot wrote.
    assert (got.conversation_id, got.room, got.reply_to, got.addressed) == (topic, room, None, False)
    await house.send(topic, "Noted")
    assert [one.text for one in await house.fake.chat(topic)] == ["Noted"]


async def test_a_pairing_code_arrives_as_it_is(house: House) -> None:
    await house.fake.says(house.fake.person("Dana"), "/start AbC-123")
    assert house.newest().text == "/start AbC-123"


@pytest.mark.parametrize(
    ("file", "kind", "media_type"),
    [
        (("a.jpg", "image/jpeg", b"jpg"), SourceKind.PHOTO, "image/jpeg"),
        (("v.oga", "audio/ogg", b"ogg"), SourceKind.VOICE, "audio/ogg"),
        (("v.m4a", "audio/mp4", b"m4a"), SourceKind.VOICE, "audio/mp4"),
        (("v.pdf", "application/pdf", b"pdf"), SourceKind.TEXT, "application/pdf"),
    ],
)
async def test_files_come_with_their_words(
    house: House, file: Any, kind: SourceKind, media_type: str
) -> None:
    dana = house.fake.person("Dana")
    await house.fake.says(dana, "look", files=[file])
    got = house.newest()
    assert (got.kind, got.text, got.remote[0].media_type) == (kind, "look", media_type)
    assert b"".join([chunk async for chunk in house.channel.fetch(got.remote[0])]) == file[2]


@pytest.mark.parametrize(
    ("media_type", "kind"), [("audio/wav", SourceKind.VOICE), ("image/png", SourceKind.PHOTO)]
)
async def test_a_sound_or_a_picture_sent_as_a_file_is_one(
    house: House, media_type: str, kind: SourceKind
) -> None:
    document = {"file_id": "f", "file_name": "x", "mime_type": media_type, "file_size": 5}
    await house.fake.sends(house.fake.person("Dana"), document=document)
    assert house.newest().kind is kind


async def test_photos_sent_together_stay_together(house: House) -> None:
    photo = ("a.jpg", "image/jpeg", b"jpg")
    await house.fake.says(house.fake.person("Dana"), "both", files=[photo, photo])
    first, second = house.ingress.events.values()
    assert first.album == second.album is not None
    assert [one.text for one in house.inbound()] == ["both", ""]  # type: ignore[union-attr]


def test_the_largest_photo_that_can_be_fetched_is_taken() -> None:
    sizes = [
        {"file_id": name, "width": width, "height": width, "file_size": size}
        for name, width, size in (("s", 90, 900), ("l", 4000, 30 * 2**20), ("m", 1280, 9000))
    ]
    message = {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 5, "type": "private"},
        "from": {"id": 5},
        "photo": sizes,
    }
    got = parse({"update_id": 1, "message": message}, Me())
    assert isinstance(got, Message) and got.remote[0].ref == "m"


@pytest.mark.parametrize("kind", ["sticker", "location", "contact", "venue", "poll", "dice"])
async def test_what_holds_no_words_is_unusable_and_a_caption_saves_it(house: House, kind: str) -> None:
    dana = house.fake.person("Dana")
    content: dict[str, Any] = {kind: {"file_id": "x"}}
    await house.fake.sends(dana, **content)
    assert house.newest().unusable
    await house.fake.sends(dana, **content, caption="it drips")
    assert (house.newest().unusable, house.newest().text, house.newest().remote) == (False, "it drips", ())


async def test_what_asks_nothing_of_us_is_kept_and_ignored(house: House) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei")
    await house.fake.sends(dana, room=room, new_chat_members=[{"id": 1, "is_bot": False}])
    linked = {"id": -1005, "type": "channel"}
    await house.fake.sends(dana, room=room, text="news", sender_chat=linked, is_automatic_forward=True)
    await house.fake.blocks(dana)
    bot = {"id": 9, "is_bot": True, "first_name": "Other"}
    await house.fake.happens("message", {**_message(dana), "from": bot, "text": "beep"}, 9)
    channel = {"chat": {"id": -1006, "type": "channel", "title": "News"}}
    await house.fake.happens("message", {**_message(dana), **channel, "text": "news"}, 9)
    await house.fake.happens("edited_message", {**_message(dana), "location": {}, "edit_date": 5}, 9)
    assert len(house.ingress.events) == 6
    assert house.inbound() == [None] * 6


async def test_an_anonymous_admin_is_nobody_whom_we_know(house: House) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei")
    group = {"id": int(room), "type": "supergroup"}
    await house.fake.sends(dana, room=room, text="it drips", sender_chat=group)
    said = house.newest()
    assert (said.sender, said.addressed, said.text) == ("", False, "it drips")


def _message(person: str, **more: Any) -> dict[str, Any]:
    user = {"id": int(person), "is_bot": False, "first_name": "Dana"}
    chat = {"id": int(person), "type": "private"}
    return {"message_id": 900, "date": 1_700_000_000, "from": user, "chat": chat, **more}


async def test_every_edit_comes_even_two_in_one_second(house: House) -> None:
    dana = house.fake.person("Dana")
    number = await house.fake.says(dana, "warm")
    await house.fake.edits(dana, number, "warmer")
    await house.fake.edits(dana, number, "hot")
    first, second = house.inbound()[1:]
    assert isinstance(first, Edited) and isinstance(second, Edited)
    assert (first.message_id, first.text, second.text) == (number, "warmer", "hot")


async def test_a_tap_is_its_button_and_names_the_moment_it_came(house: House) -> None:
    ben = house.fake.person("Ben")
    await house.send(ben, card())
    (shown,) = await house.fake.chat(ben)
    tap = await house.fake.taps(ben, shown, "approve")
    got = house.newest()
    assert got == Tap("telegram", ben, ben, card().buttons[0].id, {}, NOW)
    assert f"cb:{tap}" in house.ingress.events


async def test_a_tap_on_a_card_that_telegram_no_longer_shows(house: House) -> None:
    ben = house.fake.person("Ben")
    message = {"chat": {"id": int(ben), "type": "private"}, "message_id": 5, "date": 0}
    query = {"id": "77", "from": {"id": int(ben), "is_bot": False}, "message": message, "data": "approve:x"}
    await house.fake.happens("callback_query", query, int(ben))
    assert house.newest().button == "approve:x"


async def test_a_group_that_moves_is_told_once(house: House) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei", kind="group")
    new = await house.fake.migrates(room, by=dana)
    (got,) = house.inbound()
    assert isinstance(got, Moved)
    assert (got.conversation_id, got.moved_to, got.sender) == (room, new, dana)


def test_update_ids_may_start_again() -> None:
    """After an idle week they do, at random: a message goes by its own name."""
    one = {"update_id": 5, "message": _message("7", text="a")}
    two = {"update_id": 5, "message": _message("7", text="b", message_id=901)}
    assert event_of(one, NOW).id != event_of(two, NOW).id
    assert event_of(one, NOW).id == event_of({**one, "update_id": 9}, NOW).id


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"message": None},
        {"message": {"chat": {}}},
        {"message": _message("7", text=5)},
        {"message": _message("7", text="x", entities=[{"offset": "a"}])},
        {"message": _message("7", text="x", date=10**18)},
        {"message": _message("7", photo=[])},
        {"edited_message": {"chat": 1}},
        {"callback_query": {"id": "1"}},
        {"callback_query": {"id": "1", "from": {"id": 1}, "message": _message("7")}},
        {"poll": {}},
    ],
)
def test_nonsense_is_nothing(payload: dict[str, Any]) -> None:
    assert parse(payload, Me()) is None


# --- polling


@pytest.fixture
async def polling() -> AsyncIterator[House]:
    async with opened(base_url=None) as one:
        one.fake.webhook_url = ""
        yield one


async def test_polling_keeps_before_it_confirms(polling: House) -> None:
    fake, ingress = polling.fake, polling.ingress
    dana = fake.person("Dana")
    await fake.says(dana, "one")
    ingress.full = 1
    await polling.channel.start()
    await until(lambda: ingress.events)
    asked = [call.get("offset") for call in fake.called("getUpdates")]
    assert asked[:2] == [None, None]  # not kept, so not confirmed
    await fake.says(dana, "two")
    await until(lambda: len(ingress.events) == 2)
    assert ingress.health.last_ping == NOW and ingress.health.trouble is None


async def test_polling_hears_ids_that_start_again_lower(polling: House) -> None:
    fake, ingress = polling.fake, polling.ingress
    polling.channel._poll_seconds = 0
    dana = fake.person("Dana")
    await polling.channel.start()
    await fake.says(dana, "one")
    await until(lambda: ingress.events and not fake.pending)
    fake.restart_ids(3)
    await until(lambda: "offset" not in fake.called("getUpdates")[-1])
    await fake.says(dana, "two")
    await until(lambda: len(ingress.events) == 2)


async def test_one_update_that_cannot_be_read_stops_no_other(polling: House) -> None:
    fake, ingress = polling.fake, polling.ingress
    await fake.happens("message", {"message_id": 1}, 1)
    await fake.says(fake.person("Dana"), "one")
    await polling.channel.start()
    await until(lambda: len(ingress.events) == 2)
    assert [one.text for one in polling.inbound() if isinstance(one, Message)] == ["one"]


async def test_another_poller_is_named_and_we_go_on_after_a_pause(polling: House) -> None:
    fake, health = polling.fake, polling.ingress.health
    await polling.channel.start()
    await until(lambda: fake._poll)
    fake.rival_polls()
    await until(lambda: health.trouble)
    assert "Another process polls this bot" in health.trouble and health.worrying
    await fake.says(fake.person("Dana"), "one")
    await until(lambda: polling.ingress.events and health.trouble is None)


async def test_a_webhook_left_behind_is_removed_and_nothing_that_waits_is_lost(polling: House) -> None:
    fake = polling.fake
    await fake._setWebhook({"url": "https://elsewhere.test/x"})
    fake.deliver = False
    await fake.says(fake.person("Dana"), "one")
    await polling.channel.start()
    await until(lambda: polling.ingress.events)
    assert fake.called("deleteWebhook") == [{"drop_pending_updates": False}]
    assert fake.refused == [] and polling.channel.health.trouble is None


@pytest.mark.parametrize("how", ["hang", "drop", "server_error", "rate_limited"])
async def test_polling_goes_on_after_a_failure_with_fresh_connections(polling: House, how: Any) -> None:
    polling.channel._poll_seconds = 0
    polling.fake.retry_after = 0
    polling.fake.fail("getUpdates", how)
    await polling.fake.says(polling.fake.person("Dana"), "one")
    await polling.channel.start()
    await until(lambda: polling.ingress.events)
    await until(lambda: polling.ingress.health.trouble is None)


# --- what people see


async def test_a_card_is_seen_with_its_buttons_and_changes_in_place(house: House) -> None:
    ben = house.fake.person("Ben")
    ref = await house.send(ben, card())
    (shown,) = await house.fake.chat(ben)
    assert shown.ref == ref
    assert shown.text == "T-7 · Plumbing\nSend Lin for about 120.00 USD?\n\nPlace: Warm Taipei"
    assert [label for label, _ in shown.buttons] == ["Approve", "Reject"]
    done = card(lead="Approved by Ben", buttons=())
    for _ in range(2):  # the second changes nothing, which is no failure
        assert await house.send(ben, done, message_ref=ref) == ref
    (shown,) = await house.fake.chat(ben)
    assert (shown.ref, shown.buttons) == (ref, []) and "Approved by Ben" in shown.text
    assert house.channel.health.last_delivered == NOW


async def test_what_people_wrote_is_shown_as_they_wrote_it_and_pings_nobody(house: House) -> None:
    ben = house.fake.person("Ben")
    evil = (
        '<b>x</b> &amp; <a href="https://evil">y</a> @channel_all <!channel> [z](http://z) mail@example.com'
    )
    link = Link(label="<map>", url='https://maps.example/?q="a"&b')
    await house.send(
        ben, card(title=evil, lead=evil, sections=(Section(title=evil, text=evil, links=(link,)),))
    )
    await house.send(ben, evil)
    for shown in await house.fake.chat(ben):
        assert evil in shown.text.replace("\u2060", "")
        assert shown.raw["pings"] == [] and shown.raw["previews"] is False
    (first, _) = await house.fake.chat(ben)
    anchors = [one["attributes"] for one in first.raw["entities"] if one["type"] == "a"]
    assert anchors == ['href="https://maps.example/?q="a"&b"']


async def test_details_are_folded_and_a_number_can_be_dialled(house: House) -> None:
    ben = house.fake.person("Ben")
    links = (Link(label="Call Lin", url="tel:+886212345"),)
    sections = (
        Section(title="Vendor", text="Lin", links=links),
        Section(title="Why", text="Rule 4", folded=True),
    )
    await house.send(ben, card(sections=sections))
    (shown,) = await house.fake.chat(ben)
    assert "Call Lin: +886212345" in shown.text
    assert [one["text"] for one in shown.raw["entities"] if one["type"] == "blockquote"] == ["Rule 4"]


async def test_questions_bring_their_own_rows(house: House) -> None:
    ben = house.fake.person("Ben")
    places = tuple(button(f"choose{n}", f"Place {n}") for n in range(3))
    question = CardQuestion(text="Which property?", buttons=places)
    long = button("long", "A label that is too long to share its row")
    await house.send(ben, card(questions=(question,), buttons=(button("a", "Yes"), long, button("b", "No"))))
    (shown,) = await house.fake.chat(ben)
    rows = [[one["text"] for one in row] for row in shown.raw["reply_markup"]["inline_keyboard"]]
    assert rows == [["Place 0", "Place 1"], ["Place 2"], ["Yes"], [long.label], ["No"]]
    assert shown.text.endswith("Which property?")


@pytest.mark.parametrize("filler", ["x", "火", "😀", "<&>", "a@b @cd ", "one line\n"])
async def test_a_huge_card_is_shortened_from_its_details_and_loses_no_button(
    house: House, filler: str
) -> None:
    ben = house.fake.person("Ben")
    big = card(
        sections=(
            Section(title="Words", text="It drips."),
            Section(title="Long", text=filler * 900),
            Section(title="Details", text=filler * 9000, folded=True),
        ),
        buttons=tuple(button(f"a{n}", "Label " * n) for n in range(1, 30)),
    )
    await house.send(ben, big)
    (shown,) = await house.fake.chat(ben)
    assert "It drips." in shown.text and "…" in shown.text
    assert [one for _, one in shown.buttons] == [one.id for one in big.buttons]


async def test_even_an_absurd_card_is_taken(house: House) -> None:
    ben = house.fake.person("Ben")
    text = "y" * 5000
    absurd = card(
        title=text,
        lead=text,
        facts=tuple(Fact(label=text, value=text) for _ in range(50)),
        sections=tuple(Section(title=text, text=text, folded=n % 2 == 0) for n in range(50)),
        questions=tuple(CardQuestion(text=text, buttons=()) for _ in range(50)),
    )
    await house.send(ben, absurd)
    await house.send(ben, card(title="", lead="", facts=(), buttons=()))
    assert [len(one.buttons) for one in await house.fake.chat(ben)] == [2, 0]


def test_a_button_id_that_telegram_would_refuse_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        draw.draw(card(buttons=(Button(id="x" * 65, label="x"),)))


async def test_a_card_that_waits_for_words_opens_the_field_for_them(house: House) -> None:
    ben = house.fake.person("Ben")
    asking = card(lead="What did it cost? " * 9, buttons=(), expects="amount")
    await house.send(ben, asking)
    (shown,) = await house.fake.chat(ben)
    assert len(shown.raw["forced"]["input_field_placeholder"]) <= 64
    with pytest.raises(GiveUp, match="can't be edited"):  # Telegram's rule for such a message
        await house.send(ben, card(), message_ref=shown.ref)


async def test_a_long_text_comes_in_parts_cut_at_line_ends(house: House) -> None:
    ben = house.fake.person("Ben")
    lines = [f"{n}: {'word ' * 20}".strip() for n in range(120)]
    ref = await house.send(ben, "\n".join(lines))
    shown = await house.fake.chat(ben)
    assert len(shown) > 2 and shown[0].ref == ref
    assert "\n".join(one.text for one in shown).split("\n") == lines


async def test_a_part_that_failed_is_repeated_alone(house: House) -> None:
    ben = house.fake.person("Ben")
    text = "\n".join(["a" * 4000, "b" * 4000, "c" * 4000])
    house.fake.fail_after(1, "sendMessage", "rate_limited")
    with pytest.raises(TryLater):
        await house.send(ben, text, key="k")
    house.clock.at += timedelta(seconds=2)
    ref = await house.send(ben, text, key="k")
    shown = await house.fake.chat(ben)
    assert ([one.text[0] for one in shown], shown[0].ref) == (["a", "b", "c"], ref)


# --- failures


@pytest.mark.parametrize(
    ("how", "post", "edit"),
    [
        ("rate_limited", TryLater, TryLater),
        ("server_error", OutcomeUnknown, TryLater),
        ("hang", OutcomeUnknown, TryLater),
        ("drop", OutcomeUnknown, TryLater),
        ("accept_and_drop", OutcomeUnknown, TryLater),
        ("revoked", ChannelDown, ChannelDown),
    ],
)
async def test_each_failure_says_what_to_do_next(house: House, how: Any, post: type, edit: type) -> None:
    ben = house.fake.person("Ben")
    ref = await house.send(ben, "one")
    for method, expected, more in (
        ("sendMessage", post, {}),
        ("editMessageText", edit, {"message_ref": ref}),
    ):
        house.fake.fail(method, how)
        with pytest.raises(expected) as caught:
            await house.send(ben, card(), **more)
        assert type(caught.value) is expected
        assert TOKEN not in repr(caught.value) and TOKEN.partition(":")[2] not in str(caught.value)
        house.clock.at += timedelta(seconds=5)


async def test_nobody_listening_means_surely_not_sent(house: House) -> None:
    ben = house.fake.person("Ben")
    await house.channel.stop()
    house.channel._api_url = "http://127.0.0.1:1"
    with pytest.raises(TryLater) as caught:
        await house.send(ben, "x")
    assert type(caught.value) is TryLater
    assert house.channel.health.trouble


async def test_failures_wait_longer_each_time_until_one_succeeds(house: House) -> None:
    ben = house.fake.person("Ben")
    waits = []
    house.channel._backoff.first = 1.0
    for _ in range(8):
        house.fake.fail("sendMessage", "server_error")
        with pytest.raises(OutcomeUnknown) as caught:
            await house.send(ben, "x")
        waits.append(caught.value.after.total_seconds())
    assert all(
        low <= wait <= high
        for wait, low, high in zip(waits[:3], (0.8, 1.6, 3.2), (1.2, 2.4, 4.8), strict=True)
    )
    assert 48 <= waits[-1] <= 72
    await house.send(ben, "x")
    assert house.channel._backoff.failures == 0 and house.channel.health.trouble is None


async def test_a_429_leaves_that_chat_in_peace_and_no_other(house: House) -> None:
    ben, dana = house.fake.person("Ben"), house.fake.person("Dana")
    house.fake.retry_after = 30
    house.fake.fail("sendMessage", "rate_limited")
    with pytest.raises(TryLater) as caught:
        await house.send(ben, "one")
    assert caught.value.after == timedelta(seconds=30)
    house.clock.at += timedelta(seconds=10)
    with pytest.raises(TryLater) as caught:
        await house.send(ben, "one")
    assert caught.value.after == timedelta(seconds=20)
    await house.send(dana, "two")
    assert [call["chat_id"] for call in house.fake.called("sendMessage")] == [int(dana)]
    house.clock.at += timedelta(seconds=21)
    await house.send(ben, "one")


async def test_a_revoked_token_is_told_at_once_with_the_cure(house: House) -> None:
    ben = house.fake.person("Ben")
    house.fake.fail("*", "revoked")
    with pytest.raises(ChannelDown, match="TELEGRAM_BOT_TOKEN") as caught:
        await house.send(ben, "x")
    assert caught.value.after == timedelta(seconds=60)
    assert house.channel.health.worrying


@pytest.mark.parametrize("state", ["fresh", "blocked", "deactivated"])
async def test_whoever_cannot_be_reached_is_given_up(house: House, state: Any) -> None:
    ben = house.fake.person("Ben")
    house.fake.chats[int(ben)].state = state
    with pytest.raises(GiveUp):
        await house.send(ben, "x")
    assert house.channel.health.trouble is None


@pytest.mark.parametrize("to", ["424242", "ben", "-5"])
async def test_a_chat_that_is_not_there_is_given_up(house: House, to: str) -> None:
    with pytest.raises(GiveUp):
        await house.send(to, "x")


@pytest.mark.parametrize("ref", ["99999", "alert:5"])
async def test_a_message_that_is_gone_is_given_up(house: House, ref: str) -> None:
    with pytest.raises(GiveUp):
        await house.send(house.fake.person("Ben"), card(), message_ref=ref)


async def test_a_send_to_a_group_that_moved_follows_it(house: House) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei", kind="group")
    old = await house.send(room, "before")
    new = await house.fake.migrates(room, by=dana, told=False)
    with pytest.raises(TryLater):
        await house.send(room, "after")
    assert house.inbound() == [Moved("telegram", room, new, "", NOW)]
    await house.send(room, "after")
    assert [one.text for one in await house.fake.chat(new)] == ["after"]
    with pytest.raises(GiveUp):  # the number may be another message's there
        await house.send(room, "changed", message_ref=old)


# --- signs of life, and words for one person alone


async def tap_on_card(house: House, person: str, where: str) -> tuple[str, dict[str, Any]]:
    """The id of the tap, and the stored event."""
    await house.send(where, card())
    tap = await house.fake.taps(person, (await house.fake.chat(where))[-1], "approve")
    return tap, house.ingress.events[f"cb:{tap}"].payload


async def test_a_message_is_seen_at_once(house: House) -> None:
    dana = house.fake.person("Dana")
    number = await house.fake.says(dana, "warm")
    (event,) = house.ingress.events.values()
    await house.channel.sign_of_life(event.payload)
    assert house.fake.chats[int(dana)].messages[int(number)]["reactions"] == ["👀"]


async def test_where_reactions_are_not_allowed_it_types(house: House) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei")
    house.fake.chats[int(room)].reactions_allowed = False
    await house.fake.says(dana, "@loopos_test_bot warm", room=room)
    await house.channel.sign_of_life(house.ingress.events.popitem()[1].payload)
    assert [call["action"] for call in house.fake.called("sendChatAction")] == ["typing"]


async def test_small_talk_in_a_group_is_not_reacted_to(house: House) -> None:
    dana, room = house.fake.person("Dana"), house.fake.room("Warm Taipei")
    await house.fake.says(dana, "lunch?", room=room)
    await house.channel.sign_of_life(house.ingress.events.popitem()[1].payload)
    assert house.fake.called("setMessageReaction") == []


async def test_a_tap_in_private_is_answered_at_once(house: House) -> None:
    ben = house.fake.person("Ben")
    tap, payload = await tap_on_card(house, ben, ben)
    await house.channel.sign_of_life(payload)
    assert house.fake.called("answerCallbackQuery") == [{"callback_query_id": tap}]


async def test_in_a_group_only_who_tapped_reads_the_remark(house: House) -> None:
    ben, room = house.fake.person("Ben"), house.fake.room("Warm Taipei")
    tap, payload = await tap_on_card(house, ben, room)
    await house.channel.sign_of_life(payload)
    ref = await house.send(room, "Ask Ana.", quiet=True, only_for=ben)
    assert ref == f"alert:{tap}"
    alert = (await house.fake.chat(room))[-1]
    assert (alert.text, alert.raw["to"], alert.raw["show_alert"]) == ("Ask Ana.", ben, True)
    await asyncio.sleep(0.1)
    assert len(house.fake.called("answerCallbackQuery")) == 1


async def test_in_a_group_a_tap_without_a_remark_stops_spinning_by_itself(house: House) -> None:
    ben, room = house.fake.person("Ben"), house.fake.room("Warm Taipei")
    first, payload = await tap_on_card(house, ben, room)
    await house.channel.sign_of_life(payload)
    second, payload = await tap_on_card(house, ben, room)
    await house.channel.sign_of_life(payload)
    await until(lambda: len(house.fake.called("answerCallbackQuery")) == 2)
    answered = [call["callback_query_id"] for call in house.fake.called("answerCallbackQuery")]
    assert answered == [first, second]


async def test_a_remark_that_comes_too_late_or_is_too_long_answers_in_the_group(house: House) -> None:
    ben, room = house.fake.person("Ben"), house.fake.room("Warm Taipei")
    number = await house.fake.says(ben, "@loopos_test_bot hello", room=room)
    await house.channel.sign_of_life(house.ingress.events.popitem()[1].payload)
    _, payload = await tap_on_card(house, ben, room)
    await house.channel.sign_of_life(payload)
    house.fake.ago = 60
    await house.send(room, "Ask Ana.", quiet=True, only_for=ben)
    shown = (await house.fake.chat(room))[-1]
    assert shown.text == "Ask Ana." and shown.raw["silent"]
    assert shown.raw["reply_to_message"]["message_id"] == int(number)
    house.fake.ago = 0
    _, payload = await tap_on_card(house, ben, room)
    await house.channel.sign_of_life(payload)
    await house.send(room, "long " * 50, quiet=True, only_for=ben)
    assert not (await house.fake.chat(room))[-1].ref.startswith("alert:")


@pytest.mark.parametrize("how", ["hang", "revoked", "server_error"])
async def test_a_sign_of_life_never_fails(house: House, how: Any) -> None:
    await house.fake.says(house.fake.person("Dana"), "warm")
    house.fake.fail("*", how, 2)
    await house.channel.sign_of_life(house.ingress.events.popitem()[1].payload)
    await house.channel.sign_of_life({})


# --- files that go out


@pytest.mark.parametrize(
    ("media_type", "name", "kind"),
    [
        ("image/png", "costs.png", "photo"),
        ("image/jpeg", "costs.jpg", "photo"),
        ("application/pdf", "帳單 2026-11.pdf", "document"),
        ("text/csv", "costs.csv", "document"),
        ("audio/mpeg", "note.mp3", "audio"),
        ("audio/ogg", "note.ogg", "voice"),
        ("audio/webm", "note.webm", "document"),
    ],
)
async def test_a_file_arrives_as_it_is_and_looks_like_what_it_is(
    house: House, tmp_path: Path, media_type: str, name: str, kind: str
) -> None:
    dana, topic = house.fake.person("Dana"), house.fake.topic(house.fake.room("Ops", forum=True), "Costs")
    data = png() if kind == "photo" else PDF
    for to in (dana, topic):
        ref = await house.bring(to, outgoing(tmp_path, data, media_type=media_type, name=name))
        shown = (await house.fake.chat(to))[-1]
        assert (shown.ref, shown.text) == (ref, "Costs in November")
        assert shown.raw["upload"] == (kind, name, data)


async def test_words_below_a_file_are_no_markup_ping_nobody_and_are_cut(house: House, tmp_path: Path) -> None:
    dana = house.fake.person("Dana")
    await house.bring(dana, outgoing(tmp_path, caption="<b>Costs</b> *x* & @everyone"))
    await house.bring(dana, outgoing(tmp_path, caption="😀" * 600))
    await house.bring(dana, outgoing(tmp_path, caption=" "))
    words, long, none = await house.fake.chat(dana)
    assert words.text == "<b>Costs</b> *x* & @\u2060everyone" and words.raw["pings"] == []
    assert long.text == "😀" * 511 + "…"
    assert none.text == ""


async def test_a_picture_that_telegram_would_not_show_comes_as_a_file(house: House, tmp_path: Path) -> None:
    dana = house.fake.person("Dana")
    for data in (png(2, 100), b"no picture at all"):
        await house.bring(dana, outgoing(tmp_path, data))
        assert (await house.fake.chat(dana))[-1].raw["upload"] == ("document", "costs 2026-11.png", data)


async def test_a_file_that_is_too_large_or_gone_is_given_up_and_telegram_is_well(
    house: House, tmp_path: Path
) -> None:
    dana = house.fake.person("Dana")
    house.fake.most_upload = 10
    for media_type in ("image/png", "application/pdf"):
        with pytest.raises(GiveUp, match="too large"):
            await house.bring(dana, outgoing(tmp_path, media_type=media_type))
    gone = outgoing(tmp_path)
    gone.path.unlink()
    with pytest.raises(GiveUp, match="not there any more"):
        await house.bring(dana, gone)
    with pytest.raises(GiveUp, match="Chat not found"):
        await house.bring("424242", outgoing(tmp_path))
    assert house.channel.health.trouble is None
    assert await house.fake.chat(dana) == []


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("rate_limited", TryLater),
        ("revoked", ChannelDown),
        ("server_error", OutcomeUnknown),
        ("hang", OutcomeUnknown),
        ("drop", OutcomeUnknown),
        ("accept_and_drop", OutcomeUnknown),
    ],
)
async def test_each_failure_of_a_file_says_what_to_do_next(
    house: House, tmp_path: Path, how: Any, error: type
) -> None:
    dana = house.fake.person("Dana")
    house.fake.fail("sendPhoto", how)
    with pytest.raises(TryLater) as raised:
        await house.bring(dana, outgoing(tmp_path))
    assert type(raised.value) is error
    assert TOKEN not in repr(raised.value) + str(raised.value.__cause__)
    if how == "rate_limited":
        house.clock.at += timedelta(seconds=house.fake.retry_after)
    await house.bring(dana, outgoing(tmp_path))
    assert len(await house.fake.chat(dana)) == 1 + (how == "accept_and_drop")


# --- files and names


async def a_file(house: House, data: bytes = b"ogg") -> RemoteFile:
    await house.fake.says(house.fake.person("Dana"), "", files=[("v.oga", "audio/ogg", data)])
    message = house.newest()
    assert isinstance(message, Message)
    (file,) = message.remote
    return file


async def read(house: House, file: RemoteFile) -> bytes:
    return b"".join([chunk async for chunk in house.channel.fetch(file)])


async def test_a_file_that_is_too_large_is_not_even_asked_for(house: House) -> None:
    with pytest.raises(GiveUp, match="too_large"):
        await read(house, RemoteFile("x", "audio/ogg", bytes=20 * 2**20 + 1))
    assert house.fake.called("getFile") == []


async def test_a_file_that_lied_about_its_size_is_cut_off(house: House) -> None:
    file = await a_file(house)
    house.fake.files["other"] = (house.fake.files[file.ref][0], b"x" * (20 * 2**20 + 1))
    house.fake.files = {"other": house.fake.files["other"], **house.fake.files}
    with pytest.raises(GiveUp, match="too_large"):
        await read(house, file)
    with pytest.raises(GiveUp, match="too_large"):  # Telegram says so itself
        await read(house, RemoteFile("other", "audio/ogg"))


async def test_a_file_that_is_gone(house: House) -> None:
    file = await a_file(house)
    house.fake.paths[file.ref] = "voice/file_9.oga"
    with pytest.raises(GiveUp, match="gone"):
        await read(house, file)
    with pytest.raises(GiveUp, match="gone"):
        await read(house, RemoteFile("nothing", "audio/ogg"))


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "//evil.test/x",
        "/etc/passwd",
        "a/../../b",
        "a%2f..%2fb",
        "a?b",
        "a#b",
        "a\\..\\b",
        ".hidden",
    ],
)
async def test_a_path_that_leads_elsewhere_is_never_followed(house: House, path: str) -> None:
    file = await a_file(house)
    house.fake.paths[file.ref] = path
    with pytest.raises(GiveUp, match="foreign_host"):
        await read(house, file)
    assert house.fake.called("download") == []


@pytest.mark.parametrize("how", ["hang", "drop", "server_error", "rate_limited"])
@pytest.mark.parametrize("method", ["getFile", "download"])
async def test_a_file_that_does_not_come_now_may_come_later(house: House, method: str, how: Any) -> None:
    file = await a_file(house)
    house.fake.fail(method, how, 2)  # a GET that is cut off is repeated by the HTTP client itself
    with pytest.raises(TryLater) as caught:
        await read(house, file)
    house.fake.heal()
    assert TOKEN not in str(caught.value) and caught.value.__cause__ is None
    assert await read(house, file) == b"ogg"


async def test_a_redirect_does_not_carry_the_token_away(house: House) -> None:
    file = await a_file(house)
    house.fake.redirect = f"{house.fake.url}/elsewhere/"
    with pytest.raises(GiveUp, match="foreign_host"):
        await read(house, file)
    assert len(house.fake.called("download")) == 1


async def test_what_people_are_called(house: House) -> None:
    dana, room = house.fake.person("Dana <b>"), house.fake.room("Warm Taipei")
    name = house.channel.display_name
    assert await name(dana, dana) == "Dana <b>"
    assert await name(dana, room) == "Dana <b>"
    assert await name("5", "5") == await name("x", "y") == await name("5", room) == ""


# --- limits


async def test_idle_chats_are_forgotten_and_a_busy_one_is_not() -> None:
    limits = Limits(1, 0.05)
    await asyncio.gather(*(limits.acquire(str(n)) for n in range(256)))
    await asyncio.sleep(0.06)
    await limits.acquire("7")
    await limits.acquire("new")
    assert len(limits) == 2


async def test_a_group_waits_for_its_turn_while_others_go_on() -> None:
    async with opened(per_group=(1, 60.0)) as house:
        room = house.fake.room("Warm Taipei")
        await house.channel.pace(room)
        await house.channel.pace(house.fake.person("Ben"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await house.channel.pace(f"{room}:7")


# --- the start, and the checks


def menu(language: str) -> list[tuple[str, str]]:
    return [("status", f"How it stands ({language})"), ("Not A Command", "left out")]


async def test_the_start_registers_the_webhook_and_a_menu_in_every_language() -> None:
    async with opened(menu=menu) as house:
        await house.channel.start()
        await until(lambda: len(house.fake.menus) == 6)
        assert house.fake.hook["url"] == f"{BASE}{PATH}"
        assert house.fake.hook["secret_token"] == secret_for(TOKEN)
        assert set(house.fake.menus) == {"", "en", "zh", "ja", "id", "es"}
        assert house.fake.menus["zh"] == [{"command": "status", "description": "How it stands (zh-TW)"}]


async def test_a_start_that_fails_does_not_hold_up_the_house_and_is_tried_again() -> None:
    async with opened() as house:
        house.fake.fail("getMe", "revoked")
        await house.channel.start()
        await until(lambda: house.channel.health.trouble)
        assert house.channel.health.trouble == CURE
        await until(lambda: house.fake.hook and house.channel.health.trouble is None)


async def test_a_base_url_that_telegram_refuses_is_named() -> None:
    async with opened(base_url="http://loopos.test") as house:
        await house.channel.start()
        await until(lambda: house.channel.health.trouble)
        assert "LOOPOS_BASE_URL" in (house.channel.health.trouble or "")


async def test_a_webhook_that_telegram_cannot_reach_is_noticed_while_running() -> None:
    async with opened(watch_every=0.01) as house:
        await house.channel.start()
        await until(lambda: house.fake.hook)
        health = house.channel.health
        good, house.fake.webhook_url, house.fake.deliver = house.fake.webhook_url, "http://127.0.0.1:1", False
        house.clock.at = datetime.now(UTC)
        await house.fake.says(house.fake.person("Dana"), "x")
        await house.fake.redeliver()
        await until(lambda: health.trouble)
        assert "LOOPOS_BASE_URL" in (health.trouble or "") and health.worrying
        house.fake.webhook_url = good
        await house.fake.redeliver()
        await until(lambda: health.trouble is None)


async def examine(house: House, token: str = TOKEN, **more: Any) -> list[str]:
    clock = HandClock(more.pop("at", datetime.now(UTC)))
    return await setup.examine(token, api_url=house.fake.url, timeout=0.3, clock=clock, **more)


async def test_when_all_is_well_nothing_is_found(house: House) -> None:
    assert await examine(house, base_url=BASE) == []
    assert await setup.identify(TOKEN, api_url=house.fake.url) == "@loopos_test_bot"
    assert await setup.register(TOKEN, base_url=BASE, menu=menu, api_url=house.fake.url) == []
    assert await setup.register(TOKEN, api_url=house.fake.url) == []
    assert house.fake.hook == {}
    assert setup.deep_link("@loopos_test_bot", "AbC-1") == "https://t.me/loopos_test_bot?start=AbC-1"
    with pytest.raises(ValueError, match="start code"):
        setup.deep_link("loopos_test_bot", "a b")


async def test_the_checks_name_what_is_wrong_and_the_cure(house: House) -> None:
    assert await examine(house, token="1:wrong") == [CURE]
    with pytest.raises(StartupError, match="TELEGRAM_BOT_TOKEN"):
        await setup.identify("1:wrong", api_url=house.fake.url)
    assert await setup.register("1:wrong", api_url=house.fake.url) == [CURE]
    (found,) = await setup.register(TOKEN, base_url="http://x", api_url=house.fake.url)
    assert "LOOPOS_BASE_URL" in found
    (found,) = await examine(house, base_url="https://moved.test")
    assert f"{BASE}{PATH}" in found and "https://moved.test" in found
    (found,) = await examine(house)
    assert "LOOPOS_BASE_URL is not set" in found
    (found,) = await examine(house, base_url=BASE, webhook_secret="no spaces")
    assert "TELEGRAM_WEBHOOK_SECRET" in found
    (found,) = await examine(house, base_url=BASE, at=datetime.now(UTC) + timedelta(seconds=120))
    assert "s ahead of Telegram's" in found
    house.fake.hook["secret_token"] = "another"
    house.fake.deliver = False
    await house.fake.says(house.fake.person("Dana"), "x")
    await house.fake.redeliver()
    (found,) = await examine(house, base_url=BASE)
    assert "403" in found and "TELEGRAM_WEBHOOK_SECRET" in found


async def test_the_checks_find_another_poller_and_a_dead_network(polling: House) -> None:
    asked = asyncio.create_task(examine(polling, listen=1))
    await until(lambda: polling.fake._poll)
    polling.fake.rival_polls()
    (found,) = await asked
    assert "Another process polls this bot" in found
    polling.fake.fail("getMe", "hang")
    (found,) = await examine(polling)
    assert "cannot be reached" in found


async def test_the_token_is_in_no_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ben = house.fake.person("Ben")
    await house.send(ben, "x")
    file = await a_file(house)
    for method in ("sendMessage", "download", "getFile"):
        house.fake.fail(method, "server_error")
    with pytest.raises(OutcomeUnknown):
        await house.send(ben, "x")
    for _ in range(2):
        with pytest.raises(TryLater):
            await read(house, file)
    assert TOKEN.partition(":")[2] not in caplog.text


# --- the fake refuses what Telegram refuses


@pytest.mark.parametrize(
    ("method", "args", "says"),
    [
        ("sendMessage", {"text": "x"}, "chat_id is empty"),
        ("sendMessage", {"chat_id": "5", "text": ""}, "message text is empty"),
        ("sendMessage", {"chat_id": "abc", "text": "x"}, "wrong type"),
        ("sendMessage", {"chat_id": "5", "text": "x", "colour": "red"}, "unknown argument"),
        ("sendMessage", {"chat_id": "5", "text": "x" * 4097}, "message is too long"),
        ("sendMessage", {"chat_id": "5", "text": "<b>x", "parse_mode": "HTML"}, "Can't find end tag"),
        (
            "sendMessage",
            {"chat_id": "5", "text": "<h1>x</h1>", "parse_mode": "HTML"},
            "Unsupported start tag",
        ),
        ("sendMessage", {"chat_id": "5", "text": "a < b", "parse_mode": "HTML"}, "Unsupported start tag"),
        (
            "sendMessage",
            {"chat_id": "5", "text": "<b><i>x</b></i>", "parse_mode": "HTML"},
            "Unmatched end tag",
        ),
        ("sendMessage", {"chat_id": "5", "text": "x", "reply_markup": {"inline_keyboard": [{}]}}, "Array"),
        ("answerCallbackQuery", {"callback_query_id": "5"}, "query is too old"),
        ("setWebhook", {"url": "http://x"}, "HTTPS"),
        ("setWebhook", {"url": "https://x", "secret_token": "a b"}, "unallowed characters"),
        ("setMyCommands", {"commands": [{"command": "A", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("sendPigeon", {}, "Not Found"),
    ],
)
async def test_the_fake_refuses(house: House, method: str, args: dict[str, Any], says: str) -> None:
    house.fake.person("Ben", 5)
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{house.fake.url}/bot{TOKEN}/{method}", json=args) as answer,
    ):
        body = await answer.json()
        assert answer.status in {400, 404} and body["ok"] is False and says in body["description"]


@pytest.mark.parametrize(
    ("kind", "data", "more", "says"),
    [
        ("Photo", b"no picture", {}, "IMAGE_PROCESS_FAILED"),
        ("Photo", png(3, 100), {}, "PHOTO_INVALID_DIMENSIONS"),
        ("Photo", png(), {"caption": "x" * 1025}, "caption is too long"),
        ("Document", b"", {}, "must be non-empty"),
        ("Document", b"x", {"title": "x"}, "unknown argument"),
        ("Voice", b"x", {"message_thread_id": "9"}, "thread not found"),
        ("Audio", b"x" * 2000, {}, "Entity Too Large"),
        ("Audio", None, {}, "audio is empty"),
    ],
)
async def test_the_fake_refuses_a_file(
    house: House, kind: str, data: bytes | None, more: dict[str, str], says: str
) -> None:
    house.fake.person("Ben", 5)
    house.fake.most_upload = 1000
    form = aiohttp.FormData({"chat_id": "5", **more})
    if data is not None:
        form.add_field(kind.lower(), data, filename="x.bin", content_type="application/octet-stream")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{house.fake.url}/bot{TOKEN}/send{kind}", data=form) as answer,
    ):
        body = await answer.json()
        assert answer.status in {400, 413} and body["ok"] is False and says in body["description"]


@pytest.mark.parametrize(("size", "refused"), [(0, True), (1, False), (64, False), (65, True)])
async def test_the_fake_counts_the_bytes_of_a_button(house: House, size: int, refused: bool) -> None:
    house.fake.person("Ben", 5)
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": "x" * size}]]}
    form = {"chat_id": "5", "text": "x", "reply_markup": json.dumps(markup)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{house.fake.url}/bot{TOKEN}/sendMessage", data=form) as answer,
    ):
        assert (answer.status == 400) is refused


async def test_the_fake_forgets_a_tap_after_150_seconds_and_a_message_after_a_day(house: House) -> None:
    ben = house.fake.person("Ben")
    await house.send(ben, card())
    house.fake.deliver = False
    await house.fake.says(ben, "hello")
    await house.fake.taps(ben, (await house.fake.chat(ben))[0], "Approve")
    house.fake.ago = 151
    await house.fake.redeliver()
    assert [type(one) for one in house.inbound()] == [Message]
    await house.fake.says(ben, "again")
    house.fake.ago += 86_401
    await house.fake.redeliver()
    assert len(house.ingress.events) == 1


def test_the_fake_reads_html_as_telegram_does() -> None:
    assert read_html("<b>a &lt; b</b> &amp; c")[0] == "a < b & c"
    assert read_html("<blockquote expandable>x</blockquote>")[1][0]["attributes"] == "expandable"
    with pytest.raises(Refusal):
        read_html("</b>")
