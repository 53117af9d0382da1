"""The nightly pass, now: what repeats in the tickets is put before the founder at once."""

from __future__ import annotations

import json
from typing import Any

from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.side_acts import in_house
from core.brain.learning import nightly, repeating


def now(*, as_json: bool) -> int:
    async def work(house: SideProcess, _settings: Settings) -> dict[str, Any]:
        company, moment = house.services.company, house.services.clock.now()
        repeats = await house.store.read(lambda session: repeating(session, company, moment))
        return await house.store.write(lambda tx: nightly(tx, repeats))

    found = in_house(work)
    if isinstance(found, int):
        return found
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return 0
    for one in found["proposed"]:
        print(f"proposed: {one['kind']} {one['id']} v{one['version']}")
    for one in found["held_back"]:
        print(f"held back: {one['id']} ({one['why']})")
    for one in found["demoted"]:
        print(f"stopped: {one['id']} v{one['version']}")
    if not any(found[key] for key in ("proposed", "held_back", "demoted")):
        print("Nothing new.")
    return 0
