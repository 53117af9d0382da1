"""`/api/v1` over HTTP: who calls, what they sent, and what they get."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web
from pydantic import ValidationError

from bot.allowing import before_and_after
from bot.api.endpoints import ENDPOINTS, Call, Endpoint
from bot.api.openapi import PREFIX, document
from bot.callers import CSRF_HEADER, Callers
from bot.company_edits import CompanyEdits
from channels.connections import AGAIN, STREAMS_SHARE, Handler, most_open
from core.access.credentials import Caller
from core.acts import commands as do
from core.acts.commands import Command
from core.clients import reading
from core.clients.errors import ClientError, field_of
from core.clients.feed import MAX_MISSED, Feed, Watcher, newest
from core.clients.operations import Operations
from core.clients.ticker import Ticker
from core.company import editing
from core.errors import TryLater
from core.i18n import N_, Words
from core.media import MediaRefused
from core.media import store as store_media
from core.model import Audience, Scope
from core.refusals import refused
from core.store.loop_events import TOPIC as LOOP
from core.team.rights import Right

log = structlog.get_logger(__name__)

STATUS: Final = {
    "invalid_arguments": 422,
    "not_found": 404,
    "not_yours": 403,
    "stale": 409,
    "already_decided": 409,
    "too_large": 413,
    "try_later": 503,
}
EDIT_ACTS: Final[tuple[type[Command], ...]] = (do.EditCompany,)
"""What the form of an entry of the company's files does."""
BEAT: Final = 15.0
"""Seconds between two comments on a stream on which nothing happens."""


def failed(status: int, code: str, message: str, **more: Any) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if "retry_after" in more:
        headers["Retry-After"] = str(more.pop("retry_after"))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return web.json_response(
        {"error": {"code": code, "message": message, **more}}, status=status, headers=headers
    )


class ApiRoutes:
    def __init__(self, desk: Operations, callers: Callers, feed: Feed, edits: CompanyEdits) -> None:
        self._desk = desk
        self._callers = callers
        self._feed = feed
        self._ticker = Ticker(desk)
        self._edits = edits
        self._streams = 0
        self._most_streams = most_open() // STREAMS_SHARE
        self._stopping = asyncio.Event()

    def add_to(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/api/openapi.json", self._openapi)
        for one in ENDPOINTS:
            router.add_route(one.method, f"{PREFIX}{one.path}", self._serve(one))
        router.add_post(f"{PREFIX}/media", self._guarded(Scope.WRITE, self._media))
        router.add_get(f"{PREFIX}/company/{{kind}}/{{name}}", self._guarded(Scope.DECIDE, self._form))
        router.add_post(f"{PREFIX}/company/{{kind}}/{{name}}", self._guarded(Scope.DECIDE, self._edit))
        router.add_get(f"{PREFIX}/stream", self._guarded(Scope.READ, self._stream))
        router.add_route("*", PREFIX + "/{rest:.*}", self._unknown)
        app.on_shutdown.append(self._stop)

    async def _stop(self, _app: web.Application) -> None:
        self._stopping.set()
        self._ticker.stop()

    async def _openapi(self, _request: web.Request) -> web.Response:
        return web.Response(body=document(), content_type="application/json", charset="utf-8")

    async def _unknown(self, request: web.Request) -> web.Response:
        return failed(404, "not_found", "There is nothing at this address.")

    # --- who calls

    def _guarded(self, scope: Scope, handler: Callable[[web.Request, Caller, str], Any]) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            caller, channel = await self._callers.by_bearer(request, Audience.API), "api"
            if caller is None and "Authorization" not in request.headers:
                caller, channel = await self._callers.by_cookie(request), "dashboard"
                if caller is not None and request.method not in {"GET", "HEAD"}:
                    token = request.headers.get(CSRF_HEADER, "")
                    if not self._callers.same_origin(request):
                        refused("api", "another site")
                        return failed(403, "not_yours", "This page may not speak for another site.")
                    if not self._callers.is_ours(caller, token):
                        refused("api", "old page")
                        words = caller.words
                        return failed(403, "stale", words("This page is too old. Please reload it."))
            if caller is None:
                refused("api", "nobody")
                return failed(401, "not_yours", "Nobody is signed in.")
            if not caller.may(scope):
                refused("api", "scope")
                return failed(403, "not_yours", f"This token lacks the scope {scope.value}.", field="scope")
            try:
                response: web.StreamResponse = await handler(request, caller, channel)
            except ClientError as error:
                more = {key: value for key, value in error.details().items() if key != "code"}
                return failed(STATUS[error.code], error.code, caller.words(error.text), **more)
            except ValidationError as error:
                field = field_of(error)
                return failed(
                    422, "invalid_arguments", "This argument is missing, unknown or wrong.", field=field
                )
            except TryLater:
                return failed(503, "try_later", "Not possible right now.", retry_after=2)
            return response

        return guarded

    def _serve(self, one: Endpoint) -> Handler:
        async def serve(request: web.Request, caller: Caller, channel: str) -> web.Response:
            wanted = await _wanted(request, one)
            call = Call(self._desk.doing(one.acts), caller, channel, self._callers.csrf(caller))
            found = await one.run(call, wanted)
            headers = {"Cache-Control": "no-store"}
            if one.result is None:
                return web.Response(status=one.status, headers=headers)
            return web.json_response(
                found, status=one.status, headers=headers, dumps=lambda it: json.dumps(it, ensure_ascii=False)
            )

        return self._guarded(one.scope, serve)

    # --- the company's files

    async def _form(self, request: web.Request, caller: Caller, channel: str) -> web.Response:
        """The fields of one entry as they stand, for the dashboard's form."""
        kind, name = await self._editable(request, caller, channel)
        words = caller.words
        try:
            fields = await asyncio.to_thread(editing.form, self._edits.folder, kind, name)
        except editing.Unreadable as error:
            raise ClientError("not_found", error.text) from None
        shown = [{**one, "label": _said(words, one)} for one in fields]
        return web.json_response({"fields": shown})

    async def _edit(self, request: web.Request, caller: Caller, channel: str) -> web.Response:
        kind, name = await self._editable(request, caller, channel)
        typed = await _object(request)

        async def allow(folder: Path, edit: editing.Edit) -> None:
            before, after = await before_and_after(folder, edit)
            desk = self._desk.doing(EDIT_ACTS)
            await desk.act(caller, channel, do.EditCompany(kind, name, before, after))

        for field, value in typed.items():
            if not isinstance(value, str) or len(value) > editing.LONGEST:
                raise ClientError(
                    "invalid_arguments", N_("Each field is a text of at most 1,000 characters."), field=field
                )
        try:
            commit = await self._edits.keep(
                lambda folder: editing.edit(folder, kind, name, typed),
                caller.person.id,
                allow=allow,
            )
        except editing.Unreadable as error:
            words = caller.words
            text = words("That cannot be read, or does not fit: {why}", why=error.text or error.field)
            raise ClientError("invalid_arguments", text, field=error.field or None) from None
        return web.json_response({"commit": commit})

    async def _editable(self, request: web.Request, caller: Caller, channel: str) -> tuple[editing.Kind, str]:
        """What is to be edited, once that is allowed. Raises ClientError."""
        kind, name = request.match_info["kind"], request.match_info["name"]
        await self._desk.require(caller, channel, Right.COMPANY)
        for known in editing.FILES:
            if kind == known:
                return known, name
        raise ClientError("not_found", N_("There is no such kind of entry."))

    # --- files, and what happens

    async def _media(self, request: web.Request, caller: Caller, channel: str) -> web.Response:
        services = self._desk.services
        try:
            stored = await store_media(
                services.media,
                request.content.iter_chunked(65536),
                request.headers.get("Content-Type", ""),
                services.pictures,
            )
        except MediaRefused as error:
            if error.code == "too_large":
                return failed(413, "too_large", "At most 20 MB.")
            return failed(415, "invalid_arguments", "Send a photo or a recording.")
        return web.json_response(asdict(stored), status=201)

    async def _stream(self, request: web.Request, caller: Caller, channel: str) -> web.StreamResponse:
        """Server-sent events: every change once, in order, from the cursor that the page has seen."""
        if self._streams >= self._most_streams:
            return failed(503, "try_later", "Too many pages are open.", retry_after=int(AGAIN["Retry-After"]))
        said = request.headers.get("Last-Event-ID") or request.query.get("after")
        after = reading.cursor_in(said) if said is not None else None
        self._streams += 1
        watcher = await self._feed.watch()
        try:
            response = web.StreamResponse(
                headers={
                    "Content-Type": "text/event-stream",
                    "Cache-Control": "no-store",
                    "X-Accel-Buffering": "no",
                }
            )
            await response.prepare(request)
            await self._tell(response, caller, watcher, after)
            return response
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        finally:
            self._streams -= 1
            self._feed.leave(watcher)

    async def _tell(
        self, response: web.StreamResponse, caller: Caller, watcher: Watcher, after: int | None
    ) -> None:
        await response.write(b"retry: 1000\n\n")
        at = await self._catch_up(response, after)
        loop = asyncio.get_running_loop()
        costs, due, looped = True, False, False
        timer: asyncio.TimerHandle  # one per stream and beat, not one per change

        def spent() -> None:
            nonlocal costs
            costs = True
            watcher.more.set()

        def beat() -> None:
            nonlocal due, timer
            due, timer = True, loop.call_later(BEAT, beat)
            watcher.more.set()

        def stirred() -> None:
            nonlocal looped
            looped = True
            watcher.more.set()

        timer = loop.call_later(BEAT, beat)
        leave = self._ticker.watch(spent)
        leave_loop = self._desk.store.subscribe(LOOP, stirred)
        over = {
            asyncio.create_task(self._stopping.wait()),
            asyncio.create_task(self._callers.gone(caller)),
        }
        for one in over:
            one.add_done_callback(lambda _: watcher.more.set())
        try:
            while not any(one.done() for one in over):
                news, at = _news(watcher, at)
                if news or due:
                    await response.write(news or b": here\n\n")
                    due = False
                if costs:
                    costs = False
                    told = await self._ticker.of(caller.person)
                    if told is not None:
                        await response.write(_event("cost", told))
                if looped:
                    looped = False
                    await response.write(_event("loop", {}))
                await watcher.more.wait()
        finally:
            leave()
            leave_loop()
            timer.cancel()
            for task in over:
                task.cancel()

    async def _catch_up(self, response: web.StreamResponse, after: int | None) -> int:
        if after is None:
            at = await self._desk.store.read(newest)
        else:
            missed = await self._feed.after(after, MAX_MISSED + 1)
            at = missed[-1].cursor if missed else after
            if len(missed) > MAX_MISSED:
                await response.write(b"event: reset\ndata: {}\n\n")
                at = await self._desk.store.read(newest)
            else:
                for change in missed:
                    await response.write(change.frame)
        await response.write(_event("caught_up", {"cursor": str(at)}))
        return at


def _news(watcher: Watcher, at: int) -> tuple[bytes, int]:
    """What happened after the cursor `at`, and the cursor after it."""
    parts = []
    if watcher.overrun:
        watcher.overrun = False
        parts.append(b"event: reset\ndata: {}\n\n")
    for change in watcher.take():
        if change.cursor > at:
            at = change.cursor
            parts.append(change.frame)
    return b"".join(parts), at


def _event(name: str, body: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


async def _wanted(request: web.Request, one: Endpoint) -> Any:
    """What was sent, as the endpoint takes it. Raises ValidationError, ClientError, HTTPException."""
    in_path = dict(request.match_info)
    if one.method != "POST":
        query: dict[str, Any] = {
            key: request.query.getall(key) if key == "status" else request.query[key] for key in request.query
        }
        return one.request.model_validate({**query, **in_path}, strict=False)
    data = await _object(request)
    if clash := sorted(data.keys() & in_path.keys()):
        raise ClientError("invalid_arguments", N_("That stands in the address."), field=clash[0])
    return one.request.model_validate({**data, **in_path})


async def _object(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent. Raises ClientError, HTTPException."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(
            text='{"error": {"code": "invalid_arguments", "message": "Send JSON."}}',
            content_type="application/json",
        )
    try:
        data = json.loads(await request.read())
    except web.HTTPRequestEntityTooLarge:
        raise ClientError("too_large", N_("At most 1 MB.")) from None
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(
            text='{"error": {"code": "invalid_arguments", "message": "That is not JSON."}}',
            content_type="application/json",
        ) from None
    if not isinstance(data, dict):
        raise ClientError("invalid_arguments", N_("Send a JSON object."))
    return data


def _said(words: Words, field: dict[str, str]) -> str:
    """The label of a form's field in its reader's language (core.company.editing names them)."""
    label = field["label"]
    return words(label)
