"""Files of ours reach people wherever they are: as they are, behind a link that nobody can guess, or in words."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import func, select

from bot.serve import http_app
from core.model import Address
from core.outbox import card_publisher
from core.outbox.file_links import KEPT_FOR, Offered, file_in, safe_name, token_of
from core.store.tables import OutboxRow
from tests.channels.files import PDF, kept, png
from tests.platforms import House, open_house
from tests.world import open_world

SECRET = b"s" * 32
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FILE = Offered("ab" * 32, "帳單 2026-11.pdf", "application/pdf")
PICTURE: dict[str, Any] = {
    "name": "costs.png",
    "media_type": "image/png",
    "caption": "Costs <b>&",
    "alt": "Bali is the highest.",
}
DOCUMENT: dict[str, Any] = {
    "name": "帳單 2026-11.pdf",
    "media_type": "application/pdf",
    "caption": "The statement",
}
VOICE = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01" + bytes(200)


async def send(house: Any, to: Address, data: bytes, **file: Any) -> None:
    path = kept(house.app.settings.home, data)
    await house.app.store.write(lambda tx: card_publisher.send_file(tx, to, path=path, **file))
    await house.settle()


# --- the signed link


def test_a_link_leads_to_its_file_for_a_week() -> None:
    token = token_of(SECRET, FILE, NOON)
    assert re.fullmatch(r"[\w.-]{100,600}", token)
    for later, found in ((timedelta(), FILE), (KEPT_FOR, FILE), (KEPT_FOR + timedelta(days=1), None)):
        assert file_in(SECRET, token, NOON + later) == found
    assert token_of(SECRET, FILE, NOON + timedelta(hours=1)) == token, "the same on the same day"
    longest = Offered("ab" * 32, safe_name("帳" * 500), "audio/" + "x" * 40)
    assert len(token_of(SECRET, longest, NOON)) < 600


def test_a_link_with_any_letter_changed_leads_nowhere() -> None:
    token = token_of(SECRET, FILE, NOON)
    for at, letter in enumerate(token):
        for other in {"a", "B", "0", "-", ".", "é", "\x00", ""} - {letter}:
            assert file_in(SECRET, token[:at] + other + token[at + 1 :], NOON) is None
    assert file_in(b"t" * 32, token, NOON) is None
    assert file_in(SECRET, "", NOON) is None
    assert file_in(SECRET, "." + token, NOON) is None


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a"b;c\r\nX: y.csv', "a_b;c_X_ y.csv"),
        ("帳單 2026-11.pdf", "帳單 2026-11.pdf"),
        ("\u202efdp.exe", "_u{202E}fdp.exe"),
        ("x" * 200 + ".pdf", "x" * 76 + ".pdf"),
        (" .. ", "file"),
    ],
)
def test_a_name_is_safe_wherever_it_is_kept(name: str, safe: str) -> None:
    assert safe_name(name) == safe


# --- what may go out


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("media/../secret", "image/png"),
        ("/etc/passwd", "text/csv"),
        ("secret", "text/csv"),
        ("media/" + "a" * 64, "image/svg+xml"),
        ("media/" + "a" * 64, "text/html"),
    ],
)
async def test_only_files_of_ours_and_only_harmless_ones_go_out(
    tmp_path: Path, path: str, media_type: str
) -> None:
    async with open_world(tmp_path) as world:
        with pytest.raises(ValueError, match="file"):
            await world.do(
                lambda tx: card_publisher.send_file(
                    tx, Address("web", "ben"), path=path, name="x", media_type=media_type, caption=""
                )
            )
        with pytest.raises(FileNotFoundError):
            await world.do(
                lambda tx: card_publisher.send_file(
                    tx, Address("web", "ben"), path="media/" + "a" * 64, **{**PICTURE, "alt": ""}
                )
            )
        assert await world.chat("ben") == []


# --- every platform


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    everywhere = [("ben", "slack"), ("ben", "telegram"), ("shirley", "line"), ("shirley", "telegram")]
    async with open_house(tmp_path, everywhere) as one:
        yield one


async def got(house: House, path: str, **headers: str) -> tuple[int, bytes, Any]:
    async with aiohttp.ClientSession() as session, session.get(house.url + path, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


def links(shown: Any) -> list[str]:
    """The paths of the signed links in a message."""
    return re.findall(r"https://127\.0\.0\.1:\d+(/f/[\w.-]+)", json.dumps(shown.raw))


@pytest.mark.parametrize(("file", "data"), [(PICTURE, png()), (DOCUMENT, PDF)])
async def test_a_file_arrives_byte_for_byte(house: House, file: dict[str, str], data: bytes) -> None:
    slack, telegram = house.fakes["slack"], house.fakes["telegram"]
    for person, channel in (("ben", "slack"), ("ben", "telegram"), ("shirley", "line")):
        await send(house, house.address(person, channel), data, **file)
    (on_slack,) = await house.phone("ben", "slack").chat()
    assert slack.uploads[on_slack.raw["files"][0]["id"]]["data"] == data
    (on_telegram,) = await house.phone("ben", "telegram").chat()
    assert on_telegram.raw["upload"][1:] == (file["name"], data)
    on_line = await house.phone("shirley", "line").chat()
    assert file["caption"] in on_line[-1].text
    for path in links(on_line[0]):
        status, body, headers = await got(house, path)
        assert (status, body, headers["Content-Type"]) == (200, data, file["media_type"])
    assert await telegram.chat(house.phone("shirley", "telegram").account) == []


async def test_a_link_shows_what_is_harmless_saves_the_rest_and_dies_after_a_week(house: House) -> None:
    await send(house, house.address("shirley", "line"), png(), **PICTURE)
    await send(house, house.address("shirley", "line"), PDF, **DOCUMENT)
    picture, _, document = [(links(one) or [""])[0] for one in await house.phone("shirley", "line").chat()]
    _, _, shown = await got(house, picture)
    assert shown["Content-Disposition"] == "inline; filename=\"costs.png\"; filename*=UTF-8''costs.png"
    _, _, saved = await got(house, document)
    assert saved["Content-Disposition"].startswith(
        "attachment; filename=\"__ 2026-11.pdf\"; filename*=UTF-8''%E5"
    )
    for headers in (shown, saved):
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    status, part, _ = await got(house, picture, Range="bytes=1-3")
    assert (status, part) == (206, b"PNG")
    for wrong in (picture[:-1], "/f/x", "/f/..%2f..%2fsecret", "/f/", "/f/%00"):
        assert (await got(house, wrong))[0] == 404
    house.clock.ahead += timedelta(days=8)
    assert (await got(house, picture))[0] == 404


async def test_an_erased_file_is_behind_no_link_and_is_given_up(house: House) -> None:
    await send(house, house.address("shirley", "line"), png(), **PICTURE)
    (path,) = set(links((await house.phone("shirley", "line").chat())[0]))
    for file in (house.app.settings.home / "media").iterdir():
        file.unlink()
    assert (await got(house, path))[0] == 404


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:9"])
async def test_where_line_cannot_come_for_it_words_say_so(tmp_path: Path, base_url: str | None) -> None:
    async with open_house(tmp_path, [("shirley", "line")], LOOPOS_BASE_URL=base_url) as house:
        await send(house, house.address("shirley", "line"), png(), **PICTURE)
        (said,) = await house.phone("shirley", "line").texts()
        assert said.startswith("Costs <b>&\n") and "costs.png" in said


async def test_who_cannot_be_reached_gets_it_elsewhere_and_it_ends_where_nobody_can(house: House) -> None:
    shirley = house.phone("shirley", "telegram")
    await house.fakes["telegram"].blocks(shirley.account)
    await send(house, house.address("shirley", "telegram"), png(), **PICTURE)
    shown = await house.phone("shirley", "line").chat()
    assert [one.raw["type"] for one in shown] == ["image", "text"]
    assert await house.phone("ben", "slack").sees("could not be delivered")
    line = house.fakes["line"]
    line.used = line.quota
    await send(house, house.address("shirley", "telegram"), PDF, **DOCUMENT)
    await house.app.store.write(
        lambda tx: card_publisher.say(tx, house.address("shirley", "line"), "only words")
    )
    await house.settle()
    assert len(await house.phone("shirley", "line").chat()) == 2
    rows = select(OutboxRow.status, func.count()).where(
        OutboxRow.conversation_id.in_([house.address("shirley", "line").conversation_id, shirley.account])
    )
    found = await house.app.store.read(
        lambda s: {status: count for status, count in s.execute(rows.group_by(OutboxRow.status))}  # noqa: C416
    )
    assert found == {"sent": 1, "dead": 5}, "the picture once, each of the others once on both accounts"


# --- recordings on a card


async def test_a_recording_on_a_card_can_be_played_where_the_card_is(house: House) -> None:
    await house.phone("shirley", "telegram").says("", files=[("note.ogg", "audio/ogg", VOICE)])
    await house.phone("shirley", "line").says("/ticket T-1001")
    for person, channel in (("shirley", "line"), ("ben", "slack"), ("ben", "telegram")):
        found = [path for one in await house.phone(person, channel).chat() for path in links(one)]
        assert found, channel
        status, body, headers = await got(house, found[0])
        assert (status, body, headers["Content-Type"]) == (200, VOICE, "audio/ogg")
        assert headers["Content-Disposition"].startswith("inline")


async def test_without_a_way_to_us_a_card_names_the_recording(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("shirley", "telegram")], LOOPOS_BASE_URL=None) as house:
        phone = house.phone("shirley", "telegram")
        await phone.says("", files=[("note.ogg", "audio/ogg", VOICE)])
        await phone.says("/ticket T-1001")
        said = (await phone.texts())[-1]
        assert "media:" not in said and "附件\n語音訊息" in said


# --- the page


async def test_the_page_gets_the_file_with_what_it_shows_and_the_bytes_by_its_own_route(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path) as world:
        path = kept(tmp_path, PDF)
        await world.do(lambda tx: card_publisher.send_file(tx, Address("web", "ben"), path=path, **DOCUMENT))
        await world.settle()
        (message,) = await world.chat("ben")
        assert (message["type"], message["text"]) == ("file", "The statement")
        (file,) = message["files"]
        assert file == {
            "sha256": path.removeprefix("media/"),
            "media_type": "application/pdf",
            "name": DOCUMENT["name"],
            "alt": "",
            "bytes": len(PDF),
        }
        runner = web.AppRunner(http_app(world.app), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        route = f"http://127.0.0.1:{port}/api/media/{file['sha256']}"
        query = {"as": "ben", "type": file["media_type"], "name": file["name"]}
        try:
            async with aiohttp.ClientSession() as session:
                async with session.get(route, params=query) as answer:
                    assert (answer.status, await answer.read()) == (200, PDF)
                    assert answer.headers["Content-Disposition"].startswith("attachment")
                for claim in ("text/html", "image/svg+xml", "", "audio/x\r\nX: y"):
                    async with session.get(route, params={**query, "type": claim}) as answer:
                        assert answer.headers["Content-Type"] == "application/octet-stream"
                        assert answer.headers["Content-Disposition"].startswith("attachment")
                for who in ({}, {"as": "!"}):
                    async with session.get(route, params=who) as answer:
                        assert answer.status == 400
        finally:
            await runner.cleanup()
