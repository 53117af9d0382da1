"""LINE: the real SDK and our own webhook against a server that answers as LINE does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from sqlalchemy import select

from channels.ingress import Ingress, VerifiedEvent
from channels.line import draw, richmenu, setup
from channels.line.channel import Line
from channels.line.parse import parse, without_mention
from core.cards.card import Button, Card, CardQuestion, Fact, Field, Link, Section
from core.context import Store
from core.errors import ChannelDown, GiveUp, OutcomeUnknown, QuotaSpent, StartupError, TryLater
from core.health import Health
from core.inbound import Message, RemoteFile, Tap, Unsent
from core.media import MAX_BYTES
from core.model import SourceKind
from core.ports import Attempt, Delivery, Outgoing, Sent
from core.store.tables import InboxRow
from tests.channels.files import PDF, outgoing
from tests.fakes.line import LineFake, MovableClock, message_faults
from tests.homes import bare_store

SOON = 0.3


class Notebook(Ingress):
    """Keeps what comes in a list."""

    def __init__(self, clock: MovableClock) -> None:
        self.health = Health(clock)
        self.events: list[VerifiedEvent] = []
        self.error: Exception | None = None

    async def take(self, events: Sequence[VerifiedEvent]) -> None:
        if self.error is not None:
            raise self.error
        self.health.heard()
        self.events += events


@dataclass
class Scene:
    fake: LineFake
    line: Line
    ingress: Notebook
    clock: MovableClock
    http: web.Application
    url: str = ""
    told: list[tuple[int, int]] = field(default_factory=list)

    @property
    def hook(self) -> str:
        return f"{self.url}/line/webhook"

    async def send(
        self, text: str = "hello", *, to: str = "dana", attempt: Attempt | None = None
    ) -> list[Sent]:
        delivery = Delivery("d1", self.fake.user(to), None, text)
        return await self.line.send([delivery], attempt or fresh())

    async def show(self, card: Card, to: str = "dana") -> None:
        await self.line.send([Delivery("d1", self.fake.user(to), card, None)], fresh())

    async def bring(self, *files: Outgoing, attempt: Attempt | None = None) -> list[Sent]:
        dana = self.fake.user("dana")
        some = [Delivery(f"d{n}", dana, None, None, file=file) for n, file in enumerate(files)]
        return await self.line.send(some, attempt or fresh())

    async def texts(self, who: str = "dana") -> list[str]:
        return [one.text for one in await self.fake.chat(who)]

    def inbound(self) -> list[Any]:
        return [self.line.parse(event.payload) for event in self.ingress.events]

    def answered(self, method: str) -> int:
        return len(self.fake.called(method))


def fresh(key: str | None = None) -> Attempt:
    return Attempt(key or str(uuid4()))


def line_for(fake: LineFake, ingress: Ingress, **more: Any) -> Line:
    return Line(
        ingress=ingress,
        clock=fake.clock,
        channel_secret=fake.secret,
        access_token=fake.token,
        api_url=fake.url,
        data_url=fake.url,
        timeout=SOON,
        **more,
    )


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    clock = MovableClock()
    fake, ingress, http = LineFake(clock=clock), Notebook(clock), web.Application()
    await fake.start()
    told: list[tuple[int, int]] = []

    async def low(limit: int, used: int) -> None:
        told.append((limit, used))

    line = line_for(fake, ingress, on_quota=low)
    line.add_to(http)
    runner = web.AppRunner(http, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    here = Scene(fake, line, ingress, clock, http, f"http://{host}:{port}", told)
    fake.webhook_url = here.hook
    yield here
    await line.stop()
    await runner.cleanup()
    await fake.stop()


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


def button(action: str, label: str, **more: Any) -> Button:
    return Button(id=f"{action}:{'a' * 26}", label=label, **more)


def card(**more: Any) -> Card:
    base: dict[str, Any] = {
        "kind": "approval",
        "title": "#12 Warm Taipei",
        "lead": "Send AirFix for about 80.00 USD?",
        "state": "asking",
        "buttons": (button("approve", "Approve 80.00 USD", style="primary"), button("reject", "Reject")),
    }
    return Card(**{**base, **more})


# --- the way in


async def test_what_a_person_writes_arrives_word_for_word(scene: Scene) -> None:
    ref = await scene.fake.says("dana", "冷氣漏水 <b>&@all")
    (said,) = scene.inbound()
    dana = scene.fake.user("dana")
    assert said == Message("line", dana, ref, dana, "冷氣漏水 <b>&@all", scene.clock.now())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Line_Signature": None}, 401),
        ({"X_Line_Signature": ""}, 401),
        ({"X_Line_Signature": "d3Jvbmc="}, 401),
        ({"X_Line_Signature": "sïgnature"}, 401),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/json"}, 200),
        ({"Content_Encoding": "gzip"}, 413),
    ],
)
async def test_only_a_signed_json_body_is_let_in(
    scene: Scene, headers: dict[str, str | None], status: int
) -> None:
    body = json.dumps({"destination": scene.fake.user_id, "events": []}).encode()
    assert await scene.fake.post(scene.hook, body, **headers) == status
    assert scene.ingress.events == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\xff\xfe", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"[" * 10_000 + b"]" * 10_000, 400),
        (b'{"events": []}', 400),
        (b'{"destination": "U1", "events": {}}', 400),
        (b'{"destination": "U1", "events": []}', 200),
        (b" " * (1024 * 1024 + 1), 413),
    ],
)
async def test_a_signed_body_that_is_no_batch_is_refused(scene: Scene, body: bytes, status: int) -> None:
    assert await scene.fake.post(scene.hook, body) == status
    assert scene.ingress.events == []


async def test_an_unsigned_body_that_is_not_text_is_401(scene: Scene) -> None:
    assert await scene.fake.post(scene.hook, b"\xff\xfe", X_Line_Signature="eA==") == 401


async def test_only_post_is_a_webhook(scene: Scene) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(scene.hook) as answer:
        assert answer.status == 405


async def test_a_batch_for_another_bot_is_ignored_once_we_know_who_we_are(scene: Scene) -> None:
    body = json.dumps(
        {"destination": "U" + "f" * 32, "events": [scene.fake.message("text", "dana", text="hi")]}
    ).encode()
    assert await scene.fake.post(scene.hook, body) == 200
    assert len(scene.ingress.events) == 1
    await scene.line.start()
    await until(lambda: scene.line.user_id)
    assert await scene.fake.post(scene.hook, body) == 200
    assert len(scene.ingress.events) == 1


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        {},
        {"type": "message", "webhookEventId": "01A", "mode": "active", "timestamp": "now"},
        {"type": "message", "webhookEventId": "01A", "mode": "active", "timestamp": 1, "message": "hi"},
        {"type": "message", "webhookEventId": "\ud800", "mode": "active", "timestamp": 1},
        {
            "type": "join",
            "webhookEventId": "01A",
            "mode": "active",
            "timestamp": 1,
            "source": {"type": "group"},
        },
    ],
)
async def test_one_malformed_event_does_not_take_the_others_along(scene: Scene, bad: Any) -> None:
    good = [scene.fake.message("text", "dana", text=text) for text in ("one", "two")]
    assert await scene.fake.send(good[0], bad, good[1]) == 200
    assert [one.text for one in scene.inbound() if one] == ["one", "two"]
    quarantined = scene.ingress.events[1]
    assert quarantined.id.startswith("malformed:") and quarantined.payload["malformed"] is True
    assert scene.line.parse(quarantined.payload) is None


async def test_an_event_of_an_unknown_type_is_kept_and_asks_nothing(scene: Scene) -> None:
    await scene.fake.send(scene.fake.event("somethingNew", "dana", more=[1]))
    await scene.fake.send(
        {k: v for k, v in scene.fake.event("botSuspended", "dana").items() if k != "source"}
    )
    assert scene.inbound() == [None, None]


async def test_what_comes_while_another_module_answers_is_left_to_it(scene: Scene) -> None:
    event = scene.fake.message("text", "dana", text="hi")
    assert await scene.fake.send({**event, "mode": "standby"}) == 200
    assert scene.ingress.events == []


async def test_no_200_before_it_is_on_disk(scene: Scene) -> None:
    scene.ingress.error = TryLater("the disk is full")
    await scene.fake.says("dana", "a leak")
    assert len(scene.fake.undelivered) == 1
    scene.ingress.error = None
    await scene.fake.redeliver()
    assert [one.text for one in scene.inbound()] == ["a leak"]


@contextlib.asynccontextmanager
async def real_store(home: Path, clock: MovableClock) -> AsyncIterator[Store]:
    store = bare_store(home / "loopos.sqlite3", clock)
    try:
        yield store
    finally:
        await store.close()


async def test_repeats_disorder_and_year_old_captures_change_nothing(tmp_path: Path) -> None:
    clock = MovableClock()
    fake, http = LineFake(clock=clock), web.Application()
    async with real_store(tmp_path, clock) as store:
        ingress = Ingress(store, "line", Health(clock))
        line = line_for(fake, ingress)
        line.add_to(http)
        runner = web.AppRunner(http, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.webhook_url = "http://{}:{}/line/webhook".format(*runner.addresses[0][:2])

        fake.deliver = False
        for n in range(4):
            await fake.says("dana", f"message {n}")
        events = list(fake.undelivered)
        fake.deliver = True
        for _ in range(3):
            fake.undelivered = list(events)
            await fake.redeliver(shuffled=True)
        clock.advance(days=365)
        assert await fake.send(*events) == 200

        rows = await store.read(lambda s: list(s.scalars(select(InboxRow))))
        assert sorted(row.event_id for row in rows) == sorted(event["webhookEventId"] for event in events)
        assert {row.conversation_id for row in rows} == {fake.user("dana")}
        await line.stop()
        await runner.cleanup()


# --- what people send


async def test_photos_sent_together_share_an_album(scene: Scene) -> None:
    await scene.fake.says("dana", "", files=[("a.jpg", "image/jpeg", b"1"), ("b.jpg", "image/jpeg", b"2")])
    first, second = scene.ingress.events
    assert first.album and first.album == second.album
    photo = scene.inbound()[0]
    assert photo.kind is SourceKind.PHOTO and not photo.unusable
    assert photo.remote == (RemoteFile(photo.message_id, "image/jpeg"),)


async def test_a_voice_message_says_how_long_it_is(scene: Scene) -> None:
    await scene.fake.says("dana", "", files=[("v", "audio/mp4", b"sound")])
    (voice,) = scene.inbound()
    assert voice.kind is SourceKind.VOICE and voice.remote[0].seconds == 2.5


async def test_a_file_says_its_name_and_size(scene: Scene) -> None:
    await scene.fake.says("dana", "", files=[("note.\u202epdf", "application/pdf", b"12345")])
    (file,) = scene.inbound()
    assert file.remote == (RemoteFile(file.message_id, "application/octet-stream", r"note.\u{202E}pdf", 5),)


@pytest.mark.parametrize("kind", ["sticker", "location", "somethingNew"])
async def test_what_cannot_be_worked_on_is_said_to_be_so(scene: Scene, kind: str) -> None:
    await scene.fake.send(scene.fake.message(kind, "dana"))
    (said,) = scene.inbound()
    assert said.unusable and said.text == "" and said.remote == ()


async def test_a_tap_carries_the_button_exactly(scene: Scene) -> None:
    await scene.show(card())
    (shown,) = await scene.fake.chat("dana")
    await scene.fake.taps("dana", shown, "approve")
    dana = scene.fake.user("dana")
    assert scene.inbound() == [Tap("line", dana, dana, f"approve:{'a' * 26}", {}, scene.clock.now())]


async def test_what_is_unsent_is_named(scene: Scene) -> None:
    ref = await scene.fake.says("dana", "secret")
    await scene.fake.unsends("dana", ref)
    dana = scene.fake.user("dana")
    assert scene.inbound()[1] == Unsent("line", dana, ref, dana, scene.clock.now())


async def test_a_new_friend_starts(scene: Scene) -> None:
    await scene.fake.send(scene.fake.event("follow", "dana", follow={"isUnblocked": False}))
    assert [one.text for one in scene.inbound()] == ["/start"]


@pytest.mark.parametrize("kind", ["unfollow", "join", "leave", "memberJoined"])
async def test_coming_and_going_asks_nothing(scene: Scene, kind: str) -> None:
    await scene.fake.send(scene.fake.event(kind, "dana", "housekeeping"))
    assert scene.inbound() == [None]


async def test_in_a_group_only_what_is_meant_for_us_is_addressed(scene: Scene) -> None:
    await scene.fake.says("dana", "lunch?", room="housekeeping")
    await scene.fake.says("dana", "the lift is stuck", room="housekeeping", mention=True)
    await scene.fake.says("dana", "yes", room="housekeeping", reply_to="461")
    chat, meant, answer = scene.inbound()
    group = scene.fake.group("housekeeping")
    assert {one.conversation_id for one in (chat, meant, answer)} == {group}
    assert (chat.room, chat.sender) == (group, scene.fake.user("dana"))
    # Whether it is ours that the last one quotes, the house knows (tests/test_edits.py).
    assert [one.addressed for one in (chat, meant, answer)] == [False, True, False]
    assert (meant.text, answer.reply_to) == ("the lift is stuck", "461")


async def test_whoever_does_not_want_bots_to_know_them_is_nobody(scene: Scene) -> None:
    event = scene.fake.message("text", "dana", "housekeeping", text="hi")
    del event["source"]["userId"]
    await scene.fake.send(event)
    (said,) = scene.inbound()
    assert (said.sender, said.addressed, said.text) == ("", False, "hi")


def test_a_mention_is_counted_in_utf_16_units() -> None:
    mention = {"mentionees": [{"index": 3, "length": 7, "isSelf": True}, {"index": 0, "length": 1}]}
    assert without_mention("🍎 @LoopOS help", mention) == ("🍎 help", True)
    assert without_mention("hi", {"mentionees": [{"index": -1, "length": 9, "isSelf": True}, 3]}) == (
        "hi",
        False,
    )


@pytest.mark.parametrize("payload", [{}, {"type": "message"}, {"type": 3}, {"source": []}])
def test_nothing_that_is_stored_can_break_the_reader(payload: dict[str, Any]) -> None:
    assert parse(payload) is None


@pytest.mark.parametrize(
    "change",
    [
        {"message": {"id": "1", "type": "text"}},
        {"message": {"id": "1", "type": "text", "text": 5}},
        {"type": "postback"},
        {"type": "postback", "postback": {"data": None}},
        {"type": "unsend", "unsend": []},
        {"source": None},
        {"timestamp": 10**30},
    ],
)
def test_an_event_with_a_part_missing_asks_nothing(change: dict[str, Any]) -> None:
    event = LineFake().message("text", "dana", text="hi")
    assert parse({**event, **change}) is None


# --- answers: free while the token lasts


async def test_an_answer_costs_nothing_while_the_reply_token_is_fresh(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    (sent,) = await scene.send("on it")
    await scene.send("and more")
    assert await scene.texts() == ["on it", "and more"]
    assert (scene.answered("reply"), scene.fake.used) == (1, 1)
    assert sent.message_ref == (await scene.fake.chat("dana"))[0].ref
    assert scene.line.health.last_delivered == scene.clock.now()


async def test_after_fifty_seconds_it_is_pushed(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    scene.clock.advance(seconds=51)
    await scene.send("on it")
    assert (scene.answered("reply"), scene.answered("push")) == (0, 1)


async def test_the_token_of_a_redelivered_event_is_not_trusted(scene: Scene) -> None:
    scene.fake.deliver = False
    await scene.fake.says("dana", "a leak")
    scene.fake.deliver = True
    await scene.fake.redeliver()
    await scene.send("on it")
    assert scene.answered("push") == 1


async def test_a_token_that_line_no_longer_takes_is_no_reason_to_be_silent(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    scene.fake._reply_tokens.clear()
    await scene.send("on it")
    assert await scene.texts() == ["on it"] and scene.fake.used == 1


async def test_the_newest_token_answers_though_events_come_in_disorder(scene: Scene) -> None:
    old = scene.fake.message("text", "dana", text="1")
    scene.clock.advance(seconds=30)
    new = scene.fake.message("text", "dana", text="2")
    await scene.fake.send(new)
    await scene.fake.send(old)
    scene.clock.advance(seconds=30)
    await scene.send("answer")
    assert scene.answered("reply") == 1


async def test_after_a_restart_a_stored_event_still_gives_its_token_once(scene: Scene) -> None:
    event = scene.fake.message("text", "dana", text="1")
    await scene.line.sign_of_life(event)
    await scene.send("one")
    await scene.line.sign_of_life(event)
    await scene.send("two")
    assert (scene.answered("reply"), scene.answered("push")) == (1, 1)


async def test_five_deliveries_go_in_one_call(scene: Scene) -> None:
    dana = scene.fake.user("dana")
    five = [Delivery(f"d{n}", dana, None, f"text {n}") for n in range(5)]
    sent = await scene.line.send(five, fresh())
    assert await scene.texts() == [f"text {n}" for n in range(5)]
    assert [one.message_ref for one in sent] == [one.ref for one in await scene.fake.chat("dana")]
    assert scene.fake.used == 1


async def test_a_group_is_answered_in_the_group(scene: Scene) -> None:
    await scene.fake.says("dana", "help", room="housekeeping", mention=True)
    group = scene.fake.group("housekeeping")
    for text in ("one", "two"):
        await scene.line.send([Delivery("d", group, None, text, quiet=True)], fresh())
    assert await scene.texts("housekeeping") == ["one", "two"]


async def test_a_sent_message_cannot_be_changed(scene: Scene) -> None:
    with pytest.raises(GiveUp):
        await scene.line.send(
            [Delivery("d", scene.fake.user("dana"), card(), None, message_ref="1")], fresh()
        )
    assert scene.fake.calls == []


# --- when it goes wrong


async def test_a_reply_that_arrived_unseen_is_not_said_twice(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    scene.fake.fail("reply", "accept_and_drop")
    first = fresh()
    with pytest.raises(OutcomeUnknown):
        await scene.send("on it", attempt=first)
    (sent,) = await scene.send("on it", attempt=Attempt(first.key, scene.clock.now()))
    assert await scene.texts() == ["on it"] and scene.fake.used == 0
    assert sent.message_ref


@pytest.mark.parametrize("how", ["drop", "hang", "server_error"])
async def test_a_reply_that_did_not_arrive_is_repeated_with_the_same_token(scene: Scene, how: Any) -> None:
    await scene.fake.says("dana", "a leak")
    scene.fake.fail("reply", how)
    first = fresh()
    with pytest.raises(OutcomeUnknown):
        await scene.send("on it", attempt=first)
    await scene.fake.says("dana", "hello?")  # a newer token does not tempt it
    await scene.send("on it", attempt=Attempt(first.key, scene.clock.now()))
    assert await scene.texts() == ["on it"] and scene.fake.used == 0


async def test_an_answer_is_not_lost_when_its_token_ran_out_meanwhile(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    scene.fake.fail("reply", "drop")
    first = fresh()
    with pytest.raises(OutcomeUnknown):
        await scene.send("on it", attempt=first)
    scene.clock.advance(seconds=90)
    await scene.send("on it", attempt=Attempt(first.key, scene.clock.now()))
    assert await scene.texts() == ["on it"] and scene.fake.used == 1


async def test_after_an_unknown_outcome_before_a_restart_nothing_is_replied(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    await scene.send("on it", attempt=Attempt(str(uuid4()), scene.clock.now()))
    assert (scene.answered("reply"), scene.answered("push")) == (0, 1)


@pytest.mark.parametrize("how", ["accept_and_drop", "drop", "hang", "server_error"])
async def test_a_push_of_unknown_outcome_is_repeated_under_its_key(scene: Scene, how: Any) -> None:
    scene.fake.fail("push", how)
    first = fresh()
    with pytest.raises(OutcomeUnknown):
        await scene.send("on it", attempt=first)
    assert scene.line.health.trouble
    (sent,) = await scene.send("on it", attempt=Attempt(first.key, scene.clock.now()))
    (shown,) = await scene.fake.chat("dana")
    assert sent.message_ref == shown.ref and scene.fake.used == 1
    assert scene.line.health.trouble is None


async def test_of_five_hundred_sends_with_cut_answers_each_is_shown_once(scene: Scene) -> None:
    scene.fake.quota = None
    for n in range(250):
        await scene.fake.says("dana", "and?")
        for method in ("reply", "push"):
            scene.fake.fail(method, "accept_and_drop")
            first = fresh()
            with pytest.raises(OutcomeUnknown):
                await scene.send(f"{method} {n}", attempt=first)
            await scene.send(f"{method} {n}", attempt=Attempt(first.key, scene.clock.now()))
    assert await scene.texts() == [f"{method} {n}" for n in range(250) for method in ("reply", "push")]


async def test_accepted_before_names_the_call_where_line_names_no_message(scene: Scene) -> None:
    key = str(uuid4())
    scene.fake._accepted[key] = (scene.clock.now(), "request-1", [])
    (sent,) = await scene.send(attempt=Attempt(key, scene.clock.now()))
    assert sent.message_ref == "request-1"


async def test_too_many_calls_wait_and_are_surely_not_sent(scene: Scene) -> None:
    scene.fake.fail("push", "rate_limited")
    with pytest.raises(TryLater) as caught:
        await scene.send()
    assert type(caught.value) is TryLater
    assert timedelta(seconds=0.5) < caught.value.after <= timedelta(seconds=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await scene.line.pace(scene.fake.user("dana"))


async def test_too_many_replies_keep_the_token(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    scene.fake.fail("reply", "rate_limited")
    with pytest.raises(TryLater):
        await scene.send()
    await scene.send()
    assert scene.fake.used == 0


async def test_slowed_down_after_an_unknown_outcome_it_stays_unknown(scene: Scene) -> None:
    scene.fake.fail("push", "rate_limited")
    with pytest.raises(OutcomeUnknown):
        await scene.send(attempt=Attempt(str(uuid4()), scene.clock.now()))


async def test_a_server_that_is_not_there_was_surely_not_reached(scene: Scene) -> None:
    await scene.fake.says("dana", "a leak")
    await scene.fake.stop()
    waits = []
    for _ in range(3):
        with pytest.raises(TryLater) as caught:
            await scene.send()
        assert type(caught.value) is TryLater
        waits.append(caught.value.after)
    assert waits == sorted(waits) and waits[-1] > 2 * waits[0]


@pytest.mark.parametrize("method", ["reply", "push"])
async def test_a_revoked_token_names_its_cure_and_no_secret(scene: Scene, method: str) -> None:
    if method == "reply":
        await scene.fake.says("dana", "a leak")
    scene.fake.fail(method, "revoked")
    with pytest.raises(ChannelDown, match="LINE_CHANNEL_ACCESS_TOKEN") as caught:
        await scene.send()
    assert caught.value.after == timedelta(seconds=60)
    assert scene.line.health.worrying and scene.fake.token not in str(scene.line.health.trouble)


async def test_a_person_who_is_not_there_is_given_up(scene: Scene) -> None:
    with pytest.raises(GiveUp, match="Failed to send messages"):
        await scene.line.send([Delivery("d", "U" + "9" * 32, None, "hi")], fresh())


async def test_a_used_up_month_takes_another_way_and_still_replies(scene: Scene) -> None:
    scene.fake.quota = 0
    with pytest.raises(QuotaSpent) as caught:
        await scene.send()
    assert caught.value.key == "line_quota:2026-11"
    await scene.fake.says("dana", "still there?")
    await scene.send("yes")
    assert await scene.texts() == ["yes"]


async def test_the_month_ends_when_it_ends_in_japan(scene: Scene) -> None:
    scene.fake.quota = 0
    scene.clock.at = scene.clock.at.replace(day=30, hour=16)
    with pytest.raises(QuotaSpent) as caught:
        await scene.send()
    assert caught.value.key == "line_quota:2026-12"


async def test_at_four_fifths_of_the_month_somebody_is_told(scene: Scene) -> None:
    scene.fake.quota, scene.fake.used = 10, 7
    await scene.line.read_quota()
    assert (scene.line.quota(), scene.told) == ((10, 7), [])
    await scene.send()
    await scene.send()
    assert (scene.line.quota(), scene.told) == ((10, 9), [(10, 8)])
    await scene.line.read_quota()
    assert scene.told[1:] == [(10, 9)]
    scene.fake.quota = None
    await scene.line.read_quota()
    assert scene.line.quota() == (None, 9)


# --- the first seconds


async def test_dots_show_in_a_direct_chat_only(scene: Scene) -> None:
    await scene.line.sign_of_life(scene.fake.message("text", "dana", text="hi"))
    await scene.line.sign_of_life(scene.fake.message("text", "dana", "housekeeping", text="hi"))
    await scene.line.sign_of_life({})
    assert [one["chatId"] for one in scene.fake.called("loading")] == [scene.fake.user("dana")]


@pytest.mark.parametrize("how", ["hang", "drop", "server_error", "revoked", "rate_limited"])
async def test_no_dots_are_no_reason_to_fail(scene: Scene, how: Any) -> None:
    scene.fake.fail("*", how, times=3)  # aiohttp itself repeats a GET once
    await scene.line.sign_of_life(scene.fake.message("text", "dana", text="hi"))
    assert await scene.line.display_name(scene.fake.user("dana"), scene.fake.user("dana")) == ""


async def test_people_are_called_by_their_names(scene: Scene) -> None:
    dana, group = scene.fake.user("dana"), scene.fake.group("housekeeping")
    room = "R" + "0" * 32
    scene.fake.group(room)
    assert [await scene.line.display_name(dana, where) for where in (dana, group, room)] == ["dana"] * 3
    assert await scene.line.display_name("U" + "9" * 32, group) == ""


# --- files


async def fetched(scene: Scene, file: RemoteFile) -> bytes:
    return b"".join([chunk async for chunk in scene.line.fetch(file)])


async def test_a_photo_is_fetched_whole(scene: Scene) -> None:
    data = bytes(range(256)) * 4000
    ref = await scene.fake.says("dana", "", files=[("a.jpg", "image/jpeg", data)])
    assert await fetched(scene, RemoteFile(ref, "image/jpeg")) == data


async def test_a_file_that_lies_elsewhere_is_never_asked_for(scene: Scene) -> None:
    where = {"type": "external", "originalContentUrl": "http://169.254.169.254/latest"}
    await scene.fake.send(scene.fake.message("image", "dana", contentProvider=where))
    (photo,) = scene.inbound()
    for ref in (photo.remote[0].ref, "../../info", "https://evil.example/x", ""):
        with pytest.raises(GiveUp, match="foreign_host"):
            await fetched(scene, RemoteFile(ref, "image/jpeg"))
    assert scene.fake.calls == []


@pytest.mark.parametrize(
    ("state", "error", "reason"),
    [
        ("gone", GiveUp, "gone"),
        ("failed", GiveUp, "gone"),
        ("elsewhere", GiveUp, "foreign_host"),
        ("processing", TryLater, "preparing"),
    ],
)
async def test_a_file_that_does_not_come_says_why(
    scene: Scene, state: str, error: type[Exception], reason: str
) -> None:
    scene.fake.file_states["7"] = state
    with pytest.raises(error, match=reason):
        await fetched(scene, RemoteFile("7", "audio/mp4"))
    with pytest.raises(GiveUp, match="gone"):
        await fetched(scene, RemoteFile("8", "audio/mp4"))


@pytest.mark.parametrize("how", ["hang", "drop", "server_error", "rate_limited"])
async def test_a_file_is_asked_for_again(scene: Scene, how: Any) -> None:
    scene.fake.files["7"] = ("image/jpeg", b"data")
    scene.fake.fail("content", how, times=2 if how == "drop" else 1)  # aiohttp itself repeats a GET once
    with pytest.raises(TryLater):
        await fetched(scene, RemoteFile("7", "image/jpeg"))
    assert await fetched(scene, RemoteFile("7", "image/jpeg")) == b"data"


async def test_no_file_comes_with_a_revoked_token(scene: Scene) -> None:
    scene.fake.fail("content", "revoked")
    with pytest.raises(ChannelDown):
        await fetched(scene, RemoteFile("7", "image/jpeg"))


async def test_a_file_that_is_too_large_stops_on_its_way(scene: Scene) -> None:
    scene.fake.files["7"] = ("image/jpeg", bytes(MAX_BYTES + 1))
    with pytest.raises(GiveUp, match="too_large"):
        await fetched(scene, RemoteFile("7", "image/jpeg"))


# --- what they see


async def test_a_card_shows_what_it_says_and_its_buttons(scene: Scene) -> None:
    shown = card(
        facts=(Fact(label="Place", value="Warm Taipei"),),
        sections=(
            Section(title="Why you are asked", text="• over the cap"),
            Section(title="History", text="long ago", folded=True),
            Section(
                title="Call", text="", folded=True, links=(Link(label="Call AirFix", url="tel:+886212345"),)
            ),
        ),
        questions=(
            CardQuestion(text="Which room?", buttons=(button("choose", "301"), button("choose", "302"))),
        ),
    )
    await scene.show(shown)
    (seen,) = await scene.fake.chat("dana")
    assert seen.text.splitlines()[:2] == ["❓ #12 Warm Taipei", "Send AirFix for about 80.00 USD?"]
    assert "Warm Taipei" in seen.text and "over the cap" in seen.text and "long ago" not in seen.text
    assert [label for label, _ in seen.buttons] == ["301", "302", "Approve 80.00 USD", "Reject"]
    assert seen.raw["altText"].endswith("Send AirFix for about 80.00 USD?")
    assert "tel:+886212345" in json.dumps(seen.raw)


async def test_a_button_with_a_form_is_tapped_plainly(scene: Scene) -> None:
    amount = Field(name="amount", kind="amount", label="New amount")
    await scene.show(card(buttons=(button("change", "Change amount", fields=(amount,)),)))
    (seen,) = await scene.fake.chat("dana")
    await scene.fake.taps("dana", seen, "Change amount")
    assert scene.inbound()[0].values == {}


@pytest.mark.parametrize("letter", ["x", "字", "🍎", "\n", '"'])
async def test_a_huge_card_is_shortened_and_keeps_every_button(scene: Scene, letter: str) -> None:
    long = letter * 4000
    many = tuple(Button(id=f"choose:{n:026}", label=f"{n} {long}") for n in range(30))
    huge = card(
        title=long,
        lead=long,
        facts=tuple(Fact(label=long, value=long) for _ in range(60)),
        sections=tuple(
            Section(title=long, text=long, links=(Link(label=long, url="https://example.com/ä b"),))
            for _ in range(9)
        ),
        questions=(CardQuestion(text=long, buttons=many[:15]),),
        buttons=many[15:],
    )
    await scene.show(huge)
    (seen,) = await scene.fake.chat("dana")
    assert [name for _, name in seen.buttons] == [one.id for one in many]


@pytest.mark.parametrize("state", ["open", "asking", "done", "refused", "danger"])
def test_white_on_each_state_is_readable(state: Any) -> None:
    colour = draw.card_message(card(state=state))["contents"]["header"]["backgroundColor"]

    def light(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (light(int(colour[n : n + 2], 16)) for n in (1, 3, 5))
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) > 4.5


def test_an_empty_card_is_still_one_that_line_takes() -> None:
    assert message_faults(draw.card_message(card(title="", lead=" ", buttons=()))) == []
    blank = card(buttons=(Button(id="x:1", label=" "),), sections=(Section(title="", text=""),))
    assert message_faults(draw.card_message(blank)) == []


async def test_a_long_text_is_split_between_words(scene: Scene) -> None:
    words = " ".join(f"wörd{n}🍎" for n in range(1500))
    await scene.send(words)
    pieces = await scene.texts()
    assert " ".join(pieces) == words and len(pieces) > 1


async def test_a_text_that_is_too_long_for_five_messages_is_cut(scene: Scene) -> None:
    dana = scene.fake.user("dana")
    texts = [
        Delivery("a", dana, None, "🍎" * 20_000),
        Delivery("b", dana, None, "short"),
        Delivery("c", dana, None, ""),
    ]
    sent = await scene.line.send(texts, fresh())
    seen = await scene.fake.chat("dana")
    assert len(seen) == 5 and seen[2].text.endswith("…")
    assert [one.message_ref for one in sent] == [seen[0].ref, seen[3].ref, seen[4].ref]


async def test_a_text_with_an_address_brings_no_preview(scene: Scene) -> None:
    await scene.send("look: https://example.com/a?b=1 now " + "字" * 9000)
    (seen,) = await scene.fake.chat("dana")
    assert seen.raw["type"] == "flex" and seen.text.startswith("look: https://example.com/a?b=1 now")


@pytest.mark.parametrize(
    "url", ["http://example.com", "javascript:alert(1)", "https://a b\n", "tel:abc", "ftp://x"]
)
def test_only_web_and_telephone_links_become_buttons(url: str) -> None:
    drawn = draw.card_message(
        card(sections=(Section(title="t", text="", links=(Link(label="l", url=url),)),))
    )
    assert message_faults(drawn) == []
    assert '"uri": "https://a%20b"' in json.dumps(drawn) or '"uri"' not in json.dumps(drawn)


# --- files that go out

LINK = "https://loopos.test/f/" + "t" * 400


def uris(message: Any) -> list[str]:
    return re.findall(r'"uri": "([^"]+)"', json.dumps(message))


async def test_a_picture_stands_in_the_chat_with_its_words_below(scene: Scene, tmp_path: Path) -> None:
    (sent,) = await scene.bring(outgoing(tmp_path, link=LINK, caption="Costs <b> in November"))
    shown, words = await scene.fake.chat("dana")
    assert shown.raw == {"type": "image", "originalContentUrl": LINK, "previewImageUrl": LINK}
    assert (sent.message_ref, words.text) == (shown.ref, "Costs <b> in November")
    await scene.bring(outgoing(tmp_path, link=LINK, caption=""))
    assert [one.raw["type"] for one in await scene.fake.chat("dana")] == ["image", "text", "image"]


async def test_a_document_or_a_picture_too_large_to_stand_there_is_opened_from_a_bubble(
    scene: Scene, tmp_path: Path
) -> None:
    pdf = outgoing(tmp_path, PDF, name="帳單 2026-11.pdf", media_type="application/pdf", link=LINK)
    large = outgoing(tmp_path, link=LINK, size=draw.MAX_PREVIEW + 1, caption="")
    await scene.bring(pdf)
    await scene.bring(large)
    one, two = await scene.fake.chat("dana")
    assert (one.text, uris(one.raw)) == ("Costs in November", [LINK])
    assert "帳單 2026-11.pdf" in json.dumps(one.raw, ensure_ascii=False)
    assert (two.text, uris(two.raw), two.raw["altText"]) == ("", [LINK], large.name)


async def test_five_pictures_in_one_call_lose_no_word(scene: Scene, tmp_path: Path) -> None:
    files = [outgoing(tmp_path, link=LINK, caption=f"picture {n}") for n in range(5)]
    sent = await scene.bring(*files)
    shown = await scene.fake.chat("dana")
    assert [one.message_ref for one in sent] == [one.ref for one in shown]
    assert [one.text for one in shown] == [f"picture {n}" for n in range(5)]
    assert all(uris(one.raw) == [LINK] for one in shown)


@pytest.mark.parametrize("how", ["accept_and_drop", "drop", "hang", "server_error"])
async def test_a_file_of_unknown_outcome_is_repeated_under_its_key(
    scene: Scene, tmp_path: Path, how: Any
) -> None:
    file, attempt = outgoing(tmp_path, link=LINK), fresh()
    scene.fake.fail("push", how)
    with pytest.raises(OutcomeUnknown):
        await scene.bring(file, attempt=attempt)
    await scene.bring(file, attempt=Attempt(attempt.key, scene.clock.now()))
    assert len(await scene.fake.chat("dana")) == 2


async def test_a_picture_is_shown_over_https_only(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(GiveUp, match="HTTPS"):
        await scene.bring(outgoing(tmp_path, link="http://127.0.0.1/f/x"))


# --- setting up


async def test_at_its_start_it_tells_line_where_it_is_and_puts_up_the_menu(scene: Scene) -> None:
    fake = scene.fake
    for _ in range(2):
        line = line_for(fake, scene.ingress, base_url=scene.url)
        await line.start()
        await until(lambda one=line: fake.default_menu and one.quota_limit is not None)
        await until(lambda one=line: one._tasks[0].done())
        await line.stop()
        assert line.user_id == fake.user_id
    assert fake.endpoint == scene.hook
    assert (len(fake.menus), scene.answered("create_menu"), scene.answered("set_endpoint")) == (1, 1, 1)


async def test_the_start_waits_for_nobody_and_tries_again(scene: Scene) -> None:
    scene.fake.fail("info", "revoked")
    await scene.line.start()
    await until(lambda: scene.line.health.worrying)
    assert "LINE_CHANNEL_ACCESS_TOKEN" in str(scene.line.health.trouble)
    await until(lambda: scene.line.user_id)
    assert scene.line.health.trouble is None


async def examined(scene: Scene, **more: Any) -> list[str]:
    known = {"channel_secret": scene.fake.secret, "access_token": scene.fake.token, "base_url": scene.url}
    settings: dict[str, Any] = {
        **known,
        "api_url": scene.fake.url,
        "clock": scene.clock,
        "redelivery_confirmed": True,
        "within": SOON,
        **more,
    }
    return await setup.examine(**settings)


async def test_a_sound_setup_has_no_findings(scene: Scene) -> None:
    url = scene.fake.url
    assert await setup.register(scene.fake.token, scene.url + "/", api_url=url, data_url=url) == []
    assert await examined(scene) == []
    assert (
        await setup.identify(scene.fake.secret, scene.fake.token, api_url=scene.fake.url)
        == "LoopOS (@loopos)"
    )


async def test_each_finding_names_its_cure(scene: Scene) -> None:
    fake = scene.fake

    async def only(word: str, **more: Any) -> None:
        (found,) = await examined(scene, **more)
        assert word in found and fake.token not in found and fake.secret not in found

    await only("no webhook address")
    await only("LOOPOS_BASE_URL", base_url=None)
    await only("LINE_CHANNEL_SECRET", channel_secret="")
    fake.endpoint = "https://old.example/line/webhook"
    await only("https://old.example/line/webhook")
    fake.endpoint, fake.active = scene.hook, False
    await only("Use webhook")
    fake.active, fake.secret = True, "another secret"
    await only("LINE_CHANNEL_SECRET")
    fake.secret = "the-channel-secret"
    await only("LOOPOS_LINE_REDELIVERY", redelivery_confirmed=False)
    fake.clock_is_off = timedelta(seconds=-90)
    await only("90 s ahead")
    fake.clock_is_off = timedelta(0)
    fake.quota, fake.used = 10, 8
    await only("8 of this month's 10")
    fake.used = 0
    await only("LINE_CHANNEL_ACCESS_TOKEN", access_token="wrong")
    fake.fail("info", "hang")
    await only("does not answer")
    fake.endpoint = "http://127.0.0.1:1/line/webhook"
    await only("cannot reach", base_url="http://127.0.0.1:1")


async def test_a_refused_token_cannot_start(scene: Scene) -> None:
    with pytest.raises(StartupError, match="Issue a new one"):
        await setup.identify(scene.fake.secret, "wrong", api_url=scene.fake.url)


async def test_registering_with_a_wrong_token_is_a_finding(scene: Scene) -> None:
    (found,) = await setup.register("wrong", scene.url, api_url=scene.fake.url, data_url=scene.fake.url)
    assert "LINE_CHANNEL_ACCESS_TOKEN" in found


async def test_a_menu_of_an_older_version_is_replaced_and_others_stay(scene: Scene) -> None:
    other = {**richmenu.definition({}), "name": "somebody else's"}
    scene.fake.menus = {"richmenu-1": {**other, "name": "loopos-0"}, "richmenu-2": other}
    url = scene.fake.url
    words = [("help", "Hilfe")]
    await setup.register(scene.fake.token, scene.url, lambda _: words, api_url=url, data_url=url)
    assert sorted(one["name"] for one in scene.fake.menus.values()) == ["loopos-1", "somebody else's"]
    menu = scene.fake.menus[scene.fake.default_menu or ""]
    assert [area["action"]["label"] for area in menu["areas"]] == ["tickets", "oncall", "Hilfe"]


def test_the_menu_is_a_small_picture_of_words() -> None:
    assert len(richmenu.picture()) < 100_000
    assert len({len(richmenu.word_line("HELP", y)) for y in range(7)}) == 1


# --- the fake refuses what LINE refuses


@pytest.mark.parametrize(
    "message",
    [
        {"type": "text", "text": ""},
        {"type": "text", "text": "x" * 5001},
        {"type": "text", "text": "🍎" * 2501},
        {"type": "video"},
        {"type": "image", "originalContentUrl": "https://a.b/c"},
        {"type": "image", "originalContentUrl": "https://a.b/c", "previewImageUrl": "http://a.b/c"},
        {
            "type": "image",
            "originalContentUrl": "https://a.b/" + "c" * 2000,
            "previewImageUrl": "https://a.b/",
        },
        {
            "type": "image",
            "originalContentUrl": "https://a.b/",
            "previewImageUrl": "https://a.b/",
            "alt": "x",
        },
        {"type": "text", "text": "x", "quickReply": {"items": [{}] * 14}},
        {"type": "flex", "altText": "", "contents": {"type": "bubble"}},
        {
            "type": "flex",
            "altText": "x",
            "contents": {"type": "bubble", "body": {"type": "text", "text": "x"}},
        },
        {"type": "flex", "altText": "x" * 1501, "contents": draw.card_message(card())["contents"]},
    ],
)
def test_the_fake_refuses_a_bad_message(message: dict[str, Any]) -> None:
    assert message_faults(message)


@pytest.mark.parametrize(
    "component",
    [
        {"type": "text", "text": ""},
        {"type": "text", "text": "x", "color": "red"},
        {"type": "text", "text": "x", "bold": True},
        {"type": "button", "action": {"type": "postback", "label": "x" * 41, "data": "d"}},
        {"type": "button", "action": {"type": "postback", "label": "x", "data": "d" * 301}},
        {"type": "button", "action": {"type": "uri", "label": "x", "uri": "javascript:1"}},
        {"type": "box", "layout": "baseline", "contents": [{"type": "separator"}]},
    ],
)
def test_the_fake_refuses_a_bad_component(component: dict[str, Any]) -> None:
    body = {"type": "box", "layout": "vertical", "contents": [component]}
    assert message_faults({"type": "flex", "altText": "x", "contents": {"type": "bubble", "body": body}})


async def test_the_fake_refuses_spent_tokens_wrong_keys_and_too_much(scene: Scene) -> None:
    api, text = scene.line._api, [{"type": "text", "text": "x"}]
    event, dana = scene.fake.message("text", "dana", text="x"), scene.fake.user("dana")
    await api.reply(event["replyToken"], text)
    for refused in (
        api.reply(event["replyToken"], text),
        api.push(dana, text, "not a uuid"),
        api.push("dana", text, str(uuid4())),
    ):
        with pytest.raises(Exception, match=r"^400"):
            await refused
    late = scene.fake.message("text", "dana", text="x")
    scene.clock.advance(seconds=61)
    with pytest.raises(Exception, match="Invalid reply token"):
        await api.reply(late["replyToken"], text)
