"""LINE as far as the SDK and our webhook see it: reply tokens, retry keys, quota, files, menus, redelivery."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import itertools
import json
import random
import re
import secrets
import struct
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.faults import Call, FakeServer

Json = dict[str, Any]
Do = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN_LIVES = timedelta(seconds=60)
RETRY_KEY_LIVES = timedelta(hours=24)
COLOUR = r"#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?"
COMMON = {"type", "flex", "margin", "position"}
COMPONENTS: dict[str, set[str]] = {
    "box": COMMON
    | {"layout", "contents", "backgroundColor", "spacing", "paddingAll", "cornerRadius", "action"},
    "text": COMMON | {"text", "wrap", "color", "size", "weight", "maxLines", "align", "action", "adjustMode"},
    "button": COMMON | {"action", "height", "style", "color", "gravity", "adjustMode"},
    "separator": {"type", "margin", "color"},
}
CHOICES = {
    "layout": {"horizontal", "vertical", "baseline"},
    "style": {"primary", "secondary", "link"},
    "height": {"sm", "md"},
    "weight": {"regular", "bold"},
    "size": {"nano", "micro", "kilo", "mega", "giga", "xxs", "xs", "sm", "md", "lg", "xl", "xxl"},
    "adjustMode": {"shrink-to-fit"},
}


class MovableClock:
    def __init__(self, at: datetime = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@dataclass(frozen=True)
class Shown:
    """A message of ours as a person sees it."""

    ref: str
    text: str
    buttons: list[tuple[str, str]]
    """(label, id)"""
    raw: Json


@dataclass(frozen=True)
class Posted:
    to: str
    shown: Shown


class Refusal(Exception):
    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, **more}


@dataclass
class LineFake(FakeServer):
    secret: str = "the-channel-secret"
    token: str = "the-access-token"
    clock: MovableClock = field(default_factory=MovableClock)
    user_id: str = "U" + "b07" * 10 + "b0"
    webhook_url: str | None = None
    """Where to bring what people do."""
    deliver: bool = True
    undelivered: list[Json] = field(default_factory=list)
    """Events that got no 200."""
    posted: list[Posted] = field(default_factory=list)
    blocked_by: set[str] = field(default_factory=set)
    quota: int | None = 200
    used: int = 0
    endpoint: str | None = None
    active: bool = True
    menus: dict[str, Json] = field(default_factory=dict)
    menu_images: dict[str, bytes] = field(default_factory=dict)
    default_menu: str | None = None
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    file_states: dict[str, str] = field(default_factory=dict)
    """Message id -> processing, failed, gone, elsewhere."""
    clock_is_off: timedelta = timedelta()
    _known: dict[str, str] = field(default_factory=dict)
    """Who or which group knows us -> the name."""
    _reply_tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    _accepted: dict[str, tuple[datetime, str, list[str]]] = field(default_factory=dict)
    """Retry key -> (when, id of the request, ids of the messages)."""
    _numbers: Any = field(default_factory=lambda: itertools.count(461230966842064897))

    def __post_init__(self) -> None:
        bot = "/v2/bot"
        for verb, path, name, do in (
            ("POST", "/message/reply", "reply", self._reply),
            ("POST", "/message/push", "push", self._push),
            ("POST", "/chat/loading/start", "loading", self._loading),
            ("GET", "/message/quota", "quota", self._quota),
            ("GET", "/message/quota/consumption", "consumption", self._consumption),
            ("GET", "/info", "info", self._info),
            ("GET", "/profile/{user}", "profile", self._profile),
            ("GET", "/group/{place}/member/{user}", "profile", self._profile),
            ("GET", "/room/{place}/member/{user}", "profile", self._profile),
            ("GET", "/message/{id}/content", "content", self._content),
            ("GET", "/message/{id}/content/transcoding", "transcoding", self._transcoding),
            ("GET", "/channel/webhook/endpoint", "get_endpoint", self._get_endpoint),
            ("PUT", "/channel/webhook/endpoint", "set_endpoint", self._set_endpoint),
            ("POST", "/channel/webhook/test", "test_endpoint", self._test_endpoint),
            ("GET", "/richmenu/list", "list_menus", self._list_menus),
            ("POST", "/richmenu", "create_menu", self._create_menu),
            ("DELETE", "/richmenu/{id}", "delete_menu", self._delete_menu),
            ("POST", "/richmenu/{id}/content", "menu_image", self._menu_image),
            ("GET", "/user/all/richmenu", "get_default_menu", self._get_default_menu),
            ("POST", "/user/all/richmenu/{id}", "set_default_menu", self._set_default_menu),
        ):
            self.app.router.add_route(verb, bot + path, self._route(name, do))

    def _route(self, name: str, do: Do) -> Do:
        async def checked(request: web.Request) -> web.StreamResponse:
            try:
                if request.headers.get("Authorization") != f"Bearer {self.token}":
                    return self.revoked()
                if "X-Line-Retry-Key" in request.headers and name != "push":
                    raise Refusal(400, "The retry key is not supported by this API")
                args = {**request.match_info, **await _body(request)}
                answer = await do(request)
                self.calls.append(Call(name, args, answer))
                return answer
            except Refusal as no:
                return web.json_response(no.body, status=no.status)

        async def handle(request: web.Request) -> web.StreamResponse:
            answer = await self.guarded(request, name, lambda: checked(request))
            if not answer.prepared:
                answer.headers["Date"] = format_datetime(self.clock.now() + self.clock_is_off, usegmt=True)
            return answer

        return handle

    def rate_limited(self) -> web.Response:
        return web.json_response(
            {"message": "The API rate limit has been exceeded. Try again later."}, status=429
        )

    def revoked(self) -> web.Response:
        why = "Authentication failed. Confirm that the access token in the authorization header is valid."
        return web.json_response({"message": why}, status=401)

    # --- what we send

    def _checked(self, data: Json) -> list[Json]:
        messages = check_messages(data)
        if self.takes_no_cards and any(one["type"] == "flex" for one in messages):
            raise Refusal(400, "A message (messages[0]) in the request body is invalid")
        return messages

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        data = await _body(request)
        messages = self._checked(data)
        where, issued = self._reply_tokens.get(
            str(data.get("replyToken")), ("", datetime.min.replace(tzinfo=UTC))
        )
        if self.clock.now() - issued > TOKEN_LIVES:
            raise Refusal(400, "Invalid reply token")
        del self._reply_tokens[data["replyToken"]]
        return web.json_response({"sentMessages": self._post(where, messages)})

    async def _push(self, request: web.Request) -> web.StreamResponse:
        data, key = await _body(request), request.headers.get("X-Line-Retry-Key")
        if key is not None:
            try:
                uuid.UUID(key)
            except ValueError:
                raise Refusal(400, "Invalid retry key") from None
        before = self._accepted.get(key or "")
        if before is not None and self.clock.now() - before[0] < RETRY_KEY_LIVES:
            # Whatever it says now: the key alone decides.
            sent = [{"id": ref, "quoteToken": "q"} for ref in before[2]]
            body = {"message": "The retry key is already accepted", "sentMessages": sent}
            return web.json_response(body, status=409, headers={"X-Line-Accepted-Request-Id": before[1]})
        messages, to = self._checked(data), data.get("to")
        if not isinstance(to, str) or re.fullmatch(r"[UCR][0-9a-f]{32}", to) is None:
            raise Refusal(400, "The property, 'to', in the request body is invalid (line: -, column: -)")
        if to not in self._known:
            raise Refusal(400, "Failed to send messages")
        if self.quota is not None and self.used >= self.quota:
            raise Refusal(429, "You have reached your monthly limit.")
        self.used += 1
        sent = self._post(to, messages)
        if key is not None:
            self._accepted[key] = (self.clock.now(), str(uuid.uuid4()), [one["id"] for one in sent])
        return web.json_response({"sentMessages": sent})

    def _post(self, to: str, messages: list[Json]) -> list[Json]:
        refs = [str(next(self._numbers)) for _ in messages]
        if to not in self.blocked_by:  # LINE does not say so: it answers 200
            self.posted += [
                Posted(to, Shown(ref, _words(one), _buttons(one), one))
                for ref, one in zip(refs, messages, strict=True)
            ]
        return [{"id": ref, "quoteToken": "q"} for ref in refs]

    async def _loading(self, request: web.Request) -> web.StreamResponse:
        data = await _body(request)
        seconds = data.get("loadingSeconds", 20)
        if not str(data.get("chatId", "")).startswith("U"):
            raise Refusal(400, "The chatId is invalid")
        if seconds not in range(5, 61, 5):
            raise Refusal(400, "The loadingSeconds must be a multiple of 5 from 5 to 60")
        return web.json_response({}, status=202)

    # --- what we ask

    async def _quota(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"type": "none"} if self.quota is None else {"type": "limited", "value": self.quota}
        )

    async def _consumption(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"totalUsage": self.used})

    async def _info(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {
                "userId": self.user_id,
                "basicId": "@loopos",
                "displayName": "LoopOS",
                "chatMode": "bot",
                "markAsReadMode": "auto",
            }
        )

    async def _profile(self, request: web.Request) -> web.StreamResponse:
        user, place = request.match_info["user"], request.match_info.get("place")
        if user not in self._known or (place is not None and place not in self._known):
            raise Refusal(404, "Not found")
        return web.json_response({"userId": user, "displayName": self._known[user]})

    async def _content(self, request: web.Request) -> web.StreamResponse:
        message = request.match_info["id"]
        match self.file_states.get(message):
            case "processing" | "failed":
                return web.Response(status=202)
            case "gone":
                raise Refusal(410, "Gone")
            case "elsewhere":
                return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})
        if message not in self.files:
            raise Refusal(404, "Not found")
        media_type, data = self.files[message]
        answer = web.StreamResponse(headers={"Content-Type": media_type})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for start in range(0, len(data), 256 * 1024):
            await answer.write(data[start : start + 256 * 1024])
        await answer.write_eof()
        return answer

    async def _transcoding(self, request: web.Request) -> web.StreamResponse:
        state = self.file_states.get(request.match_info["id"], "succeeded")
        return web.json_response({"status": state})

    # --- how we are set up

    async def _get_endpoint(self, _request: web.Request) -> web.StreamResponse:
        if self.endpoint is None:
            raise Refusal(404, "Webhook endpoint not found")
        return web.json_response({"endpoint": self.endpoint, "active": self.active})

    async def _set_endpoint(self, request: web.Request) -> web.StreamResponse:
        endpoint = (await _body(request)).get("endpoint")
        if (
            not isinstance(endpoint, str)
            or len(endpoint) > 500
            or not endpoint.startswith(("https://", "http://127."))
        ):
            raise Refusal(400, "Invalid webhook endpoint URL")
        self.endpoint = endpoint
        return web.json_response({})

    async def _test_endpoint(self, request: web.Request) -> web.StreamResponse:
        url = (await _body(request)).get("endpoint", self.endpoint)
        assert url is not None, "none is set and none was named"
        try:
            status = await self._bring(url, [])
            reason, detail = ("OK", "200") if status == 200 else ("ERROR_STATUS_CODE", str(status))
        except aiohttp.ClientError as error:
            status, reason, detail = 0, "COULD_NOT_CONNECT", type(error).__name__
        answer = {"success": status == 200, "statusCode": status, "reason": reason, "detail": detail}
        return web.json_response({**answer, "timestamp": self.clock.now().isoformat()})

    async def _list_menus(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"richmenus": [{"richMenuId": name, **one} for name, one in self.menus.items()]}
        )

    async def _create_menu(self, request: web.Request) -> web.StreamResponse:
        menu = await _body(request)
        good = (
            len(menu["name"]) <= 300
            and len(menu["chatBarText"]) <= 14
            and menu["size"]["width"] in range(800, 2501)
            and menu["size"]["height"] >= 250
            and 0 < len(menu["areas"]) <= 20
            and all(not _action_faults(area["action"], 20) for area in menu["areas"])
        )
        if not good:
            raise Refusal(400, "The request body has 1 error(s)")
        name = f"richmenu-{secrets.token_hex(16)}"
        self.menus[name] = menu
        return web.json_response({"richMenuId": name})

    async def _menu_image(self, request: web.Request) -> web.StreamResponse:
        name, data = request.match_info["id"], await request.read()
        if name not in self.menus:
            raise Refusal(404, "Not found")
        if request.content_type not in {"image/png", "image/jpeg"}:
            raise Refusal(415, "Unsupported Media Type")
        size = self.menus[name]["size"]
        if (
            len(data) > 1024 * 1024
            or not data.startswith(b"\x89PNG")
            or struct.unpack(">II", data[16:24]) != (size["width"], size["height"])
        ):
            raise Refusal(400, "The image is invalid")
        self.menu_images[name] = data
        return web.json_response({})

    async def _delete_menu(self, request: web.Request) -> web.StreamResponse:
        if self.menus.pop(request.match_info["id"], None) is None:
            raise Refusal(404, "Not found")
        return web.json_response({})

    async def _get_default_menu(self, _request: web.Request) -> web.StreamResponse:
        if self.default_menu is None:
            raise Refusal(404, "no default richmenu")
        return web.json_response({"richMenuId": self.default_menu})

    async def _set_default_menu(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["id"]
        if name not in self.menu_images:
            raise Refusal(400, "must upload richmenu image before applying it to user")
        self.default_menu = name
        return web.json_response({})

    # --- what people do

    def user(self, person: str) -> str:
        """The user id of a person, who thereby is a friend of the bot."""
        return self._id("U", person)

    def group(self, room: str) -> str:
        return self._id("C", room)

    def _id(self, letter: str, name: str) -> str:
        fits = re.fullmatch(r"[UCR][0-9a-f]{32}", name)
        found = name if fits else letter + hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        self._known.setdefault(found, name)
        return found

    def event(self, kind: str, person: str, room: str | None = None, **more: Any) -> Json:
        """An event as LINE words it, with a reply token where LINE gives one."""
        user = self.user(person)
        source: Json = {"type": "user", "userId": user}
        if room is not None:
            place = self.group(room)
            word = "room" if place.startswith("R") else "group"
            source = {"type": word, f"{word}Id": place, "userId": user}
        event: Json = {
            "type": kind,
            "mode": "active",
            "timestamp": int(self.clock.now().timestamp() * 1000),
            "source": source,
            "webhookEventId": "01" + "".join(random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24)),
            "deliveryContext": {"isRedelivery": False},
            **more,
        }
        if kind not in {"unsend", "unfollow", "leave", "memberLeft"}:
            event["replyToken"] = secrets.token_hex(16)
            where = source.get("groupId") or source.get("roomId") or user
            self._reply_tokens[event["replyToken"]] = (where, self.clock.now())
        return event

    def message(self, kind: str, person: str, room: str | None = None, **more: Any) -> Json:
        body = {"id": str(next(self._numbers)), "type": kind, "quoteToken": "q", **more}
        return self.event("message", person, room, message=body)

    async def says(
        self,
        person: str,
        text: str,
        *,
        room: str | None = None,
        reply_to: str | None = None,
        files: Sequence[tuple[str, str, bytes]] | None = None,
        mention: bool = False,
    ) -> str:
        """The id of the message. `files`: (name, media type, bytes), each of which is a message of its own."""
        events = self._file_events(person, room, files or ())
        if text or not events:
            more: Json = {"text": text}
            if mention:
                more = {
                    "text": f"@LoopOS {text}",
                    "mention": {"mentionees": [{"type": "user", "index": 0, "length": 7, "isSelf": True}]},
                }
            if reply_to is not None:
                more["quotedMessageId"] = reply_to
            events.append(self.message("text", person, room, **more))
        for event in events:
            await self.send(event)
        return str(events[-1]["message"]["id"])

    def _file_events(
        self, person: str, room: str | None, files: Sequence[tuple[str, str, bytes]]
    ) -> list[Json]:
        images = sum(media_type.startswith("image/") for _, media_type, _ in files)
        album = secrets.token_hex(8)
        events: list[Json] = []
        for name, media_type, data in files:
            kind = media_type.split("/")[0]
            if kind not in {"image", "audio", "video"}:
                event = self.message("file", person, room, fileName=name, fileSize=len(data))
            else:
                event = self.message(kind, person, room, contentProvider={"type": "line"})
                if kind != "image":
                    event["message"]["duration"] = 2500
                elif images > 1:
                    event["message"]["imageSet"] = {"id": album, "index": len(events) + 1, "total": images}
            self.files[event["message"]["id"]] = (media_type, data)
            events.append(event)
        return events

    async def unsends(self, person: str, message_id: str, *, room: str | None = None) -> None:
        self.files.pop(message_id, None)
        await self.send(self.event("unsend", person, room, unsend={"messageId": message_id}))

    async def taps(self, person: str, message: Shown | str, label_or_action: str) -> None:
        """A button of a message of ours. Buttons of old messages stay alive: LINE cannot change a message."""
        ref = message if isinstance(message, str) else message.ref
        found = next(one for one in self.posted if one.shown.ref == ref)
        button = next(
            name
            for label, name in found.shown.buttons
            if label_or_action in {label, name.split(":")[0], name}
        )
        room = None if found.to.startswith("U") else found.to
        await self.send(self.event("postback", person, room, postback={"data": button}))

    async def chat(self, person_or_room: str) -> list[Shown]:
        places = {person_or_room, self._id("U", person_or_room), self._id("C", person_or_room)}
        return [one.shown for one in self.posted if one.to in places]

    # --- bringing it

    async def send(self, *events: Json) -> int:
        """Bring these events in one batch; 0 where nobody is to get them now. Without a 200 they are kept."""
        status = 0
        if self.deliver and self.webhook_url is not None:
            try:
                status = await self._bring(self.webhook_url, list(events))
            except aiohttp.ClientError:
                status = 0
        if status != 200:
            self.undelivered += events
        return status

    async def redeliver(self, *, shuffled: bool = False) -> None:
        """What got no 200, again: the same event ids and reply tokens, marked, one by one."""
        again, self.undelivered = self.undelivered, []
        if shuffled:
            random.shuffle(again)
        for event in again:
            await self.send({**event, "deliveryContext": {"isRedelivery": True}})

    async def _bring(self, url: str, events: list[Json]) -> int:
        return await self.post(url, json.dumps({"destination": self.user_id, "events": events}).encode())

    async def post(self, url: str, body: bytes, **headers: str | None) -> int:
        """The status our server answers with. `headers`: None leaves one out."""
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).digest()
        all_headers = {
            "Content_Type": "application/json; charset=utf-8",
            "X_Line_Signature": base64.b64encode(digest).decode(),
            **headers,
        }
        sent = {name.replace("_", "-"): value for name, value in all_headers.items() if value is not None}
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=io.BytesIO(body), headers=sent) as answer,
        ):
            return answer.status


async def _body(request: web.Request) -> Json:
    if request.content_type != "application/json":
        return {}
    data = json.loads(await request.read() or b"{}")
    return data if isinstance(data, dict) else {}


# --- what LINE refuses


def check_messages(data: Json) -> list[Json]:
    """The messages of a request. Raises Refusal as LINE words it."""
    messages = data.get("messages")
    if not isinstance(messages, list) or not 1 <= len(messages) <= 5:
        faults = [{"message": "Size must be between 1 and 5", "property": "messages"}]
    else:
        faults = [
            {"message": why, "property": f"messages[{n}].{where}"}
            for n, message in enumerate(messages)
            for where, why in message_faults(message)
        ]
    if faults:
        raise Refusal(400, f"The request body has {len(faults)} error(s)", details=faults)
    return list(messages or [])


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def message_faults(message: Json) -> list[tuple[str, str]]:
    faults = []
    if len(message.get("quickReply", {}).get("items", ())) > 13:
        faults.append(("quickReply.items", "Size must be between 1 and 13"))
    match message.get("type"):
        case "text":
            text = message.get("text")
            if not isinstance(text, str) or not text.strip():
                faults.append(("text", "May not be empty"))
            elif units(text) > 5000:
                faults.append(("text", "Length must be between 0 and 5000"))
        case "flex":
            alt = message.get("altText")
            if not isinstance(alt, str) or not 1 <= units(alt) <= 1500:
                faults.append(("altText", "Length must be between 1 and 1500"))
            faults += _bubble_faults(message.get("contents") or {})
        case "image":
            for key in ("originalContentUrl", "previewImageUrl"):
                if re.fullmatch(r"https://[!-~]{1,1990}", message.get(key) or "") is None:
                    faults.append((key, "Must be an HTTPS URL of at most 2000 characters"))
            for key in message.keys() - {"type", "originalContentUrl", "previewImageUrl", "quickReply"}:
                faults.append((key, "unknown field"))
        case _:
            faults.append(("type", "Must be one of the following values: [text, image, flex]"))
    return faults


def _bubble_faults(bubble: Json) -> list[tuple[str, str]]:
    if bubble.get("type") != "bubble":
        return [("contents", "unknown type")]
    if len(json.dumps(bubble)) > 30_000:
        return [("contents", "bubble is too large")]
    blocks = [name for name in ("header", "body", "footer") if name in bubble]
    faults = [] if blocks else [("contents", "at least one block must be specified")]
    faults += [
        ("contents", f"unknown field {name}") for name in bubble.keys() - {"type", "size", "styles", *blocks}
    ]
    for name in blocks:
        if bubble[name].get("type") != "box":
            faults.append((f"contents.{name}", "must be a box"))
        faults += _component_faults(bubble[name], f"contents.{name}")
    return faults


def _component_faults(one: Json, where: str) -> list[tuple[str, str]]:
    kind = one.get("type", "")
    if kind not in COMPONENTS:
        return [(where, "unknown type")]
    faults = [(where, f"unknown field {name}") for name in one.keys() - COMPONENTS[kind]]
    faults += [
        (where, f"invalid {name}") for name, of in CHOICES.items() if name in one and one[name] not in of
    ]
    faults += [
        (where, f"invalid {name}")
        for name in ("color", "backgroundColor")
        if name in one and re.fullmatch(COLOUR, one[name]) is None
    ]
    match kind:
        case "box":
            for n, child in enumerate(one["contents"]):
                if one["layout"] == "baseline" and child.get("type") != "text":
                    faults.append((where, "not allowed in a baseline box"))
                faults += _component_faults(child, f"{where}.contents[{n}]")
        case "text" if not isinstance(one.get("text"), str) or not one["text"]:
            faults.append((where, "text must be non-empty text"))
        case "button":
            faults += [(f"{where}.action", why) for why in _action_faults(one.get("action") or {}, 40)]
    return faults


def _action_faults(action: Json, most_label: int) -> list[str]:
    faults = []
    if not 1 <= len(action.get("label", "")) <= most_label:
        faults.append(f"label must be 1 to {most_label} characters")
    match action.get("type"):
        case "postback":
            if not 1 <= units(action.get("data", "")) <= 300 or len(action.get("displayText", "")) > 300:
                faults.append("data and displayText must be at most 300 characters")
        case "uri":
            if re.fullmatch(r"(https?|tel|line):[!-~]{1,990}", action.get("uri", "")) is None:
                faults.append("invalid uri scheme")
        case "message":
            if not 1 <= len(action.get("text", "")) <= 300:
                faults.append("text must be 1 to 300 characters")
        case _:
            faults.append("unknown action")
    return faults


def _walk(one: Any) -> list[Json]:
    """Every component below a message, in reading order."""
    if isinstance(one, list):
        return [found for child in one for found in _walk(child)]
    if not isinstance(one, dict):
        return []
    below = [one.get(key) for key in ("header", "body", "footer", "contents")]
    return [one, *[found for child in below for found in _walk(child)]]


def _words(message: Json) -> str:
    return "\n".join(one["text"] for one in _walk(message) if one.get("type") == "text")


def _buttons(message: Json) -> list[tuple[str, str]]:
    actions = [one["action"] for one in _walk(message) if one.get("type") == "button"]
    return [(action["label"], action["data"]) for action in actions if action["type"] == "postback"]
