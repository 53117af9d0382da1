"""Opaque ids. Nothing outside may read meaning into them."""

from __future__ import annotations

import base64
import secrets
import uuid


def new_id() -> str:
    """A sortable unique id (32 hex digits): time first, so that indexes stay compact."""
    head = uuid.uuid1()
    return f"{head.time:016x}{secrets.token_hex(8)}"


def button_id(action: str) -> str:
    """`action:` and 128 random bits in lower-case base32: 26 characters, so the whole stays far below the
    64 bytes that Telegram allows."""
    token = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
    return f"{action}:{token}"
