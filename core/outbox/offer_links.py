"""The signed link behind which a vendor answers: it names one offer, and only this home can have made it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from itsdangerous import BadSignature, Signer
from sqlalchemy.orm import Session

from core.context import Services
from core.store.tables import Offer
from core.tickets.records import ended_at

SHOWN_FOR: Final = timedelta(days=14)
"""So long after its ticket has ended a link still shows what became of it."""


def _signer(secret: bytes) -> Signer:
    return Signer(secret, salt="offer", digest_method=hashlib.sha256)


def token_of(secret: bytes, offer_id: str) -> str:
    return _signer(secret).sign(offer_id).decode()


def offer_in(secret: bytes, token: str) -> str | None:
    """The id of the offer that `token` was made for; None for a token that is not ours."""
    try:
        offer_id = _signer(secret).unsign(token.encode("ascii")).decode()
    except (BadSignature, UnicodeError):
        return None
    # The last letter of a signature has bits that mean nothing.
    return offer_id if token_of(secret, offer_id) == token else None


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
