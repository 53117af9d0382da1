"""Workers on the dashboard and for programs: who sees them, and who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.pages import looping
from bot.pages.render import render
from core.access.credentials import Caller
from core.i18n import Words
from core.model import LANGUAGES
from tests.clients.conftest import house, programs
from tests.clients.programs import Programs
from tests.platforms import House
from tests.workers.working import Working, working
from tests.world import World

assert house, programs  # fixtures


@pytest.fixture
async def office(house: House) -> AsyncIterator[Working]:
    one = await working(cast(World, house))
    house.app.requests._verbs = one.verbs
    await house.app.requests.start()
    yield one
    await house.app.requests.stop()
    await one.fleet.kill_all()


async def test_programs_see_tell_flag_end_and_answer(
    house: House, programs: Programs, office: Working
) -> None:
    await office.start("quotes")
    await office.ok("ask", by="quotes", worker="quotes", prompt="Is 140 too much?", options="yes,no")
    ben, shirley = await programs.of("ben", "decide"), await programs.of("shirley", "decide")
    loop = await ben.get("/loop")
    assert loop["running"] is True
    assert [(one["id"], one["alive"], one["health"]) for one in loop["workers"]] == [
        ("quotes", True, "waiting-ask")
    ]
    assert any("start-worker quotes" in one["text"] for one in loop["moves"])
    assert (await shirley.get("/loop"))["moves"] == []
    told = await ben.call("POST", "/workers/quotes/tell", {"text": "the cap is 200"})
    assert (told.status, told.body["said"]) == (200, "told quotes")
    assert await office.ok("told", by="quotes", worker="quotes") == "• the cap is 200"
    for path, body in (("tell", {"text": "x"}), ("flag", {"note": "x"}), ("kill", {})):
        hers = await shirley.call("POST", f"/workers/quotes/{path}", body)
        assert (hers.status, hers.body["error"]["who"]) == (403, "Ben")
    answered = await ben.call("POST", "/asks/quotes-1", {"text": "no"})
    assert (answered.status, answered.body["ask"]["answer"]) == (200, "no")
    assert (await ben.call("POST", "/workers/quotes/flag", {"note": "look"})).status == 200
    assert (await office.listed())["quotes"]["note"] == "look"
    assert (await ben.call("POST", "/workers/quotes/kill", {})).body["said"] == "killed quotes"
    late = await ben.call("POST", "/workers/quotes/kill", {})
    assert late.status == 409
    assert "There is no worker quotes at work" in late.body["error"]["message"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_shows_them_in_every_language_live_and_dead(world: World, language: str) -> None:
    one = await working(world)
    await one.start("quotes")
    await one.start("gone", "exit 3")
    await one.ended("gone")
    await one.ok(
        "ask", by="quotes", worker="quotes", prompt="<b>Is</b> 140 too much?", options="yes,<i>no</i>"
    )
    await one.ok("flag", id="quotes", note="<script>alert(1)</script>")
    services = world.app.services
    for name in ("ben", "shirley"):
        person = services.company.person(name)
        assert person is not None
        words = Words(language, person.zone)
        caller = cast(Caller, SimpleNamespace(person=person, words=words))
        found: dict[str, Any] = await looping.page(world.store, services, caller)
        drawn = render(
            "loop", words, world.clock.now(), me=person, company="Harbour", csrf="c",
            ticker={"today_usd": "0", "month_usd": "0"}, cursor=0, here="/loop", **found,
        )  # fmt: skip
        page = str(drawn.text)
        assert "<script>alert" not in page
        assert "<b>Is</b>" not in page
        assert page.count('data-worker="') == 2
        assert ('data-act="kill"' in page) == (name == "ben")
        assert ('data-act="answer"' in page) == (name == "ben"), "it is asked of him"
    await one.fleet.kill_all()
