"""Skills from the shell: what one would have done, and the founder's yes or no."""

from __future__ import annotations

from typing import Any

from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.shell import answered
from bot.side_acts import act_as, in_house, shipped
from bot.views import skill_line
from core.acts.commands import AdoptSkill, DismissSkill, OnSkill, RollBackSkill
from core.context import Tx
from core.store.session_rows import SessionRows
from core.team.learnt import skill_from
from core.workflow import skill_trials, skill_versions, skill_view


def try_out(skill_id: str, *, as_json: bool) -> int:
    """What it would have done with past tickets. Nothing is done."""

    def read(tx: Tx) -> dict[str, Any]:
        skill = skill_from(skill_versions.find(tx, skill_id).content)
        return skill_trials.tried(tx.session, tx.services.company, skill)

    return answered(in_house(lambda house, _: house.store.write(read)), _tried, as_json=as_json)


def _tried(one: dict[str, Any]) -> str:
    lines = [
        f"{t['ticket_id']}: {t['would']} {t['vendor_id'] or ''} {t['usd'] or ''} (really {t['really']['vendor_id']} {t['really']['usd']})"
        for t in one["tickets"]
    ]
    return "\n".join([*lines, "saved: " + ", ".join(f"{key} {value}" for key, value in one["saved"].items())])


def decide(what: str, skill_id: str, version: int | None, person: str, *, as_json: bool) -> int:
    """approve, reject or rollback. Returns once what is approved now is a file and a commit."""
    made: dict[str, type[OnSkill]] = {
        "approve": AdoptSkill,
        "reject": DismissSkill,
        "rollback": RollBackSkill,
    }

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        await act_as(house, person, made[what](skill_id, version))
        if what != "reject":
            await shipped(house, settings, "skill", skill_id)
        return await house.store.write(
            lambda tx: skill_view.told(SessionRows(tx.session), skill_versions.decided(tx, skill_id))
        )

    found = in_house(work)
    return answered(found, skill_line, as_json=as_json)
