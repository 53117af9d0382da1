"""The loop on the dashboard: what each person is shown of it, and that it reads in every language."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.pages import looping
from bot.pages.render import render
from core.access.credentials import Caller
from core.company.schema import Person
from core.i18n import Words
from core.model import LANGUAGES
from tests.loop.beating import NOOP, Beating, beating
from tests.world import World


@pytest.fixture
async def loop(world: World) -> Beating:
    return await beating(world)


async def shown(loop: Beating, person_id: str) -> tuple[Person, dict[str, Any]]:
    services = loop.world.app.services
    person = services.company.person(person_id)
    assert person is not None
    caller = cast(Caller, SimpleNamespace(person=person, words=Words(person.languages[0], person.zone)))
    return person, await looping.page(loop.world.store, services, caller)


async def test_everybody_sees_goals_the_founder_the_playbook(loop: Beating) -> None:
    loop.decides(NOOP, "nonsense")
    loop.sensor("mail", "exit 3")
    await loop.beat()
    await loop.beat(force=True)
    _, his = await shown(loop, "ben")
    assert {one["id"] for one in his["goals"]} == {"setup", "playbook-daily"}
    assert "Guardrails" in his["playbook"]
    assert [one["failed"] for one in his["lines"]][:2] == [True, False]
    assert (his["fails"], his["running"], his["thinks"]) == (1, True, False)
    assert next(one for one in his["readings"] if one["name"] == "mail")["bad"]
    _, hers = await shown(loop, "shirley")
    assert hers["goals"] == his["goals"]
    assert (hers["playbook"], hers["lines"], hers["asks"]) == ("", [], [])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_is_drawn_in_every_language_empty_and_full(loop: Beating, language: str) -> None:
    person, empty = await shown(loop, "ben")
    loop.decides({"action": "run_shell", "cmd": "touch x\n<b>bold</b>", "reason": "x" * 400}, NOOP)
    await loop.beat()
    _, full = await shown(loop, "ben")
    for values in (empty, full):
        page = render(
            "loop",
            Words(language, person.zone),
            datetime(2026, 11, 20, 5, tzinfo=UTC),
            me=person,
            company="Harbour",
            csrf="",
            ticker={"today_usd": "0", "month_usd": "0"},
            cursor=0,
            here="/loop",
            **values,
        )
        assert page.text is not None
        assert "<b>bold</b>" not in page.text
        assert "PLAYBOOK" in page.text
