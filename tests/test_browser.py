"""Two people in two real browser windows: the first story by hand, and what a phone sees.

Skipped, with a clear word, where no Chromium is installed. LOOPOS_SCREENSHOTS=folder keeps the pictures."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from tests.world import STORY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1100, "height": 800}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        environment = {
            **os.environ,
            "LOOPOS_HOME": str(self.home),
            "PORT": str(self.port),
            "LOOPOS_DEMO": "1",
            "LOOPOS_ESCALATE_AFTER": "600",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the service did not become ready")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(timeout=10) == 0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    one = Service(tmp_path)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield one
        one.close()


def window(
    browser: Browser,
    service: Service,
    who: str,
    size: ViewportSize,
    scheme: Literal["light", "dark"] = "light",
) -> Page:
    page = browser.new_context(
        viewport=size, color_scheme=scheme, locale="en-US", permissions=["microphone"]
    ).new_page()
    page.goto(f"{service.url}/?as={who}")
    expect(page.locator("#me-name")).not_to_be_empty()
    return page


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("LOOPOS_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(400)
        page.screenshot(path=f"{folder}/{name}.png")


def say(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")


def card(page: Page, kind: str) -> Locator:
    return page.locator(f'.card[data-kind="{kind}"]').last


def test_the_first_story_in_two_windows(browser: Browser, service: Service) -> None:
    shirley = window(browser, service, "shirley", PHONE)
    ben = window(browser, service, "ben", DESKTOP)
    picture(shirley, "phone-empty")
    say(shirley, STORY)

    expect(card(shirley, "receipt").locator("h2")).to_contain_text("T-1001")
    expect(card(ben, "approval").locator(".lead")).to_contain_text("145.00")
    picture(shirley, "phone-receipt")
    picture(ben, "desktop-approval")
    ben.locator('[data-action="approve"]').click()

    expect(card(ben, "approval").locator(".buttons")).to_have_count(0)
    expect(card(shirley, "job")).to_be_visible()
    picture(shirley, "phone-job")
    shirley.locator('.card[data-kind="job"] [data-action="ack"]').click()
    expect(shirley.locator('.card[data-kind="job"] [data-action="unack"]')).to_be_visible()

    shirley.locator('.card[data-kind="job"] [data-action="resolve"]').click()
    form = shirley.locator("form.fields")
    form.locator('[name="amount"]').fill("132")
    form.locator('[name="outcome"]').fill("排水盤換新")
    form.locator('[name="rating"]').select_option("5")
    picture(shirley, "phone-resolve")
    form.locator("button.primary").click()

    expect(card(shirley, "job")).to_have_attribute("data-state", "done")
    expect(card(ben, "approval").locator(".lead")).to_contain_text("132.00")
    expect(ben.locator(".bubble").last).to_contain_text("T-1001")
    picture(shirley, "phone-done")
    picture(ben, "desktop-done")
    dark = window(browser, service, "ben", PHONE, "dark")
    expect(card(dark, "approval")).to_be_visible()
    picture(dark, "phone-dark")


@pytest.mark.long
def test_a_window_that_was_cut_off_neither_loses_nor_repeats(browser: Browser, service: Service) -> None:
    celine = window(browser, service, "celine", PHONE)
    say(celine, "Wastafel di vila Bali mampet")
    expect(card(celine, "receipt")).to_be_visible()
    service.kill()
    expect(celine.locator("#connection")).to_be_visible()
    say(celine, "/tickets")
    service.start()
    expect(celine.locator(".bubble", has_text="T-1001 ·")).to_be_visible(timeout=20_000)
    expect(celine.locator("#connection")).to_be_hidden(timeout=20_000)
    expect(celine.locator(".own .bubble", has_text="/tickets")).to_have_count(1)
    seen = celine.locator("article").count()
    celine.reload()
    expect(card(celine, "receipt")).to_be_visible()
    expect(celine.locator("article")).to_have_count(seen)


@pytest.mark.long
def test_by_keyboard_alone_and_with_a_voice_note(browser: Browser, service: Service) -> None:
    page = window(browser, service, "haru", PHONE)
    page.keyboard.type("伊東の家、洗面台の配管から水漏れ")
    page.keyboard.press("Enter")
    expect(card(page, "receipt")).to_be_visible()
    button = page.locator(".question button").first
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".question")).to_have_count(1)
    # The microphone is a fake device of the browser; what it records is a real WebM file.
    page.locator("#record").click()
    page.wait_for_timeout(900)
    page.locator("#record").click()
    expect(page.locator("#attachments li")).to_have_count(1)
    page.locator("#send").click()
    expect(page.locator("audio")).to_be_visible()
    expect(page.locator('.card[data-kind="receipt"]')).to_have_count(2)


@pytest.mark.long
def test_everything_that_can_be_pressed_has_a_name_and_nothing_runs_off_the_phone(
    browser: Browser, service: Service
) -> None:
    page = window(browser, service, "shirley", PHONE)
    say(page, STORY)
    expect(card(page, "receipt")).to_be_visible()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button:not([hidden]), a, [role=button], textarea')]
             .filter((n) => n.offsetParent && !(n.innerText || n.getAttribute('aria-label') || n.placeholder)).map((n) => n.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("html").get_attribute("lang") == "zh-TW"


@pytest.mark.long
def test_what_people_write_is_never_markup(browser: Browser, service: Service) -> None:
    page = window(browser, service, "miguel", DESKTOP)
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    say(page, "Reno: the AC leaks <img src=x onerror=alert(1)> **bold** \u202eevil")
    expect(card(page, "receipt")).to_be_visible()
    expect(page.locator(".own .bubble")).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator(".own .bubble")).to_contain_text(re.compile(r"\\u\{202E\}"))
    assert page.locator(".bubble img").count() == 0


@pytest.mark.long
def test_a_wrong_reading_is_put_right_on_a_phone(browser: Browser, service: Service) -> None:
    haru = window(browser, service, "haru", PHONE)
    say(haru, "伊東の家の池のポンプが変な音です")
    receipt = card(haru, "receipt")
    receipt.locator(".section summary, details summary").first.click()
    receipt.locator('[data-action="correct"]').click()
    form = haru.locator("form.fields")
    form.locator('[name="category"]').select_option("noise_complaint")
    picture(haru, "phone-correct")
    form.locator("button.primary").click()
    expect(card(haru, "receipt").locator("h2")).to_contain_text("騒音")
