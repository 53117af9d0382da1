"""What each of Slack's requests means to us, as Bolt's listeners: a new feature of Slack's is one more of them.

A listener reads what was kept of a request and says what it means: `means(Tap(...))`, once, or nothing at all. `body` is
the row's payload: Slack's own, with `at` (when it came), `bot` (who the bot is there) and `id` (its event id), and without
Slack's secrets. Where a Message comes from, its words are read by `parse`, since others look at them again."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, ParamSpec

from channels.slack.addresses import ref
from channels.slack.message_parts import moment, plain, without_mention
from channels.slack.parse import (
    CHANNEL,
    FORM,
    MALFORMED,
    SAID,
    Payload,
    about,
    button_of,
    conversation_of,
    filled,
    meta_of,
    parse,
)
from core.inbound import Edited, Inbound, Opened, Tap, Unsent
from core.text import escape

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

P = ParamSpec("P")
Means = Callable[[Inbound | None], None]
"""Given to every listener that has an argument called `means`."""


def forgiving(listener: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    """What is not as Slack writes it means nothing. Without this whatever a listener raises is a fault: its request is
    tried again, and in the end put before the founder."""

    @functools.wraps(listener)
    async def forgiven(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            await listener(*args, **kwargs)
        except MALFORMED:
            return

    return forgiven


def _taken_back(body: Payload, event: Payload) -> Unsent:
    gone, at = about(event), moment(event["event_ts"])
    return Unsent(CHANNEL, conversation_of(body), ref(event["channel"], gone["ts"]), gone["user"], at)


def add_listeners(app: AsyncApp) -> None:
    """Bolt asks them in this order, and the first that fits is the only one: the last two take whatever is left."""

    @app.message_shortcut("file_ticket")
    @app.global_shortcut("open_tickets")
    @app.event("app_mention")
    @app.event({"type": "message", "subtype": SAID})
    async def said(body: Payload, means: Means) -> None:
        means(parse(body))

    @app.event({"type": "message", "subtype": "message_deleted"})
    @forgiving
    async def unsent(body: Payload, event: Payload, means: Means) -> None:
        means(_taken_back(body, event))

    @app.event({"type": "message", "subtype": "message_changed"})
    @forgiving
    async def changed(body: Payload, event: Payload, means: Means) -> None:
        message, before = event["message"], event.get("previous_message") or {}
        if message.get("subtype") == "tombstone":
            means(_taken_back(body, event))
            return
        if message.get("hidden") or message.get("subtype") not in SAID:
            return
        if message.get("text") == before.get("text"):
            return  # a link's preview was added, or something else that nobody wrote
        text, _ = without_mention(message.get("text") or "", body["bot"])
        means(
            Edited(
                CHANNEL,
                conversation_of(body),
                ref(event["channel"], message["ts"]),
                message["user"],
                plain(text),
                moment(message.get("edited", {}).get("ts") or event["event_ts"]),
            )
        )

    @app.event("app_home_opened")
    @forgiving
    async def opened(body: Payload, event: Payload, means: Means) -> None:
        if event.get("tab") == "home":
            means(Opened(CHANNEL, conversation_of(body), event["user"], moment(event["event_ts"])))

    @app.view_submission(FORM)
    @forgiving
    async def filled_in(body: Payload, means: Means) -> None:
        user, at = body["user"]["id"], datetime.fromisoformat(body["at"])
        values = {name: escape(value) for name, _, value in filled(body)}
        means(Tap(CHANNEL, conversation_of(body), user, escape(meta_of(body)["button"]), values, at))

    # --- last: every other button, and every command

    @app.block_action(re.compile(""))
    @forgiving
    async def tapped(body: Payload, action: Payload, means: Means) -> None:
        if body.get("view", {}).get("type") == "modal":
            return
        user, at = body["user"]["id"], moment(action["action_ts"])
        means(Tap(CHANNEL, conversation_of(body), user, button_of(action), {}, at))

    @app.command(re.compile("^/"))
    async def commanded(body: Payload, means: Means) -> None:
        means(parse(body))
