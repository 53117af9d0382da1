"""`loopos clients`: tokens made by hand, addresses that are told, and taking them back. Beside a running
service it counts from the next call on; the person is told in chat."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bot import views
from bot.settings import read_settings
from bot.setup.side_process import side_process
from core.actors import Actor
from core.acts.commands import AddWebhook, Command, MakeToken, RemoveWebhook, RevokeClient
from core.acts.table import perform
from core.clock import SystemClock
from core.errors import Refused
from core.i18n import Words
from core.model import LANGUAGES
from core.phrases import refusal


def token(person: str, name: str, scope: str, audience: str, days: int, *, as_json: bool) -> int:
    made = asyncio.run(
        _do(MakeToken(person, name or f"token for {audience}", scope, audience, days, told=False))
    )
    if made is None:
        return 1
    secret, grant = made
    if not as_json:
        print(secret)
        return 0
    kept = {key: grant[key] for key in ("client_id", "person", "name", "scope", "audience", "expires_at")}
    print(
        json.dumps(
            {"client_id": kept.pop("client_id"), "token": secret, **kept}, ensure_ascii=False, indent=2
        )
    )
    return 0


def revoke(client_id: str, *, as_json: bool) -> int:
    if asyncio.run(_do(RevokeClient(client_id))) is None:
        return 1
    if as_json:
        return views.clients(as_json=True)
    print("It acts for nobody any more.")
    return 0


def webhook(url: str, *, as_json: bool) -> int:
    made = asyncio.run(_do(AddWebhook(url)))
    if made is None:
        return 1
    print(json.dumps(made, ensure_ascii=False, indent=2) if as_json else made["secret"])
    return 0


def remove_webhook(webhook_id: str, *, as_json: bool) -> int:
    if asyncio.run(_do(RemoveWebhook(webhook_id))) is None:
        return 1
    return views.webhooks(as_json=as_json)


async def _do(command: Command) -> Any:
    """With the founder's rights: whoever has a shell on the home has them all. None where it was refused."""
    async with side_process(read_settings()) as house:
        founder = house.services.company.founder

        def work(tx: Any) -> Any:
            done = perform(tx, Actor(founder.id, "cli"), command)
            if isinstance(command, MakeToken):
                tx.session.flush()
                grant = done[1]
                kept = ("client_id", "name", "scope", "audience")
                return done[0], {
                    **{key: getattr(grant, key) for key in kept},
                    "person": grant.person_id,
                    "expires_at": grant.expires_at.isoformat() if grant.expires_at else None,
                }
            if isinstance(command, AddWebhook):
                return {"id": done.id, "url": done.url, "secret": done.secret}
            return True

        try:
            return await house.store.write(work)
        except Refused as refused:
            words = Words(LANGUAGES[0], founder.zone)
            print(f"loopos: {refusal(refused, words, SystemClock().now())}", file=sys.stderr)
            return None
