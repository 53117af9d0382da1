"""The dashboard without a browser: who is let in, what each page says, and what a spreadsheet gets."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from bot.pages.routes import cell
from bot.pages.views import spread
from core.model import LANGUAGES
from tests.clients.browsers import Browser
from tests.clients.programs import Programs
from tests.platforms import House, open_house
from tests.world import STORY

PAGES = (
    "/",
    "/tickets",
    "/tickets/T-1001",
    "/approvals",
    "/costs",
    "/times",
    "/skills",
    "/properties/warm_taipei_2br",
    "/properties/bali_villa",
    "/rules",
    "/loop",
    "/people",
    "/search?q=AC",
    "/clients",
)
TABLES = (
    "/tickets.csv",
    "/approvals.csv",
    "/costs.csv",
    "/times.csv",
    "/people.csv",
    "/clients.csv",
    "/skills.csv",
    "/rules.csv",
)
XSS = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@pytest.fixture
def browser(house: House, programs: Programs) -> Browser:
    return Browser(house, programs.http)


async def test_nobody_is_sent_to_sign_in_and_comes_back(house: House, browser: Browser) -> None:
    for path in (*PAGES, *TABLES):
        page = await browser.get(path)
        assert page.status == 303 and page.location.startswith("/signin?next="), path
    back = await browser.signs_in("ben", "slack", "/tickets?status=NEW")
    assert back.location == "/tickets?status=NEW"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_in_every_language_and_strict(house: House, browser: Browser, language: str) -> None:
    await house.phone("shirley", "slack").says(STORY)
    await house.phone("ben", "slack").says(f"/lang {language}")
    await browser.signs_in("ben", "slack")
    for path in PAGES:
        page = await browser.get(path)
        assert page.status == 200, (path, page.text[:500])
        assert f'<html lang="{language}" data-live="off">' in page.text
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert not re.search(r"<script(?![^>]*src=)|\son\w+=|style=|javascript:", page.text), path
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page.text), path
    board = (await browser.get("/")).text
    assert 'data-ticket="T-1001" data-status="AWAITING_HUMAN"' in board
    assert board.index('data-act="approve"') < board.index('id="column-waiting"')
    assert 'data-cost="today"' in board


async def test_who_may_not_decide_or_count_money_is_not_offered_it(house: House, browser: Browser) -> None:
    await house.phone("shirley", "slack").says(STORY)
    await browser.signs_in("celine", "slack")
    assert 'data-act="approve"' not in (await browser.get("/approvals")).text
    assert "data-cost" not in (await browser.get("/")).text
    assert "founder and leads" not in (await browser.get("/people")).text
    assert (await browser.get("/costs.csv")).status == 403


async def test_what_people_write_is_shown_and_never_run(house: House, browser: Browser) -> None:
    await house.phone("shirley", "slack").says(f"Warm Taipei 冷氣漏水 {XSS}")
    await browser.signs_in("ben", "slack")
    for path in (*PAGES, f"/search?q={XSS}", f"/tickets?q={XSS}"):
        text = (await browser.get(path)).text
        assert "<script>alert" not in text and "<img src=x" not in text, path


async def test_a_spreadsheet_gets_words_and_never_formulas(house: House, browser: Browser) -> None:
    await house.phone("shirley", "slack").says('=HYPERLINK("http://evil.example","x") Warm Taipei 冷氣漏水')
    await browser.signs_in("ben", "slack")
    for path in TABLES:
        page = await browser.get(path)
        assert page.status == 200 and page.headers["Content-Type"].startswith("text/csv")
        rows = list(csv.reader(io.StringIO(page.text.removeprefix("\ufeff"))))
        assert len({len(row) for row in rows}) == 1, path
        assert not any(value[:1] in {"=", "+", "-", "@"} for row in rows for value in row), path
    (names, row) = list(
        csv.reader(io.StringIO((await browser.get("/tickets.csv")).text.removeprefix("\ufeff")))
    )
    assert dict(zip(names, row, strict=True))["raw_input"].startswith("'=HYPERLINK")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        (" @x", "' @x"),
        ("-5", "'-5"),
        ("\tx", "'\tx"),
        ("a=b", "a=b"),
        (None, ""),
        (3, "3"),
    ],
)
def test_cells(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_the_middle_and_nine_of_ten() -> None:
    assert spread([]) is None
    assert spread([5.0]) == {"median": 5.0, "p90": 5.0, "count": 1}
    assert spread([float(n) for n in range(1, 11)]) == {"median": 5.0, "p90": 9.0, "count": 10}


async def test_what_is_not_there_says_so(house: House, browser: Browser) -> None:
    await browser.signs_in("ben", "slack")
    for path in (
        "/properties/nowhere",
        "/tickets/T-9999",
        "/skills/nothing",
        "/tickets?status=OPENED",
        "/costs?period=never",
    ):
        assert (await browser.get(path)).status == 404, path
    assert (await browser.get("/media/" + "0" * 64)).status == 404


RECORDING = Path(__file__).parents[1] / "voice"


async def test_what_the_company_knows_about_a_property_is_on_one_page(house: House, browser: Browser) -> None:
    """Memos with who said them and the recording, repairs with their bills, routines, rules, vendors; for whoever looks after
    it. Others see what is general."""
    recording = next(RECORDING.rglob("*.ogg"))
    await house.phone("ben", "slack").says("/memo")
    await house.phone("ben", "slack").speaks(recording, "audio/ogg")
    await house.phone("ben", "slack").says("Warm Taipei: the spare key is with the guard, 管理員 has it")
    await house.phone("ben", "slack").taps("confirm")
    await browser.signs_in("shirley", "slack")
    page = (await browser.get("/properties/warm_taipei_2br")).text
    assert "ring Mr. Wang before anyone else" in page
    assert "the spare key is with the guard" in page
    assert "128" in page and "2025-09-12" in page
    assert "AC leak in Taipei" in page
    found = re.search(r'src="(/media/[0-9a-f]{64})"', page)
    assert found is not None
    audio = await browser.get(found[1])
    assert (audio.status, audio.headers["Content-Type"]) == (200, "audio/ogg")
    other = (await browser.get("/properties/bali_villa")).text
    assert "village plumber" not in other
    assert "for those who look after it" in other or "負責的人" in other
    await browser.signs_in("celine", "slack")
    assert (await browser.get(found[1])).status == 404, "a recording of somebody else's property"


async def test_the_demos_first_page_is_its_chat_until_somebody_signs_in(
    tmp_path: Path, programs: Programs
) -> None:
    people = [("ben", "slack")]
    async with open_house(tmp_path / "demo", people, LOOPOS_BASE_URL="", LOOPOS_DEMO=True) as house:
        browser = Browser(house, programs.http)
        chat = await browser.get("/")
        assert chat.status == 200 and "app.js" in chat.text
        assert (await browser.get("/chat")).text == chat.text
        assert (await browser.get("/tickets")).status == 303
        await browser.signs_in("ben", "slack")
        assert "data-live" in (await browser.get("/")).text


async def test_another_name_for_this_machine_shows_nothing(house: House, browser: Browser) -> None:
    await browser.signs_in("ben", "slack")
    assert (await browser.get("/", Host="evil.example")).status == 421


async def test_the_board_shows_one_house_and_what_needs_me_all_the_same(
    house: House, programs: Programs
) -> None:
    await house.phone("shirley", "slack").says(STORY)
    await house.phone("celine", "slack").says("vila Bali: handuk kurang")
    ben = Browser(house, programs.http)
    await ben.signs_in("ben", "slack")

    async def columns(query: str) -> str:
        page = await ben.get(f"/{query}")
        assert page.status == 200 and 'id="mine"' in page.text, page
        return page.text.partition('class="columns"')[2].partition('class="columns two"')[0]

    assert "T-1002" in await columns("?property=bali_villa&severity=1")
    assert "T-1002" not in await columns("?property=warm_taipei_2br")
    assert "T-1002" not in await columns("?severity=4")
    for wrong in ("?property=nowhere", "?severity=9", "?severity=x"):
        assert (await ben.get(f"/{wrong}")).status == 404


@pytest.mark.parametrize("said", ["heating", "冷暖氣", "エアコン", "kebocoran"])
async def test_a_problem_is_found_by_its_name_in_any_language(
    house: House, browser: Browser, said: str
) -> None:
    await house.phone("shirley", "slack").says("Creekfront: water is dripping from the AC in the bedroom")
    assert (await house.ticket())["category"] == "hvac_leak"
    await browser.signs_in("ben", "slack")
    for path in (f"/search?q={said}", f"/tickets?q={said}"):
        assert "T-1001" in (await browser.get(path)).text, path
    assert "T-1001" not in (await browser.get("/tickets?q=eating")).text  # a part of "heating": no word


async def test_no_page_speaks_in_codes(house: House, browser: Browser) -> None:
    await house.phone("shirley", "slack").says(STORY)
    await browser.signs_in("ben", "slack")
    for path in ("/", "/tickets/T-1001", "/people", "/search?q=AC", "/costs"):
        shown = re.sub(r"<[^>]*>", " ", (await browser.get(path)).text)
        codes = re.findall(r"\b(?:hvac|lockout|wifi_internet|on_site|ops|sop|memo|history)\b", shown)
        assert codes == [], (path, codes)
