"""Rules from the shell: the founder's yes or no, and bringing what holds to the company's remote."""

from __future__ import annotations

import json
import sys
from typing import Any

from bot.company_edits import CompanyEdits
from bot.publishing import owed, publishing_of
from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.shell import answered
from bot.side_acts import act_as, in_house, shipped
from bot.views import rule_with_diff
from core.acts.commands import AdoptRule, DismissRule, EditRule, OnRule, RollBackRule
from core.errors import TryLater
from core.workflow import rule_view, rules
from core.workflow.shipping import What


def decide(what: str, rule_id: str, changes: list[str], person: str, *, as_json: bool) -> int:
    """approve, reject, rollback or edit. Returns once what holds now is a file and a commit."""
    pairs = [tuple(one.split("=", 1)) for one in changes]
    if any(len(one) != 2 for one in pairs):
        print("loopos: write what is to be changed as KEY=VALUE", file=sys.stderr)
        return 2
    plain: dict[str, type[OnRule]] = {"approve": AdoptRule, "reject": DismissRule, "rollback": RollBackRule}
    command = plain[what](rule_id) if what in plain else EditRule(rule_id, tuple((a, b) for a, b in pairs))

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        await act_as(house, person, command)
        if what in {"approve", "rollback"}:
            await shipped(house, settings, "rule", rule_id)
        return await house.store.write(lambda tx: rule_view.told(rules.find(tx, rule_id)))

    found = in_house(work)
    return answered(found, rule_with_diff, as_json=as_json)


def ship(rule_id: str | None, *, as_json: bool) -> int:
    """Push, and make the pull request, now: `{shipped: [id], failed: [{id, why}]}`. 1 where something is not there yet."""

    async def work(house: SideProcess, settings: Settings) -> int:
        await house.store.write(lambda tx: rules.find(tx, rule_id) if rule_id is not None else None)
        if not CompanyEdits(settings.company_folder).origin():
            print("loopos: the company's folder has no remote called origin", file=sys.stderr)
            return 1
        publishing = publishing_of(settings, house.store, house.services)
        wanted = await house.store.write(lambda tx: owed(tx, settings.github_token is not None))
        told: dict[str, list[Any]] = {"shipped": [], "failed": []}
        named: list[tuple[What, str]] = [("rule", rule_id)] if rule_id is not None else wanted
        for what, name in named:
            why = "refused, or never decided about"
            try:
                done = await publishing.publish(what, name)
            except TryLater as later:
                done, why = None, str(later)
            if done is None:
                print(f"loopos: {name}: {why}", file=sys.stderr)
                told["failed"].append({"id": name, "why": why})
            else:
                await house.store.write(done)
                told["shipped"].append(name)
        if as_json:
            print(json.dumps(told, ensure_ascii=False, indent=2))
        else:
            print("\n".join(f"{name} is there." for name in told["shipped"]) or "Nothing new is there.")
        return 1 if told["failed"] else 0

    return in_house(work)
