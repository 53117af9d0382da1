"""Slack on 127.0.0.1: what the Web API, the Events API, interactivity and Socket Mode do, as far as one app can see it.

It refuses what Slack refuses, in Slack's words. People are named by their ids ("U1"), rooms by theirs ("C1")."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from channels.slack.setup import SCOPES
from channels.slack.webhook import sign
from core.clock import Clock, SystemClock
from tests.fakes.faults import Call, FakeServer

Data = dict[str, Any]

TEAM: Final = "T1"
BOT_USER: Final = "UBOT"
BOT_ID: Final = "BBOT"
MAX_CHARACTERS: Final = 13_200
"""https://github.com/slackapi/bolt-js/issues/2509"""
TRIGGER_LIVES: Final = timedelta(seconds=3)
BLOCKS_IN: Final = {
    "message": {"actions", "context", "divider", "header", "image", "markdown", "rich_text", "section"},
    "modal": {"actions", "context", "divider", "header", "image", "input", "rich_text", "section"},
    "home": {"actions", "context", "divider", "header", "image", "input", "rich_text", "section"},
}
ELEMENTS_IN: Final = {
    "actions": {"button", "overflow", "static_select", "radio_buttons", "checkboxes"},
    "input": {"plain_text_input", "static_select", "radio_buttons", "checkboxes", "number_input"},
}
NEEDS: Final = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.postEphemeral": "chat:write",
    "conversations.open": "im:write",
    "conversations.list": "im:read",
    "reactions.add": "reactions:write",
    "users.info": "users:read",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
}
NO_JSON: Final = {
    "conversations.history",
    "conversations.replies",
    "users.info",
    "files.getUploadURLExternal",
    "files.completeUploadExternal",
}
ARGUMENTS: Final[dict[str, tuple[dict[str, type], dict[str, type]]]] = {
    "auth.test": ({}, {}),
    "apps.connections.open": ({}, {}),
    "chat.postMessage": (
        {"channel": str},
        {
            "text": str,
            "blocks": list,
            "thread_ts": str,
            "metadata": dict,
            "unfurl_links": bool,
            "unfurl_media": bool,
            "mrkdwn": bool,
        },
    ),
    "chat.update": ({"channel": str, "ts": str}, {"text": str, "blocks": list, "metadata": dict}),
    "chat.postEphemeral": (
        {"channel": str, "user": str},
        {"text": str, "blocks": list, "thread_ts": str},
    ),
    "conversations.open": ({"users": str}, {"return_im": bool}),
    "conversations.info": ({"channel": str}, {}),
    "conversations.list": ({}, {"types": str, "limit": str, "cursor": str}),
    "conversations.history": (
        {"channel": str},
        {"oldest": str, "latest": str, "limit": str, "cursor": str, "include_all_metadata": str},
    ),
    "conversations.replies": (
        {"channel": str, "ts": str},
        {"oldest": str, "latest": str, "limit": str, "cursor": str, "include_all_metadata": str},
    ),
    "reactions.add": ({"channel": str, "timestamp": str, "name": str}, {}),
    "views.open": ({"trigger_id": str, "view": dict}, {}),
    "views.update": ({"view_id": str, "view": dict}, {"hash": str}),
    "views.publish": ({"user_id": str, "view": dict}, {"hash": str}),
    "users.info": ({"user": str}, {}),
    "files.getUploadURLExternal": ({"filename": str, "length": str}, {"alt_txt": str}),
    "files.completeUploadExternal": (
        {"files": str},
        {"channel_id": str, "thread_ts": str, "initial_comment": str},
    ),
}
"""Method -> required and optional arguments. Slack ignores others in silence; here they are a mistake of ours."""


class Refusal(Exception):
    """`error` is Slack's word for it."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.answer: Data = {"ok": False, "error": error, **more}


@dataclass(frozen=True)
class Shown:
    """A message of the app's as a person sees it now."""

    ref: str
    text: str
    buttons: list[tuple[str, str]]
    raw: Data


@dataclass
class FakeSlack(FakeServer):
    clock: Clock = field(default_factory=SystemClock)
    bot_token: str = "xoxb-1"
    app_token: str = "xapp-1"
    signing_secret: str = "0123456789abcdef0123456789abcdef"
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    webhook_url: str = ""
    deliver: bool = True
    """False: what people do is kept in `undelivered` until `redeliver`."""
    skew: timedelta = timedelta()
    """How far Slack's Date header is off."""
    users: dict[str, Data] = field(default_factory=dict)
    rooms: dict[str, Data] = field(default_factory=dict)
    messages: dict[str, list[Data]] = field(default_factory=dict)
    whispers: list[Data] = field(default_factory=list)
    views: dict[str, Data] = field(default_factory=dict)
    homes: dict[str, Data] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, Data] = field(default_factory=dict)
    """File id -> name, length, alt_txt; with `data` once the bytes are there."""
    upload_host: str = ""
    """Where an upload shall go instead of here."""
    most_upload: int = 1024 * 1024
    undelivered: list[tuple[Data, int]] = field(default_factory=list)
    """Events that were not taken, with how often they were tried."""
    answers: list[tuple[int, Data]] = field(default_factory=list)
    """What we answered to each delivery: status and body (over a socket: 200 and the payload)."""
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    patience: float = 3.0
    """Seconds that Slack waits for an envelope to be acknowledged."""
    mute: bool = False
    """Sockets stay open and say nothing any more, not even to pings."""
    _triggers: dict[str, datetime] = field(default_factory=dict)
    _waiting: dict[str, asyncio.Future[Data]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _http: aiohttp.ClientSession | None = None

    def __post_init__(self) -> None:
        self.app.router.add_route("*", "/api/{method}", self._api)
        self.app.router.add_get("/files/{name}", self._file)
        self.app.router.add_post("/upload/v1/{file}", self._upload)
        self.app.router.add_get("/socket", self._socket)
        self.person("U1", "Shirley")
        self.person("U2", "Ben")
        self.room("C1")

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    async def start(self) -> None:
        await super().start()
        self._http = aiohttp.ClientSession()

    async def stop(self) -> None:
        for socket in self.sockets:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(socket.close(), 0.1)
        if self._http is not None:
            await self._http.close()
        await super().stop()

    # --- who and where there is

    def person(self, user: str, name: str, *, team: str = TEAM, dms: bool = True) -> None:
        self.users[user] = {"id": user, "team_id": team, "name": name.casefold(), "dms": dms}
        self.users[user]["profile"] = {"display_name": name, "real_name": name}

    def room(self, channel: str, *, member: bool = True, archived: bool = False) -> None:
        self.rooms[channel] = {"id": channel, "is_member": member, "is_archived": archived}
        self.messages.setdefault(channel, [])

    def dm(self, user: str) -> str:
        channel = f"D{user}"
        if channel not in self.rooms:
            self.room(channel)
            self.rooms[channel] |= {"is_im": True, "user": user}
        return channel

    def ts(self) -> str:
        """Unique, growing, and of the fake's own moment."""
        return f"{int(self.clock.now().timestamp())}.{next(self._numbers):06d}"

    # --- the Web API

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        return await self.guarded(request, method, lambda: self._answer(request, method))

    async def _answer(self, request: web.Request, method: str) -> web.StreamResponse:
        args: Data = {}
        try:
            args = await self._arguments(request, method)
            if method not in ARGUMENTS:
                raise Refusal("unknown_method", req_method=method)
            self._authorize(request, method)
            check_arguments(method, args)
            do: Callable[[Data], Data] = getattr(self, "_" + method.replace(".", "_"))
            answer = {"ok": True, **do(args)}
        except Refusal as refused:
            answer = refused.answer
        self.calls.append(Call(method, args, answer))
        headers = {
            "X-OAuth-Scopes": ",".join(sorted(self.scopes)),
            "Date": format_datetime(self.clock.now() + self.skew, usegmt=True),
        }
        return web.json_response(answer, headers=headers)

    async def _arguments(self, request: web.Request, method: str) -> Data:
        if request.method == "GET":
            return dict(request.query)
        if request.content_type == "application/json":
            if method in NO_JSON:
                raise Refusal("invalid_arguments")  # these read no JSON
            data = await request.json()
            if not isinstance(data, dict):
                raise Refusal("json_not_object")
            return data
        return {**request.query, **await request.post()}

    def _authorize(self, request: web.Request, method: str) -> None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            raise Refusal("not_authed")
        if method == "apps.connections.open":
            if token == self.bot_token:
                raise Refusal("not_allowed_token_type")
            if token != self.app_token:
                raise Refusal("invalid_auth")
            return
        if token != self.bot_token:
            raise Refusal("not_allowed_token_type" if token == self.app_token else "invalid_auth")
        needed = NEEDS.get(method)
        if needed and needed not in self.scopes:
            raise Refusal("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))

    def rate_limited(self) -> web.Response:
        headers = {"Retry-After": str(self.retry_after)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)

    def revoked(self) -> web.Response:
        return web.json_response({"ok": False, "error": "token_revoked"})

    def _auth_test(self, _args: Data) -> Data:
        return {
            "team_id": TEAM,
            "team": "Warm Stays",
            "user_id": BOT_USER,
            "user": "loopos",
            "bot_id": BOT_ID,
        }

    def _apps_connections_open(self, _args: Data) -> Data:
        return {"url": f"{self.url.replace('http', 'ws', 1)}/socket?ticket={next(self._numbers)}"}

    def _chat_postMessage(self, args: Data) -> Data:
        channel = self._open_to_us(args["channel"])
        check_content(args)
        if self.takes_no_cards and args.get("blocks"):
            raise Refusal("invalid_blocks", why="as told")
        message = self._ours(args)
        if thread := args.get("thread_ts"):
            root = self.message(channel, thread)
            if root is None:
                raise Refusal("thread_not_found")
            message["thread_ts"] = thread
            root["thread_ts"] = thread
            root["latest_reply"] = message["ts"]
        if metadata := args.get("metadata"):
            if not isinstance(metadata.get("event_type"), str) or not isinstance(
                metadata.get("event_payload"), dict
            ):
                raise Refusal("metadata_must_be_sent_from_app")
            message["metadata"] = metadata
        self.messages[channel].append(message)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _chat_update(self, args: Data) -> Data:
        channel = self._open_to_us(args["channel"])
        check_content(args)
        if self.takes_no_cards and args.get("blocks"):
            raise Refusal("invalid_blocks", why="as told")
        message = self.message(channel, args["ts"])
        if message is None:
            raise Refusal("message_not_found")
        if message.get("bot_id") != BOT_ID:
            raise Refusal("cant_update_message")
        message |= {"text": args.get("text", ""), "blocks": args.get("blocks", [])}
        message["edited"] = {"user": BOT_USER, "ts": self.ts()}
        return {"channel": channel, "ts": args["ts"], "text": message["text"]}

    def _chat_postEphemeral(self, args: Data) -> Data:
        channel = self._open_to_us(args["channel"])
        check_content(args)
        if self.takes_no_cards and args.get("blocks"):
            raise Refusal("invalid_blocks", why="as told")
        if args["user"] not in self.users:
            raise Refusal("user_not_in_channel")
        message = {**self._ours(args), "channel": channel, "only_for": args["user"]}
        self.whispers.append(message)
        return {"message_ts": message["ts"]}

    def _ours(self, args: Data) -> Data:
        return {
            "type": "message",
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "ts": self.ts(),
            "text": args.get("text", ""),
            "blocks": args.get("blocks", []),
        }

    def _conversations_open(self, args: Data) -> Data:
        user = self.users.get(args["users"])
        if user is None:
            raise Refusal("user_not_found")
        if not user["dms"]:
            raise Refusal("cannot_dm_bot")
        return {"channel": {"id": self.dm(user["id"])}}

    def _conversations_info(self, args: Data) -> Data:
        return {"channel": self._channel(args["channel"])}

    def _conversations_list(self, args: Data) -> Data:
        if args.get("types") != "im":
            raise Refusal("missing_scope", needed="channels:read")
        return {"channels": [one for one in self.rooms.values() if one.get("is_im")]}

    def _conversations_history(self, args: Data) -> Data:
        self._may_read(args["channel"])
        roots = [
            one for one in self.messages[args["channel"]] if one.get("thread_ts", one["ts"]) == one["ts"]
        ]
        return self._page(list(reversed(roots)), args)

    def _conversations_replies(self, args: Data) -> Data:
        self._may_read(args["channel"])
        if self.message(args["channel"], args["ts"]) is None:
            raise Refusal("thread_not_found")
        thread = [
            one for one in self.messages[args["channel"]] if args["ts"] in (one["ts"], one.get("thread_ts"))
        ]
        return self._page(thread, args, always=args["ts"])

    def _page(self, found: list[Data], args: Data, always: str = "") -> Data:
        """Slack shows a thread's root whatever `oldest` says; metadata only where it is asked for."""
        oldest = float(args.get("oldest", 0))
        found = [one for one in found if one["ts"] == always or float(one["ts"]) > oldest]
        start, limit = int(args.get("cursor") or 0), int(args.get("limit", 100))
        hidden = set() if args.get("include_all_metadata") in {"1", "true"} else {"metadata"}
        page = [{k: v for k, v in one.items() if k not in hidden} for one in found[start : start + limit]]
        more = str(start + limit) if start + limit < len(found) else ""
        return {"messages": page, "has_more": bool(more), "response_metadata": {"next_cursor": more}}

    def _may_read(self, channel: str) -> None:
        found = self._channel(channel)
        needed = "im:history" if found.get("is_im") else "channels:history"
        if needed not in self.scopes:
            raise Refusal("missing_scope", needed=needed)
        if not found["is_member"]:
            raise Refusal("not_in_channel")

    def _reactions_add(self, args: Data) -> Data:
        message = self.message(self._channel(args["channel"])["id"], args["timestamp"])
        if message is None:
            raise Refusal("message_not_found")
        if args["name"] in message.setdefault("reactions", []):
            raise Refusal("already_reacted")
        message["reactions"].append(args["name"])
        return {}

    def _users_info(self, args: Data) -> Data:
        if args["user"] not in self.users:
            raise Refusal("user_not_found")
        return {"user": self.users[args["user"]]}

    def _views_open(self, args: Data) -> Data:
        begun = self._triggers.pop(args["trigger_id"], None)
        if begun is None:
            raise Refusal(
                "invalid_trigger_id" if args["trigger_id"].startswith("tr") else "invalid_arguments"
            )
        if self.clock.now() - begun > TRIGGER_LIVES:
            raise Refusal("expired_trigger_id")
        check_view(args["view"], "modal")
        return {"view": self._keep_view(f"V{next(self._numbers)}", args["view"])}

    def _views_update(self, args: Data) -> Data:
        if args["view_id"] not in self.views:
            raise Refusal("not_found")
        check_view(args["view"], "modal")
        return {"view": self._keep_view(args["view_id"], args["view"])}

    def _views_publish(self, args: Data) -> Data:
        if args["user_id"] not in self.users:
            raise Refusal("invalid_user_id")
        check_view(args["view"], "home")
        self.homes[args["user_id"]] = self._keep_view(f"VH{args['user_id']}", args["view"])
        return {"view": self.homes[args["user_id"]]}

    def _keep_view(self, view_id: str, view: Data) -> Data:
        self.views[view_id] = {**view, "id": view_id, "hash": f"h{next(self._numbers)}"}
        return self.views[view_id]

    def _channel(self, channel: str) -> Data:
        if channel not in self.rooms:
            raise Refusal("channel_not_found")
        return self.rooms[channel]

    def _open_to_us(self, channel: str) -> str:
        found = self._channel(channel)
        if found["is_archived"]:
            raise Refusal("is_archived")
        if not found["is_member"]:
            raise Refusal("not_in_channel")
        return channel

    def message(self, channel: str, ts: str) -> Data | None:
        return next((one for one in self.messages.get(channel, []) if one["ts"] == ts), None)

    # --- files

    def file(self, name: str, media_type: str, content: bytes) -> Data:
        """A file somebody can attach."""
        self.files[name] = (media_type, content)
        address = f"{self.url}/files/{name}"
        return {
            "id": f"F{name}",
            "name": name,
            "mimetype": media_type,
            "size": len(content),
            "url_private": address,
            "url_private_download": address,
        }

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return await self.guarded(request, "file", lambda: self._hand_over(request))

    async def _hand_over(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.calls.append(Call("file", {"name": name, "auth": request.headers.get("Authorization")}))
        if name not in self.files:
            return web.Response(status=404)
        media_type, content = self.files[name]
        if media_type.startswith("redirect:"):
            return web.Response(status=302, headers={"Location": media_type.removeprefix("redirect:")})
        allowed = request.headers.get("Authorization") == f"Bearer {self.bot_token}"
        if not allowed or "files:read" not in self.scopes:
            return web.Response(text="<html>Sign in to Slack</html>", content_type="text/html")
        return web.Response(body=content, content_type=media_type)

    def _files_getUploadURLExternal(self, args: Data) -> Data:
        if not args["length"].isdecimal() or int(args["length"]) == 0:
            raise Refusal("invalid_arguments", wrong="length")
        if len(args.get("alt_txt", "")) > 1000:
            raise Refusal("alt_txt_too_large")
        file = f"FUP{next(self._numbers)}"
        self.uploads[file] = {"name": args["filename"], "size": int(args["length"])}
        self.uploads[file]["alt_txt"] = args.get("alt_txt", "")
        host = self.upload_host or self.url
        return {"upload_url": f"{host}/upload/v1/{file}", "file_id": file}

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        async def keep() -> web.StreamResponse:
            data, file = await request.read(), self.uploads.get(request.match_info["file"])
            assert "Authorization" not in request.headers, (
                "the address is the permission: a token has no business here"
            )
            self.calls.append(Call("upload", {"bytes": len(data)}))
            if file is None or "data" in file:
                return web.Response(status=404)
            if len(data) > self.most_upload:
                return web.Response(status=413)
            if len(data) != file["size"]:
                return web.Response(status=400, text="length mismatch")
            file["data"] = data
            return web.Response(text=f"OK - {len(data)}")

        return await self.guarded(request, "upload", keep)

    def _files_completeUploadExternal(self, args: Data) -> Data:
        try:
            named = json.loads(args["files"])
            found = [(self.uploads[one["id"]], one["id"], one.get("title", "")) for one in named]
        except (ValueError, TypeError):
            raise Refusal("invalid_arguments", wrong="files") from None
        except KeyError:
            raise Refusal("file_not_found") from None
        if not found or any("data" not in file or file.get("shown") for file, _, _ in found):
            raise Refusal("file_not_found")
        channel = self._open_to_us(args["channel_id"])
        thread = args.get("thread_ts")
        if thread and self.message(channel, thread) is None:
            raise Refusal("invalid_thread_ts")
        if len(args.get("initial_comment", "")) > 40_000:
            raise Refusal("msg_too_long")
        message = {**self._ours({"text": args.get("initial_comment", "")}), "upload": True, "files": []}
        if thread:
            message["thread_ts"] = thread
        for file, file_id, title in found:
            file["shown"] = True
            about = {key: file[key] for key in ("name", "size", "alt_txt")}
            message["files"].append({"id": file_id, "title": title or file["name"], **about})
        self.messages[channel].append(message)
        return {"files": [{"id": file_id, "title": title} for _, file_id, title in found]}

    # --- what people see

    async def chat(self, where: str) -> list[Shown]:
        """The app's messages that a person (in their direct messages, and whispered to them anywhere) or a room has."""
        channel = self.dm(where) if where in self.users else where
        ours = [(channel, one) for one in self.messages.get(channel, []) if one.get("bot_id") == BOT_ID]
        ours += [(one["channel"], one) for one in self.whispers if where in (one["only_for"], one["channel"])]
        return [
            shown(f"{where_}:{one['ts']}", one) for where_, one in sorted(ours, key=lambda two: two[1]["ts"])
        ]

    def home(self, user: str) -> Shown:
        return shown(f"home:{user}", self.homes[user])

    def form(self, user: str) -> Data:
        """The modal that this person has open."""
        return next(view for view in reversed(self.views.values()) if view.get("user") == user)

    # --- what people do

    async def says(
        self,
        person: str,
        text: str,
        *,
        room: str | None = None,
        reply_to: str | None = None,
        files: list[Data] | None = None,
        deliver: bool = True,
    ) -> str:
        """Returns the message's ref. `reply_to` is the ref of the message whose thread it goes into."""
        channel = room or self.dm(person)
        message: Data = {
            "type": "message",
            "user": person,
            "text": text,
            "ts": self.ts(),
            "team": self._team(person),
        }
        if reply_to:
            thread = reply_to.partition(":")[2]
            root = self.message(channel, thread)
            assert root is not None, "an answer to a message that is not there"
            message["thread_ts"] = root["thread_ts"] = root.get("thread_ts", thread)
            root["latest_reply"] = message["ts"]
        if files:
            message |= {"subtype": "file_share", "files": files}
        self.messages[channel].append(message)
        if deliver:
            await self._happened({**message, **self._where(channel), "event_ts": message["ts"]})
            if room and f"<@{BOT_USER}>" in text:
                mention = {key: value for key, value in message.items() if key != "subtype"}
                await self._happened(
                    {**mention, "type": "app_mention", "channel": channel, "event_ts": message["ts"]}
                )
        return f"{channel}:{message['ts']}"

    async def edits(self, ref: str, text: str, *, deliver: bool = True) -> None:
        channel, message = self._found(ref)
        before = dict(message)
        message |= {"text": text, "edited": {"user": message["user"], "ts": self.ts()}}
        if deliver:
            await self._changed(channel, "message_changed", message=dict(message), previous_message=before)

    async def unfurls(self, ref: str) -> None:
        """A link's preview turns up under a message."""
        channel, message = self._found(ref)
        before = dict(message)
        message["attachments"] = [{"title": "a page"}]
        await self._changed(channel, "message_changed", message=dict(message), previous_message=before)

    async def unsends(self, ref: str) -> None:
        channel, message = self._found(ref)
        if message.get("latest_reply"):
            stone = {
                "type": "message",
                "subtype": "tombstone",
                "user": "USLACKBOT",
                "ts": message["ts"],
                "hidden": True,
            }
            await self._changed(channel, "message_changed", message=stone, previous_message=dict(message))
            return
        self.messages[channel].remove(message)
        await self._changed(channel, "message_deleted", deleted_ts=message["ts"], previous_message=message)

    async def _changed(self, channel: str, subtype: str, **more: Any) -> None:
        event = {"type": "message", "subtype": subtype, "hidden": True, "event_ts": self.ts(), **more}
        await self._happened({**event, "ts": event["event_ts"], **self._where(channel)})

    async def opens_home(self, person: str, tab: str = "home") -> None:
        where = {"channel": self.dm(person), "tab": tab, "event_ts": self.ts()}
        await self._happened({"type": "app_home_opened", "user": person, **where})

    async def taps(self, person: str, message: Shown | str, label_or_action: str) -> int:
        """Press what is live on the message now; returns the status we answered."""
        ref = message.ref if isinstance(message, Shown) else message
        channel, _, ts = ref.partition(":")
        raw = self.homes[ts] if channel == "home" else self._found(ref)[1]
        element, label, value = next(
            found
            for found in live(raw)
            if label_or_action in (found[1], found[2], found[2].partition(":")[0])
        )
        action: Data = {"type": element["type"], "action_id": element["action_id"], "action_ts": self.ts()}
        if element["type"] == "button":
            action["value"] = value
        else:
            action["selected_option"] = {"value": value, "text": {"type": "plain_text", "text": label}}
        place: Data = {"container": {"type": "view", "view_id": raw.get("id")}, "view": raw}
        if channel != "home":
            container = {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False}
            if "thread_ts" in raw:
                container["thread_ts"] = raw["thread_ts"]
            place = {"container": container, "channel": {"id": channel}, "message": raw}
        return await self._clicked(person, {"type": "block_actions", "actions": [action], **place})

    async def fills(self, person: str, **values: str) -> int:
        """Send the form this person has open; what is not named stays as it was offered."""
        view = self.form(person)
        state: Data = {}
        for block in view["blocks"]:
            if block["type"] != "input":
                continue
            name, element = block["block_id"], block["element"]
            value = values.get(name, element.get("initial_value"))
            assert value or block["optional"], f"Slack asks for {name} before it sends the form"
            kept: Data = {"type": element["type"], "value": value}
            if element["type"] == "static_select":
                kept = {"type": element["type"], "selected_option": {"value": value} if value else None}
            state[name] = {element["action_id"]: kept}
        sent = {**view, "state": {"values": state}}
        status = await self._clicked(person, {"type": "view_submission", "view": sent})
        if status == 200 and self.answers[-1][1].get("response_action") != "errors":
            self.views.pop(view["id"])
        return status

    async def commands(self, person: str, command: str, text: str = "", room: str | None = None) -> int:
        trigger = self.trigger(person)
        fields = {"command": command, "text": text, "user_id": person, "team_id": self._team(person)}
        fields |= {"channel_id": room or self.dm(person), "trigger_id": trigger, "token": "old"}
        return await self._deliver("slash_commands", fields)

    async def uses_shortcut(self, person: str, callback_id: str, ref: str | None = None) -> int:
        payload: Data = {"type": "shortcut", "callback_id": callback_id, "action_ts": self.ts()}
        if ref is not None:
            channel, message = self._found(ref)
            payload |= {"type": "message_action", "channel": {"id": channel}, "message": message}
        return await self._clicked(person, payload)

    def trigger(self, person: str) -> str:
        trigger = f"tr.{next(self._numbers)}.{person}"
        self._triggers[trigger] = self.clock.now()
        return trigger

    async def redeliver(self) -> None:
        """Slack tries again what was not taken, oldest first."""
        waiting, self.undelivered = self.undelivered, []
        self.deliver = True
        for data, tried in waiting:
            await self._deliver("events_api", data, tried=tried)

    def _found(self, ref: str) -> tuple[str, Data]:
        channel, _, ts = ref.partition(":")
        found = self.message(channel, ts) or next((one for one in self.whispers if one["ts"] == ts), None)
        assert found is not None, f"there is no message {ref}"
        return channel, found

    def _team(self, person: str) -> str:
        return str(self.users[person]["team_id"])

    def _where(self, channel: str) -> Data:
        return {"channel": channel, "channel_type": "im" if self.rooms[channel].get("is_im") else "channel"}

    async def _happened(self, event: Data) -> int:
        return await self._deliver("events_api", self.envelope(event))

    def envelope(self, event: Data) -> Data:
        return {
            "type": "event_callback",
            "token": "old",
            "team_id": TEAM,
            "api_app_id": "A1",
            "event": event,
            "event_id": f"Ev{next(self._numbers)}",
            "event_time": int(self.clock.now().timestamp()),
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }

    async def _clicked(self, person: str, payload: Data) -> int:
        self.users[person]["trigger"] = trigger = self.trigger(person)
        who = {"user": {"id": person, "team_id": self._team(person)}, "team": {"id": TEAM}}
        more = {"trigger_id": trigger, "token": "old", "response_url": f"{self.url}/respond"}
        before = set(self.views)
        status = await self._deliver("interactive", {**payload, **who, **more})
        await self.settle(before, person)
        return status

    async def settle(self, before: set[str], person: str) -> None:
        """Whoever pressed sees the modal that opened because of it, once nothing more changes."""
        seen: Any = None
        for _ in range(40):
            await asyncio.sleep(0.005)
            for view_id in set(self.views) - before:
                self.views[view_id]["user"] = person
            now = [one["hash"] for one in self.views.values()]
            if now == seen and not any(
                "⏳" in json.dumps(v, ensure_ascii=False) for v in self.views.values()
            ):
                return
            seen = now

    # --- delivering

    async def _deliver(self, kind: str, data: Data, *, tried: int = 0) -> int:
        """Once. What is not taken is kept for another time if it is an event: clicks are gone."""
        status, answer = 0, {}
        if self.deliver:
            try:
                if self.sockets:
                    status, answer = 200, await self._envelope(kind, data, tried)
                else:
                    status, answer = await self.post(kind, data, tried=tried)
            except (aiohttp.ClientError, OSError, TimeoutError):
                status = 0
            self.answers.append((status, answer))
        if status != 200 and kind == "events_api":
            self.undelivered.append((data, tried + 1))
        return status

    async def post(self, kind: str, data: Data, *, tried: int = 0) -> tuple[int, Data]:
        if kind == "events_api":
            body, media_type = json.dumps(data).encode(), "application/json"
        else:
            fields = {"payload": json.dumps(data)} if kind == "interactive" else data
            body, media_type = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        retry = {"X-Slack-Retry-Num": str(tried), "X-Slack-Retry-Reason": "http_error"} if tried else {}
        return await self.post_raw(body, self.signed(body, media_type) | retry)

    def signed(self, body: bytes, media_type: str = "application/json") -> dict[str, str]:
        stamp = str(int(self.clock.now().timestamp()))
        return {
            "Content-Type": media_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": sign(body, stamp, self.signing_secret),
        }

    async def post_raw(self, body: bytes, headers: dict[str, str]) -> tuple[int, Data]:
        assert self._http is not None
        async with self._http.post(
            self.webhook_url, data=io.BytesIO(body), headers=headers, timeout=aiohttp.ClientTimeout(total=3)
        ) as response:
            said = await response.text()
            return response.status, json.loads(said) if response.content_type == "application/json" else {}

    # --- Socket Mode

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.sockets.append(socket)
        try:
            async for frame in socket:
                if self.mute:
                    continue
                if frame.type is aiohttp.WSMsgType.PING:
                    await socket.pong(frame.data)
                elif frame.type is aiohttp.WSMsgType.TEXT:
                    said = json.loads(frame.data)
                    waiting = self._waiting.pop(said["envelope_id"], None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(said.get("payload") or {})
        finally:
            self.sockets.remove(socket)
        return socket

    async def _envelope(self, kind: str, data: Data, tried: int) -> Data:
        number = f"e{next(self._numbers)}"
        envelope = {"type": kind, "envelope_id": number, "payload": data, "accepts_response_payload": True}
        if kind == "events_api":
            envelope |= {"retry_attempt": tried, "retry_reason": "timeout" if tried else ""}
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self.sockets[-1].send_json(envelope)
        return await asyncio.wait_for(self._waiting[number], self.patience)

    async def asks_to_reconnect(self) -> None:
        """Slack closes a connection now and then, and says so before."""
        await self.sockets[-1].send_json({"type": "disconnect", "reason": "refresh_requested"})


# --- what Slack checks


def check_arguments(method: str, args: Data) -> None:
    required, optional = ARGUMENTS[method]
    for name in required:
        if args.get(name) in (None, ""):
            raise Refusal("channel_not_found" if name == "channel" else "invalid_arguments", missing=name)
    for name, value in args.items():
        wanted = {**required, **optional}.get(name)
        if wanted is None:
            raise Refusal("invalid_arguments", unknown=name)
        if not isinstance(value, wanted):
            raise Refusal("invalid_blocks_format" if name == "blocks" else "invalid_arguments", wrong=name)


def check_content(args: Data) -> None:
    blocks, text = args.get("blocks", []), args.get("text", "")
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > 40_000:
        raise Refusal("msg_too_long")
    check_blocks(blocks, "message", 50)
    if len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) > MAX_CHARACTERS:
        raise Refusal("msg_blocks_too_long")


def check_view(view: Data, kind: str) -> None:
    if view.get("type") != kind:
        raise Refusal("invalid_arguments", wrong="view type")
    check_blocks(view.get("blocks", []), kind, 100)
    if kind == "modal":
        check_text(view.get("title"), 24)
        has_input = any(block["type"] == "input" for block in view["blocks"])
        if has_input and "submit" not in view:
            raise Refusal("invalid_arguments", wrong="a form without submit")
        for name in ("submit", "close"):
            if name in view:
                check_text(view[name], 24)
    if len(view.get("private_metadata", "")) > 3000 or len(view.get("callback_id", "")) > 255:
        raise Refusal("invalid_arguments", wrong="private_metadata or callback_id")


def check_blocks(blocks: Any, kind: str, most: int) -> None:
    if not isinstance(blocks, list) or len(blocks) > most:
        raise Refusal("invalid_blocks", why="count")
    for block in blocks:
        if not isinstance(block, dict) or block.get("type") not in BLOCKS_IN[kind]:
            raise Refusal("invalid_blocks", why="type")
        match block["type"]:
            case "header":
                check_text(block.get("text"), 150)
            case "section":
                fields = block.get("fields", [])
                if "text" not in block and not fields:
                    raise Refusal("invalid_blocks", why="empty section")
                if "text" in block:
                    check_text(block["text"], 3000, mrkdwn=True)
                if len(fields) > 10:
                    raise Refusal("invalid_blocks", why="fields")
                for one in fields:
                    check_text(one, 2000, mrkdwn=True)
            case "actions":
                check_elements(block.get("elements"))
            case "input":
                check_text(block.get("label"), 2000)
                check_element(block.get("element"), "input")
                if not isinstance(block.get("block_id", ""), str) or len(block.get("block_id", "")) > 255:
                    raise Refusal("invalid_blocks", why="block_id")


def check_elements(elements: Any) -> None:
    if not isinstance(elements, list) or not 1 <= len(elements) <= 25:
        raise Refusal("invalid_blocks", why="elements")
    ids = [one.get("action_id") for one in elements]
    if len(set(ids)) != len(ids):
        raise Refusal("invalid_blocks", why="action_id twice")
    for one in elements:
        check_element(one, "actions")


def check_element(element: Any, where: str) -> None:
    if not isinstance(element, dict) or element.get("type") not in ELEMENTS_IN[where]:
        raise Refusal("invalid_blocks", why="element")
    if not 1 <= len(element.get("action_id", "")) <= 255:
        raise Refusal("invalid_blocks", why="action_id")
    match element["type"]:
        case "button":
            check_text(element.get("text"), 75)
            if len(element.get("value", "")) > 2000 or element.get("style", "primary") not in {
                "primary",
                "danger",
            }:
                raise Refusal("invalid_blocks", why="button")
        case "overflow":
            check_options(element.get("options"), 5)
        case "static_select":
            if "option_groups" in element:
                if not 1 <= len(element["option_groups"]) <= 100:
                    raise Refusal("invalid_blocks", why="groups")
                for group in element["option_groups"]:
                    check_text(group.get("label"), 75)
                    check_options(group.get("options"), 100)
            else:
                check_options(element.get("options"), 100)
        case "plain_text_input":
            if len(element.get("initial_value", "")) > 3000:
                raise Refusal("invalid_blocks", why="initial_value")


def check_options(options: Any, most: int) -> None:
    if not isinstance(options, list) or not 1 <= len(options) <= most:
        raise Refusal("invalid_blocks", why="options")
    for option in options:
        check_text(option.get("text"), 75)
        if not 1 <= len(option.get("value", "")) <= 150:
            raise Refusal("invalid_blocks", why="option value")


def check_text(text: Any, most: int, *, mrkdwn: bool = False) -> None:
    kinds = {"plain_text", "mrkdwn"} if mrkdwn else {"plain_text"}
    if not isinstance(text, dict) or text.get("type") not in kinds:
        raise Refusal("invalid_blocks", why="text object")
    if not isinstance(text.get("text"), str) or not 1 <= len(text["text"]) <= most:
        raise Refusal(
            "invalid_blocks", why=f"text of {len(str(text.get('text')))} characters, {most} at most"
        )
    if {"verbatim", "emoji"} & text.keys() - {"verbatim" if text["type"] == "mrkdwn" else "emoji"}:
        raise Refusal("invalid_blocks", why="text option")


# --- what is drawn


def shown(ref: str, message: Data) -> Shown:
    return Shown(ref, text_of(message), [(label, value) for _, label, value in live(message)], message)


def text_of(message: Data) -> str:
    """What stands there, in order; a notification's text only where nothing else is drawn."""
    lines: list[str] = []
    for block in message.get("blocks", []):
        if "text" in block:
            lines.append(block["text"]["text"])
        lines += [one["text"] for one in block.get("fields", [])]
    return "\n".join(lines) or str(message.get("text", ""))


def live(message: Data) -> list[tuple[Data, str, str]]:
    """(element, label, value) of everything that can be pressed or picked."""
    found = []
    for block in message.get("blocks", []):
        for element in block.get("elements", []):
            if element["type"] == "button":
                found.append((element, element["text"]["text"], element["value"]))
            else:
                found += [(element, one["text"]["text"], one["value"]) for one in element["options"]]
    return found
