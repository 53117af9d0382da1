"""The signed link behind which a vendor answers: it names one offer, and only this home can have made it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from core.context import Services
from core.store.tables import Offer
from core.tickets.records import ended_at

SHOWN_FOR: Final = timedelta(days=14)
"""So long after its ticket has ended a link still shows what became of it."""


def token_of(secret: bytes, offer_id: str) -> str:
    mac = hmac.new(secret, b"offer:" + offer_id.encode(), hashlib.sha256).digest()[:18]
    return f"{offer_id}.{base64.urlsafe_b64encode(mac).decode()}"


def offer_in(secret: bytes, token: str) -> str | None:
    """The id of the offer that `token` was made for; None for a token that is not ours."""
    offer_id = token.partition(".")[0]
    if not (token.isascii() and offer_id.isalnum()):
        return None
    return offer_id if hmac.compare_digest(token, token_of(secret, offer_id)) else None


def link_to(services: Services, offer: Offer) -> str | None:
    """None while the world does not reach us."""
    return (
        f"{services.base_url.rstrip('/')}/v/{token_of(services.secret, offer.id)}"
        if services.base_url
        else None
    )


def is_over(session: Session, offer: Offer, now: datetime) -> bool:
    """Its ticket ended long ago: the link leads nowhere any more."""
    ended = ended_at(session, offer.dispatch.ticket)
    return ended is not None and now > ended + SHOWN_FOR
