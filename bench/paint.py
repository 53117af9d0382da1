"""The board's first useful paint and the bytes it takes, beside a static page with the same words and none of the rest.

First useful paint: when the first ticket can be read (its element's own timing), in a browser that has nothing in its cache."""

from __future__ import annotations

import http.server
import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.test_browser import CHROMIUM, FLAGS, Service
from tests.test_dashboard import SAID, says, signed_in

LOADS = 5
PAINTED = """() => new Promise(done => {
  const seen = () => document.querySelector("main a[href^='/tickets/T-']");
  const look = () => seen() ? requestAnimationFrame(() => setTimeout(() => done(performance.now()))) : setTimeout(look, 1);
  look();
})"""


def _loaded(browser: Browser, url: str, state: Any) -> tuple[float, int]:
    """Milliseconds until a ticket could be read, and bytes over the wire."""
    context = browser.new_context(storage_state=state)
    page = context.new_page()
    wire, sent = context.new_cdp_session(page), [0]
    wire.send("Network.enable")
    wire.on("Network.loadingFinished", lambda said: sent.__setitem__(0, sent[0] + said["encodedDataLength"]))
    page.goto(url, wait_until="commit")
    painted = float(page.evaluate(PAINTED))
    page.wait_for_timeout(300)
    context.close()
    return painted, sent[0]


def both() -> tuple[dict[str, float], dict[str, float]]:
    """The page's figures, and those of its words alone."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for who, text in SAID:
            says(service, who, text)
        page = signed_in(browser, service, "ben")
        page.locator("main a[href^='/tickets/T-']").first.wait_for()
        page.wait_for_timeout(1500)
        state, words = page.context.storage_state(), page.content()
        words = re.sub(r"<(script|style|link)\b.*?(</\1>|(?<=>)|>)", "", words, flags=re.DOTALL)
        bare = _Static(words)
        measured = [
            [_loaded(browser, where, state) for _ in range(LOADS)] for where in (service.url, bare.url)
        ]
        browser.close()
        bare.stop()
        service.stop()
    return tuple(
        {
            "board readable, ms": sorted(ms for ms, _ in loads)[LOADS // 2],
            "board, bytes": float(max(size for _, size in loads)),
        }
        for loads in measured
    )  # type: ignore[return-value]


class _Static:
    def __init__(self, words: str) -> None:
        body = words.encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body if self.path == "/" else b"")

            def log_message(self, *_said: object) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    found: list[dict[str, float]] = []

    def ours() -> dict[str, float]:
        if not found:
            found.extend(both())
        return found[0]

    def bare() -> dict[str, float]:
        if not found:
            found.extend(both())
        return found[1]

    return {"loopos": ours, "bare": bare}
