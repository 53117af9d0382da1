"""The authorization server: what it says of itself, asking the person, and tokens."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlencode

from aiohttp import web

from bot.callers import Attempts, Callers
from bot.oauth.addresses import form_target, is_loopback, is_registered, leads_to, may_register, split
from bot.oauth.documents import Documents, is_document
from bot.pages.render import render
from bot.pages.signing_in import FORM, MAX_FORM, SigningIn
from channels.ingress import read_body
from core.access import oauth, scopes
from core.access.credentials import Caller, digest
from core.access.oauth import Asked, Client, Failure, Given, OAuthError
from core.actors import Actor
from core.acts.commands import AllowProgram, Command, DenyProgram
from core.acts.table import perform
from core.context import Services, Store, Tx
from core.errors import Refused
from core.i18n import N_, Words
from core.model import Scope
from core.refusals import refused

RESOURCE: Final = "/.well-known/oauth-protected-resource"
SERVER: Final = "/.well-known/oauth-authorization-server"
CHANNEL: Final = "dashboard"
"""On which a person answers."""
ACTS: Final[tuple[type[Command], ...]] = (AllowProgram, DenyProgram)
"""What is done here; the rest is between LoopOS and a program, which shows its own secret."""
MAX_REGISTRATIONS: Final = 20
REGISTRATIONS_WITHIN: Final = timedelta(hours=1)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_OPEN: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, MCP-Protocol-Version",
}
SCOPES: Final = {
    Scope.READ: N_("See tickets, what the company knows, and what things cost, as far as you may"),
    Scope.WRITE: N_("Report problems, take jobs and close them, in your name"),
    Scope.DECIDE: N_("Approve and reject spending in your name"),
}


class _Problem(Exception):
    """Told on a page of ours: there is nobody who could be told by a redirect."""


class OAuthRoutes:
    def __init__(
        self,
        store: Store,
        services: Services,
        callers: Callers,
        signing_in: SigningIn,
        documents: Documents,
        token_ttl: timedelta,
    ) -> None:
        self._store = store
        self._services = services
        self._callers = callers
        self._signing_in = signing_in
        self._documents = documents
        self._ttl = token_ttl
        self._registered = Attempts(MAX_REGISTRATIONS, REGISTRATIONS_WITHIN)

    @property
    def _base(self) -> str:
        return self._services.url

    def add_to(self, app: web.Application) -> None:
        router = app.router
        for path in (RESOURCE, f"{RESOURCE}/mcp"):
            router.add_get(path, self.resource)
        router.add_get(SERVER, self.server)
        router.add_get("/authorize", self.authorize)
        router.add_get("/consent", self.consent)
        router.add_post("/consent", self.decide)
        router.add_post("/token", self.token)
        router.add_post("/register", self.register)
        router.add_post("/revoke", self.revoke)
        for path in (RESOURCE, f"{RESOURCE}/mcp", SERVER, "/token", "/register", "/revoke"):
            router.add_route("OPTIONS", path, self._preflight)

    async def _preflight(self, _request: web.Request) -> web.Response:
        return web.Response(status=204, headers=_OPEN)

    # --- what it says of itself

    async def resource(self, _request: web.Request) -> web.Response:
        said = {
            "resource": f"{self._base}/mcp",
            "authorization_servers": [self._base],
            "scopes_supported": ["read", "write"],
            "bearer_methods_supported": ["header"],
            "resource_name": f"LoopOS · {self._services.company.about.name}",
        }
        return web.json_response(said, headers=_OPEN)

    async def server(self, _request: web.Request) -> web.Response:
        base = self._base
        methods = ["none", "client_secret_post", "client_secret_basic"]
        said = {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "registration_endpoint": f"{base}/register",
            "revocation_endpoint": f"{base}/revoke",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "scopes_supported": ["read", "write", "decide"],
            "client_id_metadata_document_supported": True,
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response(said, headers=_OPEN)

    # --- asking the person

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        words = self._signing_in.words(request)
        try:
            client, redirect_uri = await self._who_asks(query)
        except _Problem as problem:
            refused("oauth", "unknown client")
            return self._notice(words, str(problem))
        state = query.get("state")
        try:
            asked = self._asked(query, client, redirect_uri)
        except OAuthError as error:
            return self._back(redirect_uri, state, error=error.code, error_description=error.text)
        caller = await self._callers.by_cookie(request)
        if caller is None:
            return _found("/signin?" + urlencode({"next": request.raw_path}))
        person, host, now = caller.person.id, leads_to(redirect_uri), self._services.clock.now()
        # On a person's own machine any program can listen under another's name: money is never given there unasked.
        assured = redirect_uri.startswith("https://") or "decide" not in asked.scope.split()
        if assured and await self._store.read(
            lambda session: oauth.allowed_before(session, person, asked, host, now)
        ):
            try:
                return self._back(redirect_uri, state, code=await self._allow_again(person, asked, host))
            except Refused:  # they are of the team no more, since a moment ago
                return self._back(redirect_uri, state, error="access_denied")
        place = self._callers.place(request)
        name = await self._store.write(
            lambda tx: oauth.wait_for_consent(tx, person, asked, place), awaited=True
        )
        return _found("/consent?" + urlencode({"request": name}))

    async def _allow_again(self, person: str, asked: Asked, host: str) -> str:
        """The yes that they gave before stands."""

        def work(tx: Tx) -> str:
            name = oauth.wait_for_consent(tx, person, asked, "")
            tx.session.flush()
            return str(perform(tx, Actor(person, CHANNEL), AllowProgram(name, asked.scope, host)))

        return await self._store.write(work, awaited=True)

    async def _who_asks(self, query: Mapping[str, str]) -> tuple[Client, str]:
        """Raises _Problem: neither can be believed, so nobody is sent anywhere."""
        client = await self._client(query.get("client_id", ""))
        if client is None:
            raise _Problem(N_("This program is not known here."))
        redirect_uri = query.get("redirect_uri", "")
        if not redirect_uri and len(client.redirect_uris) == 1:
            redirect_uri = client.redirect_uris[0]
        if not is_registered(redirect_uri, client.redirect_uris):
            raise _Problem(N_("This program asks to be answered at an address that it did not register."))
        return client, redirect_uri

    async def _client(self, client_id: str) -> Client | None:
        if is_document(client_id):
            return await self._documents.client(client_id)
        return await self._store.read(lambda session: oauth.registered(session, client_id))

    def _asked(self, query: Any, client: Client, redirect_uri: str) -> Asked:
        """Raises OAuthError."""
        if query.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code")
        challenge = query.get("code_challenge", "")
        if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise OAuthError("invalid_request", "code_challenge with S256 is needed")
        if not all(self._is_ours(one) for one in query.getall("resource", [])):
            raise OAuthError("invalid_target", "resource is another server")
        wanted = scopes.named(query.get("scope", "") or scopes.USUAL)
        if wanted is None:
            raise OAuthError("invalid_scope", "read, write and decide are known")
        state = query.get("state")
        if state is not None and len(state) > 4000:
            raise OAuthError("invalid_request", "state is too long")
        return Asked(
            client.client_id,
            client.name,
            client.proven,
            redirect_uri,
            state,
            challenge,
            scopes.spelled(wanted),
        )

    def _is_ours(self, resource: str) -> bool:
        base = self._base
        return resource in {base, f"{base}/", f"{base}/mcp", f"{base}/mcp/"}

    async def consent(self, request: web.Request) -> web.StreamResponse:
        caller = await self._callers.by_cookie(request)
        if caller is None:
            return _found("/signin?" + urlencode({"next": request.raw_path}))
        words = caller.words
        found = await self._awaited(request.query.get("request", ""), caller)
        if found is None:
            return self._notice(words, N_("This request is over. Please begin again in the program."))
        asked, place = found
        parts = split(asked.redirect_uri)
        return render(
            "consent",
            words,
            self._services.clock.now(),
            sends_to=form_target(asked.redirect_uri),
            asked=asked,
            host=leads_to(asked.redirect_uri),
            place=place,
            person=caller.person.name,
            scopes={one.value: words(text) for one, text in SCOPES.items()},
            ticked=scopes.included(scopes.named(asked.scope) or ()),
            loopback=parts is not None and parts.scheme == "http" and is_loopback(parts),
            request=request.query["request"],
            csrf=self._callers.csrf(caller),
            company=self._services.company.about.name,
        )

    async def _awaited(self, name: str, caller: Caller) -> tuple[Asked, str] | None:
        person, now = caller.person.id, self._services.clock.now()
        return await self._store.read(lambda session: oauth.awaited(session, name, person, now))

    async def decide(self, request: web.Request) -> web.StreamResponse:
        caller = await self._callers.by_cookie(request)
        try:
            form = await fields_of(request)
        except OAuthError as error:
            raise web.HTTPBadRequest(text=error.text) from None
        good = caller is not None and self._callers.same_origin(request)
        if caller is None or not good or not self._callers.is_ours(caller, form.get("csrf", [""])[0]):
            refused("oauth", "another site")
            raise web.HTTPForbidden(text="Another site may not answer for you.")
        words, name = caller.words, form.get("request", [""])[0]
        found = await self._awaited(name, caller)
        if found is None:
            return self._notice(words, N_("This request is over. Please begin again in the program."))
        asked, _ = found
        ticked = scopes.named(" ".join(form.get("scope", [])))
        allowed = form.get("decision", [""])[0] == "allow" and bool(ticked)
        host, person = leads_to(asked.redirect_uri), caller.person.id
        given = scopes.spelled(ticked or ())

        said = AllowProgram(name, given, host) if allowed else DenyProgram(name)
        try:
            code = await self._store.write(lambda tx: perform(tx, Actor(person, CHANNEL), said), awaited=True)
        except Refused:
            return self._notice(words, N_("This request is over. Please begin again in the program."))
        if not code:
            return self._back(asked.redirect_uri, asked.state, error="access_denied")
        return self._back(asked.redirect_uri, asked.state, code=code)

    def _back(self, redirect_uri: str, state: str | None, **said: str) -> web.Response:
        answer = {**{key: value for key, value in said.items() if value}, "iss": self._base}
        if state is not None:
            answer["state"] = state
        joint = "&" if "?" in redirect_uri else "?"
        return _found(f"{redirect_uri}{joint}{urlencode(answer)}")

    def _notice(self, words: Words, text: str) -> web.Response:
        return render("notice", words, self._services.clock.now(), status=400, text=words(text))

    # --- tokens

    async def token(self, request: web.Request) -> web.Response:
        try:
            form = await fields_of(request)
            client = await self._authenticated(request, form)
            for resource in form.get("resource", []):
                if not self._is_ours(resource):
                    raise OAuthError("invalid_target", "resource is another server")
            match form.get("grant_type", [""])[0]:
                case "authorization_code":
                    one = {key: values[0] for key, values in form.items()}
                    found = await self._store.write(
                        lambda tx: oauth.exchange(
                            tx,
                            client,
                            one.get("code", ""),
                            one.get("redirect_uri"),
                            one.get("code_verifier", ""),
                            self._ttl,
                        ),
                        awaited=True,
                    )
                case "refresh_token":
                    shown, scope = form.get("refresh_token", [""])[0], form.get("scope", [None])[0]
                    found = await self._store.write(
                        lambda tx: oauth.refresh(tx, client, shown, scope, self._ttl), awaited=True
                    )
                case _:
                    raise OAuthError("unsupported_grant_type")
            if isinstance(found, Failure):
                raise found.error
        except OAuthError as error:
            return _refused(error)
        return _tokens(found)

    async def _authenticated(self, request: web.Request, form: Mapping[str, list[str]]) -> Client:
        """The client that calls, proven as it registered. Raises OAuthError."""
        name, secret = form.get("client_id", [""])[0], form.get("client_secret", [None])[0]
        header = request.headers.get("Authorization", "")
        if header.casefold().startswith("basic "):
            name, secret = _basic(header)
        client = await self._client(name)
        if client is None:
            raise OAuthError("invalid_client", "This program is not known here.", 401)
        proven = secret is not None and hmac.compare_digest(digest(secret), client.secret or "")
        if client.secret is not None and not proven:
            raise OAuthError("invalid_client", "The client's secret is wrong.", 401)
        return client

    async def register(self, request: web.Request) -> web.Response:
        body = await read_body(request, ["application/json"], MAX_FORM)
        # From here to the count nothing waits: however many come at once, they are counted one after the other.
        place = self._callers.place(request)
        wait = self._registered.wait(place)
        if wait is not None:
            refused("oauth", "too many registrations")
            return _json({"error": "temporarily_unavailable"}, 429, {"Retry-After": str(wait)})
        try:
            said = json.loads(body)
            uris = said["redirect_uris"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return _json(
                {"error": "invalid_client_metadata", "error_description": "redirect_uris is needed"}, 400
            )
        if (
            not isinstance(uris, list)
            or not 1 <= len(uris) <= 20
            or not all(isinstance(one, str) and may_register(one) for one in uris)
        ):
            wrong = "https, http on the loopback, or a scheme of the program's own; without a fragment"
            return _json({"error": "invalid_redirect_uri", "error_description": wrong}, 400)
        method = said.get("token_endpoint_auth_method", "none")
        grants = said.get("grant_types", ["authorization_code", "refresh_token"])
        answers = said.get("response_types", ["code"])
        known = {"authorization_code", "refresh_token"}
        if (
            not isinstance(method, str)
            or method not in {"none", "client_secret_post", "client_secret_basic"}
            or not _texts(grants)
            or "authorization_code" not in grants
            or not _texts(answers)
            or "code" not in answers
        ):
            return _json({"error": "invalid_client_metadata"}, 400)
        name = said.get("client_name")
        shown = name if isinstance(name, str) and name.strip() else leads_to(uris[0])
        self._registered.failed(place)
        client, secret = await self._store.write(
            lambda tx: oauth.register(tx, shown, uris, method), awaited=True
        )
        answer: dict[str, Any] = {
            "client_id": client.client_id,
            "client_id_issued_at": int(self._services.clock.now().timestamp()),
            "client_name": client.name,
            "redirect_uris": list(client.redirect_uris),
            "token_endpoint_auth_method": method,
            "grant_types": [one for one in grants if one in known],
            "response_types": ["code"],
        }
        if secret is not None:
            answer |= {"client_secret": secret, "client_secret_expires_at": 0}
        return _json(answer, 201)

    async def revoke(self, request: web.Request) -> web.Response:
        try:
            form = await fields_of(request)
            client = await self._authenticated(request, form)
        except OAuthError as error:
            return _refused(error)
        shown = form.get("token", [""])[0]
        await self._store.write(lambda tx: oauth.revoke(tx, client, shown), awaited=True)
        return web.Response(status=200, headers={**_OPEN, "Cache-Control": "no-store"})


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


async def fields_of(request: web.Request) -> dict[str, list[str]]:
    """The fields of a form. Raises 400, 413, 415."""
    try:
        return parse_qs(
            (await read_body(request, [FORM], MAX_FORM)).decode(),
            keep_blank_values=True,
            max_num_fields=100,
            errors="strict",
        )
    except ValueError:
        raise OAuthError("invalid_request", "That is not a form.") from None


def _basic(header: str) -> tuple[str, str]:
    """Raises OAuthError."""
    try:
        name, _, secret = base64.b64decode(header[6:].strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise OAuthError("invalid_client", "That header cannot be read.", 401) from None
    return unquote(name), unquote(secret)


def _found(url: str) -> web.Response:
    return web.Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})


def _json(body: dict[str, Any], status: int, headers: Mapping[str, str] = {}) -> web.Response:
    return web.json_response(
        body, status=status, headers={**_OPEN, "Cache-Control": "no-store", "Pragma": "no-cache", **headers}
    )


def _refused(error: OAuthError) -> web.Response:
    refused("oauth", error.code)
    headers = {"WWW-Authenticate": "Basic"} if error.status == 401 else {}
    said = {"error": error.code, **({"error_description": error.text} if error.text else {})}
    return _json(said, error.status, headers)


def _tokens(given: Given) -> web.Response:
    return _json(
        {
            "access_token": given.access,
            "token_type": "Bearer",
            "expires_in": given.seconds,
            "refresh_token": given.refresh,
            "scope": given.scope,
        },
        200,
    )
