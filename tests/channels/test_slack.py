"""Slack, as people use it: the adapter, Slack's own SDK and the real store against a Slack on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import logging
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from channels.ingress import Ingress
from channels.slack import draw, setup
from channels.slack.channel import Slack
from channels.slack.listeners import Means
from channels.slack.parse import MALFORMED, Payload, event_of, homes, is_echo, parse, stored
from channels.slack.routing import bolt_app, route
from core.cards.card import Button, Card, CardQuestion, Fact, Field, Link, Option, Section
from core.context import Store, Tx
from core.errors import ChannelDown, GiveUp, OutcomeUnknown, StartupError, TryLater
from core.health import DEAF_AFTER, Health
from core.ids import button_id
from core.inbound import Edited, Inbound, Message, Opened, RemoteFile, Tap, Unsent
from core.media import MAX_BYTES
from core.model import SourceKind
from core.ports import Attempt, Delivery, Outgoing
from core.store.tables import ButtonRow, CardCopy, CardRow, InboxRow
from tests.channels.files import PDF, outgoing
from tests.fakes.slack import BOT_USER, FakeSlack
from tests.homes import bare_store
from tests.platforms import open_house

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@dataclass
class MovableClock:
    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


@dataclass
class House:
    """Our side: the adapter on a real store, with a web server in front."""

    fake: FakeSlack
    clock: MovableClock
    store: Store
    slack: Slack
    ingress: Ingress
    others: list[Slack] = field(default_factory=list)

    async def inbox(self) -> list[tuple[str, Inbound | None]]:
        """Every kept event: its id and what it means, in the order it came."""
        rows = await self.store.read(lambda s: list(s.scalars(select(InboxRow).order_by(InboxRow.id))))
        return [(row.event_id, await self.slack.route(row.payload)) for row in rows]

    async def payloads(self) -> list[dict[str, Any]]:
        return await self.store.read(lambda s: [row.payload for row in s.scalars(select(InboxRow))])

    async def heard(self) -> list[Inbound]:
        return [one for _, one in await self.inbox() if one is not None]

    async def only(self) -> Any:
        (one,) = await self.heard()
        return one

    async def send(
        self,
        to: str,
        content: Card | str,
        *,
        key: str | None = None,
        since: datetime | None = None,
        **more: Any,
    ) -> str:
        card, text = (content, None) if isinstance(content, Card) else (None, content)
        (sent,) = await self.slack.send(
            [Delivery("d1", to, card, text, **more)], Attempt(key or str(uuid.uuid4()), since)
        )
        if card is not None:
            await self.store.write(lambda tx: keep_card(tx, card, to))
        return sent.message_ref

    async def bring(
        self, to: str, file: Outgoing, *, key: str | None = None, since: datetime | None = None
    ) -> str:
        attempt = Attempt(key or str(uuid.uuid4()), since)
        (sent,) = await self.slack.send([Delivery("d1", to, None, None, file=file)], attempt)
        return sent.message_ref

    async def fetch(self, file: RemoteFile) -> bytes:
        return b"".join([chunk async for chunk in self.slack.fetch(file)])

    async def until(self, condition: Any) -> None:
        """Until `condition()` holds; some seconds at most."""
        for _ in range(1000):
            if (await condition()) if asyncio.iscoroutinefunction(condition) else condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("it did not happen")


def keep_card(tx: Tx, card: Card, conversation: str) -> None:
    name = uuid.uuid4().hex
    tx.add(CardRow(id=name, kind=card.kind, created_at=tx.now))
    tx.session.flush()
    content = card.model_dump(mode="json")
    tx.add(
        CardCopy(
            id=name,
            card_id=name,
            channel="slack",
            conversation_id=conversation,
            language=card.language,
            content=content,
            created_at=tx.now,
        )
    )
    tx.session.flush()
    for button in [*card.buttons, *(one for question in card.questions for one in question.buttons)]:
        if tx.get(ButtonRow, button.id) is None:
            tx.add(ButtonRow(id=button.id, copy_id=name, action=button.id.split(":")[0], args={}))


def adapter(fake: FakeSlack, store: Store, clock: MovableClock, **more: Any) -> Slack:
    ingress = Ingress(store, "slack", Health(clock))
    given = {"bot_token": fake.bot_token, "signing_secret": fake.signing_secret, "api_url": fake.api_url}
    return Slack(ingress=ingress, clock=clock, **{"timeout": 0.3, "ping_every": 0.02, **given, **more})


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = MovableClock()
    fake = FakeSlack(clock=clock)
    await fake.start()
    store = bare_store(tmp_path / "db", clock)
    slack = adapter(fake, store, clock)
    http = web.Application()
    slack.add_to(http)
    runner = web.AppRunner(http, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    fake.webhook_url = f"http://{host}:{port}/slack/events"
    one = House(fake, clock, store, slack, slack._ingress)
    try:
        yield one
    finally:
        for each in [*one.others, slack]:
            await each.stop()
        await runner.cleanup()
        await store.close()
        await fake.stop()


def a_button(action: str, label: str, **more: Any) -> Button:
    return Button(id=button_id(action), label=label, **more)


AMOUNT = Field(name="amount", kind="amount", label="New amount in USD")


def a_card(**more: Any) -> Card:
    given: dict[str, Any] = {
        "kind": "approval",
        "title": "T-1001 AC leak",
        "lead": "Send Mr. Wang for about 145.00 USD?",
        "state": "asking",
        "facts": (Fact(label="Place", value="Warm Taipei"), Fact(label="Severity", value="4")),
        "sections": (Section(title="In their words", text="水滴到插座旁邊"),),
        "buttons": (
            a_button("approve", "Approve 145.00 USD", style="primary"),
            a_button("change", "Change amount", fields=(AMOUNT,)),
            a_button("reject", "Reject", style="danger"),
        ),
    }
    return Card(**{**given, **more})


# --- what people say


async def test_a_direct_message_is_named_by_the_person(house: House) -> None:
    ref = await house.fake.says("U1", "AC leaks &amp; drips, see <https://a.b|a.b>")
    said = await house.only()
    assert said == Message("slack", "U1", ref, "U1", "AC leaks & drips, see a.b", said.at, SourceKind.TEXT)
    assert said.at.tzinfo is not None
    assert house.fake.answers == [(200, {})]


async def test_a_message_in_a_room_opens_a_thread_and_answers_stay_in_it(house: House) -> None:
    ref = await house.fake.says("U1", f"<@{BOT_USER}> pipe burst", room="C1")
    await house.fake.says("U2", "which one?", room="C1", reply_to=ref)
    (first_id, first), (_, answer) = await house.inbox()
    assert first_id == f"msg:{ref}"
    assert isinstance(first, Message)
    assert (first.conversation_id, first.room, first.addressed, first.text) == (ref, "C1", True, "pipe burst")
    assert isinstance(answer, Message)
    assert (answer.conversation_id, answer.addressed, answer.reply_to) == (ref, False, ref)


async def test_the_mention_may_come_first_or_alone(house: House) -> None:
    ref = await house.fake.says("U1", f"hey <@{BOT_USER}|loopos>: leak", room="C1", deliver=False)
    ts = ref.partition(":")[2]
    text = f"hey <@{BOT_USER}|loopos>: leak"
    mention = {"type": "app_mention", "user": "U1", "text": text, "ts": ts, "channel": "C1", "event_ts": ts}
    await house.fake._happened(mention)
    await house.fake._happened({**mention, "type": "message", "channel_type": "channel"})
    said = await house.only()
    assert (said.text, said.addressed) == ("hey : leak", True)


async def test_an_answer_to_a_card_in_direct_messages_says_which(house: House) -> None:
    card = await house.send("U1", a_card())
    await house.fake.says("U1", "132", reply_to=card)
    said = await house.only()
    assert (said.conversation_id, said.reply_to) == (f"U1:{card.partition(':')[2]}", card)


async def test_markup_and_odd_characters_arrive_as_what_was_seen(house: House) -> None:
    text = "a\x00b \u202e <!channel> <@U2> <#C1|general> <mailto:a@b.c|a@b.c> <tel:+886|+886> &lt;b&gt; <http://x.y|see>"
    await house.fake.says("U1", text)
    said = await house.only()
    seen = "a\\u{0000}b \\u{202E} @channel @U2 #general a@b.c +886 <b> see (http://x.y)"
    assert said.text == seen


async def test_a_photo_a_voice_note_and_a_spreadsheet(house: House) -> None:
    photo = house.fake.file("leak.jpg", "image/jpeg", b"jpeg")
    voice = house.fake.file("note.m4a", "video/mp4", b"sound") | {
        "subtype": "slack_audio",
        "duration_ms": 4200,
    }
    sheet = house.fake.file("a.xlsx", "application/vnd.ms-excel", b"x")
    await house.fake.says("U1", "look", files=[photo])
    await house.fake.says("U1", "", files=[voice])
    await house.fake.says("U1", "", files=[sheet])
    await house.fake.says("U1", "", files=[{"id": "F1", "file_access": "check_file_info"}])
    one, two, three, four = await house.heard()
    assert isinstance(one, Message) and isinstance(two, Message)
    assert (one.kind, one.text, one.remote[0].name) == (SourceKind.PHOTO, "look", "leak.jpg")
    assert (two.kind, two.remote[0].media_type, two.remote[0].seconds) == (SourceKind.VOICE, "audio/mp4", 4.2)
    assert isinstance(three, Message) and three.unusable and not three.remote
    assert isinstance(four, Message) and four.unusable
    assert await house.fetch(two.remote[0]) == b"sound"


async def test_an_edit_counts_and_a_link_preview_does_not(house: House) -> None:
    ref = await house.fake.says("U1", "leak")
    await house.fake.unfurls(ref)
    await house.fake.edits(ref, "leak in 301")
    _, change = await house.heard()
    assert isinstance(change, Edited)
    assert (change.conversation_id, change.message_id, change.text, change.sender) == (
        "U1",
        ref,
        "leak in 301",
        "U1",
    )


async def test_what_is_taken_back_is_unsent_also_under_a_gravestone(house: House) -> None:
    ref = await house.fake.says("U1", "leak", room="C1")
    await house.fake.unsends(ref)
    answered = await house.fake.says("U1", "another", room="C1")
    await house.fake.says("U2", "yes?", room="C1", reply_to=answered)
    await house.fake.unsends(answered)
    gone = [one for one in await house.heard() if isinstance(one, Unsent)]
    assert [(one.conversation_id, one.message_id, one.sender) for one in gone] == [
        (ref, ref, "U1"),
        (answered, answered, "U1"),
    ]


async def test_commands_single_and_under_our_own_name(house: House) -> None:
    await house.fake.commands("U1", "/loopos", "cost today", room="C1")
    await house.fake.commands("U1", "/cost", "today")
    await house.fake.commands("U1", "/loopos")
    await house.fake.commands("U1", "/tickets")
    said = await house.heard()
    assert [one.text for one in said if isinstance(one, Message)] == [
        "/cost today",
        "/cost today",
        "/help",
        "/tickets",
    ]
    assert {one.conversation_id for one in said} == {"U1"}
    assert house.fake.answers == [(200, {})] * 4


async def test_shortcuts_open_the_tickets_and_file_somebody_elses_message(house: House) -> None:
    photo = house.fake.file("leak.jpg", "image/jpeg", b"jpeg")
    ref = await house.fake.says("U2", "guest says it drips", room="C1", files=[photo], deliver=False)
    await house.fake.uses_shortcut("U1", "open_tickets")
    await house.fake.uses_shortcut("U1", "file_ticket", ref)
    opened, filed = await house.heard()
    assert isinstance(opened, Message) and isinstance(filed, Message)
    assert (opened.text, opened.conversation_id) == ("/tickets", "U1")
    assert (filed.text, filed.sender, filed.conversation_id, filed.room) == (
        "@U2: guest says it drips",
        "U1",
        "U1",
        "C1",
    )
    assert filed.kind is SourceKind.PHOTO


async def test_the_home_tab_is_drawn_for_whoever_opens_it(house: House) -> None:
    await house.fake.opens_home("U1")
    await house.fake.opens_home("U1", tab="messages")
    opened = await house.only()
    assert isinstance(opened, Opened)
    card = a_card()
    await house.send(opened.conversation_id, card)
    await house.send(opened.conversation_id, card)
    assert "Mr. Wang" in house.fake.home("U1").text
    await house.fake.taps("U1", house.fake.home("U1"), "approve")
    tap = (await house.heard())[-1]
    assert isinstance(tap, Tap)
    assert (tap.conversation_id, tap.button) == ("home:U1", card.buttons[0].id)


# --- what is not taken


async def test_our_own_words_and_other_bots_are_not_even_kept(house: House) -> None:
    await house.slack.start()
    await house.until(lambda: house.slack._reception.me is not None)
    where = {"channel": "C1", "channel_type": "channel", "ts": "1.1", "event_ts": "1.1", "text": "x"}
    for who in (
        {"bot_id": "B9", "user": "U9"},
        {"subtype": "bot_message"},
        {"user": BOT_USER},
        {"user": "USLACKBOT"},
    ):
        assert await house.fake._happened({"type": "message", **where, **who}) == 200
    ours = {"message": {"user": BOT_USER, "bot_id": "BBOT", "ts": "1.1", "text": "y"}}
    await house.fake._happened({"type": "message", "subtype": "message_changed", **where, **ours})
    assert await house.inbox() == []


async def test_another_workspace_and_a_guest_from_one_are_ignored(house: House) -> None:
    await house.slack.start()
    await house.until(lambda: house.slack._reception.me is not None)
    house.fake.person("U7", "Guest", team="T9")
    await house.fake.says("U7", "let me in", room="C1")
    event = {"type": "message", "user": "U1", "text": "x", "ts": "1.1", "channel": "C1", "event_ts": "1.1"}
    status, _ = await house.fake.post("events_api", {**house.fake.envelope(event), "team_id": "T9"})
    assert status == 200
    assert await house.fake.commands("U7", "/cost") == 200
    assert await house.fake.uses_shortcut("U7", "open_tickets") == 200
    assert await house.inbox() == []


async def test_what_slack_may_invent_is_kept_and_means_nothing_yet(house: House) -> None:
    await house.fake._happened({"type": "star_danced", "user": "U1", "event_ts": "1.1"})
    await house.fake._happened({"type": "user_change", "user": {"id": "U1"}, "event_ts": "1.1"})
    await house.fake._happened(
        {"type": "message", "subtype": "channel_join", "user": "U1", "channel": "C1", "ts": "1.2"}
    )
    for odd in (
        {"type": "event_callback", "event": 7},
        {"type": "event_callback"},
        {"no": "type"},
        {"type": "block_actions", "actions": []},
    ):
        assert (await house.fake.post("events_api", odd))[0] == 200
    kept = await house.inbox()
    assert len(kept) == 7
    assert [one for _, one in kept] == [None] * 7


async def test_no_malformed_payload_is_refused_or_lost() -> None:
    """A good payload with one thing in it replaced by nonsense: it is kept and read. What Bolt stumbles over is a fault
    of its job, as a listener's is; it never happens before the 200, nor to those who look at words again."""
    bolt = bolt_app()
    event = {"type": "message", "user": "U1", "channel": "D1", "ts": "1.5", "text": "x", "thread_ts": "1.4"}
    good: list[dict[str, Any]] = [
        {
            "type": "event_callback",
            "bot": "UB",
            "event": {**event, "files": [{"mimetype": "image/png", "url_private": "u"}]},
        },
        {
            "type": "event_callback",
            "bot": "UB",
            "event": {**event, "subtype": "message_changed", "message": {**event, "edited": {"ts": "2.0"}}},
        },
        {
            "type": "block_actions",
            "user": {"id": "U1"},
            "channel": {"id": "C1"},
            "container": {"message_ts": "1.5"},
            "actions": [{"value": "a:b", "action_ts": "1.6", "action_id": "tap:a"}],
        },
        {
            "type": "view_submission",
            "user": {"id": "U1"},
            "at": "2026-11-20T00:00:00+00:00",
            "view": {
                "type": "modal",
                "callback_id": "form",
                "private_metadata": '{"button":"b","conversation":"U1"}',
                "state": {"values": {}},
            },
        },
    ]
    assert None not in [await route(bolt, one) for one in good]
    nonsense: list[Any] = [None, 7, "x", [], {}, "9" * 400]
    for one in good:
        for path in paths(one):
            for bad in nonsense:
                payload = stored(replaced(one, path, bad), NOON, "UB")
                event_of(payload)
                is_echo(payload)
                homes(payload)
                parse(payload)
                with contextlib.suppress(*MALFORMED):
                    found = await route(bolt, payload)
                    assert found is None or (type(found.sender), type(found.conversation_id)) == (str, str)


def paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return (
        [at, *(path for key, value in inner for path in paths(value, (*at, key)))]
        if at
        else [path for key, value in inner for path in paths(value, (key,))]
    )


def replaced(data: Any, path: tuple[Any, ...], bad: Any) -> Any:
    if not path:
        return bad
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = replaced(copy[path[0]], path[1:], bad)
    return copy


# --- listeners


REACTED = {"type": "reaction_added", "user": "U1", "reaction": "house", "event_ts": "1.1"}


async def test_a_new_feature_is_one_more_listener(house: House) -> None:
    @house.slack.bolt.event("reaction_added")
    async def reacted(event: Payload, means: Means) -> None:
        if event["reaction"] == "house":
            means(Opened("slack", f"home:{event['user']}", event["user"], NOON))

    await house.fake._happened(REACTED)
    await house.fake._happened({**REACTED, "reaction": "eyes"})
    assert await house.only() == Opened("slack", "home:U1", "U1", NOON)


async def test_a_listener_cannot_say_words_that_nobody_could_look_at_again(house: House) -> None:
    @house.slack.bolt.event("reaction_added")
    async def reacted(event: Payload, means: Means) -> None:
        means(Message("slack", "U1", "m1", "U1", "/tickets", NOON))

    await house.fake._happened(REACTED)
    with pytest.raises(LookupError, match=r"slack\.parse"):
        await house.heard()


async def test_a_request_means_one_thing_at_most(house: House) -> None:
    @house.slack.bolt.event("reaction_added")
    async def reacted(means: Means) -> None:
        for person in ("U1", "U2"):
            means(Opened("slack", f"home:{person}", person, NOON))

    await house.fake._happened(REACTED)
    with pytest.raises(ValueError, match="too many"):
        await house.heard()


async def test_what_a_listener_raises_comes_out_as_it_is(house: House) -> None:
    async def broken(event: Payload) -> None:
        raise KeyError(event["user"])

    house.slack.bolt.event("reaction_added")(broken)
    await house.fake._happened(REACTED)
    with pytest.raises(KeyError) as error:
        await house.heard()
    assert [entry.name for entry in error.traceback][-1] == "broken"


async def every_kind(house: House, words: str) -> None:
    """One of each kind of request, with the words in it; and one that nobody listens to."""
    card = await house.send("U1", a_card(lead=words))
    ref = await house.fake.says("U1", words)
    await house.fake.edits(ref, f"{words} again")
    await house.fake.unsends(ref)
    await house.fake.says("U1", f"<@{BOT_USER}> {words}", room="C1")
    await house.fake.opens_home("U1")
    await house.fake.commands("U1", "/loopos", words)
    await house.fake.uses_shortcut("U1", "open_tickets")
    await house.fake.uses_shortcut("U1", "file_ticket", card)
    await house.fake.taps("U1", card, "approve")
    await house.fake.taps("U1", card, "change")
    await house.fake.fills("U1", amount="1")
    await house.fake._happened({"type": "star_danced", "user": "U1", "event_ts": "1.1", "text": words})


async def test_nothing_that_people_say_is_in_the_log_not_even_while_debugging(
    house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "wombat-in-the-bathtub"
    await every_kind(house, words)
    payloads = await house.payloads()
    caplog.set_level(logging.DEBUG)
    bolt = bolt_app()

    @bolt.event("reaction_added")
    async def broken(event: Payload) -> None:
        raise RuntimeError("it broke")

    found = [await route(bolt, payload) for payload in payloads]
    assert {type(one) for one in found} == {Message, Edited, Unsent, Opened, Tap, type(None)}
    with pytest.raises(RuntimeError):
        await route(bolt, stored({"type": "event_callback", "event": {**REACTED, "text": words}}, NOON, None))
    printed = capsys.readouterr()
    assert "wombat" not in caplog.text + printed.out + printed.err
    assert not [record for record in caplog.records if "bolt" in record.name]


async def test_finding_a_listener_asks_nobody_starts_nothing_and_hands_out_no_token(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await every_kind(house, "leak")
    payloads = await house.payloads()
    before, files = len(house.fake.calls), list(tmp_path.iterdir())

    def refuse(*_args: Any, **_more: Any) -> None:
        raise AssertionError("a socket or a thread")

    with monkeypatch.context() as patch:
        for name in ("SLACK_BOT_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
            patch.setenv(name, house.fake.bot_token)  # Bolt looks into the environment by itself
        patch.setenv("HOME", str(tmp_path))
        patch.setattr(socket, "socket", refuse)
        patch.setattr(threading.Thread, "start", refuse)
        bolt = bolt_app()
        tokens: list[str | None] = []

        @bolt.event("reaction_added")
        async def reacted(client: Any, context: Any) -> None:
            tokens.extend([client.token, context.token, context.bot_token])

        tasks = len(asyncio.all_tasks())
        for payload in [*payloads, stored({"type": "event_callback", "event": REACTED}, NOON, None)]:
            await route(bolt, payload)
    assert tokens == [None] * 3
    assert list(tmp_path.iterdir()) == files
    assert len(asyncio.all_tasks()) == tasks
    assert len(house.fake.calls) == before


def test_bolt_is_imported_only_where_slack_is_configured() -> None:
    program = (
        "import sys; import bot.app, bot.cli, bot.platforms, channels.slack.setup, bot.setup.doctor, bot.setup.init\n"
        "print('slack_bolt' in sys.modules); import channels.slack.channel; print('slack_bolt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


async def test_a_listener_that_fails_is_tried_again_and_then_the_founder_decides(tmp_path: Path) -> None:
    people = [("ben", "slack"), ("celine", "slack")]
    async with open_house(tmp_path, people) as house:
        ben, celine = house.phone("ben", "slack"), house.phone("celine", "slack")
        fake = house.fakes["slack"]
        (slack,) = house.app.platforms
        assert isinstance(slack, Slack)
        tried: list[bool] = []
        healed = False

        @slack.bolt.event("reaction_added")
        async def reacted(event: Payload, means: Means) -> None:
            tried.append(healed)
            if not healed:
                raise RuntimeError("boom")
            means(Opened("slack", f"home:{event['user']}", event["user"], NOON))

        await fake._happened({**REACTED, "user": celine.account})
        assert fake.answers[-1] == (200, {})
        await celine.says("vila Bali: wastafel mampet")
        for _ in range(6):
            await house.wait(minutes=1)
        assert tried == [False] * 5
        assert len(await house.tickets()) == 1  # nobody waits behind it for ever
        assert "boom" in (await ben.card("retry")).text
        assert await celine.sees("I could not work on this message")
        healed = True
        await ben.taps("retry")
        assert tried == [False] * 5 + [True]
        assert fake.home(celine.account)


# --- the webhook


async def raw(house: House, body: bytes, **headers: str) -> int:
    given = {**house.fake.signed(body), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return (await house.fake.post_raw(body, given))[0]


GOOD = json.dumps({"type": "event_callback", "event": {"type": "x"}, "event_id": "Ev1"}).encode()


async def test_forged_stale_and_broken_requests_are_refused(house: House) -> None:
    old = house.fake.signed(GOOD)
    unsigned = {"Content-Type": "application/json"}
    assert (await house.fake.post_raw(GOOD, unsigned))[0] == 401
    assert await raw(house, GOOD, X_Slack_Signature="v0=" + "0" * 64) == 401
    for stamp in ("abc", "", "-5", "1e9", "9" * 30, "1.5"):
        assert await raw(house, GOOD, X_Slack_Request_Timestamp=stamp) == 401, stamp
    assert await raw(house, GOOD, X_Slack_Signature="v0=ümläut") == 401
    for seconds in (301, -301):
        house.clock.at = NOON + timedelta(seconds=seconds)
        assert (await house.fake.post_raw(GOOD, old))[0] == 401
    house.clock.at = NOON
    assert await raw(house, b"\xff\xfe{}") == 400
    assert (await house.fake.post_raw(b"\xff\xfe{}", unsigned))[0] == 401
    for body in (b"{", b"[]", b"null", b"[" * 10_000, b'{"a":' * 10_000):
        assert await raw(house, body) == 400
    assert await house.inbox() == []
    assert (await house.fake.post_raw(GOOD, old))[0] == 200


async def test_forms_that_are_not_slacks_are_refused(house: House) -> None:
    async def form(body: bytes) -> int:
        return (
            await house.fake.post_raw(body, house.fake.signed(body, "application/x-www-form-urlencoded"))
        )[0]

    for body in (b"payload=%5B%5D", b"payload=%7B", b"a=b", b"payload=%ff", b"&" * 200, b"\xff"):
        assert await form(body) == 400, body
    assert await form(b"ssl_check=1&token=x") == 200
    assert await house.inbox() == []


@pytest.mark.parametrize("depth", [200, 800, 900, 960, 985])
async def test_deep_nesting_never_breaks_the_house(house: House, depth: int) -> None:
    event = '{"type":"x","deep":' + "[" * depth + "]" * depth + "}"
    body = ('{"type":"event_callback","event_id":"Ev1","event":' + event + "}").encode()
    assert await raw(house, body) in {200, 400}


async def test_large_packed_and_foreign_bodies_are_refused(house: House) -> None:
    assert await raw(house, b" " * (1024 * 1024 + 1)) == 413
    bomb = gzip.compress(b"{" * 5_000_000)
    assert await raw(house, bomb, Content_Encoding="gzip") == 413
    assert await raw(house, GOOD, Content_Type="text/plain") == 415
    assert await raw(house, GOOD, Content_Type="application/json; charset=utf-8") == 200
    assert house.fake._http is not None
    async with house.fake._http.get(house.fake.webhook_url) as response:
        assert response.status == 405


async def test_slack_verifies_the_address(house: House) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    assert await house.fake.post_raw(body, house.fake.signed(body)) == (200, {"challenge": "abc"})
    assert (await house.fake.post_raw(body, {"Content-Type": "application/json"}))[0] == 401


async def test_the_same_event_four_times_in_any_order_is_one(house: House) -> None:
    house.fake.deliver = False
    ref = await house.fake.says("U1", "leak")
    await house.fake.edits(ref, "leak in 301")
    waiting = [data for data, _ in house.fake.undelivered]
    house.fake.undelivered.clear()
    for tried, data in enumerate([waiting[1], *waiting, *reversed(waiting), waiting[0]]):
        assert (await house.fake.post("events_api", data, tried=tried))[0] == 200
    kept = await house.inbox()
    assert sorted(one for one, _ in kept) == sorted([f"msg:{ref}", kept[0][0]])
    assert kept[0][0].startswith(f"edit:{ref}:")


async def test_what_cannot_be_kept_is_not_acknowledged_and_comes_again(house: House) -> None:
    work = house.store.write

    async def stalled(*_args: Any, **_more: Any) -> Any:
        raise TryLater("the database is locked")

    house.store.write = stalled  # type: ignore[method-assign]
    await house.fake.says("U1", "leak")
    assert house.fake.answers == [(503, {})]
    house.store.write = work  # type: ignore[method-assign]
    await house.fake.redeliver()
    assert (await house.only()).text == "leak"


async def test_no_secret_of_slacks_is_kept(house: House) -> None:
    card = await house.send("U1", a_card())
    await house.fake.says("U1", "hello")
    await house.fake.taps("U1", card, "approve")
    await house.fake.commands("U1", "/cost")
    kept = json.dumps(await house.payloads())
    for secret in ('"token"', "response_url", house.fake.bot_token, house.fake.signing_secret):
        assert secret not in kept


# --- cards, taps and forms


async def test_a_card_shows_what_is_asked_and_a_tap_comes_back(house: House) -> None:
    card = a_card()
    ref = await house.send("U1", card)
    (seen,) = await house.fake.chat("U1")
    assert seen.ref == ref
    assert seen.text.split("\n")[:2] == ["T-1001 AC leak", "🟠 Send Mr. Wang for about 145.00 USD?"]
    assert "*Place*\nWarm Taipei" in seen.text
    assert seen.buttons == [(one.label, one.id) for one in card.buttons]
    assert await house.fake.taps("U1", seen, "approve") == 200
    tap = await house.only()
    assert tap == Tap("slack", "U1", "U1", card.buttons[0].id, {}, tap.at)


@pytest.mark.parametrize("to", ["U1", "C1", "thread"])
async def test_a_tap_names_the_conversation_the_card_was_sent_to(house: House, to: str) -> None:
    where = await house.fake.says("U1", "leak", room="C1", deliver=False) if to == "thread" else to
    ref = await house.send(where, a_card())
    await house.fake.taps("U1", ref, "approve")
    assert (await house.only()).conversation_id == where
    if to == "C1":
        await house.fake.says("U2", "looking", room="C1", reply_to=ref, deliver=False)
        await house.fake.taps("U1", ref, "reject")
        assert {one.conversation_id for one in await house.heard()} == {"C1"}


async def test_a_button_with_fields_opens_a_form_and_nothing_is_kept_before_it_is_sent(house: House) -> None:
    why = Field(name="why", kind="text", label="Why?", required=False)
    pick = Field(
        name="vendor",
        kind="choice",
        label="Which?",
        options=tuple(Option(value=str(n), label=f"V{n}") for n in range(150)),
    )
    change = a_button("change", "Change amount, vendor and whatever else", fields=(AMOUNT, pick, why))
    ref = await house.send("U1", a_card(buttons=(change,), language="es"))
    assert await house.fake.taps("U1", ref, "change") == 200
    assert await house.inbox() == []
    assert [call.method for call in house.fake.calls[-2:]] == ["views.open", "views.update"]
    assert house.fake.form("U1")["title"]["text"] == "Change amount, vendor a…"

    await house.fake.fills("U1", amount="1.200,50", vendor="120")
    assert house.fake.answers[-1][1]["response_action"] == "errors"
    assert list(house.fake.answers[-1][1]["errors"]) == ["amount"]
    assert await house.inbox() == []

    await house.fake.fills("U1", amount="132", vendor="120")
    assert house.fake.answers[-1] == (200, {"response_action": "clear"})
    tap = await house.only()
    assert tap == Tap("slack", "U1", "U1", change.id, {"amount": "132", "vendor": "120"}, tap.at)


async def test_a_form_sent_twice_is_one(house: House) -> None:
    ref = await house.send("U1", a_card())
    await house.fake.taps("U1", ref, "change")
    view = house.fake.form("U1")
    state = {"amount": {"amount": {"value": "1"}}}
    sent = {
        "type": "view_submission",
        "user": {"id": "U1"},
        "team": {"id": "T1"},
        "view": {**view, "state": {"values": state}},
    }
    for _ in range(2):
        await house.fake.post("interactive", sent)
    assert (await house.only()).values == {"amount": "1"}


async def test_a_form_that_does_not_open_ends_as_a_plain_tap_that_the_core_answers(house: House) -> None:
    card = a_card()
    ref = await house.send("U1", card)
    house.fake.fail("views.open", "server_error")
    await house.fake.taps("U1", ref, "change")
    await house.until(house.heard)
    assert (await house.only()).button == card.buttons[1].id


async def test_a_button_that_is_no_more_is_passed_on_for_the_core_to_answer(house: House) -> None:
    card = a_card()
    await house.slack.send([Delivery("d1", "U1", card, None)], Attempt("k"))  # nothing of it in the database
    (seen,) = await house.fake.chat("U1")
    await house.fake.taps("U1", seen, "change")
    await house.until(house.heard)
    assert (await house.only()).button == card.buttons[1].id
    assert "not valid" in json.dumps(house.fake.form("U1"))


async def test_a_tampered_button_is_kept_as_data(house: House) -> None:
    card = await house.send("U1", a_card())
    _, message = house.fake._found(card)
    message["blocks"][-1]["elements"][0]["value"] = "approve:\x00<!channel>"
    await house.fake.taps("U1", card, "Approve 145.00 USD")
    assert (await house.only()).button == "approve:\\u{0000}<!channel>"


async def test_many_buttons_keep_those_that_matter_in_sight_and_none_is_lost(house: House) -> None:
    plain = [a_button(f"b{n}", f"Button {n}") for n in range(12)]
    reject = a_button("reject", "Reject", style="danger")
    change = a_button("change", "Change", fields=(AMOUNT,))
    card = a_card(buttons=(*plain, reject, change))
    ref = await house.send("U1", card)
    (seen,) = await house.fake.chat("U1")
    assert {one for _, one in seen.buttons} == {one.id for one in card.buttons}
    faces = [e["text"]["text"] for e in seen.raw["blocks"][-1]["elements"] if e["type"] == "button"]
    assert faces == ["Button 0", "Button 1", "Button 2", "Reject"]
    await house.fake.taps("U1", ref, "b7")
    assert (await house.only()).button == plain[7].id
    await house.fake.taps("U1", ref, "change")
    assert len(await house.heard()) == 1
    await house.fake.fills("U1", amount="12")
    assert (await house.heard())[-1].values == {"amount": "12"}  # type: ignore[union-attr]


async def test_a_question_with_many_answers_is_a_list(house: House) -> None:
    few = CardQuestion(
        text="Is water near power?", buttons=(a_button("choose", "Yes"), a_button("choose", "No"))
    )
    many = CardQuestion(
        text="Which property?", buttons=tuple(a_button("choose", f"House {n}") for n in range(60))
    )
    ref = await house.send("U1", a_card(questions=(few, many)))
    await house.fake.taps("U1", ref, "House 47")
    await house.fake.taps("U1", ref, "No")
    assert [one.button for one in await house.heard() if isinstance(one, Tap)] == [
        many.buttons[47].id,
        few.buttons[1].id,
    ]


async def test_a_huge_card_is_cut_until_slack_takes_it_and_keeps_its_buttons(house: House) -> None:
    card = a_card(
        title="T" * 400,
        lead="<&>" * 2000,
        facts=tuple(Fact(label="L" * 300, value="V" * 3000) for _ in range(23)),
        sections=tuple(
            Section(
                title="S" * 300,
                text="詳" * 9000,
                folded=n % 2 == 0,
                links=(Link(label="call|me", url="tel:+886 2"),),
            )
            for n in range(9)
        ),
        questions=(CardQuestion(text="Q" * 5000, buttons=(a_button("choose", "x" * 200),)),),
    )
    ref = await house.send("U1", card)
    (seen,) = await house.fake.chat("U1")
    assert "…" in seen.text
    assert {one for _, one in seen.buttons} == {
        card.questions[0].buttons[0].id,
        *(one.id for one in card.buttons),
    }
    assert "<tel:+8862|call/me>" in seen.text
    await house.send("U1", card, message_ref=ref)
    await house.send("home:U1", card)


async def test_an_ordinary_card_is_not_cut(house: House) -> None:
    story = "水滴到插座旁邊。" * 100
    await house.send(
        "U1",
        a_card(sections=(Section(title="Said", text=story), Section(title="More", text=story, folded=True))),
    )
    (seen,) = await house.fake.chat("U1")
    assert story in seen.text
    assert seen.text.count("…") == 1


async def test_what_people_wrote_never_pings_or_links(house: House) -> None:
    evil = "<!channel> <@U2> <https://evil|good> *bold* & </b>"
    button = a_button("x", evil, fields=(Field(name="n", kind="text", label=evil, value=evil),))
    ref = await house.send(
        "U1",
        a_card(
            title=evil,
            lead=evil,
            facts=(Fact(label=evil, value=evil),),
            sections=(Section(title=evil, text=evil),),
            buttons=(button,),
        ),
    )
    await house.send("U1", evil)
    await house.fake.taps("U1", ref, "x")
    posted = json.dumps([*house.fake.called("chat.postMessage"), house.fake.form("U1")])
    as_markup = [
        part
        for part in posted.split('"mrkdwn"')[1:]
        if "<!" in part.split("}")[0] or "<@" in part.split("}")[0]
    ]
    assert as_markup == []
    assert all(
        not args["unfurl_links"] and not args["unfurl_media"]
        for args in house.fake.called("chat.postMessage")
    )
    assert all("<" not in args["text"] for args in house.fake.called("chat.postMessage"))


async def test_a_long_text_is_split_and_a_very_long_one_ends_with_a_mark(house: House) -> None:
    long = "\n".join(f"line {n} & more" for n in range(400))
    await house.send("U1", long)
    await house.send("U1", "長" * 30_000)
    first, second = await house.fake.chat("U1")
    assert first.text.replace("&amp;", "&") == long
    assert len(first.raw["blocks"]) > 1
    assert second.text.endswith("…")


def test_a_text_is_cut_by_what_it_costs_escaped() -> None:
    assert draw.fit("&" * 10, 11) == "&amp;&amp;…"
    assert draw.cut("abc", 3) == "abc"
    assert "".join(draw.pieces("<" * 5000, 3000)) == "<" * 5000


async def test_a_card_is_edited_where_it_stands_and_a_decided_one_has_no_buttons(house: House) -> None:
    ref = await house.send("U1", a_card())
    await house.send("U1", a_card(state="done", lead="Approved by Ben.", buttons=()), message_ref=ref)
    (seen,) = await house.fake.chat("U1")
    assert (seen.ref, seen.buttons) == (ref, [])
    assert "✅ Approved by Ben." in seen.text


async def test_everything_about_a_report_stays_in_its_thread(house: House) -> None:
    root = await house.fake.says("U1", f"<@{BOT_USER}> leak", room="C1")
    await house.send(root, "Got it.")
    assert house.fake.called("chat.postMessage")[0]["thread_ts"] == root.partition(":")[2]
    assert [one.text for one in await house.fake.chat("C1")] == ["Got it."]


async def test_a_quiet_remark_in_a_room_is_seen_by_one_person_only(house: House) -> None:
    root = await house.fake.says("U1", "leak", room="C1")
    await house.send(root, "Not yours to decide.", quiet=True, only_for="U2")
    await house.send("U1", "Nothing was changed.", quiet=True, only_for="U1")
    assert [one.text for one in await house.fake.chat("U2")] == ["Not yours to decide."]
    assert [one.text for one in await house.fake.chat("U1")] == ["Nothing was changed."]
    assert house.fake.called("chat.postEphemeral")[0]["thread_ts"] == root.partition(":")[2]


async def test_eyes_show_that_a_message_was_seen(house: House) -> None:
    ref = await house.fake.says("U1", "leak")
    await house.fake.commands("U1", "/cost")
    chatter = await house.fake.says("U1", "lunch?", room="C1")
    for payload in await house.payloads() * 2:
        await house.slack.sign_of_life(payload)
    house.fake.scopes.discard("reactions:write")
    for payload in await house.payloads():
        await house.slack.sign_of_life(payload)
    _, message = house.fake._found(ref)
    assert message["reactions"] == ["eyes"]
    assert "reactions" not in house.fake._found(chatter)[1]
    assert house.slack.health.trouble is None


async def test_people_have_the_name_of_their_profile(house: House) -> None:
    assert await house.slack.display_name("U1", "U1") == "Shirley"
    assert await house.slack.display_name("U99", "U99") == ""
    house.fake.fail("users.info", "server_error")
    assert await house.slack.display_name("U1", "U1") == ""


# --- files that go out


async def test_a_picture_arrives_as_it_is_and_says_what_it_shows(house: House, tmp_path: Path) -> None:
    root = await house.fake.says("U1", "leak", room="C1", deliver=False)
    file = outgoing(tmp_path, caption="<!channel> *Costs* & more, see <https://evil.example|here>")
    for to, room in (("U1", "U1"), ("home:U2", "U2"), ("C1", "C1"), (root, "C1")):
        await house.bring(to, file)
        message = (await house.fake.chat(room))[-1].raw
        (shown,) = message["files"]
        assert (shown["title"], shown["alt_txt"]) == (file.name, file.alt)
        assert house.fake.uploads[shown["id"]]["data"] == file.path.read_bytes()
        assert message["text"] == "&lt;!channel&gt; *Costs* &amp; more, see &lt;https://evil.example|here&gt;"
    assert message["thread_ts"] == root.partition(":")[2]


async def test_a_document_has_no_alt_text_and_may_have_no_words(house: House, tmp_path: Path) -> None:
    name, media_type = "帳單 2026-11.pdf", "application/pdf"
    await house.bring("U1", outgoing(tmp_path, PDF, name=name, media_type=media_type, caption="", alt="x"))
    (message,) = await house.fake.chat("U1")
    (shown,) = message.raw["files"]
    assert (shown["title"], shown["alt_txt"], message.text) == (name, "", "")
    assert shown["name"].startswith("帳單 2026-11-") and shown["name"].endswith(".pdf")


@pytest.mark.parametrize("how", ["server_error", "hang", "drop", "accept_and_drop"])
async def test_a_file_of_unknown_outcome_is_looked_up_before_it_is_shown_again(
    house: House, tmp_path: Path, how: Any
) -> None:
    root = await house.fake.says("U1", "leak", room="C1", deliver=False)
    file = outgoing(tmp_path)
    for where in ("U1", root):
        key = str(uuid.uuid4())
        house.fake.fail("files.completeUploadExternal", how)
        with pytest.raises(OutcomeUnknown):
            await house.bring(where, file, key=key)
        for _ in range(2):
            await house.bring(where, file, key=key, since=house.clock.now())
    await house.bring("U1", file)  # the same once more, because somebody asked again
    assert len(await house.fake.chat("U1")) == 2
    assert len(await house.fake.chat("C1")) == 1


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload"])
@pytest.mark.parametrize("how", ["server_error", "hang", "drop", "accept_and_drop"])
async def test_before_it_is_shown_a_file_is_simply_brought_again(
    house: House, tmp_path: Path, step: str, how: Any
) -> None:
    file = outgoing(tmp_path)
    house.fake.fail(step, how)
    with pytest.raises(TryLater) as error:
        await house.bring("U1", file)
    assert not isinstance(error.value, OutcomeUnknown)
    assert house.slack.health.trouble
    await house.bring("U1", file)
    assert len(await house.fake.chat("U1")) == 1
    assert house.slack.health.trouble is None


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
async def test_a_limited_upload_waits_as_long_as_slack_says(house: House, tmp_path: Path, step: str) -> None:
    house.fake.retry_after = 7
    house.fake.fail(step, "rate_limited")
    with pytest.raises(TryLater) as error:
        await house.bring("U1", outgoing(tmp_path))
    assert not isinstance(error.value, OutcomeUnknown)
    assert error.value.after == timedelta(seconds=7)
    assert house.slack.health.trouble is None


async def test_a_file_that_can_never_go_is_given_up_and_words_still_go(house: House, tmp_path: Path) -> None:
    file = outgoing(tmp_path)
    house.fake.most_upload = 100
    with pytest.raises(GiveUp, match="too_large"):
        await house.bring("U1", file)
    house.fake.scopes.discard("files:write")
    with pytest.raises(GiveUp, match="files:write"):
        await house.bring("U1", file)
    await house.send("U1", "words")
    house.fake.scopes.add("files:write")
    house.fake.most_upload = 1024 * 1024
    house.fake.fail("files.getUploadURLExternal", "revoked")
    with pytest.raises(ChannelDown, match="SLACK_BOT_TOKEN"):
        await house.bring("U1", file)
    with pytest.raises(GiveUp, match="channel_not_found"):
        await house.bring("C9", file)
    file.path.unlink()
    with pytest.raises(GiveUp, match="not there any more"):
        await house.bring("U1", file)


async def test_a_file_goes_to_slacks_hosts_only(house: House, tmp_path: Path) -> None:
    for host in ("http://169.254.169.254", "https://slack.com.evil.example", "http://files.slack.com", "no"):
        house.fake.upload_host = host
        with pytest.raises(GiveUp, match="foreign_host"):
            await house.bring("U1", outgoing(tmp_path))
    assert not house.fake.called("upload")


# --- when Slack fails


async def test_a_limited_method_waits_and_the_others_go_on(house: House) -> None:
    ref = await house.send("U1", "one")
    house.fake.retry_after = 7
    house.fake.fail("chat.postMessage", "rate_limited")
    with pytest.raises(TryLater) as first:
        await house.send("U1", "two")
    with pytest.raises(TryLater) as second:
        await house.send("U2", "three")
    assert first.value.after == timedelta(seconds=7)
    assert timedelta(seconds=6) < second.value.after <= timedelta(seconds=7)
    assert not isinstance(second.value, OutcomeUnknown)
    await house.send("U1", "edited", message_ref=ref)
    assert house.slack.health.trouble is None
    assert len(house.fake.called("chat.postMessage")) == 1


@pytest.mark.parametrize("how", ["server_error", "hang", "drop", "accept_and_drop"])
async def test_a_post_whose_outcome_is_unknown_is_looked_up_before_it_is_repeated(
    house: House, how: Any
) -> None:
    root = await house.fake.says("U1", "leak", room="C1", deliver=False)
    for where in ("U1", root, "C1"):
        key = str(uuid.uuid4())
        house.fake.fail("chat.postMessage", how)
        with pytest.raises(OutcomeUnknown):
            await house.send(where, "Approved.", key=key)
        ref = await house.send(where, "Approved.", key=key, since=house.clock.now())
        assert await house.send(where, "Approved.", key=key, since=house.clock.now()) == ref
    assert len(await house.fake.chat("U1")) == 1
    assert len(await house.fake.chat("C1")) == 2


@pytest.mark.parametrize("how", ["server_error", "hang", "drop"])
async def test_an_edit_is_simply_repeated(house: House, how: Any) -> None:
    ref = await house.send("U1", "one")
    house.fake.fail("chat.update", how)
    with pytest.raises(TryLater) as error:
        await house.send("U1", "two", message_ref=ref)
    assert not isinstance(error.value, OutcomeUnknown)
    assert house.slack.health.trouble
    await house.send("U1", "two", message_ref=ref)
    assert house.slack.health.trouble is None


async def test_a_whisper_whose_outcome_is_unknown_is_not_repeated(house: House) -> None:
    house.fake.fail("chat.postEphemeral", "accept_and_drop")
    with pytest.raises(OutcomeUnknown):
        await house.send("C1", "No.", key="k", quiet=True, only_for="U2")
    await house.send("C1", "No.", key="k", since=house.clock.now(), quiet=True, only_for="U2")
    assert len(await house.fake.chat("U2")) == 1


async def test_waits_grow_and_shrink_again(house: House) -> None:
    house.fake.fail("chat.postMessage", "drop", times=8)
    waits = []
    for _ in range(8):
        with pytest.raises(TryLater) as error:
            await house.send("C1", "x")
        waits.append(error.value.after.total_seconds())
    for wait, expected in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert expected * 0.75 <= wait <= expected * 1.25
    await house.send("C1", "x")
    house.fake.fail("chat.postMessage", "drop")
    with pytest.raises(TryLater) as error:
        await house.send("C1", "x")
    assert error.value.after < timedelta(seconds=2)


async def test_nobody_listening_is_surely_not_sent(house: House) -> None:
    nowhere = adapter(house.fake, house.store, house.clock, api_url="http://127.0.0.1:9/api/")
    house.others.append(nowhere)
    with pytest.raises(TryLater) as error:
        await nowhere.send([Delivery("d", "C1", None, "x")], Attempt("k"))
    assert not isinstance(error.value, OutcomeUnknown)


async def test_a_revoked_token_names_the_variable_and_never_the_value(house: House) -> None:
    house.fake.fail("chat.postMessage", "revoked")
    with pytest.raises(ChannelDown, match="SLACK_BOT_TOKEN is refused by Slack \\(token_revoked\\)") as error:
        await house.send("C1", "x")
    assert house.fake.bot_token not in str(error.value)
    assert house.slack.health.at_once
    house.fake.scopes.discard("chat:write")
    with pytest.raises(ChannelDown, match="chat:write"):
        await house.send("C1", "x")


async def test_what_can_never_be_sent_is_given_up(house: House) -> None:
    house.fake.room("C2", member=False)
    house.fake.room("C3", archived=True)
    house.fake.person("U8", "Bot", dms=False)
    for where, why in (
        ("C2", "not_in_channel"),
        ("C3", "is_archived"),
        ("C9", "channel_not_found"),
        ("U9", "user_not_found"),
        ("U8", "cannot_dm_bot"),
        ("C1:1.1", "thread_not_found"),
    ):
        with pytest.raises(GiveUp, match=why):
            await house.send(where, "x")
    theirs = await house.fake.says("U1", "mine", room="C1", deliver=False)
    for ref, why in ((theirs, "cant_update_message"), ("C1:9.9", "message_not_found")):
        with pytest.raises(GiveUp, match=why):
            await house.send("C1", "x", message_ref=ref)


async def test_an_answer_that_is_not_slacks_leaves_the_outcome_unknown(house: House) -> None:
    async def page(request: web.Request) -> web.Response:
        kind = {"text": "text/plain", "html": "text/html", "list": "application/json"}[
            request.match_info["kind"]
        ]
        return web.Response(text="[1]" if kind.endswith("json") else "hello", content_type=kind)

    app = web.Application()
    app.router.add_post("/{kind}/{method}", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    for kind in ("text", "html", "list"):
        odd = adapter(house.fake, house.store, house.clock, api_url=f"http://{host}:{port}/{kind}/")
        house.others.append(odd)
        with pytest.raises(OutcomeUnknown):
            await odd.send([Delivery("d", "C1", None, "x")], Attempt("k"))
    await runner.cleanup()


async def test_messages_to_one_room_keep_slacks_pace_and_idle_rooms_are_forgotten(house: House) -> None:
    slow = adapter(house.fake, house.store, house.clock, per_channel=(1, 60.0))
    await slow.pace("C1:1.1")
    await slow.pace("C2")
    waiting = asyncio.create_task(slow.pace("C1:2.2"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    quick = adapter(house.fake, house.store, house.clock, per_channel=(1, 0.0001), overall=(10_000, 1.0))
    for n in range(600):
        await quick.pace(f"U{n}")
    assert len(quick._limits) <= 256


# --- files


def remote(house: House, name: str, **more: Any) -> RemoteFile:
    return RemoteFile(f"{house.fake.url}/files/{name}", "image/png", **more)


async def test_a_file_is_fetched_with_the_token_from_slack_only(house: House) -> None:
    content = hashlib.sha256(b"x").digest() * 5000
    house.fake.file("a.png", "image/png", content)
    assert await house.fetch(remote(house, "a.png")) == content
    before = len(house.fake.calls)
    for ref in (
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/x",
        "http://files.slack.com/x",
        "https://files.slack.com:8443/x",
        "https://files.slack.com.evil.example/x",
        "https://evilslack.com/x",
        "https://files.slack.com@evil.example/x",
        "file:///etc/passwd",
        "not an address",
        "",
        "https://[::1",
    ):
        with pytest.raises(GiveUp, match="foreign_host"):
            await house.fetch(RemoteFile(ref, "image/png"))
    assert len(house.fake.calls) == before


async def test_the_token_follows_no_redirect_to_another_host(house: House) -> None:
    house.fake.file("away", "redirect:https://evil.example/x", b"")
    house.fake.file("inside", "redirect:http://127.0.0.1:1/x", b"")
    house.fake.file("round", "redirect:/files/round", b"")
    house.fake.file("here", "redirect:/files/a.png", b"")
    house.fake.file("a.png", "image/png", b"png")
    for name in ("away", "inside"):
        with pytest.raises(GiveUp, match="foreign_host"):
            await house.fetch(remote(house, name))
    with pytest.raises(GiveUp, match="gone"):
        await house.fetch(remote(house, "round"))
    assert await house.fetch(remote(house, "here")) == b"png"


async def test_files_that_are_gone_too_large_or_not_ours_to_see(house: House) -> None:
    with pytest.raises(GiveUp, match="gone"):
        await house.fetch(remote(house, "nothing"))
    with pytest.raises(GiveUp, match="too_large"):
        await house.fetch(remote(house, "x", bytes=MAX_BYTES + 1))
    house.fake.file("big", "image/png", b"x" * (MAX_BYTES + 1))
    with pytest.raises(GiveUp, match="too_large"):
        await house.fetch(remote(house, "big"))
    house.fake.file("a.png", "image/png", b"png")
    house.fake.scopes.discard("files:read")
    with pytest.raises(TryLater, match="files:read"):
        await house.fetch(remote(house, "a.png"))
    house.fake.scopes.add("files:read")
    for how in ("server_error", "drop", "hang"):
        # Twice: aiohttp itself repeats a GET once when a kept connection turns out to be dead.
        house.fake.fail("file", how, times=2)
        with pytest.raises(TryLater):
            await house.fetch(remote(house, "a.png"))
        house.fake.heal()


# --- catching up


async def test_what_was_written_while_we_were_down_is_read_once(house: House) -> None:
    fake = house.fake
    root = await fake.says("U1", "first", room="C1")
    direct = await fake.says("U2", "hello")
    card = await house.send("U2", a_card())
    house.clock.at += timedelta(minutes=30)
    missed = [
        await fake.says("U1", f"<@{BOT_USER}> new in the room", room="C1", deliver=False),
        await fake.says("U2", "in the thread", room="C1", reply_to=root, deliver=False),
        await fake.says("U2", "in direct messages", deliver=False),
        await fake.says("U2", "132", reply_to=card, deliver=False),
        await fake.says("U1", "for the first time", deliver=False),
    ]
    await fake.edits(direct, "hello, changed", deliver=False)
    await house.send("C1", "our own")
    fake.fail("conversations.history", "rate_limited")
    fake.retry_after = 0
    await house.slack.start()

    async def all_there() -> bool:
        return len(await house.inbox()) == 8

    await house.until(all_there)
    kept = dict(await house.inbox())
    assert {f"msg:{ref}" for ref in missed} <= kept.keys()
    changed = next(one for one in kept.values() if isinstance(one, Edited))
    assert (changed.message_id, changed.text) == (direct, "hello, changed")
    addressed = kept[f"msg:{missed[0]}"]
    assert isinstance(addressed, Message) and addressed.addressed and addressed.text == "new in the room"
    answer = kept[f"msg:{missed[3]}"]
    assert isinstance(answer, Message) and answer.reply_to == card
    # Slack delivers the same late, and another start looks again: nothing is doubled.
    await fake._happened(
        {**fake._found(missed[2])[1], **fake._where("DU2"), "event_ts": missed[2].partition(":")[2]}
    )
    again = adapter(fake, house.store, house.clock)
    house.others.append(again)
    await again.start()
    assert again._life is not None
    await again._life
    assert len(await house.inbox()) == 8


async def test_a_long_history_is_read_page_by_page(house: House) -> None:
    await house.fake.says("U1", "first")
    house.clock.at += timedelta(minutes=10)
    for n in range(450):
        await house.fake.says("U1", f"message {n}", deliver=False)
    await house.slack.start()
    assert house.slack._life is not None
    await house.slack._life
    texts = [one.text for one in await house.heard() if isinstance(one, Message)]
    assert texts == ["first", *(f"message {n}" for n in range(450))]


async def test_a_room_that_is_closed_to_us_does_not_stop_the_others(house: House) -> None:
    house.fake.room("C2")
    await house.fake.says("U1", "first", room="C2")
    await house.fake.says("U1", "first", room="C1")
    house.fake.rooms["C2"]["is_member"] = False
    house.clock.at += timedelta(minutes=10)
    await house.fake.says("U1", "missed", room="C1", deliver=False)
    await house.slack.start()
    assert house.slack._life is not None
    await house.slack._life
    assert "missed" in [one.text for one in await house.heard() if isinstance(one, Message)]


async def test_messages_are_taken_before_slack_said_who_we_are(house: House) -> None:
    house.fake.fail("auth.test", "hang", times=9)
    await house.slack.start()
    await house.fake.says("U1", f"<@{BOT_USER}> leak", room="C1")
    assert (await house.only()).addressed


# --- Socket Mode


async def socket_mode(house: House, **more: Any) -> Slack:
    slack = adapter(house.fake, house.store, house.clock, app_token=house.fake.app_token, timeout=2.0, **more)
    house.others.append(slack)
    await slack.start()
    await house.until(lambda: bool(house.fake.sockets))
    return slack


async def test_everything_also_comes_over_a_socket(house: House) -> None:
    slack = await socket_mode(house)
    card = await house.send("U1", a_card())
    await house.fake.says("U1", "leak")
    await house.fake.commands("U1", "/loopos", "cost")
    await house.fake.taps("U1", card, "approve")
    await house.fake.taps("U1", card, "change")
    await house.fake.fills("U1", amount="x")
    assert house.fake.answers[-1][1]["response_action"] == "errors"
    await house.fake.fills("U1", amount="12")
    assert [type(one).__name__ for one in await house.heard()] == ["Message", "Message", "Tap", "Tap"]
    assert slack.health.last_ping == NOON


async def test_an_envelope_is_acknowledged_only_when_it_is_kept(house: House) -> None:
    await socket_mode(house)
    house.fake.patience = 0.1
    work = house.store.write

    async def stalled(*_args: Any, **_more: Any) -> Any:
        raise TryLater("the database is locked")

    house.store.write = stalled  # type: ignore[method-assign]
    await house.fake.says("U1", "leak")
    assert house.fake.answers[-1][0] == 0
    house.store.write = work  # type: ignore[method-assign]
    house.fake.patience = 3.0
    await house.fake.redeliver()
    await house.fake.redeliver()
    assert (await house.only()).text == "leak"


async def test_a_new_connection_reads_what_was_missed(house: House) -> None:
    await socket_mode(house)
    await house.fake.says("U1", "first")
    first = house.fake.sockets[-1]
    await house.fake.says("U1", "missed", deliver=False)
    await house.fake.asks_to_reconnect()
    await house.until(lambda: house.fake.sockets and house.fake.sockets[-1] is not first)

    async def there() -> bool:
        return len(await house.heard()) == 2

    await house.until(there)


async def test_a_history_that_is_closed_to_us_is_told_with_the_scope_it_needs(house: House) -> None:
    await house.fake.says("U1", "first")
    house.fake.scopes.discard("im:history")
    await house.slack.start()
    await house.until(lambda: house.slack.health.at_once)
    assert "im:history" in str(house.slack.health.trouble)


@pytest.mark.parametrize("how", ["cut", "mute", "silence"])
async def test_a_dead_or_deaf_connection_is_replaced_and_what_was_missed_is_read(
    house: House, how: str
) -> None:
    slack = await socket_mode(house)
    await house.fake.says("U1", "first")
    first = house.fake.sockets[-1]
    await house.fake.says("U1", "missed", deliver=False)
    if how == "cut":
        await first.close()
    else:
        house.fake.mute = True
        if how == "silence":
            house.clock.at += DEAF_AFTER + timedelta(seconds=1)
    await house.until(lambda: len(house.fake.called("apps.connections.open")) > 1)
    house.fake.mute = False

    async def there() -> bool:
        return len(await house.heard()) == 2

    await house.until(there)
    await house.until(lambda: slack.health.trouble is None)


async def test_a_refused_app_token_is_told_at_once(house: House) -> None:
    house.fake.app_token = "xapp-2"
    slack = adapter(house.fake, house.store, house.clock, app_token="xapp-1")
    house.others.append(slack)
    await slack.start()
    await house.until(lambda: slack.health.at_once)
    assert "SLACK_APP_TOKEN" in str(slack.health.trouble)
    assert "xapp-1" not in str(slack.health.trouble)


# --- setting up


async def examine(house: House, **more: Any) -> list[str]:
    given = {
        "bot_token": house.fake.bot_token,
        "signing_secret": house.fake.signing_secret,
        "base_url": house.fake.webhook_url.removesuffix("/slack/events"),
        "api_url": house.fake.api_url,
        "within": 0.3,
        "clock": house.clock,
    }
    return await setup.examine(**{**given, **more})


async def test_a_good_setup_has_nothing_to_say(house: House) -> None:
    assert await examine(house) == []
    assert await examine(house, app_token=house.fake.app_token, base_url=None) == []
    assert await setup.identify(house.fake.bot_token, api_url=house.fake.api_url) == "@loopos in Warm Stays"


async def test_each_fault_of_a_setup_is_named_with_its_cure(house: House) -> None:
    house.fake.scopes -= {"im:write", "files:read", "files:write"}
    (scopes,) = await examine(house)
    assert "files:read, files:write, im:write" in scopes and "reinstall" in scopes
    house.fake.scopes |= {"im:write", "files:read", "files:write"}
    house.fake.skew = timedelta(seconds=-90)
    (clock,) = await examine(house)
    assert "90 seconds ahead" in clock
    house.fake.skew = timedelta()
    (token,) = await examine(house, bot_token="xoxb-wrong")
    assert (
        token.startswith("SLACK_BOT_TOKEN is refused by Slack (invalid_auth).") and "xoxb-wrong" not in token
    )
    (secret,) = await examine(house, signing_secret="f" * 32)
    assert "another SLACK_SIGNING_SECRET" in secret
    shape, _ = await examine(house, signing_secret="xoxb-1")
    assert "SLACK_SIGNING_SECRET" in shape
    (address,) = await examine(house, base_url="http://127.0.0.1:9")
    assert "cannot be reached" in address
    (page,) = await examine(house, base_url=f"{house.fake.url}/files/x")
    assert "answers 404" in page
    (way,) = await examine(house, base_url=None)
    assert "SLACK_APP_TOKEN" in way
    (app,) = await examine(house, app_token="xapp-wrong")
    assert "SLACK_APP_TOKEN" in app
    with pytest.raises(StartupError, match="OAuth & Permissions"):
        await setup.identify("xoxb-wrong", api_url=house.fake.api_url)


def test_the_manifest_names_every_address_or_none() -> None:
    commands = [("cost", "What was spent"), ("status", "How it goes"), ("/tickets", "What is open")]
    over_http = json.dumps(setup.manifest("https://loop.example/", commands))
    assert over_http.count("https://loop.example/slack/events") == 5
    by_socket = setup.manifest(None, commands)
    assert by_socket["settings"]["socket_mode_enabled"]
    assert "files:write" in by_socket["oauth_config"]["scopes"]["bot"]
    assert "url" not in json.dumps(by_socket)
    assert [one["command"] for one in by_socket["features"]["slash_commands"]] == [
        "/loopos",
        "/cost",
        "/tickets",
    ]


# --- the fake is no pushover


async def test_the_fake_refuses_what_slack_refuses(house: House) -> None:
    api = house.slack._api

    async def refused(method: str, **args: Any) -> str:
        with pytest.raises((GiveUp, ChannelDown)) as error:
            await api.call(method, args)
        return str(error.value)

    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}
    press = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "x"}, "value": "v"}
    for blocks in (
        [section] * 51,
        [{**section, "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{**section, "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "actions", "elements": [press] * 2}],
        [{"type": "actions", "elements": []}],
        [{"type": "actions", "elements": [{**press, "text": {"type": "plain_text", "text": "x" * 76}}]}],
        [{"type": "actions", "elements": [{**press, "action_id": "a" * 256}]}],
        [{"type": "actions", "elements": [{**press, "style": "plain"}]}],
        [{"type": "input", "label": {"type": "plain_text", "text": "x"}, "element": press}],
    ):
        assert await refused("chat.postMessage", channel="C1", text="x", blocks=blocks) == "invalid_blocks"
    long = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}] * 5
    assert await refused("chat.postMessage", channel="C1", text="x", blocks=long) == "msg_blocks_too_long"
    assert await refused("chat.postMessage", channel="C1", text="") == "no_text"
    assert await refused("chat.postMessage", channel="C1", text="x", parse="full") == "invalid_arguments"
    assert await refused("chat.dance") == "unknown_method"
    view = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [section]}
    trigger = house.fake.trigger("U1")
    await api.call("views.open", {"trigger_id": trigger, "view": view})
    assert await refused("views.open", trigger_id=trigger, view=view) == "invalid_trigger_id"
    trigger = house.fake.trigger("U1")
    house.clock.at += timedelta(seconds=4)
    assert await refused("views.open", trigger_id=trigger, view=view) == "expired_trigger_id"
    assert await refused("views.update", view_id="V99", view=view) == "not_found"
    house.fake.scopes.discard("chat:write")
    assert "chat:write" in await refused("chat.postMessage", channel="C1", text="x")


async def test_the_fake_refuses_uploads_that_slack_refuses(house: House) -> None:
    api = house.slack._api

    async def refused(method: str, **args: Any) -> str:
        with pytest.raises(GiveUp) as error:
            await api.call(method, args, query=True)
        return str(error.value)

    async def brought(data: bytes, address: str) -> int:
        async with api.session.post(address, data=data) as answer:
            return answer.status

    with pytest.raises(GiveUp, match="invalid_arguments"):
        await api.call("files.getUploadURLExternal", {"filename": "a.png", "length": 3})  # it reads no JSON
    assert await refused("files.getUploadURLExternal", filename="a.png", length=0) == "invalid_arguments"
    assert await refused("files.getUploadURLExternal", filename="", length=3) == "invalid_arguments"
    given = await api.call("files.getUploadURLExternal", {"filename": "a.png", "length": 3}, query=True)
    named = json.dumps([{"id": given["file_id"]}])
    complete = "files.completeUploadExternal"
    assert await refused(complete, files=named, channel_id="C1") == "file_not_found"
    assert await brought(b"four", given["upload_url"]) == 400
    assert await brought(b"one", given["upload_url"]) == 200
    assert await brought(b"one", given["upload_url"]) == 404
    assert await refused(complete, files="F1", channel_id="C1") == "invalid_arguments"
    assert await refused(complete, files=named, channel_id="C9") == "channel_not_found"
    assert await refused(complete, files=named, channel_id="C1", thread_ts="1.1") == "invalid_thread_ts"
    assert await refused(complete, files=named, channel_id="C1", channel="C1") == "invalid_arguments"
    await api.call(complete, {"files": named, "channel_id": "C1"}, query=True)
    assert await refused(complete, files=named, channel_id="C1") == "file_not_found"
