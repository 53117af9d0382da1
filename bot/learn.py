"""The nightly pass, now: what repeats in the tickets is put before the founder at once."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.models import gateway_of
from bot.models_and_speech import ledger_of
from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.side_acts import in_house
from core.brain.learning import nightly, repeating, routine_names
from core.brain.naming import PURPOSE
from core.store.tables import UsageRow


def _spent(session: Session, since: datetime) -> tuple[int, Decimal]:
    """(calls, USD) for the names of routines."""
    amounts = session.scalars(
        select(UsageRow.usd).where(UsageRow.purpose == PURPOSE, UsageRow.at >= since)
    ).all()
    return len(amounts), sum(amounts, Decimal(0))


def now(*, as_json: bool) -> int:
    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        company, moment = house.services.company, house.services.clock.now()
        repeats = await house.store.read(lambda session: repeating(session, company, moment))
        models = gateway_of(settings, ledger_of(settings, house.store), house.services.clock)
        house.services.models = models
        try:
            names = await routine_names(house.services, house.store)
        finally:
            if models is not None:
                await models.close()
        told = await house.store.write(lambda tx: nightly(tx, repeats, names))
        calls, usd = await house.store.read(lambda session: _spent(session, moment))
        return {**told, "calls": calls, "usd": str(usd)}

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
