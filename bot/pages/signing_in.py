"""`/signin` and `/signout`: a code out of one's own chat, or a yes there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.callers import Attempts, Callers
from bot.pages.render import render
from channels.ingress import read_body, read_fields
from core.access import sign_in
from core.actors import Actor
from core.acts.commands import Command, RevokeClient
from core.acts.table import perform
from core.context import Services, Store, Tx
from core.i18n import N_, Words
from core.model import LANGUAGES
from core.refusals import refused

FORM: Final = "application/x-www-form-urlencoded"
MAX_FORM: Final = 16 * 1024
MAX_WRONG: Final = 10
MAX_ASKED: Final = 10
"""Asks for a yes in chat, from one place."""
WRONG_WITHIN: Final = timedelta(minutes=10)
WAIT_COOKIE: Final = "loopos_wait"
ACTS: Final[tuple[type[Command], ...]] = (RevokeClient,)
"""Signing out. Who signs in proves who they are, and does nothing yet."""


class SigningIn:
    def __init__(self, store: Store, services: Services, callers: Callers) -> None:
        self._store = store
        self._services = services
        self._callers = callers
        self._wrong = Attempts(MAX_WRONG, WRONG_WITHIN)
        self._asked = Attempts(MAX_ASKED, WRONG_WITHIN)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/signin", self.page)
        app.router.add_post("/signin", self.enter)
        app.router.add_get("/signin/wait", self.wait)
        app.router.add_post("/signout", self.leave)

    def words(self, request: web.Request) -> Words:
        """In the language of the browser, as long as nobody is signed in."""
        wanted = request.headers.get("Accept-Language", "")
        for part in wanted.split(","):
            code = part.partition(";")[0].strip().casefold()
            for one in LANGUAGES:
                if code == one.casefold() or code.partition("-")[0] == one.partition("-")[0]:
                    return Words(one, ZoneInfo("UTC"))
        return Words("en", ZoneInfo("UTC"))

    def _answer(self, request: web.Request, problem: str = "", status: int = 200) -> web.Response:
        words = self.words(request)
        return render(
            "signin",
            words,
            self._services.clock.now(),
            status=status,
            company=self._services.company.about.name,
            problem=words(problem) if problem else "",
            next=own_path(request.query.get("next", "/")),
        )

    async def page(self, request: web.Request) -> web.Response:
        return self._answer(request)

    async def enter(self, request: web.Request) -> web.Response:
        if not self._callers.same_origin(request):
            refused("signin", "another site")
            raise web.HTTPForbidden(text="Another site may not sign you in.")
        form = await _said(request)
        path = own_path(form.get("next", "/"))
        place = self._callers.place(request)
        asks = "person" in form and not form.get("code")
        wait = (self._asked if asks else self._wrong).wait(place)
        if wait is not None:
            refused("signin", "too many tries")
            answer = self._answer(request, N_("Too many tries. Please wait some minutes and try again."), 429)
            answer.headers["Retry-After"] = str(wait)
            return answer
        if asks:
            self._asked.failed(place)
            return await self._ask(request, form["person"], path)
        code, browser = form.get("code", ""), browser_of(request)

        def work(tx: Tx) -> str | None:
            person = sign_in.use_code(tx, code)
            if person is None or self._services.company.person(person) is None:
                return None
            return sign_in.open_session(tx, person, browser, place)

        session = await self._store.write(work, awaited=True)
        if session is None:
            self._wrong.failed(place)
            refused("signin", "wrong code")
            return self._answer(
                request,
                N_("That code is wrong, used or too old. Write /dashboard to the bot for a new one."),
                401,
            )
        return self._signed_in(path, session)

    def _signed_in(self, path: str, session: str) -> web.Response:
        answer = web.Response(status=303, headers={"Location": path, "Cache-Control": "no-store"})
        self._set(answer, session)
        return answer

    def _set(self, answer: web.Response, session: str) -> None:
        answer.set_cookie(
            self._callers.cookie,
            session,
            max_age=int(sign_in.SESSION_LASTS.total_seconds()),
            httponly=True,
            secure=self._callers.is_secure,
            samesite="Lax",
            path="/",
        )

    # --- a yes in chat

    async def _ask(self, request: web.Request, person: str, path: str) -> web.Response:
        browser, place = browser_of(request), self._callers.place(request)
        waiting = await self._store.write(
            lambda tx: sign_in.ask(tx, person[:60], browser, place, path), awaited=True
        )
        words = self.words(request)
        answer = render("signin_wait", words, self._services.clock.now(), digits=waiting.digits, next=path)
        answer.set_cookie(
            WAIT_COOKIE,
            waiting.secret,
            max_age=int(sign_in.WAITS.total_seconds()),
            httponly=True,
            secure=self._callers.is_secure,
            samesite="Strict",
            path="/signin",
        )
        return answer

    async def wait(self, request: web.Request) -> web.Response:
        """204 while nobody answered, 200 `{next}` with the cookie once it was allowed, 410 when it is over."""
        secret, now = request.cookies.get(WAIT_COOKIE, ""), self._services.clock.now()
        found = await self._store.read(lambda session: sign_in.outcome(session, secret, now))
        headers = {"Cache-Control": "no-store"}
        if found.state == "waiting":
            return web.Response(status=204, headers=headers)
        done = None
        if found.state == "allowed":
            done = await self._store.write(lambda tx: sign_in.finish(tx, secret), awaited=True)
        if done is None:
            gone = web.Response(status=410, headers=headers)
            gone.del_cookie(WAIT_COOKIE, path="/signin")
            return gone
        session, path = done
        answer = web.json_response({"next": path}, headers=headers)
        self._set(answer, session)
        answer.del_cookie(WAIT_COOKIE, path="/signin")
        return answer

    # --- out

    async def leave(self, request: web.Request) -> web.Response:
        caller = await self._callers.by_cookie(request)
        form = await _said(request)
        good = caller is not None and self._callers.same_origin(request)
        if caller is None or not good or not self._callers.is_ours(caller, form.get("csrf", "")):
            raise web.HTTPForbidden(text="Another site may not sign you out.")
        actor = Actor(caller.person.id, "dashboard")
        out = RevokeClient(caller.client_id, caller.person.id)
        await self._store.write(lambda tx: perform(tx, actor, out))
        answer = web.Response(status=303, headers={"Location": "/signin", "Cache-Control": "no-store"})
        answer.del_cookie(
            self._callers.cookie, path="/", secure=self._callers.is_secure, httponly=True, samesite="Lax"
        )
        return answer


async def _said(request: web.Request) -> dict[str, str]:
    """The fields of a form, or of a JSON object of texts. Raises 400, 413, 415."""
    body = await read_body(request, [FORM, "application/json"], MAX_FORM)
    if request.content_type == FORM:
        return read_fields(body)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="That is not JSON.") from None
    if not isinstance(said, dict):
        raise web.HTTPBadRequest(text="That is not a JSON object.")
    return {str(key): value for key, value in said.items() if isinstance(value, str)}


def own_path(path: str) -> str:
    """`path` where it is one of our own pages, "/" where it could lead anywhere else."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and len(path) < 4000
    return path if good and all("!" <= char <= "~" and char != "\\" for char in path) else "/"


def browser_of(request: web.Request) -> str:
    """In a few words, for people: "Firefox on Android"."""
    said = request.headers.get("User-Agent", "")
    names = (
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    )
    name = next((shown for mark, shown in names if mark in said), "")
    system = next((shown for mark, shown in systems if mark in said), "")
    return " · ".join(part for part in (name, system) if part) or "Browser"
