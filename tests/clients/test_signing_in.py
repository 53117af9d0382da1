"""Signing in without a password: a code from one's own chat, or a yes there."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.pages.signing_in import own_path
from tests.clients.browsers import Browser
from tests.clients.programs import Programs
from tests.platforms import House


@pytest.fixture
def browser(house: House, programs: Programs) -> Browser:
    return Browser(house, programs.http)


async def me(browser: Browser) -> int:
    return (await browser.get("/api/v1/me")).status


async def test_a_code_from_chat_signs_one_browser_in_once(house: House, browser: Browser) -> None:
    assert await me(browser) == 401
    done = await browser.signs_in("ben", "slack", "/tickets?status=NEW")
    assert (done.status, done.location) == (303, "/tickets?status=NEW")
    cookie = done.headers["Set-Cookie"]
    assert all(part in cookie for part in ("loopos=lo_se_", "HttpOnly", "SameSite=Lax", "Max-Age=2592000"))
    assert await me(browser) == 200
    texts = "\n".join(await house.phone("ben", "slack").texts())
    code = re.findall(r"signin#([0-9A-Z-]{9})", texts)[-1]
    again = await Browser(house, browser.http).post("/signin", {"code": code, "next": "/"})
    assert again.status == 401


async def test_a_code_is_taken_as_it_is_typed(house: House, browser: Browser) -> None:
    phone = house.phone("ben", "slack")
    await phone.says("/dashboard")
    code = re.findall(r"signin#([0-9A-Z-]{9})", "\n".join(await phone.texts()))[-1]
    typed = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert (await browser.post("/signin", {"code": typed})).status == 303


async def test_an_old_code_is_none(house: House, browser: Browser) -> None:
    phone = house.phone("ben", "slack")
    await phone.says("/dashboard")
    house.clock.ahead += timedelta(minutes=10, seconds=1)
    code = re.findall(r"signin#([0-9A-Z-]{9})", "\n".join(await phone.texts()))[-1]
    assert (await browser.post("/signin", {"code": code})).status == 401


async def test_a_thousand_wrong_codes_are_not_looked_at(house: House, browser: Browser) -> None:
    answers = [await browser.post("/signin", {"code": f"{n:08d}"}) for n in range(1000)]
    assert [one.status for one in answers[:11]] == [401] * 10 + [429]
    assert {one.status for one in answers[10:]} == {429}
    assert int(answers[10].headers["Retry-After"]) > 0
    assert (await browser.signs_in("ben", "slack")).status == 429  # not even a right one, from there


async def test_a_yes_in_chat_lets_the_waiting_browser_in(house: House, browser: Browser) -> None:
    waiting = await browser.post("/signin", {"person": "Shirley", "next": "/people"})
    digits = re.search(r'class="digits">(\d\d)<', waiting.text)
    assert digits is not None
    assert (await browser.get("/signin/wait")).status == 204
    phone = house.phone("shirley", "slack")
    await house.settle()
    assert await phone.sees(digits[1])
    await phone.taps("allow")
    done = await browser.get("/signin/wait")
    assert done.status == 200 and '"/people"' in done.text
    assert await me(browser) == 200
    assert (await browser.get("/signin/wait")).status == 410


async def test_a_no_and_strangers_are_answered_the_same_page(house: House, browser: Browser) -> None:
    known, unknown = browser, Browser(house, browser.http)
    pages = [await known.post("/signin", {"person": "haru"}), await unknown.post("/signin", {"person": "x"})]
    same = [re.sub(r"\d\d</p>", "", one.text) for one in pages]
    assert same[0] == same[1] and pages[0].status == pages[1].status == 200
    await house.settle()
    await house.phone("haru", "telegram").taps("deny")
    assert (await known.get("/signin/wait")).status == 410
    assert (await unknown.get("/signin/wait")).status == 204


async def test_three_cards_in_ten_minutes_and_no_more(house: House, browser: Browser) -> None:
    for _ in range(6):
        await Browser(house, browser.http).post("/signin", {"person": "haru"})
    await house.settle()
    shown = [one for one in await house.phone("haru", "telegram").chat() if one.buttons]
    assert len(shown) == 3


async def test_what_a_browser_brings_along_counts_for_nothing(house: House, browser: Browser) -> None:
    browser.cookies["loopos"] = "lo_se_chosen-by-somebody-else"
    await browser.signs_in("ben", "slack")
    assert browser.cookies["loopos"] != "lo_se_chosen-by-somebody-else"


async def test_another_site_signs_nobody_in_or_out(house: House, browser: Browser) -> None:
    evil = {"Origin": "https://evil.example"}
    assert (await browser.post("/signin", {"code": "x"}, **evil)).status == 403
    await browser.signs_in("ben", "slack")
    assert (await browser.post("/signout", {"csrf": "x"})).status == 403
    assert await me(browser) == 200
    csrf = (await browser.get("/api/v1/me")).text.split('"csrf": "')[1].split('"')[0]
    assert (await browser.post("/signout", {"csrf": csrf}, **evil)).status == 403
    out = await browser.post("/signout", {"csrf": csrf})
    assert (out.status, out.location) == (303, "/signin")
    assert await me(browser) == 401


async def test_a_cookie_alone_changes_nothing(house: House, browser: Browser) -> None:
    await browser.signs_in("ben", "slack")
    body, kind = '{"text": "leak"}', {"Content-Type": "application/json"}
    old = await browser.post("/api/v1/tickets", body, **kind)
    assert old.status == 403 and "reload" in old.text
    csrf = (await browser.get("/api/v1/me")).text.split('"csrf": "')[1].split('"')[0]
    other = {**kind, "X-CSRF-Token": csrf, "Origin": "https://evil.example"}
    assert (await browser.post("/api/v1/tickets", body, **other)).status == 403
    good = {**kind, "X-CSRF-Token": csrf}
    assert (await browser.post("/api/v1/tickets", '{"text": "Reno: leak in the bath"}', **good)).status == 201


@pytest.mark.parametrize(
    ("path", "led"),
    [
        ("/tickets/T-1001?x=1", "/tickets/T-1001?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\tevil", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_led_away(path: str, led: str) -> None:
    assert own_path(path) == led
