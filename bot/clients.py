"""`loopos clients`: which programs and browsers act for whom, tokens made by hand, and taking them back. Beside a running
service it counts from the next call on; the person is told in chat."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bot.settings import read_settings
from bot.setup.side_process import side_process
from core.access import clients
from core.access import webhooks as hooks
from core.actors import Actor
from core.acts.commands import AddWebhook, Command, MakeToken, RemoveWebhook, RevokeClient
from core.acts.table import perform
from core.clock import SystemClock
from core.errors import Refused
from core.i18n import Words
from core.model import LANGUAGES
from core.phrases import refusal
from core.store import schema
from core.store.snapshot import looking_at


def show(*, as_json: bool) -> int:
    settings, now = read_settings(), SystemClock().now()
    found: list[dict[str, str | None]] = []
    if schema.is_current(settings.database):
        with looking_at(settings.database) as session:
            found = [clients.as_json(one) for one in clients.listed(session, now)]
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return 0
    for one in found:
        last = f"last used {str(one['last_used_at'])[:16]}Z" if one["last_used_at"] else "never used"
        parts = (
            one["client_id"],
            one["kind"],
            one["person"],
            one["name"],
            one["scope"],
            one["audience"],
            last,
        )
        print(" · ".join(str(part) for part in parts))
    if not found:
        print("No program, token or browser acts for anybody.")
    return 0


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
        return show(as_json=True)
    print("It acts for nobody any more.")
    return 0


def webhook(url: str, *, as_json: bool) -> int:
    made = asyncio.run(_do(AddWebhook(url)))
    if made is None:
        return 1
    print(json.dumps(made, ensure_ascii=False, indent=2) if as_json else made["secret"])
    return 0


def webhooks(remove: str | None, *, as_json: bool) -> int:
    if remove is not None and asyncio.run(_do(RemoveWebhook(remove))) is None:
        return 1
    settings = read_settings()
    rows: list[dict[str, Any]] = []
    if schema.is_current(settings.database):
        with looking_at(settings.database) as session:
            rows = [
                {
                    "id": one.id,
                    "url": one.url,
                    "added_at": one.added_at.isoformat(),
                    "told_up_to": str(one.told_up_to),
                    "failing_since": one.failing_since.isoformat() if one.failing_since else None,
                }
                for one in hooks.listed(session)
            ]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for row in rows:
        state = f"failing since {row['failing_since']}" if row["failing_since"] else "well"
        print(" · ".join([row["id"], row["url"], state]))
    if not rows:
        print("No address is told of changes.")
    return 0


async def _do(command: Command) -> Any:
    """With the founder's rights: whoever has a shell on the home has them all. None where it was refused."""
    async with side_process(read_settings()) as house:
        founder = house.services.company.founder

        def work(tx: Any) -> Any:
            done = perform(tx, Actor(founder.id, "cli"), command)
            if isinstance(command, MakeToken):
                tx.session.flush()
                return done[0], clients.as_json(done[1])
            if isinstance(command, AddWebhook):
                return {"id": done.id, "url": done.url, "secret": done.secret}
            return True

        try:
            return await house.store.write(work)
        except Refused as refused:
            words = Words(LANGUAGES[0], founder.zone)
            print(f"loopos: {refusal(refused, words, SystemClock().now())}", file=sys.stderr)
            return None
