"""What nobody may say is struck out of what is stored, shown or sent. (The supervisor of a worker, which imports nothing of the
house, does the same by itself.)"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

STRUCK: Final = b"[struck out]"
LEAST_SECRET: Final = 6
"""Bytes."""


def struck(data: bytes, secrets: Collection[bytes]) -> bytes:
    """Without the secrets that turn up in it, the longest first. What is shorter than six bytes would strike out words."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= LEAST_SECRET:
            data = data.replace(secret, STRUCK)
    return data
