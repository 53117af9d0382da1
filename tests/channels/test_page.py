"""What a person sees of files on the chat page: a real browser on a phone's screen.

LOOPOS_SCREENSHOTS=folder keeps the pictures."""

from __future__ import annotations

import hashlib
import io
import os
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect

from bot.serve import http_app
from core.model import Address
from core.outbox import card_publisher
from core.outbox.file_links import Offered, token_of
from tests.channels.files import PDF, kept, png
from tests.test_browser import CHROMIUM, FLAGS, PHONE
from tests.world import World, open_world

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]
ALT = "One bar for each property; Bali is the highest."


def recording() -> bytes:
    """A second of silence."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 8000, "NONE", ""))
        file.writeframes(bytes(16000))
    return sound.getvalue()


@dataclass
class Screen:
    world: World
    page: Page
    home: Path
    url: str

    async def file(self, data: bytes, name: str, media_type: str, caption: str, alt: str = "") -> None:
        path = kept(self.home, data)
        await self.world.do(
            lambda tx: card_publisher.send_file(
                tx,
                Address("web", "ben"),
                path=path,
                name=name,
                media_type=media_type,
                caption=caption,
                alt=alt,
            )
        )
        await self.world.settle()

    async def open(self) -> None:
        await self.page.goto(f"{self.url}/?as=ben")

    async def shoot(self, name: str) -> None:
        if folder := os.environ.get("LOOPOS_SCREENSHOTS"):
            await self.page.screenshot(path=f"{folder}/{name}.png")


@pytest.fixture
async def screen(tmp_path: Path) -> AsyncIterator[Screen]:
    async with open_world(tmp_path) as world, async_playwright() as playwright:
        runner = web.AppRunner(http_app(world.app), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport=PHONE, locale="en-US")
        try:
            yield Screen(world, page, tmp_path, f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await browser.close()
            await runner.cleanup()


async def test_a_picture_a_document_and_a_recording_on_a_phone(screen: Screen) -> None:
    sound = recording()
    voice = {"kind": "voice", "media_type": "audio/wav", "bytes": len(sound)}
    path = kept(screen.home, sound)
    voice |= {"sha256": hashlib.sha256(sound).hexdigest(), "path": path}
    await screen.world.says("shirley", "", files=[voice])
    await screen.file(png(900, 560), "costs-2026-11.png", "image/png", "Costs in November", ALT)
    await screen.file(PDF, "statement 2026-11.pdf", "application/pdf", "The statement for the owner")
    await screen.open()

    picture = screen.page.get_by_role("img", name=ALT)
    await expect(picture).to_be_visible()
    assert await picture.evaluate("one => one.decode().then(() => one.naturalWidth)") == 900
    document = screen.page.get_by_role("link", name="statement 2026-11.pdf")
    async with screen.page.expect_download() as download:
        await document.click()
    assert (await download.value).suggested_filename == "statement 2026-11.pdf"
    player = screen.page.locator(".card[data-kind=approval] audio")
    assert await player.get_attribute("preload") == "none"
    length = "one => new Promise((done) => { one.onplaying = () => done(one.duration); one.muted = true; one.play(); })"
    assert await player.evaluate(length) == pytest.approx(1.0)
    assert await screen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await screen.shoot("phone-files")
    await player.scroll_into_view_if_needed()
    await screen.shoot("phone-player")


async def test_a_picture_is_enlarged_by_a_tap_or_a_key_and_put_away_again(screen: Screen) -> None:
    await screen.file(png(900, 560), "costs-2026-11.png", "image/png", "Costs in November", ALT)
    await screen.open()
    viewer = screen.page.locator("#viewer")
    await screen.page.get_by_role("button", name=ALT).click()
    await expect(viewer).to_be_visible()
    await expect(viewer.locator("img")).to_have_attribute("alt", ALT)
    await screen.shoot("phone-viewer")
    await viewer.locator("img").click()
    await expect(viewer).to_be_hidden()
    await screen.page.get_by_role("button", name=ALT).press("Enter")
    await expect(viewer).to_be_visible()
    await screen.page.keyboard.press("Escape")
    await expect(viewer).to_be_hidden()


async def test_a_picture_that_does_not_come_is_said_in_words_and_asked_for_again(screen: Screen) -> None:
    data = png(900, 560)
    await screen.file(data, "costs-2026-11.png", "image/png", "Costs in November", ALT)
    file = screen.home / kept(screen.home, data)
    file.unlink()
    await screen.open()
    failed = screen.page.locator(".not-shown")
    await expect(failed).to_contain_text(ALT)
    await screen.shoot("phone-picture-failed")
    file.write_bytes(data)
    await failed.get_by_role("button").click()
    await expect(screen.page.get_by_role("img", name=ALT)).to_be_visible()
    await expect(failed).to_have_count(0)


async def test_a_link_from_another_channel_plays_and_shows_by_itself(screen: Screen) -> None:
    services, now = screen.world.app.services, screen.world.clock.now()
    for data, media_type, ready in (
        (recording(), "audio/wav", "video => video.play().then(() => video.duration)"),
        (png(900, 560), "image/png", "image => image.decode().then(() => image.naturalWidth)"),
    ):
        sha256 = kept(screen.home, data).removeprefix("media/")
        token = token_of(services.secret, Offered(sha256, "one.bin", media_type), now)
        await screen.page.goto(f"{screen.url}/f/{token}")
        assert await screen.page.locator("video, img").evaluate(ready) in {1.0, 900}
