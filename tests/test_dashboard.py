"""The dashboard in a real browser, over a real service that is killed: what a founder does and sees."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_FILE_PATH  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.model import LANGUAGES
from tests.test_browser import CHROMIUM, Service, browser, picture, service
from tests.world import STORY

__all__ = ["browser", "service"]
pytestmark = [
    pytest.mark.long,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"),
]
PAGES = {
    "board": "/",
    "tickets": "/tickets",
    "ticket": "/tickets/T-1001",
    "decisions": "/approvals",
    "costs": "/costs",
    "times": "/times",
    "routines": "/skills",
    "rules": "/rules",
    "loop": "/loop",
    "people": "/people",
    "search": "/search?q=AC",
    "programs": "/clients",
}
SAID = (
    ("shirley", STORY),
    ("haru", "伊東の家 排水口が詰まっています"),
    ("celine", "vila Bali: AC tidak dingin sama sekali"),
    ("miguel", "Creekfront: wifi is down since this morning"),
)


def says(service: Service, who: str, text: str) -> None:
    """On the demo's chat page."""
    body = json.dumps({"id": uuid.uuid4().hex, "text": text}).encode()
    request = urllib.request.Request(f"{service.url}/api/messages?as={who}", data=body)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10):
        pass


def signed_in(browser: Browser, service: Service, who: str, **more: object) -> Page:
    """With the link that the bot gives in chat."""
    context: BrowserContext = browser.new_context(locale="en-US", **more)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{service.url}/chat?as={who}")
    says(service, who, "/dashboard")
    link = page.get_by_text(re.compile(r"/signin#"))
    expect(link.last).to_be_visible()
    found = re.findall(r"http://\S+/signin#[0-9A-Z-]{9}", link.last.inner_text())
    page.goto(found[-1])
    expect(page.locator("html[data-live=on]")).to_have_count(1)
    return page


def full(page: Page, service: Service) -> Iterator[str]:
    for name, path in PAGES.items():
        page.goto(f"{service.url}{path}")
        expect(page.locator("main h1").first).to_be_attached()
        yield name


def test_a_founder_decides_and_everybody_sees_it_without_a_reload(browser: Browser, service: Service) -> None:
    says(service, *SAID[0])
    ben = signed_in(browser, service, "ben", viewport={"width": 1280, "height": 900})
    shirley = signed_in(browser, service, "shirley", viewport={"width": 390, "height": 844})
    card = ben.locator('[data-ticket="T-1001"]')
    expect(card).to_have_attribute("data-status", "AWAITING_HUMAN")
    picture(ben, "dashboard-board")
    assert shirley.locator('[data-act="approve"]').count() == 0
    ben.locator('[data-act="approve"]').click()
    expect(ben.locator('[data-ticket="T-1001"]')).to_have_attribute("data-status", "DISPATCHED")
    expect(shirley.locator('[data-ticket="T-1001"]')).to_have_attribute(
        "data-status", "DISPATCHED", timeout=2000
    )
    shirley.locator('.mine [data-act="acknowledge"]').click()
    expect(ben.get_by_text("Shirley has it.")).to_be_visible(timeout=2000)
    shirley.locator('.mine [data-act="resolve"]').click()
    shirley.locator("#ask-value").fill("132,50")
    shirley.locator("#ask-more").fill("new drain pan")
    picture(shirley, "dashboard-resolve")
    shirley.locator("#ask button.primary").click()
    expect(ben.locator('[data-ticket="T-1001"]')).to_have_attribute("data-status", "RESOLVED", timeout=2000)


def test_a_change_in_chat_is_on_the_page_within_two_seconds_and_a_no_needs_its_reason(
    browser: Browser, service: Service
) -> None:
    ben = signed_in(browser, service, "ben")
    expect(ben.get_by_text("Nothing waits for you.")).to_be_visible()
    begun = time.monotonic()
    says(service, *SAID[0])
    expect(ben.locator('.mine [data-ticket="T-1001"]')).to_be_visible(timeout=4000)
    seen = time.monotonic() - begun
    ben.locator('[data-act="reject"]').click()
    ben.locator("#ask button.primary").click()
    expect(ben.locator("#ask")).to_be_visible()  # nothing was said yet
    ben.locator("#ask-value").fill("we do it ourselves")
    ben.locator("#ask button.primary").click()
    expect(ben.get_by_text("Nothing waits for you.")).to_be_visible()
    print(f"seen after {seen:.2f} s")


def test_after_a_kill_the_page_is_live_again_and_knows_what_it_missed(
    browser: Browser, service: Service
) -> None:
    ben = signed_in(browser, service, "ben")
    service.kill()
    expect(ben.locator("html[data-live=off]")).to_have_count(1, timeout=5000)
    service.start()
    says(service, *SAID[0])
    expect(ben.locator("html[data-live=on]")).to_have_count(1, timeout=10_000)
    expect(ben.locator('[data-ticket="T-1001"]')).to_be_visible(timeout=10_000)


@pytest.mark.long
def test_nothing_serious_for_who_cannot_see_and_nothing_runs_off_a_phone(
    browser: Browser, service: Service
) -> None:
    for who, text in SAID:
        says(service, who, text)
    axe = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
    phone = signed_in(browser, service, "ben", viewport={"width": 360, "height": 780}, color_scheme="dark")
    desk = phone.context.browser
    assert desk is not None
    state = phone.context.storage_state()
    wide = desk.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-US", storage_state=state
    ).new_page()
    for page, where in ((phone, "phone"), (wide, "desk")):
        for name in full(page, service):
            picture(page, f"dashboard-{name}-{where}")
            page.evaluate(axe)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            serious = [
                (one["id"], [node["html"][:120] for node in one["nodes"][:3]])
                for one in found["violations"]
                if one["impact"] in {"serious", "critical"}
            ]
            assert serious == [], (name, where, serious)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (name, where)


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
def test_five_languages_fit(browser: Browser, service: Service, language: str) -> None:
    for who, text in SAID:
        says(service, who, text)
    says(service, "ben", f"/lang {language}")
    page = signed_in(browser, service, "ben", viewport={"width": 360, "height": 780})
    for name in full(page, service):
        expect(page.locator(f"html[lang={language}]")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        cut = page.evaluate(
            "[...document.querySelectorAll('button, .button, h1, h2')]"
            ".filter((one) => one.scrollWidth > one.clientWidth + 1 && !one.closest('.wide, .hidden') && one.offsetParent)"
            ".map((one) => one.textContent.trim().slice(0, 40))"
        )
        assert [one for one in cut if one] == [], name


def test_by_keyboard_alone(browser: Browser, service: Service) -> None:
    says(service, *SAID[0])
    page = signed_in(browser, service, "ben")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.locator('[data-act="reject"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ask-value")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator('[data-act="approve"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator('[data-ticket="T-1001"]')).to_have_attribute("data-status", "DISPATCHED")


def test_a_yes_in_chat_signs_the_waiting_browser_in(browser: Browser, service: Service) -> None:
    page = browser.new_context(locale="en-US").new_page()
    page.goto(f"{service.url}/signin?next=/people")
    page.locator("#person").fill("Ben")
    page.get_by_role("button", name="Ask me in chat").click()
    digits = page.locator(".digits").inner_text()
    chat = browser.new_context(locale="en-US").new_page()
    chat.goto(f"{service.url}/chat?as=ben")
    expect(chat.get_by_text(f"shows {digits}")).to_be_visible()
    chat.get_by_role("button", name="Yes, let it in").click()
    expect(page.locator("main h1")).to_have_text("People", timeout=5000)


HOST = """<!doctype html><title>host</title><iframe id="app" sandbox="allow-scripts" width="700" height="500"></iframe><script>
window.sizes = [];
window.addEventListener("message", async (event) => {
  const frame = document.getElementById("app").contentWindow;
  if (event.source !== frame) return;
  const { id, method, params } = event.data;
  if (method === "ui/initialize") {
    const context = { theme: "dark", locale: "es-MX" };
    frame.postMessage({ jsonrpc: "2.0", id, result: { protocolVersion: "2026-01-26", hostInfo: { name: "host", version: "1" }, hostCapabilities: {}, hostContext: context } }, "*");
  } else if (method === "ui/notifications/initialized") {
    frame.postMessage({ jsonrpc: "2.0", method: "ui/notifications/tool-input", params: { arguments: { view: "board" } } }, "*");
    const result = await window.callTool("show_loopos_dashboard", "{}");
    frame.postMessage({ jsonrpc: "2.0", method: "ui/notifications/tool-result", params: JSON.parse(result) }, "*");
  } else if (method === "tools/call") {
    const result = await window.callTool(params.name, JSON.stringify(params.arguments));
    frame.postMessage({ jsonrpc: "2.0", id, result: JSON.parse(result) }, "*");
  } else if (method === "ui/notifications/size-changed") window.sizes.push(params.height);
});
</script>"""


def test_the_picture_beside_an_assistant_shows_and_decides(browser: Browser, service: Service) -> None:
    """As a host shows it: in a sandboxed frame that loads nothing, every word of it through the host."""
    says(service, *SAID[0])
    environment = {
        **os.environ,
        "LOOPOS_HOME": str(service.home),
        "PORT": str(service.port),
        "LOOPOS_DEMO": "1",
    }
    made = subprocess.run(
        [sys.executable, "-m", "bot.cli", "clients", "token", "--person", "ben", "--scope", "decide"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    headers = {
        "Authorization": f"Bearer {made.stdout.strip()}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
    }
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "host", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    called: list[str] = []

    def call(name: str, arguments: str) -> str:
        called.append(name)
        params = {"name": name, "arguments": json.loads(arguments), "_meta": meta}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
        request = urllib.request.Request(
            f"{service.url}/mcp", data=body, headers={**headers, "Mcp-Name": name}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.dumps(json.loads(answer.read())["result"])

    page = browser.new_context(locale="en-US").new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.expose_function("callTool", call)
    page.set_content(HOST)
    app = (Path(__file__).parents[1] / "bot/mcp/dashboard.html").read_text(encoding="utf-8")
    assert len(app.encode()) <= 256 * 1024 and not re.search(r"""(?:src|href)=|@import|url\(""", app)
    page.evaluate("(text) => { document.getElementById('app').srcdoc = text; }", app)
    frame = page.frame_locator("#app")
    expect(frame.get_by_text("Esperan una decisión")).to_be_visible()
    expect(frame.locator("html[data-theme=dark][lang=es]")).to_have_count(1)
    expect(frame.get_by_text("T-1001")).to_be_visible()
    frame.get_by_role("button", name="Aprobar 145.00 USD").click()
    frame.get_by_role("button", name="Pulsa otra vez para aprobar").click()
    expect(frame.get_by_text("Nada espera.")).to_be_visible()
    assert "dispatch_with_escalation" in called
    assert page.evaluate("window.sizes.length") > 0
    assert [one for one in asked if one.startswith("http")] == []


def test_a_founder_changes_a_cap_on_the_page(browser: Browser, service: Service) -> None:
    page = signed_in(browser, service, "ben", viewport={"width": 390, "height": 844})
    page.goto(f"{service.url}/people")
    page.locator('[data-edit="vendor/mr_wang_hvac"]').click()
    page.get_by_label("Cap", exact=True).fill("a lot")
    page.locator("#edit button.primary").click()
    expect(page.locator("#edit-problem")).to_contain_text("cap_usd")
    picture(page, "dashboard-change")
    page.get_by_label("Cap", exact=True).fill("321")
    page.locator("#edit button.primary").click()
    expect(page.locator("#edit")).not_to_be_visible()
    expect(page.get_by_text("321.00 USD")).to_be_visible()
