"""A person's browser, as far as it matters here: cookies, forms, redirects that are looked at and not followed."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.platforms import House, Phone


@dataclass
class Page:
    status: int
    text: str
    headers: Any

    @property
    def location(self) -> str:
        return str(self.headers.get("Location", ""))

    @property
    def query(self) -> dict[str, str]:
        """Of where it leads."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.location).query).items()}

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found is not None, self.text
        return unescape(found[1])


@dataclass
class Browser:
    house: House
    http: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def send(self, method: str, path: str, data: Any = None, **headers: str) -> Page:
        url = path if path.startswith("http") else f"{self.house.url}{path}"
        every = {"Accept-Language": "en", **headers}
        if self.cookies:
            every["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method != "GET":
            every.setdefault("Origin", self.house.url)
        async with self.http.request(
            method, url, data=data, headers=every, allow_redirects=False
        ) as response:
            for name, morsel in response.cookies.items():
                if morsel.value:
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
            return Page(response.status, await response.text(errors="replace"), response.headers)

    async def get(self, path: str, **headers: str) -> Page:
        return await self.send("GET", path, **headers)

    async def post(self, path: str, data: Any, **headers: str) -> Page:
        return await self.send("POST", path, data, **headers)

    @staticmethod
    async def _codes(phone: Phone) -> list[str]:
        return re.findall(r"signin#([0-9A-Z]{4}-[0-9A-Z]{4})", "\n".join(await phone.texts()))

    async def signs_in(self, person: str, channel: str, path: str = "/") -> Page:
        """With a code out of their chat."""
        phone = self.house.phone(person, channel)
        before = len(await self._codes(phone))
        await phone.says("/dashboard")
        async with asyncio.timeout(10):  # a busy machine may still be bringing it
            while len(codes := await self._codes(phone)) == before:
                await asyncio.sleep(0.01)
        code = codes[-1]
        return await self.post("/signin", {"code": code, "next": path})
