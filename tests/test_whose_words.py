"""Whose words these are and which ticket they name: what is passed on is material, a picture is no word, and words that name
one ticket are about no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.slack.message_parts import plain
from core.text import command_in, ticket_ids_in
from tests.platforms import House, open_house
from tests.test_credits import job_under_way
from tests.world import STORY, World


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, [("ben", "slack"), ("shirley", "slack"), ("haru", "telegram")]) as one:
        yield one


async def tickets(house: House) -> list[tuple[str, str]]:
    from sqlalchemy import select

    from core.store.tables import Ticket

    return await house.app.store.read(
        lambda s: [(t.status.value, t.raw_input) for t in s.scalars(select(Ticket).order_by(Ticket.number))]
    )


# --- somebody else's words


async def test_a_command_in_somebody_elses_message_is_none(house: House) -> None:
    ben, shirley = house.phone("ben", "slack"), house.phone("shirley", "slack")
    await shirley.says(STORY)
    await ben.taps("approve")
    stranger = house.stranger("slack", "Dana")
    fake = house.fakes["slack"]
    ref = await fake.says(stranger.account, "/resolve T-1001 1", room="C1", deliver=False)
    await fake.uses_shortcut(ben.account, "file_ticket", ref)
    await house.settle()
    assert [status for status, _ in await tickets(house)] == ["DISPATCHED"]


async def test_a_filed_message_bears_its_authors_name(house: House) -> None:
    ben, fake = house.phone("ben", "slack"), house.fakes["slack"]
    stranger = house.stranger("slack", "Dana")
    ref = await fake.says(stranger.account, "vila Bali: wastafel mampet", room="C1", deliver=False)
    await fake.uses_shortcut(ben.account, "file_ticket", ref)
    await house.settle()
    ((_, words),) = await tickets(house)
    assert words == "@Dana: vila Bali: wastafel mampet"


async def test_what_is_forwarded_on_telegram_neither_commands_nor_closes(house: House) -> None:
    haru, fake = house.phone("haru", "telegram"), house.fakes["telegram"]
    await haru.says("伊東の家 エアコンが冷えません")
    before = await tickets(house)
    for text in ("/resolve T-1001 1", "T-1001 直りました 1ドル"):
        origin = {"type": "user", "sender_user": {"id": 99, "is_bot": False, "first_name": "Dana"}, "date": 1}
        await fake.sends(haru.account, text=text, forward_origin=origin)
        await house.settle()
    assert [status for status, _ in await tickets(house)] == [status for status, _ in before]


async def test_a_share_is_read_with_the_words_beside_it(house: House) -> None:
    ben, fake = house.phone("ben", "slack"), house.fakes["slack"]
    dana = house.stranger("slack", "Dana").account
    share = {"is_share": True, "author_id": dana, "text": "vila Bali: mati lampu", "channel_id": "C9"}
    ref = await fake.says(ben.account, "please look", deliver=False)
    channel, message = fake._found(ref)
    message["attachments"] = [share]
    await fake._happened({**message, **fake._where(channel), "event_ts": message["ts"]})
    await house.settle()
    ((_, words),) = await tickets(house)
    assert words == "please look\n@Dana: vila Bali: mati lampu"


async def test_a_long_text_that_slack_made_a_file_of_is_read(house: House) -> None:
    shirley, fake = house.phone("shirley", "slack"), house.fakes["slack"]
    snippet = {"id": "F0SNIP", "mode": "snippet", "mimetype": "text/plain", "preview": STORY}
    await fake.says(shirley.account, "", files=[snippet])
    await house.settle()
    ((_, words),) = await tickets(house)
    assert words == STORY


async def test_a_mention_is_the_persons_name(house: House) -> None:
    shirley, ben = house.phone("shirley", "slack"), house.phone("ben", "slack")
    await shirley.says(f"<@{ben.account}> {STORY}")
    ((_, words),) = await tickets(house)
    assert words == f"@Ben {STORY}"


# --- pictures are no words


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("this place is :fire:", "this place is 🔥"),
        (":rotating_light: new towels please", "🚨 new towels please"),
        ("done :white_check_mark:", "done ✅"),
        ("thanks :our-logo: :party_parrot:", "thanks  "),
        ("at 10:30:15 sharp", "at 10:30:15 sharp"),
        ("ok :+1::skin-tone-3:", "ok 👍"),
        ("see <https://x.example/a:b:c|here>", "see here (https://x.example/a:b:c)"),
    ],
)
def test_shortcodes_are_pictures(raw: str, said: str) -> None:
    assert plain(raw) == said


async def test_a_burning_emoji_calls_no_fire_brigade(house: House) -> None:
    shirley = house.phone("shirley", "slack")
    await shirley.says("guests love it, this place is :fire: :fire:")
    assert not await shirley.sees("119")


# --- names of tickets and commands


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("工單T-1001還沒好", ["T-1001"]),
        ("Ｔ－１００１はまだです", ["T-1001"]),
        ("t1001と T-1002 です", ["T-1001", "T-1002"]),
        ("T‑1001 (non-breaking)", ["T-1001"]),
        ("T–1001, T-1001", ["T-1001"]),
        ("T - 1001", ["T-1001"]),
        ("part 1001, cat-1001, AT-1001", []),
        ("T-12", []),
        ("T-1234567890", []),
    ],
)
def test_tickets_are_found_in_any_script_and_width(text: str, found: list[str]) -> None:
    assert ticket_ids_in(text) == found


async def test_a_ticket_named_between_signs_is_meant(world: World) -> None:
    await world.says("shirley", STORY)
    await world.says("shirley", "工單T-1001還沒好")
    assert len((await world.ticket())["reports"]) == 2


async def test_words_about_no_ticket_of_ours_close_no_other(world: World) -> None:
    await job_under_way(world)
    await world.says("shirley", "T-9999 修好了 132")
    assert (await world.ticket())["status"] == "DISPATCHED"
    assert "T-9999" in (await world.texts("shirley"))[-1]


async def test_one_bill_for_two_tickets_closes_neither(world: World) -> None:
    await job_under_way(world)
    await world.says("shirley", "台北2BR 廚房水槽堵住了")
    await world.says("shirley", "T-1001 T-1002 修好了 132")
    assert "RESOLVED" not in {one["status"] for one in await world.tickets()}
    assert [len(one["reports"]) for one in await world.tickets()] == [2, 2]


@pytest.mark.parametrize(
    "text", ["／ack　T-1001", "/ack\u00a0T-1001", "  /ACK  t1001 ", "／ａｃｋ Ｔ－１００１"]
)
async def test_commands_have_any_width_and_any_space(world: World, text: str) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await world.says("shirley", text)
    assert (await world.ticket())["dispatches"][-1]["acknowledged_by"] == "shirley"


def test_what_is_no_command() -> None:
    assert command_in("see /help") is None
    assert command_in("done 1/2") is None


async def test_a_command_is_answered_in_its_writers_language(world: World) -> None:
    for command in ("/status", "/oncall", "/help", "/nonsense", "/ticket T-9"):
        await world.says("haru", command)
        said = (await world.texts("haru"))[-1]
        assert any("\u3040" <= char <= "\u30ff" for char in said), f"{command}: {said}"
