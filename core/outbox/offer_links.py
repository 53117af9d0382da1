"""The signed link behind which a vendor answers: it names one offer, and only this home can have made it."""

from __future__ import annotations

import base64
import hashlib
import hmac

from core.context import Services
from core.store.tables import Offer


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
