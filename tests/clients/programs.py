"""Programs as their people set them up: a token made by hand, and calls with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from core.actors import Actor
from core.acts.commands import MakeToken
from core.acts.table import perform
from core.context import Tx
from tests.platforms import House


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any


@dataclass
class Program:
    """One that holds a token for the API."""

    house: House
    http: aiohttp.ClientSession
    token: str

    async def call(self, method: str, path: str, json: Any = None, **more: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        url = f"{self.house.url}/api/v1{path}"
        async with self.http.request(method, url, json=json, headers=headers, **more) as response:
            body = (
                await response.json()
                if response.content_type == "application/json"
                else await response.text()
            )
            return Answer(response.status, body, response.headers)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.call("GET", path, params=query)
        assert answer.status == 200, answer
        return answer.body


@dataclass
class Programs:
    house: House
    http: aiohttp.ClientSession

    async def token(self, person: str, scope: str = "read write", audience: str = "api") -> str:
        def work(tx: Tx) -> str:
            command = MakeToken(person, f"{person}'s program", scope, audience, 30)
            secret, _ = perform(tx, Actor("ben", "cli"), command)
            return str(secret)

        return await self.house.app.store.write(work)

    async def of(self, person: str, scope: str = "read write") -> Program:
        return Program(self.house, self.http, await self.token(person, scope))


MODERN, LEGACY = "2026-07-28", "legacy"


@contextlib.asynccontextmanager
async def assistant(
    url: str, token: str, revision: str, yes: bool | None = None, on_message: Any = None
) -> AsyncIterator[Client]:
    """The official client, over HTTP. `yes`: what its person says when asked; None: it cannot ask.
    `on_message`: hears what the server says by itself."""

    async def asked(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        ASKED.append(params.message)
        return types.ElicitResult(action="accept", content={"approve": bool(yes)})

    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
    transport = streamable_http_client(f"{url}/mcp", http_client=http)
    more: dict[str, Any] = {} if yes is None else {"elicitation_callback": asked}
    if on_message is not None:
        more["message_handler"] = on_message
    async with http, Client(transport, mode=revision, cache=None, **more) as client:
        yield client


ASKED: list[str] = []
"""What people were asked by their client."""
