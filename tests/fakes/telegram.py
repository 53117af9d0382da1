"""Telegram's Bot API as far as the SDK, our poller and our webhook see it: chats, taps, updates, files."""

from __future__ import annotations

import asyncio
import copy
import html
import io
import itertools
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from aiohttp import web
from PIL import Image

from tests.fakes.faults import Call, FakeServer, How

Json = dict[str, Any]
TOKEN = "7000001:AAtelegram-test-token-0123456789abcd"
BOT: Json = {"id": 7000001, "is_bot": True, "first_name": "LoopOS", "username": "loopos_test_bot"}
LIMIT = 4096
MAX_DOWNLOAD = 20 * 1024 * 1024
DAY, TAP_LIVES = 86_400.0, 150.0
ANSWER_WITHIN = 15.0
"""Seconds in which a tap may be answered; Telegram publishes no number."""
RETRIES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Telegram waits 2, 4 .. 60 s between two tries."""

# "!" marks what must be there; anything not named is refused (Telegram would ignore it: here it is a typo).
METHODS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "getMe": {},
    "getUpdates": {"offset": int, "limit": int, "timeout": int, "allowed_updates": list},
    "setWebhook": {
        "url!": str,
        "allowed_updates": list,
        "secret_token": str,
        "drop_pending_updates": bool,
        "max_connections": int,
    },
    "deleteWebhook": {"drop_pending_updates": bool},
    "getWebhookInfo": {},
    "sendMessage": {
        "chat_id!": int,
        "text!": str,
        "message_thread_id": int,
        "parse_mode": str,
        "link_preview_options": dict,
        "disable_notification": bool,
        "reply_parameters": dict,
        "reply_markup": dict,
    },
    **{
        f"send{kind}": {
            "chat_id!": int,
            f"{kind.lower()}!": web.FileField,
            "caption": str,
            "message_thread_id": int,
            **({"disable_content_type_detection": bool} if kind == "Document" else {}),
        }
        for kind in ("Photo", "Document", "Audio", "Voice")
    },
    "editMessageText": {
        "chat_id!": int,
        "message_id!": int,
        "text!": str,
        "parse_mode": str,
        "link_preview_options": dict,
        "reply_markup": dict,
    },
    "answerCallbackQuery": {"callback_query_id!": str, "text": str, "show_alert": bool},
    "setMessageReaction": {"chat_id!": int, "message_id!": int, "reaction": list},
    "sendChatAction": {"chat_id!": int, "action!": str, "message_thread_id": int},
    "setMyCommands": {"commands!": list, "language_code": str},
    "getFile": {"file_id!": str},
    "getChat": {"chat_id!": int},
    "getChatMember": {"chat_id!": int, "user_id!": int},
}


class Refusal(Exception):
    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


def bad(description: str, **parameters: int) -> Refusal:
    return Refusal(400, f"Bad Request: {description}", **parameters)


@dataclass(frozen=True)
class Shown:
    """A message of the bot as people see it now; an alert has a ref that begins with "alert:"."""

    ref: str
    text: str
    buttons: list[tuple[str, str]]
    """(label, id)"""
    raw: Json


@dataclass
class Chat:
    id: int
    type: Literal["private", "group", "supergroup"]
    name: str
    forum: bool = False
    state: Literal["fresh", "started", "blocked", "deactivated", "kicked"] = "started"
    moved_to: int | None = None
    reactions_allowed: bool = True
    messages: dict[int, Json] = field(default_factory=dict)
    alerts: list[Shown] = field(default_factory=list)

    def to_json(self) -> Json:
        if self.type == "private":
            return {"id": self.id, "type": self.type, "first_name": self.name}
        return {
            "id": self.id,
            "type": self.type,
            "title": self.name,
            **({"is_forum": True} if self.forum else {}),
        }


@dataclass
class Pending:
    """An update that nobody has confirmed."""

    body: Json
    lane: int
    born: float
    lives: float

    @property
    def kind(self) -> str:
        return next(key for key in self.body if key != "update_id")


@dataclass
class Tapped:
    born: float
    person: int
    chat: int


@dataclass
class FakeTelegram(FakeServer):
    """People and groups are named by their id as a string; a person unknown so far presses "start" first."""

    webhook_url: str = ""
    """Where updates are brought; "" = to what setWebhook named."""
    deliver: bool = True
    ago: float = 0.0
    """Seconds that have passed beyond the real ones: set it to let things grow old."""
    bot_can_read_all: bool = False
    most_upload: int = 50 * 1024 * 1024
    chats: dict[int, Chat] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    hook: Json = field(default_factory=dict)
    """The arguments of setWebhook; empty while there is none."""
    hook_allows: list[str] = field(default_factory=list)
    menus: dict[str, list[Json]] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """file_id -> (path, bytes)"""
    paths: dict[str, str] = field(default_factory=dict)
    """file_id -> another path that getFile shall name."""
    redirect: str = ""
    """Where a download is sent to instead."""
    sizes: dict[str, int] = field(default_factory=dict)
    delivered: list[Json] = field(default_factory=list)
    """Every update that was answered with a 2xx."""
    statuses: list[int] = field(default_factory=list)
    """What our webhook answered, in order."""
    refused: list[str] = field(default_factory=list)
    tapped: dict[str, Tapped] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _numbers: Any = field(default_factory=lambda: defaultdict(lambda: itertools.count(1)))
    """Of messages: each supergroup counts from 1 by itself, all other chats of an account count together."""
    _update_ids: Any = field(default_factory=lambda: itertools.count(500_000))
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _poll: asyncio.Future[None] | None = None
    _retry: asyncio.Task[None] | None = None
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.app.router.add_route("*", "/bot{token}/{method}", self._api)
        self.app.router.add_get("/file/bot{token}/{path:.*}", self._download)

    async def stop(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        await super().stop()

    def now(self) -> float:
        return time.time() + self.ago

    def fail_after(self, good: int, method: str, how: How) -> None:
        """The call after the next `good` ones goes wrong."""
        self._faults[method].extend([None] * good)  # type: ignore[list-item]
        self.fail(method, how)

    # --- the API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        if request.match_info["token"] != TOKEN:
            return _answer(Refusal(401, "Unauthorized"))

        async def do() -> web.StreamResponse:
            try:
                args = _checked(method, await _arguments(request))
                result = await getattr(self, f"_{method}")(args)
            except Refusal as refusal:
                self.refused.append(refusal.description)
                return _answer(refusal)
            self.calls.append(Call(method, args, result))
            return web.json_response({"ok": True, "result": result})

        return await self.guarded(request, method, do)

    def rate_limited(self) -> web.Response:
        wait = self.retry_after
        return _answer(Refusal(429, f"Too Many Requests: retry after {wait}", retry_after=wait))

    def revoked(self) -> web.Response:
        return _answer(Refusal(401, "Unauthorized"))

    async def _getMe(self, _args: Json) -> Json:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": self.bot_can_read_all}

    async def _sendMessage(self, args: Json) -> Json:
        chat = self._reachable(args["chat_id"])
        shown = _shown(args)
        if self.takes_no_cards and "reply_markup" in shown:
            raise bad("can't parse inline keyboard button")
        thread = args.get("message_thread_id")
        if thread is not None and thread not in chat.messages:
            raise bad("message thread not found")
        reply = args.get("reply_parameters")
        if (
            reply
            and reply["message_id"] not in chat.messages
            and not reply.get("allow_sending_without_reply")
        ):
            raise bad("message to be replied not found")
        message = {**self._message(chat, BOT, thread), **shown}
        if reply and reply["message_id"] in chat.messages:
            message["reply_to_message"] = _bare(chat.messages[reply["message_id"]])
        message["silent"] = args.get("disable_notification", False)
        chat.messages[message["message_id"]] = message
        return _public(message)

    async def _sendPhoto(self, args: Json) -> Json:
        return self._keep_file(args, "photo")

    async def _sendDocument(self, args: Json) -> Json:
        return self._keep_file(args, "document")

    async def _sendAudio(self, args: Json) -> Json:
        return self._keep_file(args, "audio")

    async def _sendVoice(self, args: Json) -> Json:
        return self._keep_file(args, "voice")

    def _keep_file(self, args: Json, kind: str) -> Json:
        chat = self._reachable(args["chat_id"])
        upload: web.FileField = args[kind]
        data = upload.file.read()
        if len(data) > self.most_upload:
            raise Refusal(413, "Request Entity Too Large")
        if not data:
            raise bad("file must be non-empty")
        if len(args.get("caption", "").encode("utf-16-le")) // 2 > 1024:
            raise bad("message caption is too long")
        thread = args.get("message_thread_id")
        if thread is not None and thread not in chat.messages:
            raise bad("message thread not found")
        file_id = f"sent{next(self._ids)}"
        file = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(data)}
        if kind == "photo":
            file |= _picture(data)
        elif kind in {"audio", "voice"}:
            file |= {"duration": 3}
        else:
            file |= {"file_name": upload.filename, "mime_type": upload.content_type}
        message = {**self._message(chat, BOT, thread), kind: [file] if kind == "photo" else file}
        if caption := args.get("caption", "").strip():
            pings = [m.group() for m in re.finditer(r"(?<!\w)@\w{5,32}", caption)]
            message |= {"caption": caption, "pings": pings}
        chat.messages[message["message_id"]] = message
        message["upload"] = (kind, upload.filename, data)
        return _public(message)

    async def _editMessageText(self, args: Json) -> Json:
        chat = self._reachable(args["chat_id"])
        message = chat.messages.get(args["message_id"])
        if message is None:
            raise bad("message to edit not found")
        if message["from"]["id"] != BOT["id"] or message.get("forced"):
            raise bad("message can't be edited")  # neither may one that opened the input field
        shown = _shown(args)
        if shown.get("forced"):
            raise bad("inline keyboard expected")
        new = {**{k: v for k, v in message.items() if k not in {"html", "reply_markup", "forced"}}, **shown}
        if all(new.get(key) == message.get(key) for key in ("text", "html", "reply_markup")):
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            )
        chat.messages[args["message_id"]] = {**new, "edit_date": int(self.now())}
        return _public(chat.messages[args["message_id"]])

    async def _answerCallbackQuery(self, args: Json) -> bool:
        tapped = self.tapped.get(args["callback_query_id"])
        if tapped is None or self.now() - tapped.born > ANSWER_WITHIN:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        text = args.get("text", "")
        if len(text) > 200:
            raise bad("MESSAGE_TOO_LONG")
        if text:
            shown = Shown(f"alert:{args['callback_query_id']}", text, [], {"to": str(tapped.person), **args})
            self.chats[tapped.chat].alerts.append(shown)
        return True

    async def _setMessageReaction(self, args: Json) -> bool:
        chat = self._reachable(args["chat_id"])
        if args["message_id"] not in chat.messages:
            raise bad("message to react not found")
        if not chat.reactions_allowed:
            raise bad("REACTION_INVALID")
        chat.messages[args["message_id"]]["reactions"] = [one["emoji"] for one in args.get("reaction", [])]
        return True

    async def _sendChatAction(self, args: Json) -> bool:
        self._reachable(args["chat_id"])
        if args["action"] not in {"typing", "upload_photo", "upload_document", "record_voice"}:
            raise bad("wrong parameter action in request")
        return True

    async def _setMyCommands(self, args: Json) -> bool:
        if len(args["commands"]) > 100:
            raise bad("too many commands specified")
        for one in args["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", one["command"]):
                raise bad("BOT_COMMAND_INVALID")
            if not 1 <= len(one["description"]) <= 256:
                raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        code = args.get("language_code", "")
        if code and not re.fullmatch(r"[a-z]{2}", code):
            raise bad("invalid language code specified")
        self.menus[code] = args["commands"]
        return True

    async def _getFile(self, args: Json) -> Json:
        file_id = args["file_id"]
        if file_id not in self.files:
            raise bad("wrong file_id or the file is temporarily unavailable")
        path, data = self.files[file_id]
        if len(data) > MAX_DOWNLOAD:
            raise bad("file is too big")
        size = self.sizes.get(file_id, len(data))
        path = self.paths.get(file_id, path)
        return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": size, "file_path": path}

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != TOKEN:
            return _answer(Refusal(401, "Unauthorized"))

        async def do() -> web.StreamResponse:
            path = request.match_info["path"]
            self.calls.append(Call("download", {"path": path}))
            if self.redirect:
                raise web.HTTPFound(self.redirect + path)
            found = next((data for known, data in self.files.values() if known == path), None)
            if found is None:
                return _answer(Refusal(404, "Not Found"))
            response = web.StreamResponse()  # chunked: its length is not told
            await response.prepare(request)
            await response.write(found)
            return response

        return await self.guarded(request, "download", do)

    async def _getChat(self, args: Json) -> Json:
        chat = self._reachable(args["chat_id"])
        gifts = dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            True,
        )
        about = {"accent_color_id": 0, "max_reaction_count": 1, "accepted_gift_types": gifts}
        return {**chat.to_json(), **about}

    async def _getChatMember(self, args: Json) -> Json:
        self._reachable(args["chat_id"])
        if args["user_id"] not in self.chats:
            raise bad("user not found")
        return {"status": "member", "user": self._user(args["user_id"])}

    def _reachable(self, chat_id: int) -> Chat:
        chat = self.chats.get(chat_id)
        if chat is None:
            raise bad("chat not found")
        if chat.moved_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.moved_to)
        match chat.state:
            case "fresh":
                raise Refusal(403, "Forbidden: bot can't initiate conversation with a user")
            case "blocked":
                raise Refusal(403, "Forbidden: bot was blocked by the user")
            case "deactivated":
                raise Refusal(403, "Forbidden: user is deactivated")
            case "kicked":
                raise Refusal(403, f"Forbidden: bot was kicked from the {chat.type} chat")
        return chat

    # --- updates: kept until confirmed, or a 2xx

    async def _getUpdates(self, args: Json) -> list[Json]:
        if self.hook:
            raise Refusal(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete "
                "the webhook first",
            )
        self.rival_polls()  # of two pollers the older one is cut off
        offset = args.get("offset", 0)
        if offset < 0:
            del self.pending[:offset]
        self.pending = [one for one in self.pending if one.body["update_id"] >= offset]
        if "allowed_updates" in args:
            self.hook_allows = args["allowed_updates"]
        poll = self._poll = asyncio.get_running_loop().create_future()
        until = time.monotonic() + args.get("timeout", 0)
        while not (due := self._due()) and (left := until - time.monotonic()) > 0 and not poll.done():
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()
        if poll.done():
            raise Refusal(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )
        self._poll = None
        return [one.body for one in due[: args.get("limit", 100)]]

    def rival_polls(self) -> None:
        """Another process calls getUpdates with our token."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)
            self._news.set()

    async def _setWebhook(self, args: Json) -> bool:
        if not args["url"]:
            return await self._deleteWebhook(args)
        if not args["url"].startswith("https://"):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", args.get("secret_token", "x")):
            raise bad("secret token contains unallowed characters")
        if args.get("drop_pending_updates"):
            self.pending.clear()
        self.hook, self.hook_allows = args, args.get("allowed_updates", [])
        self._news.set()
        return True

    async def _deleteWebhook(self, args: Json) -> bool:
        if args.get("drop_pending_updates"):
            self.pending.clear()
        self.hook = {}
        return True

    async def _getWebhookInfo(self, _args: Json) -> Json:
        failed = [status for status in self.statuses[-1:] if status >= 300]
        trouble = {
            "last_error_date": int(self.now()),
            "last_error_message": f"Wrong response from the webhook: {failed[0]}" if failed else "",
        }
        return {
            "url": self.hook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self._due()),
            **(trouble if failed else {}),
        }

    def _due(self) -> list[Pending]:
        self.pending = [one for one in self.pending if self.now() - one.born <= one.lives]
        return self.pending

    def restart_ids(self, at: int) -> None:
        """What Telegram does after an idle week."""
        self._update_ids = itertools.count(at)

    async def happens(self, kind: str, body: Json, lane: int) -> Json:
        """Something happened that the bot is told of; returns the update."""
        update = {"update_id": next(self._update_ids), kind: copy.deepcopy(body)}
        if self.hook_allows and kind not in self.hook_allows:
            return update
        lives = TAP_LIVES if kind == "callback_query" else DAY
        self.pending.append(Pending(update, lane, self.now(), lives))
        self._news.set()
        if self.deliver and (self.hook or self.webhook_url):
            await self.redeliver()
        return update

    async def redeliver(self, *, shuffled: bool = False) -> None:
        """Bring what waits to the webhook, in order per chat; what is not answered 2xx is brought again later."""
        async with self._busy:
            stuck: set[int] = set()
            waiting = list(self._due())
            if shuffled:
                random.Random(7).shuffle(waiting)
            for one in waiting:
                if one.lane in stuck and not shuffled:
                    continue
                if await self.post(one.body) // 100 == 2:
                    self.pending.remove(one)
                    self.delivered.append(one.body)
                else:
                    stuck.add(one.lane)
        if stuck and self.deliver and (self._retry is None or self._retry.done()):
            self._retry = asyncio.create_task(self._again())

    async def _again(self) -> None:
        for wait in RETRIES:
            await asyncio.sleep(wait)
            if not self.deliver or not self._due():
                return
            await self.redeliver()

    async def post(self, body: Json | bytes, **headers: str | None) -> int:
        """One request to our webhook, as Telegram makes it; the status, 599 where nobody answers. A header that
        is None is left out."""
        url = self.webhook_url or self.hook.get("url", "")
        sent = {
            "Content-Type": "application/json",
            "X-Telegram-Bot-Api-Secret-Token": self.hook.get("secret_token"),
            **headers,
        }
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            async with (
                aiohttp.ClientSession(auto_decompress=False) as session,
                session.post(
                    url, data=io.BytesIO(data), headers={k: v for k, v in sent.items() if v is not None}
                ) as answer,
            ):
                self.statuses.append(answer.status)
        except aiohttp.ClientError:
            self.statuses.append(599)
        return self.statuses[-1]

    # --- people

    def person(self, name: str, user_id: int | None = None, *, started: bool = True) -> str:
        """A person, who has pressed "start" in the bot's chat unless told otherwise."""
        user_id = user_id or 1000 + next(self._ids)
        self.chats[user_id] = Chat(user_id, "private", name, state="started" if started else "fresh")
        return str(user_id)

    def room(
        self, title: str, *, kind: Literal["group", "supergroup"] = "supergroup", forum: bool = False
    ) -> str:
        number = -(1_000_000_000_000 if kind == "supergroup" else 0) - next(self._ids)
        self.chats[number] = Chat(number, kind, title, forum)
        return str(number)

    def topic(self, room: str, title: str) -> str:
        """A topic of a forum, as a conversation."""
        chat = self.chats[int(room)]
        message = {**self._message(chat, BOT, None), "forum_topic_created": {"name": title, "icon_color": 1}}
        message |= {"message_thread_id": message["message_id"], "is_topic_message": True}
        chat.messages[message["message_id"]] = message
        return f"{room}:{message['message_id']}"

    async def says(
        self,
        person: str,
        text: str,
        *,
        room: str | None = None,
        reply_to: str | None = None,
        files: Sequence[tuple[str, str, bytes]] | None = None,
    ) -> str:
        """The id of the (last) message. `files`: (name, media type, bytes), each a message of its own."""
        album = f"album{next(self._ids)}" if len(files or ()) > 1 else None
        if not files:
            return await self.sends(person, room=room, reply_to=reply_to, **_spoken(text, "text", "entities"))
        last = ""
        for position, (name, media_type, data) in enumerate(files):
            body = self._attachment(name, media_type, data)
            if position == 0 and text:
                body |= _spoken(text, "caption", "caption_entities")
            if album:
                body["media_group_id"] = album
            last = await self.sends(person, room=room, reply_to=reply_to, **body)
        return last

    async def sends(
        self, person: str, *, room: str | None = None, reply_to: str | None = None, **body: Any
    ) -> str:
        """A message of any kind, as the fields that Telegram's Message has for it."""
        chat, thread = self._where(person, room)
        message = {**self._message(chat, self._user(int(person)), thread), **body}
        if reply_to is not None:
            message["reply_to_message"] = _bare(chat.messages[int(reply_to)])
        elif thread is not None:
            message["reply_to_message"] = _bare(chat.messages[thread])  # as Telegram does it in a topic
        chat.messages[message["message_id"]] = message
        await self.happens("message", message, chat.id)
        return str(message["message_id"])

    async def edits(self, person: str, message_id: str, text: str, *, room: str | None = None) -> None:
        chat, _ = self._where(person, room)
        message = chat.messages[int(message_id)]
        key = "caption" if "text" not in message else "text"
        message |= {
            **_spoken(text, key, f"{key}_entities".removeprefix("text_")),
            "edit_date": int(self.now()),
        }
        await self.happens("edited_message", message, chat.id)

    async def taps(self, person: str, message: Shown | str, label_or_action: str) -> str:
        """The id of the tap. Only a button that stands there now can be tapped."""
        number = int(message.ref if isinstance(message, Shown) else message)
        chat = next(chat for chat in self.chats.values() if number in chat.messages)
        stored = chat.messages[number]
        wanted = [
            one["callback_data"]
            for row in stored.get("reply_markup", {}).get("inline_keyboard", [])
            for one in row
            if label_or_action in {one["text"], one["callback_data"].partition(":")[0]}
        ]
        assert wanted, f"no button {label_or_action!r}"
        return await self.forges_tap(person, chat, stored, wanted[0])

    async def forges_tap(self, person: str, chat: Chat, message: Json, data: str) -> str:
        """A tap with data of the sender's choice: clients can do that."""
        tap = str(10**17 + next(self._ids))
        self.tapped[tap] = Tapped(self.now(), int(person), chat.id)
        user = self._user(int(person))
        body = {"id": tap, "from": user, "message": _public(message), "chat_instance": "7", "data": data}
        await self.happens("callback_query", body, chat.id)
        return tap

    async def blocks(self, person: str) -> None:
        """The person blocks the bot (and the bot is told)."""
        chat = self.chats[int(person)]
        chat.state = "blocked"
        user, bot = self._user(int(person)), {"user": BOT}
        body = {"chat": chat.to_json(), "from": user, "date": int(self.now())}
        members = {
            "old_chat_member": {**bot, "status": "member"},
            "new_chat_member": {**bot, "status": "kicked"},
        }
        await self.happens("my_chat_member", {**body, **members}, chat.id)

    async def migrates(self, room: str, *, by: str, told: bool = True) -> str:
        """A group becomes a supergroup; both are told. Returns the new id."""
        old = self.chats[int(room)]
        new = self.room(old.name)
        old.moved_to = int(new)
        if told:
            user, there = self._user(int(by)), self.chats[int(new)]
            await self.happens(
                "message", {**self._message(old, user, None), "migrate_to_chat_id": int(new)}, old.id
            )
            await self.happens(
                "message", {**self._message(there, user, None), "migrate_from_chat_id": old.id}, there.id
            )
        return new

    async def chat(self, person_or_room: str) -> list[Shown]:
        """What the bot has said there, as it stands now; the alerts at the end."""
        number, _, thread = person_or_room.partition(":")
        chat = self.chats[int(number)]
        found = []
        for message in chat.messages.values():
            ours = message["from"]["id"] == BOT["id"] and ("text" in message or "upload" in message)
            if ours and (not thread or message.get("message_thread_id") == int(thread)):
                keyboard = message.get("reply_markup", {}).get("inline_keyboard", [])
                buttons = [(one["text"], one["callback_data"]) for row in keyboard for one in row]
                found.append(Shown(str(message["message_id"]), _words(message), buttons, message))
        return found + chat.alerts

    def _where(self, person: str, room: str | None) -> tuple[Chat, int | None]:
        if int(person) not in self.chats:
            self.person(f"Person {person}", int(person))
        if room is None:
            chat = self.chats[int(person)]
            chat.state = "started" if chat.state == "fresh" else chat.state
            return chat, None
        number, _, thread = room.partition(":")
        return self.chats[int(number)], int(thread) if thread else None

    def _user(self, user_id: int) -> Json:
        return {"id": user_id, "is_bot": False, "first_name": self.chats[user_id].name, "language_code": "en"}

    def _message(self, chat: Chat, author: Json, thread: int | None) -> Json:
        topic = {} if thread is None else {"message_thread_id": thread, "is_topic_message": True}
        base = {
            "message_id": next(self._numbers[chat.id if chat.type == "supergroup" else 0]),
            "from": author,
            "chat": chat.to_json(),
            "date": int(self.now()),
        }
        return {**base, **topic}

    def _attachment(self, name: str, media_type: str, data: bytes) -> Json:
        file_id = f"file{next(self._ids)}"
        self.files[file_id] = (f"files/{file_id}.bin", data)
        base = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(data)}
        if media_type.startswith("image/"):
            small = {**base, "file_id": f"{file_id}s", "width": 90, "height": 60, "file_size": 900}
            return {"photo": [small, {**base, "width": 1280, "height": 853}]}
        if media_type == "audio/ogg":
            return {"voice": {**base, "duration": 3, "mime_type": media_type}}
        kind = "audio" if media_type.startswith("audio/") else "document"
        extra = {"duration": 3} if kind == "audio" else {}
        return {kind: {**base, **extra, "file_name": name, "mime_type": media_type}}


# --- reading what the bot sends


def _answer(refusal: Refusal) -> web.Response:
    body: Json = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return web.json_response(body, status=refusal.status)


async def _arguments(request: web.Request) -> Json:
    """From the query, a form, multipart or JSON; in a form everything is a string."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        body: Json = await request.json()
        return args | body
    return args | dict(await request.post())


def _checked(method: str, raw: Json) -> Json:
    if method not in METHODS:
        raise Refusal(404, "Not Found")
    known = {name.rstrip("!"): (kind, name.endswith("!")) for name, kind in METHODS[method].items()}
    args: Json = {}
    for name, value in raw.items():
        if name not in known:
            raise bad(f"unknown argument {name} (the fake is stricter here)")
        args[name] = _typed(name, value, known[name][0])
    for name, (_, required) in known.items():
        if required and args.get(name) in (None, ""):
            raise bad("message text is empty" if name == "text" else f"{name} is empty")
    return args


def _typed(name: str, value: Any, kind: Any) -> Any:
    if isinstance(value, str) and kind is not str:
        try:
            value = json.loads(value)
        except ValueError:
            raise bad(f"can't parse {name}: wrong type") from None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise bad(f"can't parse {name}: wrong type")
    return value


def _shown(args: Json) -> Json:
    """{text, html, entities, reply_markup} of a message; refuses what Telegram refuses."""
    if args.get("parse_mode", "") not in {"", "HTML"}:
        raise bad("unsupported parse_mode")
    text, entities = read_html(args["text"]) if args.get("parse_mode") else (args["text"], [])
    text = text.strip()
    if not text:
        raise bad("message text is empty")
    if len(text.encode("utf-16-le")) // 2 > LIMIT:
        raise bad("message is too long")
    pings = [m.group() for m in re.finditer(r"(?<!\w)@\w{5,32}", text)]
    shown: Json = {"text": text, "html": args["text"], "entities": entities, "pings": pings}
    shown["previews"] = not args.get("link_preview_options", {}).get("is_disabled", False)
    markup = args.get("reply_markup")
    if markup is None:
        return shown
    if "inline_keyboard" in markup:
        _check_keyboard(markup["inline_keyboard"])
        return {**shown, "reply_markup": markup} if markup["inline_keyboard"] else shown
    if markup.get("force_reply") is not True:
        raise bad("object expected as reply markup")
    if not 1 <= len(markup.get("input_field_placeholder", "x")) <= 64:
        raise bad("input field placeholder is too long")
    return {**shown, "forced": markup}


def _check_keyboard(rows: Any) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('can\'t parse inline keyboard: Field "inline_keyboard" must be of type Array of Arrays')
    if sum(map(len, rows)) > 100 or any(len(row) > 8 for row in rows):
        raise bad("reply markup is too long")
    for button in itertools.chain(*rows):
        if not str(button.get("text", "")).strip():
            raise bad("can't parse inline keyboard button: Text must be non-empty")
        if not 1 <= len(str(button.get("callback_data", "")).encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")


_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "blockquote"}
_TAG = re.compile(r"<(/?)([a-zA-Z-]*)((?:\s+[a-z-]+(?:=\"[^\"<>]*\")?)*)\s*>")


def read_html(source: str) -> tuple[str, list[Json]]:
    """(text, entities). Refuses a tag that is unknown, open at the end, or closed in the wrong place."""
    text, entities, stack, at = "", [], [], 0
    while at < len(source):
        if source[at] != "<":
            end = source.find("<", at)
            end = len(source) if end < 0 else end
            text += html.unescape(source[at:end])
            at = end
            continue
        tag = _TAG.match(source, at)
        offset = len(source[:at].encode())
        if tag is None or tag.group(2).lower() not in _TAGS:
            name = tag.group(2) if tag else ""
            raise bad(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {offset}')
        closing, name, attributes = tag.group(1), tag.group(2).lower(), tag.group(3)
        if not closing:
            stack.append((name, attributes.strip(), len(text)))
        elif not stack or stack[-1][0] != name:
            raise bad(f"can't parse entities: Unmatched end tag at byte offset {offset}")
        else:
            _, kept, begin = stack.pop()
            entities.append({"type": name, "attributes": html.unescape(kept), "text": text[begin:]})
        at = tag.end()
    if stack:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{stack[-1][0]}\"")
    return text, entities


def _spoken(text: str, key: str, entities_key: str) -> Json:
    """A person's words, with the entities that a client finds in them. Offsets are in UTF-16 units."""
    patterns = (("bot_command", r"(?<!\S)/[a-zA-Z0-9_]+(@\w+)?"), ("mention", r"(?<![\w/])(?<!\w@)@\w+"))
    found: list[Json] = []
    for kind, pattern in patterns:
        for match in re.finditer(pattern, text):
            begin, length = (
                len(part.encode("utf-16-le")) // 2 for part in (text[: match.start()], match.group())
            )
            inside = any(e["offset"] <= begin < e["offset"] + e["length"] for e in found)
            if not inside:
                found.append({"type": kind, "offset": begin, "length": length})
    return {key: text, **({entities_key: found} if found else {})}


def _words(message: Json) -> str:
    return str(message.get("text", message.get("caption", "")))


def _picture(data: bytes) -> Json:
    """What a photo must be: decodable, not too large for a screen, not too thin."""
    if len(data) > 10 * 1024 * 1024:
        raise bad("file is too big for a photo")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            width, height = picture.size
    except OSError:
        raise bad("IMAGE_PROCESS_FAILED") from None
    if width + height > 10_000 or max(width, height) > 20 * min(width, height):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return {"width": width, "height": height}


def _bare(message: Json) -> Json:
    """A message inside another one: without what that one answers."""
    return {key: value for key, value in _public(message).items() if key != "reply_to_message"}


def _public(message: Json) -> Json:
    ours: tuple[Callable[..., Any] | str, ...] = (
        "html",
        "pings",
        "previews",
        "forced",
        "silent",
        "reactions",
        "upload",
    )
    hidden = {*ours, *({"entities"} if "html" in message else ())}
    return {key: value for key, value in message.items() if key not in hidden}
