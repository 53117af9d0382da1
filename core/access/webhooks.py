"""Addresses outside that are told of every change: who they are, what signs a call, and how far each has been told."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.actors import Actor
from core.clock import host_seconds
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.outbox import card_publisher
from core.store.client_tables import Webhook
from core.store.tables import HistoryRow

GIVES_UP: Final = timedelta(hours=24)
"""So long one change is tried; then the next one goes on, and the founder is told."""


def add(tx: Tx, url: str, actor: Actor) -> Webhook:
    """Raises Refused("no_web_address" | "told_already")."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Refused("no_web_address") from None
    plain = url.isascii() and len(url) <= 500 and not any(ord(char) < 33 for char in url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or not plain:
        raise Refused("no_web_address")
    try:
        host.encode("idna")
    except UnicodeError:
        raise Refused("no_web_address") from None
    if any(one.url == url for one in listed(tx.session)):
        raise Refused("told_already")
    return tx.add(
        Webhook(
            id=new_id(),
            url=url,
            secret=f"lo_wh_{secrets.token_urlsafe(32)}",
            added_by=actor.person_id,
            added_at=tx.now,
            told_up_to=tx.session.scalar(select(func.max(HistoryRow.id))) or 0,
        )
    )


def remove(tx: Tx, webhook_id: str) -> None:
    """Raises Refused("gone")."""
    row = tx.get(Webhook, webhook_id)
    if row is None or row.removed_at is not None:
        raise Refused("gone")
    row.removed_at = tx.now


def listed(session: Session) -> list[Webhook]:
    return list(
        session.scalars(select(Webhook).where(Webhook.removed_at.is_(None)).order_by(Webhook.added_at))
    )


def signature(secret: str, body: bytes, at: datetime) -> str:
    """`t=UNIX,v1=HEX`: whoever has the secret knows that it is from here, and how old it is."""
    moment = str(int(host_seconds(at)))
    mac = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={mac}"


def taken(tx: Tx, webhook_id: str, cursor: int) -> None:
    row = tx.get(Webhook, webhook_id)
    if row is not None and row.told_up_to < cursor:
        row.told_up_to, row.failing_since = cursor, None


def failed(tx: Tx, webhook_id: str, cursor: int) -> None:
    """It could not be told. After a day of that the change is let go, and the founder hears of it."""
    row = tx.get(Webhook, webhook_id)
    if row is None or row.told_up_to >= cursor:
        return
    row.failing_since = row.failing_since or tx.now
    if tx.now - row.failing_since < GIVES_UP:
        return
    row.told_up_to, row.failing_since = cursor, None
    host = urlsplit(row.url).hostname or ""
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("⚠️ {host} took no news from me for a day, so some changes were not told there."), host=host
        ),
    )
