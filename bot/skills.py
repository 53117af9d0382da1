"""Skills from the shell: what there is, what one would have done, and the founder's yes or no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.side_acts import act_as, answered, in_house, shipped
from core.acts.commands import AdoptSkill, DismissSkill, OnSkill, RollBackSkill
from core.brain.agent_card import agent_card
from core.context import Tx
from core.store.brain_tables import SkillVersion
from core.team.learnt import skill_from
from core.workflow import skill_trials, skill_versions


def listed(*, as_json: bool) -> int:
    """Every skill: the approved version, else the newest."""

    def read(tx: Tx) -> list[dict[str, Any]]:
        return [skill_versions.told(tx, row) for row in skill_versions.shown(tx)]

    found = in_house(lambda house, _: house.store.write(read))
    return answered(found, _lines, as_json=as_json)


def _lines(found: list[dict[str, Any]]) -> str:
    return "\n".join(map(_line, found)) or "There are no skills."


def _line(one: dict[str, Any]) -> str:
    record = one["record"]
    runs = f"{record['completed']} of {record['runs']} runs" if record["runs"] else "no runs yet"
    return f"{one['skill_id']} v{one['version']} ({one['status']}): {one['name']}, {runs}"


def show(skill_id: str, version: int | None, *, as_json: bool) -> int:
    """One version with its record."""
    return _told(skill_id, version, skill_versions.told, as_json, _described)


def _described(one: dict[str, Any]) -> str:
    steps = (f"  {n}. {step['do']}" for n, step in enumerate(one["workflow_steps"], 1))
    record = ", ".join(f"{key} {value}" for key, value in one["record"].items())
    return "\n".join([_line(one), one["description"], *steps, f"cap {one['auth_cap_usd']} USD", record])


def try_out(skill_id: str, *, as_json: bool) -> int:
    """What it would have done with past tickets. Nothing is done."""

    def read(tx: Tx, row: SkillVersion) -> dict[str, Any]:
        return skill_trials.tried(tx.session, tx.services.company, skill_from(row.content))

    return _told(skill_id, None, read, as_json, _tried)


def _tried(one: dict[str, Any]) -> str:
    lines = [
        f"{t['ticket_id']}: {t['would']} {t['vendor_id'] or ''} {t['usd'] or ''} (really {t['really']['vendor_id']} {t['really']['usd']})"
        for t in one["tickets"]
    ]
    return "\n".join([*lines, "saved: " + ", ".join(f"{key} {value}" for key, value in one["saved"].items())])


def export(skill_id: str) -> int:
    """As an agent card that other agents read."""

    def read(tx: Tx, row: SkillVersion) -> dict[str, Any]:
        return agent_card(tx.services.company, skill_from(row.content), skill_versions.told(tx, row))

    return _told(skill_id, None, read, True, str)


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
            lambda tx: skill_versions.told(tx, skill_versions.decided(tx, skill_id))
        )

    found = in_house(work)
    return answered(found, _line, as_json=as_json)


def _told(
    skill_id: str,
    version: int | None,
    read: Callable[[Tx, SkillVersion], dict[str, Any]],
    as_json: bool,
    text: Callable[[dict[str, Any]], str],
) -> int:
    found = in_house(
        lambda house, _: house.store.write(lambda tx: read(tx, skill_versions.find(tx, skill_id, version)))
    )
    return answered(found, text, as_json=as_json)
