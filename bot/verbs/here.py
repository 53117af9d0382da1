"""A verb without a service: this process takes the home's lock, carries the verb out, and lets go of it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any, Final

from bot.app import fill_demo_company
from bot.log import set_up
from bot.loop import loop_house
from bot.models import gateway_of
from bot.models_and_speech import ledger_of
from bot.settings import read_settings
from bot.setup.side_process import side_process
from core.errors import StartupError
from core.loop.model_decider import ModelDecider
from core.loop.pulse import Pulse
from core.loop.requests import ENGLISH
from core.loop.verbs.call import Asked
from core.loop.verbs.table import Verbs
from core.phrases import refusal
from core.store.ownership import HomeLock, take_over
from core.workflow import company_changes

LOCKED_FOR: Final = 20.0
"""Seconds that another verb may hold the home."""


OWNED: Final = -2
"""The code of no answer: a service owns the home by now, and carries it out."""


def carry_out(verb: str, args: dict[str, Any], worker: str) -> tuple[int, str, str]:
    """(code, out, err)"""
    set_up("ERROR")  # on standard output stands the answer alone

    async def work() -> tuple[int, str, str]:
        settings = read_settings()
        settings.home.mkdir(parents=True, exist_ok=True)
        lock = HomeLock(settings.home)
        until = time.monotonic() + LOCKED_FOR
        while not lock.take(for_a_moment=True):
            if not lock.held_for_a_moment():
                return OWNED, "", ""
            if time.monotonic() > until:
                return 1, "", f"another process (pid {lock.holder()}) holds this home; please try again"
            await asyncio.sleep(0.05)
        try:
            fill_demo_company(settings)
            async with side_process(settings) as house:
                await house.store.write(lambda tx: company_changes.take_as_it_is(tx, house.services.written))
                await house.store.write(take_over)
                models = gateway_of(settings, ledger_of(settings, house.store), house.services.clock)
                house.services.models = models
                parts = loop_house(settings, house.store, house.services, os.environ)
                decider = ModelDecider(house.services) if models is not None else None
                pulse = Pulse(parts, decider)
                await pulse.prepare()
                try:
                    reply = await Verbs(pulse, alive=False).carry_out(Asked(verb, args, "cli", worker))
                finally:
                    if models is not None:
                        await models.close()
                err = reply.err
                if not err and reply.refused is not None:
                    err = refusal(reply.refused, ENGLISH, house.services.clock.now())
                return reply.code, reply.out, err
        finally:
            lock.release()

    try:
        return asyncio.run(work())
    except StartupError as error:
        return 1, "", str(error)
    except KeyboardInterrupt:
        sys.exit(130)
