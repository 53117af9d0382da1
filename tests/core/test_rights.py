"""Who may do what, by the part they play; whoever plays none may nothing, whatever they press."""

from __future__ import annotations

import pytest

from core.errors import Refused
from core.team.rights import MAY, Part, Right
from tests.world import STORY, World

BOSSES = {Part.FOUNDER, Part.LEAD}
HANDLERS = BOSSES | {Part.ASSIGNEE, Part.PAGED}
CONCERNED = BOSSES | {Part.REPORTER, Part.ON_SITE}
SAID_TWICE: dict[Right, set[Part]] = {
    Right.DECIDE: {Part.DECIDER},
    Right.ASK: {Part.DECIDER},
    Right.ACKNOWLEDGE: HANDLERS,
    Right.GIVE_BACK: HANDLERS,
    Right.ASK_LATER: HANDLERS,
    Right.RESOLVE: HANDLERS,
    Right.RESOLVE_UNDISPATCHED: CONCERNED,
    Right.CALL_OFF: HANDLERS | CONCERNED,
    Right.CONFIRM_BILL: {Part.FOUNDER},
    Right.ANSWER: BOSSES | {Part.ASKED},
    Right.CANCEL: BOSSES | {Part.REPORTER},
    Right.CORRECT: BOSSES | {Part.REPORTER},
    Right.SPLIT: BOSSES | {Part.REPORTER},
    Right.UNMERGE: BOSSES | {Part.REPORTER},
    Right.MERGE: CONCERNED,
    Right.REOPEN: CONCERNED,
    Right.ROUTINE: {Part.ROUTINE},
    Right.PROPOSE_DISPATCH: {Part.ROUTINE, Part.WORKER},
    Right.ANSWER_OFFER: {Part.ASKED},
    Right.OPEN_OFFER: {Part.ANYBODY},
    Right.SETTLE: BOSSES,
    Right.ADMIT: {Part.FOUNDER},
    Right.JOIN: {Part.ANYBODY},
    Right.LINK: {Part.MEMBER},
    Right.INVITE: BOSSES,
    Right.MAKE_LEAD: {Part.FOUNDER},
    Right.TEAM: {Part.FOUNDER},
    Right.COMPANY: {Part.FOUNDER},
    Right.ON_CALL: BOSSES | {Part.ON_SITE, Part.WRITTEN},
    Right.TAKE_OVER: {Part.ON_SITE},
    Right.LANGUAGE: {Part.MEMBER},
    Right.TOKENS: {Part.FOUNDER},
    Right.REVOKE: {Part.FOUNDER, Part.ASKED},
    Right.DASHBOARD: {Part.MEMBER},
    Right.SIGN_IN: {Part.ASKED},
    Right.CONSENT: {Part.ASKED},
    Right.QUARANTINE: BOSSES,
    Right.CORRECTIONS: BOSSES,
    Right.PROPOSE: {Part.MEMBER},
    Right.ADOPT: {Part.FOUNDER},
    Right.ANSWER_ASK: BOSSES | {Part.DECIDER, Part.OPERATOR},
    Right.LOOP: BOSSES | {Part.OPERATOR},
    Right.POLICY: {Part.FOUNDER, Part.OPERATOR},
    Right.TEND: {Part.FOUNDER, Part.OPERATOR, Part.WORKER},
    Right.TELL: BOSSES | {Part.OPERATOR, Part.WORKER},
    Right.LOOP_STATE: {Part.MEMBER, Part.OPERATOR, Part.WORKER},
    Right.BIND: BOSSES,
    Right.TEST: {Part.MEMBER},
    Right.READ: {Part.MEMBER},
    Right.SPENDING: {Part.FOUNDER, Part.LEAD_HERE},
    Right.STATEMENT: {Part.FOUNDER, Part.LEAD_HERE},
}
"""Who may what, a second time: whoever widens a right has to mean it."""


def test_every_right_belongs_to_whom_it_is_meant_for() -> None:
    assert MAY == SAID_TWICE


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
