"""The vendor's page: an answer that was refused can be given anew, the link ends, and what is malformed is told so."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select
from yarl import URL

from bot.log import set_up
from core.i18n import Words
from core.inbox import Arrival, accept
from core.outbox.offer_links import SHOWN_FOR, token_of
from core.store.tables import Offer
from tests.platforms import House, open_house
from tests.world import STORY


@dataclass
class Page:
    """What the vendor has open."""

    house: House
    web: aiohttp.ClientSession
    offer: str
    url: str

    async def get(self) -> tuple[int, str]:
        async with self.web.get(self.url) as answer:
            return answer.status, await answer.text()

    async def post(self, data: object, kind: str | None = None) -> tuple[int, str]:
        headers = {"Content-Type": kind} if kind else {}
        async with self.web.post(self.url, data=data, headers=headers) as answer:
            return answer.status, await answer.text()

    async def button(self, action: str) -> str:
        _, text = await self.get()
        found = re.search(rf'value="({action}:[a-z0-9]+)"', text)
        assert found is not None, text
        return found[1]

    async def status(self) -> str:
        await self.house.settle()
        row = await self.house.app.store.read(lambda s: s.get(Offer, self.offer))
        assert row is not None
        return row.status


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with (
        open_house(tmp_path, [("shirley", "line"), ("ben", "slack")]) as house,
        aiohttp.ClientSession() as web,
    ):
        await house.phone("shirley", "line").says(STORY)
        await house.phone("ben", "slack").taps("approve")
        offer = await house.app.store.read(lambda s: s.scalar(select(Offer.id)))
        assert offer is not None
        token = token_of(house.app.services.secret, offer)
        yield Page(house, web, offer, f"{house.url}/v/{token}")


def said(page: Page, english: str) -> str:
    """The sentence in the vendor's language."""
    vendor = page.house.app.services.company.vendor("mr_wang_hvac")
    assert vendor is not None
    zone = page.house.app.services.company.founder.zone
    return Words(vendor.languages[0], zone)(english)


@pytest.mark.parametrize("wrong", [{"eta": "999"}, {"eta": ""}, {"eta": "60", "amount": "1.200,50"}])
async def test_an_answer_that_was_refused_can_be_given_anew(page: Page, wrong: dict[str, str]) -> None:
    action = "counter" if "amount" in wrong else "accept"
    button = await page.button(action)
    status, text = await page.post({"button": button, **wrong})
    assert (status, await page.status()) == (200, "asked")
    assert "<p class=note" in text and button in text
    right = {"eta": "60"} | ({"amount": "140"} if "amount" in wrong else {})
    status, _ = await page.post({"button": button, **right})
    assert (status, await page.status()) == (200, "accepted")


async def test_what_is_refused_only_later_is_told_and_the_button_is_free_again(page: Page) -> None:
    button = await page.button("accept")
    at = page.house.clock.now().isoformat()
    body = {"offer": page.offer, "vendor": "mr_wang_hvac", "button": button, "values": {"eta": "7"}, "at": at}
    await page.house.app.store.write(
        lambda tx: accept(tx, [Arrival("link", f"{page.offer}:{button}", page.offer, body)])
    )
    await page.house.settle()
    _, text = await page.get()
    assert said(page, "That is not one of the choices.") in text
    assert (await page.post({"button": button, "eta": "30"}))[0] == 200
    assert await page.status() == "accepted"
    # The same once more, as a phone without a network sends it: still the first answer.
    await page.post({"button": button, "eta": "120"})
    await page.house.settle()
    row = await page.house.app.store.read(lambda s: s.get(Offer, page.offer))
    assert row is not None and row.eta_at is not None and row.answered_at is not None
    assert row.eta_at - row.answered_at < timedelta(minutes=31)


async def test_a_job_that_is_over_meanwhile_says_so(page: Page) -> None:
    button = await page.button("accept")
    await page.house.phone("ben", "slack").says("/resolve T-1001 120")
    status, text = await page.post({"button": button, "eta": "60"})
    assert (status, await page.status()) == (200, "withdrawn")
    assert said(page, "This job is no longer needed. Thank you.") in text


async def test_two_weeks_after_its_ticket_the_link_ends_in_the_vendors_language(page: Page) -> None:
    button = await page.button("accept")
    await page.house.wait(days=20)
    assert (await page.get())[0] == 200, "the ticket is open"
    await page.house.phone("ben", "slack").says("/resolve T-1001 120")
    page.house.clock.ahead += SHOWN_FOR - timedelta(hours=1)
    assert (await page.get())[0] == 200
    page.house.clock.ahead += timedelta(hours=2)
    over = said(page, "This job ended a while ago, and this page is closed. Thank you!")
    for status, text in (await page.get(), await page.post({"button": button, "eta": "60"})):
        assert status == 410
        assert over in text and "USD" not in text and "<form" not in text
    assert over != "This job ended a while ago, and this page is closed. Thank you!"


async def test_what_is_malformed_is_a_page_and_the_token_is_in_no_log(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    set_up("DEBUG")
    button = await page.button("accept")
    form, parts = "application/x-www-form-urlencoded", "multipart/form-data"
    tried = [
        (b"button=\xff\xfe", form, 400),
        (b"button=%ff%fe&eta=60", form, 400),
        (b"", form, 400),
        (b"button=1&" + b"a=1&" * 200, form, 400),
        (b"no boundary", parts, 400),
        (b"--x\r\nbroken", f"{parts}; boundary=x", 400),
        (b"button=1", f"{form}; charset=martian", 200),
        (json.dumps({"button": button}).encode(), "application/json", 400),
        (f"button={button}&eta=60".encode(), "text/plain", 400),
        (b"a=" + b"x" * 17_000, form, 413),
    ]
    for body, kind, wanted in tried:
        status, text = await page.post(body, kind)
        assert (status, "<main>" in text) == (wanted, True), (body[:30], kind)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 1000

    assert (await page.post(pieces(), form))[0] == 413
    assert await page.status() == "asked"
    token = page.url.rpartition("/")[2]
    # What is no HTTP at all is answered by aiohttp itself.
    chunked = f"Host: a\r\nContent-Type: {form}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    for rest in (f"Host: a\r\nbad: /v/{token}\x00\r\n\r\n", chunked):
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(page.url).port)
        writer.write(f"POST /v/{token} HTTP/1.1\r\n{rest}".encode())
        assert (await reader.readline()).split()[1] == b"400"
        writer.close()
    monkeypatch.setattr("channels.link.routes._find", lambda *_: 1 / 0)
    assert (await page.get())[0] == 500
    for line in (f"GET /v/{token} HTTP/1.1", f'"GET /v/{token}" 200', f"https://a.example/f/{token}?x=1"):
        logging.getLogger("aiohttp.access").error(line)
    log = written.getvalue()
    assert "request_failed" in log and STORY not in log and "/f/[secret]?x=1" in log
    assert token not in log and token.partition(".")[2] not in log
