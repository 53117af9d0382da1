"""What is said once and not again."""

from __future__ import annotations

from datetime import timedelta

from core.context import Tx
from core.store.tables import Notice


def first_time(tx: Tx, key: str) -> bool:
    """True the first time `key` is met; from then on False, until `forget`."""
    return count(tx, key) == 1


def count(tx: Tx, key: str) -> int:
    """How often `key` was met, this time included."""
    row = tx.get(Notice, key)
    if row is None:
        tx.add(Notice(key=key, at=tx.now, count=1))
        return 1
    row.count += 1
    return row.count


def seldom(tx: Tx, key: str, most: int, within: timedelta) -> bool:
    """True the first `most` times that `key` is met within some time; then False until that has passed."""
    row = tx.get(Notice, key)
    if row is not None and tx.now - row.at >= within:
        row.at, row.count = tx.now, 0
    return count(tx, key) <= most


def forget(tx: Tx, key: str) -> None:
    """The episode is over: the next one is said again."""
    row = tx.get(Notice, key)
    if row is not None:
        tx.session.delete(row)
        tx.session.flush()
