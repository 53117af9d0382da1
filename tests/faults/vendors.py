"""The three vendors as the run drives them: what goes wrong at their API, how they bring what people do (and bring it
again), and what of ours lies with them. It hides what the fakes do differently."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from tests.fakes import telegram as fakes_telegram
from tests.fakes.line import TOKEN_LIVES
from tests.faults.figures import Result

# --- what goes wrong at the vendor's API


@dataclass
class Fault:
    """The next `times` calls of `methods` ("*": of any) go wrong; `where`: only those with these bytes in them."""

    kind: str
    methods: tuple[str, ...]
    how: str
    times: float = 1
    where: bytes = b""


@dataclass
class Injector:
    """Stands before the fake's own `guarded`: whatever fires is counted."""

    fake: Any
    result: Result
    armed: list[Fault] = field(default_factory=list)
    _replies: dict[str, datetime] = field(default_factory=dict)
    """LINE's: token -> when it was given, of replies that were done and not answered."""

    def __post_init__(self) -> None:
        self._guarded: Callable[..., Awaitable[web.StreamResponse]] = self.fake.guarded
        self.fake.guarded = self.guarded

    async def guarded(
        self, request: web.Request, method: str, do: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.read()
        if method == "reply":
            self._asked_again(json.loads(body))
        fault = next((one for one in self.armed if self._hits(one, method, body)), None)
        if fault is None:
            answer = await self._guarded(request, method, do)
            hung_up = request.transport is None or request.transport.is_closing()
            if hung_up and answer.status == 200 and method in POSTS:
                self._unanswered(method, body)  # no fault of ours: this machine was too slow for the caller
            return answer
        fault.times -= 1
        self.armed = [one for one in self.armed if one.times > 0]
        self.result.faults[fault.kind] += 1
        if fault.how.startswith("accept") and method in POSTS:
            self._unanswered(method, body)
        match fault.how:
            case "accept_and_hang":
                await do()
                await asyncio.sleep(3600)  # ends when the caller hangs up
            case "accept_and_500":
                await do()
                return web.Response(status=500, text="internal error")
        self.fake.fail(method, fault.how)
        return await self._guarded(request, method, do)

    def _unanswered(self, method: str, body: bytes) -> None:
        """Done, and we are not told. Slack can be asked, and LINE too, but for replies only while their token lives."""
        if method == "sendMessage":
            self.result.cannot_tell += 1
        if method == "reply":
            token = json.loads(body)["replyToken"]
            self._replies[token] = self.fake._reply_tokens[token][1]

    def _asked_again(self, body: dict[str, Any]) -> None:
        at = self._replies.get(body["replyToken"])
        if at is not None and self.fake.clock.now() - at > TOKEN_LIVES:
            del self._replies[body["replyToken"]]
            self.result.cannot_tell += len(body["messages"])

    @staticmethod
    def _hits(fault: Fault, method: str, body: bytes) -> bool:
        return (method in fault.methods or "*" in fault.methods) and fault.where in body

    def arm(
        self, kind: str, methods: tuple[str, ...], how: str, times: float = 1, where: bytes = b""
    ) -> Fault:
        fault = Fault(kind, methods, how, times, where)
        self.armed.append(fault)
        return fault

    def disarm(self, fault: Fault) -> None:
        self.armed = [one for one in self.armed if one is not fault]


# --- the three vendors: what the fakes do differently


@dataclass
class Post:
    """A message of ours as it lies with the vendor; `at` orders those of one place."""

    place: str
    ref: str
    """Of no other message, whatever its place."""
    at: Any
    text: str
    buttons: tuple[str, ...] = ()


class Slack:
    posts, edits, files = ("chat.postMessage",), ("chat.update",), ("file",)

    def __init__(self, fake: Any, mode: str) -> None:
        self.fake, self.socket = fake, mode == "slack-socket"
        self.brought: list[Any] = []
        self.captures: list[tuple[bytes, dict[str, str]]] = []
        self._deliver, self._post_raw = fake._deliver, fake.post_raw
        fake._deliver, fake.post_raw = self._note_event, self._note_bytes

    async def _note_event(self, kind: str, data: Any, *, tried: int = 0) -> int:
        status = int(await self._deliver(kind, data, tried=tried))
        if status == 200 and kind == "events_api":
            self.brought.append(data)
        return status

    async def _note_bytes(self, body: bytes, headers: dict[str, str]) -> Any:
        answer = await self._post_raw(body, headers)
        if answer[0] == 200 and b"event_callback" in body:
            self.captures.append((body, headers))
        return answer

    @property
    def token(self) -> str:
        """What the vendor accepts."""
        return str(self.fake.bot_token)

    @token.setter
    def token(self, value: str) -> None:
        self.fake.bot_token = value

    def room(self) -> str:
        self.fake.room("CDESK")
        return "CDESK"

    async def photo(self, account: str, text: str, name: str, data: bytes) -> None:
        await self.fake.says(account, text, files=[self.fake.file(name, "image/png", data)])

    async def command(self, account: str, text: str) -> bool:
        """False: Slack told the person that it did not work."""
        return bool(await self.fake.commands(account, "/loopos", text.removeprefix("/")) == 200)

    async def tap(self, account: str, message: Any, action: str) -> bool:
        return bool(await self.fake.taps(account, message, action) == 200)

    async def held(self) -> list[Any]:
        waiting, self.fake.undelivered = [data for data, _ in self.fake.undelivered], []
        return waiting

    async def bring(self, one: Any, tried: int) -> int:
        return int(await self._deliver("events_api", one, tried=tried))

    async def repeat(self) -> None:
        """What was not taken comes again."""
        if self.fake.deliver and self.fake.undelivered:
            await self.fake.redeliver()

    async def replay(self) -> int:
        body, headers = self.captures[-1]
        return int((await self._post_raw(body, headers))[0])

    async def said_then_changed(self, account: str, text: str, new: str) -> tuple[Any, Any]:
        """(the message's event, the edit's), neither delivered."""
        self.fake.deliver = False
        await self.fake.says(account, text)
        original = json.loads(json.dumps(self.fake.undelivered.pop()[0]))
        channel = original["event"]["channel"]
        await self.fake.edits(f"{channel}:{original['event']['ts']}", new)
        change = self.fake.undelivered.pop()[0]
        self.fake.deliver = True
        return original, change

    async def said_then_unsent(self, account: str, text: str) -> tuple[str, Any, Any]:
        self.fake.deliver = False
        ref = await self.fake.says(account, text)
        original = json.loads(json.dumps(self.fake.undelivered.pop()[0]))
        await self.fake.unsends(ref)
        gone = self.fake.undelivered.pop()[0]
        self.fake.deliver = True
        return ref, original, gone

    async def late(self, account: str, text: str, ago: timedelta) -> None:
        self.fake.deliver = False
        await self.fake.says(account, text)
        event, _ = self.fake.undelivered.pop()
        self.fake.deliver = True
        seconds, _, rest = event["event"]["ts"].partition(".")
        old = f"{int(seconds) - int(ago.total_seconds())}.{rest}"
        stored = self.fake.message(event["event"]["channel"], event["event"]["ts"])
        stored["ts"] = event["event"]["ts"] = event["event"]["event_ts"] = old
        await self.fake._deliver("events_api", event, tried=1)

    def shown(self) -> list[Post]:
        ours = [
            (channel, one)
            for channel, many in self.fake.messages.items()
            for one in many
            if one.get("bot_id") == "BBOT"
        ]
        ours += [(one["channel"], one) for one in self.fake.whispers]
        return [Post(channel, f"{channel}:{one['ts']}", one["ts"], one["text"]) for channel, one in ours]

    def named(self, conversation: str, ref: str, posts: Container[str]) -> str:
        """The name of the post that we call `ref`."""
        return ref


class Telegram:
    posts, edits, files = ("sendMessage",), ("editMessageText",), ("getFile", "download")

    def __init__(self, fake: Any, mode: str) -> None:
        self.fake, self.polling = fake, mode == "telegram-polling"

    @property
    def brought(self) -> list[Any]:
        return list(self.fake.delivered)

    @property
    def token(self) -> str:
        """What the vendor accepts."""
        return str(fakes_telegram.TOKEN)

    @token.setter
    def token(self, value: str) -> None:
        fakes_telegram.TOKEN = value

    def room(self) -> str:
        return str(self.fake.room("Desk", kind="group"))

    async def photo(self, account: str, text: str, name: str, data: bytes) -> None:
        await self.fake.says(account, text, files=[(name, "image/png", data)])

    async def command(self, account: str, text: str) -> bool:
        await self.fake.says(account, text)
        return True

    async def tap(self, account: str, message: Any, action: str) -> bool:
        await self.fake.taps(account, message, action)
        return True

    async def held(self) -> list[Any]:
        async with self.fake._busy:
            waiting, self.fake.pending = [one.body for one in self.fake.pending], []
        return waiting

    async def bring(self, one: Any, tried: int) -> int:
        return int(await self.fake.post(one)) // 100 * 100

    async def repeat(self) -> None:
        if self.fake.deliver and self.fake.hook and self.fake.pending:
            await self.fake.redeliver()

    async def replay(self) -> int:
        return int(await self.fake.post(json.dumps(self.brought[-1]).encode()))

    async def said_then_changed(self, account: str, text: str, new: str) -> tuple[Any, Any]:
        self.fake.deliver = False
        number = await self.fake.says(account, text)
        await self.fake.edits(account, number, new)
        original, change = (one.body for one in self.fake.pending[-2:])
        del self.fake.pending[-2:]
        self.fake.deliver = True
        return original, change

    async def late(self, account: str, text: str, ago: timedelta) -> None:
        self.fake.deliver = False
        await self.fake.says(account, text)
        one = self.fake.pending[-1]
        one.body["message"]["date"] -= int(ago.total_seconds())
        self.fake.deliver = True
        self.fake._news.set()

    def shown(self) -> list[Post]:
        ours = [
            Post(str(chat.id), f"{chat.id}:{one['message_id']}", one["message_id"], one["text"])
            for chat in self.fake.chats.values()
            for one in chat.messages.values()
            if one["from"]["id"] == fakes_telegram.BOT["id"] and "text" in one
        ]
        alerts = [(chat, one) for chat in self.fake.chats.values() for one in chat.alerts]
        return ours + [Post(str(chat.id), f"{chat.id}:{one.ref}", None, one.text) for chat, one in alerts]

    def named(self, conversation: str, ref: str, posts: Container[str]) -> str:
        """A supergroup numbers its messages by itself, and what was on its way when the group moved stands there."""
        number, _, _ = conversation.partition(":")
        chat = self.fake.chats.get(int(number))
        here = f"{number}:{ref}"
        return here if chat is None or chat.moved_to is None or here in posts else f"{chat.moved_to}:{ref}"


class Line:
    posts, edits, files = ("push", "reply"), (), ("content",)

    def __init__(self, fake: Any, mode: str) -> None:
        self.fake = fake
        self.brought: list[Any] = []
        self.captures: list[bytes] = []
        self._send, self._post = fake.send, fake.post
        fake.send, fake.post = self._note_event, self._note_bytes

    async def _note_event(self, *events: Any) -> int:
        status = int(await self._send(*events))
        if status == 200:
            self.brought += events
        return status

    async def _note_bytes(self, url: str, body: bytes, **headers: str | None) -> int:
        status = int(await self._post(url, body, **headers))
        if status == 200:
            self.captures.append(body)
        return status

    @property
    def token(self) -> str:
        """What the vendor accepts."""
        return str(self.fake.token)

    @token.setter
    def token(self, value: str) -> None:
        self.fake.token = value

    def room(self) -> str:
        return str(self.fake.group("desk"))

    async def photo(self, account: str, text: str, name: str, data: bytes) -> None:
        await self.fake.says(account, "", files=[(name, "image/png", data)])

    async def command(self, account: str, text: str) -> bool:
        await self.fake.says(account, text)
        return True

    async def tap(self, account: str, message: Any, action: str) -> bool:
        await self.fake.taps(account, message, action)
        return True

    async def held(self) -> list[Any]:
        waiting, self.fake.undelivered = self.fake.undelivered, []
        return list(waiting)

    async def bring(self, one: Any, tried: int) -> int:
        return int(await self._send({**one, "deliveryContext": {"isRedelivery": tried > 0}}))

    async def repeat(self) -> None:
        if self.fake.deliver and self.fake.undelivered:
            await self.fake.redeliver(shuffled=False)

    async def replay(self) -> int:
        return int(await self._post(self.fake.webhook_url, self.captures[-1]))

    async def said_then_unsent(self, account: str, text: str) -> tuple[str, Any, Any]:
        self.fake.deliver = False
        ref = await self.fake.says(account, text)
        await self.fake.unsends(account, ref)
        original, gone = self.fake.undelivered[-2:]
        del self.fake.undelivered[-2:]
        self.fake.deliver = True
        return ref, original, gone

    async def late(self, account: str, text: str, ago: timedelta) -> None:
        event = self.fake.message("text", account, text=text)
        event["timestamp"] -= int(ago.total_seconds() * 1000)
        await self.fake.send({**event, "deliveryContext": {"isRedelivery": True}})

    def shown(self) -> list[Post]:
        return [
            Post(one.to, one.shown.ref, n, one.shown.text, tuple(name for _, name in one.shown.buttons))
            for n, one in enumerate(self.fake.posted)
        ]

    def named(self, conversation: str, ref: str, posts: Container[str]) -> str:
        return ref


VENDORS: dict[str, Any] = {"slack": Slack, "telegram": Telegram, "line": Line}
POSTS = {method for vendor in VENDORS.values() for method in vendor.posts}
