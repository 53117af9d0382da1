"""Who may do what, by the part they play; whoever plays none may nothing, whatever they press."""

from __future__ import annotations

import pytest

from core.errors import Refused
from core.team.rights import MAY, Part, Right
from tests.world import STORY, World


def test_every_right_belongs_to_somebody() -> None:
    assert all(parts for parts in MAY.values())
    assert MAY[Right.DECIDE] == {Part.DECIDER}


async def test_only_the_founder_decides(world: World) -> None:
    await world.says("shirley", STORY)
    card = await world.card("ben", "approval")
    button = card.buttons()["approve"]["id"]
    for other in ("shirley", "haru", "celine", "miguel", "nobody"):
        await world.tap(other, button)
    assert (await world.ticket())["status"] == "AWAITING_HUMAN"


async def test_somebody_who_left_the_team_decides_nothing(world: World) -> None:
    await world.says("shirley", STORY)
    card = await world.card("ben", "approval")
    company = world.app.services.company
    others = [person for person in company.team if person.id != "ben"]
    gone = company.founder.model_copy(update={"id": "new_boss"})
    import dataclasses

    world.app.services.company = dataclasses.replace(company, team=[gone, *others])
    await card.tap("approve")
    assert (await world.ticket())["status"] == "AWAITING_HUMAN"


async def test_an_ops_member_can_neither_invite_nor_bind(world: World) -> None:
    await world.says("celine", "/invite Dewi bali_villa")
    assert not any("/link" in text for text in await world.texts("celine"))
    await world.says("ben", "/invite Dewi bali_villa")
    assert any("/link" in text for text in await world.texts("ben"))


async def test_a_right_that_nobody_has_names_who_has_it(world: World) -> None:
    from core.actors import Actor
    from core.team.rights import require

    with pytest.raises(Refused) as refused:
        await world.do(lambda tx: require(tx, Actor("celine", "web"), Right.INVITE))
    assert "Ben" in str(refused.value.params["who"])
